"""E11xx: losses that can not be tuned as asked, and templates that no loss can be searched from."""

from __future__ import annotations

from lossdsl.diagnostics.problem import Problem


class NothingToTune(Problem):
    """The loss has no hyperparameter that is one number and is not fixed.

    Tuning looks for values of what stands after `;` without axes.  Learned hyperparameters are found by training
    itself.  The weights of a sum of terms can be made hyperparameters first.

    Wrong: `lossdsl tune mse`, or `lossdsl tune huber:delta=1`, which fixes the only hyperparameter

    Right: `lossdsl tune huber`; `lossdsl tune mine.loss --weights` where the loss returns a sum
    """

    code = "E1101"
    title = "nothing to tune"


class RangeOutside(Problem):
    """A range that was asked for leaves the domain that the loss declares for its hyperparameter.

    A domain is what the calculus may rely on, so that nothing outside of it is tried.  Where an end of the domain is
    another hyperparameter, the range is a share of the way, and can not be given as numbers.

    Wrong: `--space delta=0:10` for `delta > 0`

    Right: `--space delta=0.1:10:log`
    """

    code = "E1102"
    title = "the range leaves the domain"


class RangeUnknown(Problem):
    """The domain of a hyperparameter says no range in which to look for it.

    Intervals and finite sets say one; a union of them, or the positions of an axis, does not.

    Wrong: `lossdsl tune mine.loss` where it has `; k in [0, 1] or {-1} = 0`

    Right: the same with `--space k=0:1`
    """

    code = "E1103"
    title = "no range to look in"


class NoSum(Problem):
    """The weights of a sum were asked for, and the loss returns none.

    Weights are put before the terms of the sum that stands behind `return`, or inside the `mean` or `sum` there.

    Wrong: `return mean[n]((pred - target)^2)` with `--weights`

    Right: `return mean[n]((pred - target)^2 + |pred - target|)`
    """

    code = "E1104"
    title = "the loss returns no sum of terms"


class NotContinuous(Problem):
    """A hyperparameter can not be found by differentiating through training.

    A gradient says in which direction to go, so that values have to fill an interval.  One of a few values, such as
    the number of bins, is tried value by value.

    Wrong: `--method bilevel` with `; order in {1, 2}`

    Right: `--method tpe`, or a hyperparameter such as `delta > 0`
    """

    code = "E1105"
    title = "the hyperparameter is not continuous"
