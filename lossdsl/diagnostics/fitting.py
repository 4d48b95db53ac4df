"""E08xx: losses that a linear model can not be fitted with, and what the estimators can not give them."""

from __future__ import annotations

from lossdsl.diagnostics.problem import Problem


class NoExampleAxis(Problem):
    """A prediction has no axis of examples, so that it can not come from rows of features.

    A linear model makes one prediction, or a few, of each row of `X`.  The axis of the examples is the first axis of
    the first prediction, and every prediction has to begin with it.

    Wrong: `LossRegressor` with `loss info_nce(a[i, d], b[j, d])`: rows of `X` give `a` or `b`, not both

    Right: a loss whose predictions share their first axis, such as `loss huber(pred[n] | target[n])`
    """

    code = "E0801"
    title = "the prediction has no axis of examples"


class CoupledExamples(Problem):
    """Weights of examples were given to a loss whose examples do not each have a term of their own.

    A weight of 2 stands for an example that is there twice.  That has one meaning where the loss is a mean or a sum
    over examples of terms that look at one example each.  In a ratio of sums, a ranking or a partial likelihood,
    other examples are part of every term, and what a weight does is for the formula to say.

    Wrong: `loss.scipy_objective(X, time, event, sample_weight=w)` with the Cox partial likelihood

    Right: without weights; or declare them, as in `loss wmse(pred[n] | target[n], weight[n] >= 0)`, and use them
    """

    code = "E0802"
    title = "the examples are not separate"


class NoLink(Problem):
    """The domain of a prediction or of a learned number is no interval, so that no link leads from a line to it.

    A linear predictor is any number.  Where a domain is an interval, such as `> 0` or `in (0, 1)`, the prediction is
    `exp` or `sigmoid` of it, shifted and scaled to fit.  Single points, gaps and unions have no such map.

    Wrong: `loss l(pred[n] in {-1, 1} | target[n])`

    Right: `loss l(pred[n] in [-1, 1] | target[n])`
    """

    code = "E0803"
    title = "the domain has no link"


class SizeUnknown(Problem):
    """An axis of a prediction or of a learned array has no size, because no data have this axis.

    Sizes come from the shapes of data, from the number of labels for a domain `in c`, and from starting values of
    learned arrays.  What is left has to be said.

    Wrong: `loss.scipy_objective(X, target)` for `loss crps(ensemble[n, m] | target[n])`

    Right: `loss.scipy_objective(X, target, sizes={"m": 10})`
    """

    code = "E0804"
    title = "the size of an axis is not known"


class MoreData(Problem):
    """The loss takes more data for each example than an estimator has: `fit(X, y)` knows one target.

    An estimator passes `y` for the one argument with an axis of examples that has to be given.  Data without that axis,
    such as class weights or levels of quantiles, can be named among its `hyperparameters`.

    Wrong: `LossRegressor` with `loss cox(risk[i] | time[i] >= 0, event[i] in {0, 1})`

    Right: `loss.scipy_objective(X, time, event).minimize()`, which takes all data of the loss
    """

    code = "E0805"
    title = "the loss needs more data for each example"


class NoTarget(Problem):
    """The loss has no data for each example, so that there is nothing for an estimator to pass `y` for.

    An estimator learns to predict `y` from `X`.  A loss of the predictions alone, such as a one-class objective, has no
    such thing to learn from.

    Wrong: `LossRegressor` with `loss one_class_svm(score[n]; learn rho = 0, nu in (0, 1] = 0.5)`

    Right: `loss.scipy_objective(X).minimize()`
    """

    code = "E0806"
    title = "the loss has no target"


class NotAClassifier(Problem):
    """The target of the loss is no class that an estimator could name, or its prediction says nothing about classes.

    A classifier needs one of: a label `in c` beside a prediction with the axis `c`, a target with the axes of such a
    prediction (which is given indicators), or a target in `{0, 1}`, `[0, 1]` or `{-1, 1}` beside one score.

    Wrong: `LossClassifier` with `loss mse(pred[n] | target[n])`, or with ordinal losses, whose thresholds decide

    Right: `LossRegressor` for numbers; `loss cross_entropy(logits[n, c] | label[n] in c)` for classes
    """

    code = "E0807"
    title = "not a loss for classes"
