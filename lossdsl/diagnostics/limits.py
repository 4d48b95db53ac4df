"""E09xx: texts that are too large to be meant.

The limits are far above what a formula needs.  They are what makes every later pass safe: a tree that is not deeper
than `MAX_DEPTH` may be walked by recursion, apart from the left operands of `Binary` nodes (see `E0902`).
"""

from __future__ import annotations

from lossdsl.diagnostics.problem import Problem

MAX_CHARACTERS = 1_000_000
MAX_SYMBOLS = 50_000
MAX_DEPTH = 200
MAX_DIGITS = 400
MAX_PROBLEMS = 20
MAX_FUNCTIONS_OF_CONSTANTS = 200


class TextTooLong(Problem):
    """The text is longer than a million characters.

    A `.loss` file is read as a whole, and written by people: the longest losses in use have a few dozen lines.  A text
    of this length is most likely not a `.loss` file at all.

    Wrong: a data file that was passed by mistake.

    Right: the path of the `.loss` file.
    """

    code = "E0901"
    title = "the text is too long"


class NestedTooDeep(Problem):
    """Brackets, bars, signs, branches or powers are nested more than 200 levels deep.

    Only nesting counts: a sum of ten thousand terms is one level deep, and so is a product.  Each bracket, each
    function call, each `else` branch that holds another `if`, and each power in an exponent is a level.

    Wrong: `x = ((((…((x))…))))` with 201 pairs of brackets.

    Right: give a part of the formula a name.

        inner = exp(x)/2
        outer = log(1 + inner)
    """

    code = "E0902"
    title = "the expression is nested too deeply"


class NumberTooLong(Problem):
    """A number is written with more than 400 digits.

    Numbers are kept exactly as they are written, and a float holds at most 17 significant digits.

    Wrong: `x*0.1111…1` with a thousand digits.

    Right: `x*0.1111111111111111`
    """

    code = "E0903"
    title = "the number has too many digits"


class NumberOutOfRange(Problem):
    """A number is too large or too small for a double: its magnitude is above 1.8e308, or below 5e-324 and not zero.

    It would become infinity, or zero, in every program that is generated from the formula.

    Wrong: `x < 1e999`

    Right: `x < inf`
    """

    code = "E0904"
    title = "the number is out of range"


class TooManySymbols(Problem):
    """The text has more than fifty thousand symbols (names, numbers, operators, brackets).

    Wrong: a sum with a million terms written out.

    Right: an index that runs over the terms.

        total = sum[k](w[k]*x[k])
    """

    code = "E0905"
    title = "the text has too many symbols"


class TooManyFunctionsOfConstants(Problem):
    """The signatures of a file have more than 200 functions and powers in default values and domains.

    These are worked out to sixty digits when the text is read, which takes a millisecond or more for each.

    Wrong: `loss f(x[n]; a = exp(1) + exp(2) + … + exp(999)):`

    Right: the sum of them as a number, or computed in the block.
    """

    code = "E0906"
    title = "too many functions of constants"
