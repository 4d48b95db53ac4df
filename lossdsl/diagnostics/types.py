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

    Default values, and the elements of a set, are made of numbers by arithmetic and by functions: `1/3`, `2*pi`,
    `log(2)`.  The bounds of a domain are that, or the name of an earlier hyperparameter.

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


class ConstantTooLarge(Problem):
    """A constant has too many digits to be worked out.

    Constants are worked out exactly, as fractions, when a text is read.  What needs more than a thousand digits is far
    beyond every floating-point number.

    Wrong: `9^9^9^9`

    Right: a number of a size that a floating-point number can hold.
    """

    code = "E0406"
    title = "the constant is out of bounds"


class PredictUsesData(Problem):
    """A `predict` binding uses data.

    `predict` says how raw predictions become what a user reports.  When that is asked for, there are predictions and
    hyperparameters, but no data.

    Wrong: `predict r = pred - target`

    Right: `predict mu = exp(pred)`
    """

    code = "E0407"
    title = "`predict` cannot use data"


class DivisionByZero(Problem):
    """A constant is divided by zero, or 0 is raised to a negative power.

    Constants of a signature are worked out when the text is read, and have to be numbers.

    Wrong: `delta = 1/0`

    Right: `delta = inf`, if infinity is meant
    """

    code = "E0408"
    title = "division by zero"


class NoValue(Problem):
    """A constant that has no value: a function is called outside of its domain.

    Constants of a signature are worked out when the text is read, and have to be real, finite numbers.

    Wrong: `threshold = log(-1)`, `shift = (-8)^(1/3)`

    Right: `threshold = log(2)`, `shift = -8^(1/3)`
    """

    code = "E0409"
    title = "the constant has no value"
