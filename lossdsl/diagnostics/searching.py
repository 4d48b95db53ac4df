"""E111x: templates that no loss can be searched from."""

from __future__ import annotations

from lossdsl.diagnostics.problem import Problem


class NoHole(Problem):
    """The template has no `def` of the name that is to be filled in.

    A template is a loss file.  One of its `def`s is the hole: its body is replaced by one proposal after the other.
    It is called `hole`, or its name is given.

    Wrong: `lossdsl search mine.loss` where the file has `def rho(r) = r^2` and no `hole`

    Right: `lossdsl search mine.loss --hole rho`
    """

    code = "E1111"
    title = "the template has no hole"


class HoleForm(Problem):
    """A hole is a formula of numbers: a `def` on one line whose arguments have no axes.

    What stands before the `;` varies from row to row, such as the residual; what stands behind it are parameters.

    Wrong: `def hole(x[n, d])[n] = norm[d](x[n, d])`

    Right: `def hole(r; delta > 0) = r^2`
    """

    code = "E1112"
    title = "this def can not be a hole"


class NoOrder(Problem):
    """It is not known which predictions are better than others, so that degenerate proposals could not be told.

    The loss of a row has to be a function of the residual, `pred - target`, or of the margin, `label*score` with a
    label in {-1, 1}, whatever stands in the hole.

    Wrong: `mean[n](hole(pred, target))`

    Right: `mean[n](hole(pred - target))`
    """

    code = "E1113"
    title = "neither a residual nor a margin"
