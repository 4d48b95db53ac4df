"""E05xx: calls of functions, `def`s and losses, and what comes of writing them out."""

from __future__ import annotations

from lossdsl.diagnostics.problem import Problem


class UnknownFunction(Problem):
    """A call of a function that does not exist.

    Functions are the built-in ones, the `def`s and losses of the file, and what `use` brings in.

    Wrong: `ReLU(x)`

    Right: `relu(x)`
    """

    code = "E0501"
    title = "unknown function"


class WrongArgumentCount(Problem):
    """A call with too many or too few arguments.

    Built-in functions take a fixed number of arguments; `max` and `min` take two or more, or reduce one.  Arguments
    of a `def` or loss may be left out where they have a default.

    Wrong: `clip(x, 0)`

    Right: `clip(x, 0, 1)`
    """

    code = "E0502"
    title = "wrong number of arguments"


class Recursion(Problem):
    """A `def` or loss that calls itself, directly or by way of others.

    A `def` is written out where it is called, which would never end.

    Wrong: `def f(x) = 1 + x*f(x)`

    Right: a reduction over an index: `sum[k in 10](x^k)`
    """

    code = "E0503"
    title = "recursion"


class TooLarge(Problem):
    """Written out, a loss has more operations than the compiler takes.

    Each call of a scalar `def` is a copy of its formula.  A `def` that calls another twice, which calls a third twice,
    and so on, doubles with every step.

    Wrong: `def f2(x) = f1(f1(x))`, `def f3(x) = f2(f2(x))`, and so on for forty lines

    Right: name what is used several times in a binding; a binding is computed once.
    """

    code = "E0504"
    title = "the loss is too large"


class TooDeep(Problem):
    """Calls stand inside calls inside calls, deeper than the compiler follows.

    Wrong: a chain of some hundred `def`s, each of which calls the one before

    Right: fewer levels; name intermediate results in bindings.
    """

    code = "E0505"
    title = "calls are nested too deeply"


class UnknownArgument(Problem):
    """An argument is passed by a name that the function does not have.

    Wrong: `huber(pred | target; detla = 2)`

    Right: `huber(pred | target; delta = 2)`
    """

    code = "E0506"
    title = "unknown argument"


class ArgumentTwice(Problem):
    """One argument is passed twice: by position and by name, or twice by name.

    Wrong: `huber_rho(r; 1.0, delta = 2.0)`

    Right: `huber_rho(r; delta = 2.0)`
    """

    code = "E0507"
    title = "an argument is passed twice"


class MissingArgument(Problem):
    """An argument that has no default is not passed.

    A `learn` parameter of a loss that is called has to be passed, too: only the loss that is compiled owns parameters.

    Wrong: `huber_rho(r)` for `def huber_rho(r; delta > 0)`

    Right: `huber_rho(r; delta)`
    """

    code = "E0508"
    title = "an argument is missing"


class GroupsMisplaced(Problem):
    """The bar or the semicolon of a call does not fit the function.

    A loss is called as it is declared: predictions, `|`, data, `;`, hyperparameters.  A `def` has no bar, and a
    built-in function has neither.

    Wrong: `mse(pred, target)` for `loss mse(pred[n] | target[n])`

    Right: `mse(pred | target)`
    """

    code = "E0509"
    title = "the groups of arguments do not fit"


class WrongAxes(Problem):
    """What is passed for an argument with axes does not have as many axes.

    An argument with axes takes a tensor: a name with as many axes, an expression with as many free indices, or a read
    with `:` for each axis that is handed over.

    Wrong: `unit(w)` for `def unit(x[d])[d]` and `w[c, d]`

    Right: `unit(w[c, :])`, which is mapped over `c`
    """

    code = "E0510"
    title = "the axes do not fit the argument"


class OutputNotNamed(Problem):
    """A call that is not indexed, where the indices of the result have no name.

    Without indices, the result of a call has the names that its arguments have where they are passed.  An output index
    that is an axis of no argument, or of arguments that name it differently, has to be named at the call.

    Wrong: `d = distance(z)` for `def distance(x[n, d])[n, m]`

    Right: `d[i, j] = distance(z)[i, j]`
    """

    code = "E0511"
    title = "the result of the call has to be indexed"


class NotAFunction(Problem):
    """Something that is not a function is called.

    Round brackets directly behind a name are a call.  Elements are read with square brackets, and a product has a sign.

    Wrong: `x(n)` for an argument `x[n]`

    Right: `x[n]`; and with a sign for a product: `2*(a + b)`
    """

    code = "E0512"
    title = "not a function"


class WholeArgument(Problem):
    """A whole number is needed, and what is passed may be any number.

    An argument with the domain `in c` indexes an axis where it is used.

    Wrong: `cross_entropy(logits | y)` where `y[n]` has no domain

    Right: declare `y[n] in c`
    """

    code = "E0513"
    title = "a whole number is needed"
