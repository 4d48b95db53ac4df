"""E04xx: numbers and conditions, domains, and what a signature may say."""

from __future__ import annotations

from lossdsl.diagnostics.problem import Problem


class ConditionAsNumber(Problem):
    """A condition is used as a number.

    A condition chooses: in `where`, in `if`, with `and`, `or`, `not`.  In square brackets it becomes a number, 1 where
    it holds and 0 elsewhere.

    Wrong: `sum[n](p[n] > 0.5)`

    Right: `sum[n]([p[n] > 0.5])`, or `count[n where p[n] > 0.5]`
    """

    code = "E0401"
    title = "a condition is not a number"


class NumberAsCondition(Problem):
    """A number is used as a condition.

    Numbers are not true or false; a comparison is.

    Wrong: `mean[n where mask[n]](x[n])`

    Right: `mean[n where mask[n] == 1](x[n])`
    """

    code = "E0402"
    title = "a number is not a condition"


class NotConstant(Problem):
    """A default value or a bound that is not a constant.

    Default values, and the elements of a set, are arithmetic on numbers.  The bounds of a domain are that, or the name
    of an earlier hyperparameter.

    Wrong: `delta > 0 = size(n)`

    Right: `delta > 0 = 1.0`
    """

    code = "E0403"
    title = "not a constant"


class OutsideDomain(Problem):
    """A value that is known now lies outside the domain of its argument.

    Wrong: `loss pinball(q[n] | y[n]; tau in (0, 1) = 90):`

    Right: `loss pinball(q[n] | y[n]; tau in (0, 1) = 0.9):`
    """

    code = "E0404"
    title = "the value is outside the domain"


class BadDomain(Problem):
    """A domain that makes no sense: it is empty, or it excludes something other than 0.

    Wrong: `alpha in (1, 0)`, `x != 3`

    Right: `alpha in (0, 1)`, `x != 0`
    """

    code = "E0405"
    title = "not a domain"


class OptionalFirst(Problem):
    """An argument without a default follows one that has a default.

    Predictions and data are passed by position, so that what may be left out comes last in its group.

    Wrong: `loss wmse(pred[n] | weight[n] = 1, target[n]):`

    Right: `loss wmse(pred[n] | target[n], weight[n] = 1):`
    """

    code = "E0406"
    title = "an optional argument comes too early"


class GroupTwice(Problem):
    """`..` stands twice in one argument.

    `..` is any number of axes, the same in every argument that carries it; with two of them nothing would say where
    the one ends and the other begins.

    Wrong: `pred[.., c, ..]`

    Right: `pred[.., c]`
    """

    code = "E0407"
    title = "`..` stands twice"


class LearnMisplaced(Problem):
    """`learn` before something that is not a hyperparameter of a loss.

    Predictions have gradients anyway, data never have; a `def` has no parameters of its own to learn.

    Wrong: `loss clip_loss(learn image[i, d], text[i, d]):`

    Right: `loss clip_loss(image[i, d], text[i, d]; learn log_scale = 2.66):`
    """

    code = "E0408"
    title = "`learn` is for hyperparameters"


class ConstantTooLarge(Problem):
    """A constant has too many digits to be worked out.

    Wrong: `9^9^9^9`

    Right: a number of a size that a floating-point number can hold.
    """

    code = "E0409"
    title = "the constant is out of bounds"


class PredictUsesData(Problem):
    """A `predict` binding uses data.

    `predict` says how raw predictions become what a user reports.  When that is asked for, there are predictions and
    hyperparameters, but no data.

    Wrong: `predict r = pred - target`

    Right: `predict mu = exp(pred)`
    """

    code = "E0410"
    title = "`predict` cannot use data"


class NoPrediction(Problem):
    """A loss without predictions.

    What stands left of the bar is what gradients are taken with respect to; there has to be something.

    Wrong: `loss f(; a = 1):`

    Right: `loss f(pred[n]; a = 1):`
    """

    code = "E0411"
    title = "a loss needs a prediction"


class DivisionByZero(Problem):
    """A constant is divided by zero.

    Wrong: `delta = 1/0`

    Right: `delta = inf`, if infinity is meant
    """

    code = "E0412"
    title = "division by zero"
