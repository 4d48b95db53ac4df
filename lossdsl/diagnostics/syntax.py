"""E01xx: the text does not follow the grammar.

The docstring of each class is what `lossdsl explain CODE` prints: a wrong text, why it is wrong, a right one.  A block
under `Wrong:` gives exactly this code, a block under `Right:` gives none; a test parses them.
"""

from __future__ import annotations

from lossdsl.diagnostics.problem import Problem

# ---------------------------------------------------------------- characters


class InvalidText(Problem):
    """A `.loss` file is UTF-8 text, and this is not.

    The file holds bytes that are no character in UTF-8 (it may be saved in another encoding, or be no text at all), or
    a text was handed over that holds half of a surrogate pair.

    Save the file as UTF-8; every editor can.
    """

    code = "E0101"
    title = "the text is not UTF-8"


class ForbiddenCharacter(Problem):
    """A character that the language has no use for.

    Names are made of letters, digits and `_`, of any script.  Mathematical signs other than those of the language
    have no meaning, and invisible characters are not accepted, since nobody could see what they do.  A subscript or a
    superscript digit is no part of a name: `x²` is `x^2`, and other powers are written with `^`.

    Wrong:

        def f(x) = x₁ ÷ 2

    Right:

        def f(x1) = x1/2
    """

    code = "E0102"
    title = "a character that has no meaning here"


class TabCharacter(Problem):
    """A tab outside a text or a comment.

    How wide a tab is depends on who looks, and blocks are told apart by their indentation: only spaces count.  Below,
    `→` shows the tab.

    Wrong:

        def f(x):
        →   return x

    Right:

        def f(x):
            return x
    """

    code = "E0103"
    title = "a tab"


# ---------------------------------------------------------------- layout


class Indentation(Problem):
    """A line is indented in a way that tells no block.

    `loss`, `def` and `use` start in the first column.  The lines of a block are all indented by the same number of
    spaces, and nothing inside a block opens another block.

    Wrong:

        def f(x):
            y = x + 1
              return y

    Right:

        def f(x):
            y = x + 1
            return y
    """

    code = "E0104"
    title = "the indentation does not fit"


class UnclosedBracket(Problem):
    """A bracket or a bar is opened and never closed.

    Inside brackets and bars a line breaks freely, so an open one swallows the lines behind it; the place that is shown
    is where it was opened.  A bar opens where an expression may start, and closes or separates after an operand.

    Wrong:

        def f(x) = exp(-(x + 1)

    Right:

        def f(x) = exp(-(x + 1))
    """

    code = "E0105"
    title = "a bracket or bar is never closed"


class UnmatchedBracket(Problem):
    """A closing bracket that closes nothing, or closes a bracket of another kind.

    Only the intervals behind `in` mix their brackets: `in [0, 1)` holds 0 and leaves out 1.

    Wrong:

        def f(x) = exp(x])

    Right:

        def f(x) = exp(x)
    """

    code = "E0106"
    title = "a closing bracket without its opening one"


class UnclosedText(Problem):
    """A docstring or a path is opened with a quote and never closed.

    A text in `"` ends on its line; a text in three quotes runs over several lines.  There are no escapes: a backslash
    is a backslash.

    Wrong:

        "Huber loss.
        def f(x) = x^2

    Right:

        "Huber loss."
        def f(x) = x^2
    """

    code = "E0107"
    title = "a text is never closed"


# ---------------------------------------------------------------- what stands where


class Unexpected(Problem):
    """Something stands where the grammar has no place for it.

    The message says what could stand here, and what does.

    Wrong:

        def f(x) = x^2 + * 3

    Right:

        def f(x) = x^2 + 3
    """

    code = "E0108"
    title = "not expected here"


class ReservedWord(Problem):
    """A word of the language, or the name of a built-in function, is used as a name.

    What `sum` or `exp` means does not depend on the file, so nothing else can be called so, in whatever characters it
    is spelled.

    Wrong:

        def f(x):
            sum = x + 1
            return sum

    Right:

        def f(x):
            total = x + 1
            return total
    """

    code = "E0109"
    title = "a reserved word is used as a name"


class IllegalName(Problem):
    """A name that nothing can have.

    Names that start with two underscores belong to generated code.

    Wrong:

        def f(__x) = __x^2

    Right:

        def f(x) = x^2
    """

    code = "E0110"
    title = "not a legal name"


class MissingReturn(Problem):
    """A block ends without a `return`.

    Every block ends with one `return`: its value is the loss, or the value of the `def`.

    Wrong:

        def f(x):
            y = x^2

    Right:

        def f(x):
            y = x^2
            return y
    """

    code = "E0111"
    title = "a block has no `return`"


class AfterReturn(Problem):
    """A line stands behind the `return` of its block, where nothing would read it.

    Wrong:

        def f(x):
            return y
            y = x^2

    Right:

        def f(x):
            y = x^2
            return y
    """

    code = "E0112"
    title = "a line behind `return`"


class MisplacedText(Problem):
    """A text in quotes that is no docstring.

    A docstring is the first thing in the file, or the first thing in a block, and there is one of them.  Formulas do
    not hold texts; a comment starts with `#`.

    Wrong:

        def f(x):
            "The square."
            "Of x."
            return x^2

    Right:

        def f(x):
            '''The square.
            Of x.'''
            return x^2
    """

    code = "E0113"
    title = "a text that is no docstring"


class MisplacedColon(Problem):
    """A `:` outside an index.

    In a formula a `:` stands for a whole axis that is handed to a `def`, alone between the brackets of an index:
    `unit(w[c, k, :])`.  Parts of an axis are not taken with `:`; let an index run over them.

    Wrong:

        def f(x[n]) = sum[i](x[1:i])

    Right:

        def f(x[n]) = sum[i where i >= 1](x[i])
    """

    code = "E0114"
    title = "a `:` outside an index"


class ForeignOperator(Problem):
    """An operator, or a word, of another language.

    The message says how it is written here.  Conditions are joined with `and`, `or`, `not`; powers are `^` or `**`;
    the remainder is `mod(a, b)`; a name is bound once, so that nothing is updated in place.

    Wrong:

        def f(x, y) = 1 if x > 0 && y > 0 else 0

    Right:

        def f(x, y) = 1 if x > 0 and y > 0 else 0
    """

    code = "E0115"
    title = "an operator of another language"


class EqualsSign(Problem):
    """`=` where two values are compared.

    `=` binds a name, or hands over an argument by name; `==` compares.

    Wrong:

        def f(x, y) = 1 if x = y else 0

    Right:

        def f(x, y) = 1 if x == y else 0
    """

    code = "E0116"
    title = "`=` where `==` is meant"


class IllegalTarget(Problem):
    """What stands left of `=` can not be bound.

    A name, a name with index variables, or several names (which unpack an axis) can.  An element is not assigned: the
    binding says what the elements are for every value of its indices.

    Wrong:

        def f(x[n])[n]:
            y[i + 1] = x[i]
            return y[n]

    Right:

        def f(x[n])[n]:
            y[i] = x[i - 1]
            return y[n]
    """

    code = "E0117"
    title = "this can not be bound"


class IllegalIndexing(Problem):
    """Something is indexed that has no axes to name, or is indexed twice.

    A name and the call of a `def` or a loss can be indexed, once.  Anything else is given a name with indices first.

    Wrong:

        def f(a[n], b[n]) = sum[i]((a - b)[i]^2)

    Right:

        def f(a[n], b[n]) = sum[i]((a[i] - b[i])^2)
    """

    code = "E0118"
    title = "this can not be indexed"


class BlockForm(Problem):
    """A `loss` or a `def` is not followed by its body as it has to be.

    A `loss` has a block: a `:` at the end of the line, and the lines of the block indented below it.  A `def` has a
    block too, or `= expression` on the same line.

    Wrong:

        def f(x): return x^2

    Right:

        def f(x) = x^2
    """

    code = "E0119"
    title = "the body of a `loss` or `def` is not where it belongs"


class NotAStatement(Problem):
    """A line that is neither a binding nor a `return`.

    A block is made of bindings (`name = expression`), and one `return`.  There are no loops and no branches over
    lines: a reduction runs over an index, and `a if c else b` chooses.

    Wrong:

        def f(x):
            x^2
            return x

    Right:

        def f(x):
            y = x^2
            return y
    """

    code = "E0120"
    title = "not a statement"


class SignatureForm(Problem):
    """The arguments of a `loss` or a `def` are not grouped as they have to be.

    `loss f(predictions | data; hyperparameters)`: at least one prediction, at most one `|`, then at most one `;`.
    `def f(arguments; arguments)` has no `|`.  An axis is a name, a whole number, or, once, `..`.  Predictions
    that have a default stand behind those that have none; so do data.

    Wrong:

        loss f(; k > 0 | x[n]):
            return k*x

    Right:

        loss f(x[n]; k > 0):
            return k*x
    """

    code = "E0121"
    title = "the signature is not well formed"


class ReductionForm(Problem):
    """A reduction is not written as `OP[indices where condition](expression)`.

    The indices may be left out where all free ones are meant: `mean(r^2)`.  The condition stands in the square
    brackets.  A reduction has one expression; only `max` and `min` of several are taken elementwise.

    Wrong:

        def f(x[n]) = sum(n, x)

    Right:

        def f(x[n]) = sum[n](x)
    """

    code = "E0122"
    title = "the reduction is not well formed"


class NumberForm(Problem):
    """A number that is not written as numbers are.

    Decimal digits, at most one point, an exponent after `e`, single underscores between digits: `1_000`, `0.5`,
    `1e-7`.

    Wrong:

        def f(x) = x*0x10

    Right:

        def f(x) = x*16
    """

    code = "E0123"
    title = "the number is not well formed"


class MissingOperator(Problem):
    """Two operands side by side.

    A product is written with `*` (or `·`); nothing is multiplied by standing next to each other.

    Wrong:

        def f(x) = 2x + 1

    Right:

        def f(x) = 2*x + 1
    """

    code = "E0124"
    title = "an operator is missing"


class DomainForm(Problem):
    """A domain, or a set behind `in`, is not well formed.

    A domain of an argument is `> 0`, `>= 0`, `< 1`, `<= 1`, `!= 0`, an interval `in [0, 1)`, a finite set
    `in {-1, 1}`, an axis `in c`, or several of these with `or` between them.  In an expression, one set stands after
    `in`.

    Wrong:

        def f(0 < p < 1) = log(p)

    Right:

        def f(p in (0, 1)) = log(p)
    """

    code = "E0125"
    title = "the domain is not well formed"


class UseForm(Problem):
    """A `use` line is not well formed.

    `use MODULE: name, name as other` takes items from the shipped catalogue; with a path in quotes, from a file beside
    this one.

    Wrong:

        use regression.huber

    Right:

        use regression: huber
    """

    code = "E0126"
    title = "the `use` line is not well formed"


class TowerOfPowers(Problem):
    """A raised digit and another power on the same base.

    `x²^3` reads as `(x^2)^3` to some and as `x^(2^3)` to others, and `x²³` as `x^23`.

    Wrong:

        def f(x) = x²^3

    Right:

        def f(x) = x^6
    """

    code = "E0127"
    title = "a power of a raised digit"


class ConditionalForm(Problem):
    """A condition is chosen by in a form that the language does not have.

    A choice is an expression, `value if condition else other`, and has both branches.  Where the other branch is 0,
    the bracket `[condition]*value` says the same.

    Wrong:

        def f(x) = x^2 if x > 0

    Right:

        def f(x) = x^2 if x > 0 else 0
    """

    code = "E0128"
    title = "`if` without `else`"
