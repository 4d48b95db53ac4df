"""E02xx: names that mean nothing, or more than one thing."""

from __future__ import annotations

from lossdsl.diagnostics.problem import Problem


class UnknownName(Problem):
    """A name that nothing in its scope has.

    A name is an argument, an earlier binding of the same block, or an index that is bound where it stands.  A binding
    is seen by the lines below it only.

    Wrong:

        loss mse(pred[n] | target[n]):
            return (pred - tagret)^2

    Right: `return (pred - target)^2`
    """

    code = "E0201"
    title = "unknown name"


class NameTaken(Problem):
    """A name that is bound already.

    A name means one thing in the whole of its block: an argument, a binding, an index, or an item of the file.  What
    reads as one thing to the compiler then reads as one thing to people, too.

    Wrong:

        r = pred - target
        r = r/scale

    Right:

        r = pred - target
        z = r/scale
    """

    code = "E0202"
    title = "the name is taken"


class UnknownAxis(Problem):
    """A range, a domain or a `size(...)` names an axis that the signature does not have.

    `in c` is the whole numbers that index axis `c`; `c` is an axis of an argument of the same signature, or a
    hyperparameter that is a whole number.

    Wrong: `loss ce(logits[n, c] | label[n] in k):`

    Right: `loss ce(logits[n, c] | label[n] in c):`
    """

    code = "E0203"
    title = "unknown axis"


class FunctionAsValue(Problem):
    """A function, `def` or loss is used as if it were a number.

    A function has a value where it is called with arguments.

    Wrong: `return mean[n](huber_rho)`

    Right: `return mean[n](huber_rho(r; delta))`
    """

    code = "E0204"
    title = "a function is not a value"
