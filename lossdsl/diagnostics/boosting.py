"""E07xx: losses that a gradient boosting library can not train as they are written."""

from __future__ import annotations

from lossdsl.diagnostics.problem import Problem


class RowsCoupled(Problem):
    """The loss of one row depends on the predictions of other rows.

    Gradient boosting takes one gradient and one second derivative a row, scales them by the weight of the row, and adds
    them up in leaves: right for a sum over rows, wrong for a function of such sums.  `coupled=True` (`--coupled`) says
    that you want the gradient and the diagonal of the Hessian of the whole all the same, over each group of the data
    set if it has groups; weights of single rows are then refused.

    Wrong: `return sqrt(mean[n]((pred - target)^2))`

    Right: `return mean[n]((pred - target)^2)`, which has the same minimum; `coupled=True` for a ranking within groups
    or for a partial likelihood.
    """

    code = "E0701"
    title = "the loss couples rows"


class NotARawScore(Problem):
    """A prediction has a domain, and trees predict any number.

    A boosting library adds up leaves: the score may be negative, or above 1, from the first round on.  The derivative
    has to be taken with respect to that score, through the link.

    Wrong: `loss rate(mu[n] > 0 | y[n] >= 0):` with `return mean[n](mu - y*log(mu))`

    Right: predict the score, and say what it stands for

        loss rate(score[n] | y[n] >= 0):
            predict mu = exp(score)
            return mean[n](mu - y*log(mu))
    """

    code = "E0702"
    title = "the prediction is no raw score"


class NoRows(Problem):
    """The axes of a prediction are not those of a table of scores.

    A booster predicts one score for each row, or a few: `score[n]`, or `score[n, c]`.  All predictions have the rows as
    their first axis; several predictions are the columns of the scores, each with one score a row.

    Wrong: `loss f(scale | y[n]):`, with one number for all rows

    Right: `loss f(score[n] | y[n]; learn scale = 1):`, with the number as a hyperparameter
    """

    code = "E0703"
    title = "the prediction is no table of scores"


class NoSuchCurvature(Problem):
    """The second derivative that was asked for can not be derived for this loss.

    `secant` needs a loss that reads the score only as `score - target`; `expected` one whose derivatives are linear in
    the target, or a target with two values: where the target decides between formulas, as in Huber's loss, the mean
    depends on more of the distribution of targets than what the score says; `gauss_newton` needs a `predict` binding of
    one score, `upper_bound` a Hessian that is bounded, `full` several scores a row and a library that takes a matrix
    (CatBoost).  `exact`, `abs` and `constant` are there for every loss.

    Wrong: `hessian="secant"` for a logistic loss

    Right: `hessian="exact"`; or leave it out, and the documentation of the objective says what was chosen and why.
    """

    code = "E0704"
    title = "there is no such second derivative"


class NoPlaceForData(Problem):
    """The library has no place for data that the loss needs.

    A library hands an objective the scores, one label a row, weights and groups.  In the native interfaces of XGBoost
    and LightGBM other data can be attached to the data set, and for CatBoost they are columns of the label; the
    scikit-learn interfaces of XGBoost and LightGBM hand over labels only.

    Wrong: `loss f(score[n] | time[n], event[n] in {0, 1}):` for the scikit-learn interface

    Right: `api="native"` and `objective.attach(dataset, event=...)`; or a loss that reads both from one label, such as
    a time that is negative where it is censored.
    """

    code = "E0705"
    title = "the library has no place for the data"
