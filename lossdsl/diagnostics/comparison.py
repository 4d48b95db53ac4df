"""E10xx: losses that can not be compared on the data asked for, found before anything is trained."""

from __future__ import annotations

from lossdsl.diagnostics.problem import Problem


class RowsMeet(Problem):
    """The rows of the data meet in one term of the loss, so that it can not be trained on parts of them.

    A comparison trains networks on batches and trees row by row.  The loss has to be a mean or a sum over rows of
    terms that look at one row each, or a sum of such means with weights.  A ratio of sums, a ranking or a partial
    likelihood means something else on a batch than on all rows.

    Wrong: `lossdsl compare rmse --data diabetes`, since the root is taken of the mean over rows

    Right: `lossdsl compare mse --data diabetes`, which has its minimum at the same place
    """

    code = "E1001"
    title = "rows of the data meet in the loss"


class OtherTask(Problem):
    """The data ask for numbers and the loss is for classes, or the other way round.

    A loss is for classes where its target is a label `in c` beside scores with the axis `c`, a table of indicators
    with the axes of the scores, or a number in `{0, 1}`, `[0, 1]` or `{-1, 1}` beside one score.

    Wrong: `lossdsl compare cross_entropy --data diabetes`

    Right: `lossdsl compare cross_entropy --data wine`, or `lossdsl compare huber --data diabetes`
    """

    code = "E1002"
    title = "the loss is for another task than the data"


class TwoClassesOnly(Problem):
    """The loss tells two classes apart by one score, and the data have more.

    Losses whose target and score have the axes `..` are fitted one class against the rest; others can not be.

    Wrong: `loss l(score[n] | y[n] in {0, 1})` compared on `wine`, which has three classes

    Right: `loss l(score[..] | y[..] in {0, 1})`, or a loss with one score for each class
    """

    code = "E1003"
    title = "the loss is for two classes"


class TargetOutside(Problem):
    """The target column has values outside of the domain that the loss gives its target.

    Targets that may be any number are standardised, those with a bound below are divided by their mean, and the rest
    are taken as they are.  After that every value has to lie in the domain.

    Wrong: `lossdsl compare tweedie --data mine.csv --target change`, where some changes are negative

    Right: a column without such values, or a loss for any number
    """

    code = "E1004"
    title = "the target lies outside of its domain"


class NoSingleNumber(Problem):
    """The loss predicts something else than one number for each row, so that its error can not be measured.

    What is compared with the target is the first `predict` binding, or the first prediction if there is none.

    Wrong: `loss l(p[n, k] | target[n])`, an ensemble of predictions for each row

    Right: the same with `predict centre[n] = mean[k](p[n, k])`
    """

    code = "E1005"
    title = "the loss predicts no single number for each row"


class NotGiven(Problem):
    """A hyperparameter of the loss, or data that are the same for all rows, have no default and were not given.

    Wrong: `lossdsl compare mine.loss` where it has `; scale > 0`

    Right: `lossdsl compare mine.loss:scale=2`; arrays can be given to `lossdsl.comparison.compare`
    """

    code = "E1006"
    title = "a hyperparameter is not given"
