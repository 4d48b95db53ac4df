"""Pictures of losses: lines over residual, margin or prediction, contours, and sections for a terminal.

inputs, subject   a loss as a function of one number, all else fixed; by emitted code only
jumps             where curves jump
axis, lines       what to draw over, and the lines of a picture
field             a loss over two numbers
figure, contour   figures, by matplotlib
section, text     the section that `lossdsl show` and the catalogue print; pictures for a terminal
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from lossdsl.plot.errors import PlotError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lossdsl.api import Loss
    from lossdsl.plot.lines import Numbers

__all__ = ["KINDS", "PlotError", "plot"]

Kind = Literal["lines", "contour", "surface"]
KINDS: tuple[Kind, ...] = ("lines", "contour", "surface")


def plot(
    *losses: Loss,
    kind: Kind = "lines",
    against: Literal["residual", "margin", "prediction"] | None = None,
    quantities: Sequence[str] = ("value", "gradient", "curvature"),
    interval: tuple[float, float] | None = None,
    inputs: Sequence[str] | None = None,
    settings: Mapping[str, Numbers] | None = None,
) -> Figure:
    """A matplotlib Figure of one loss or several, made without pyplot (docs/pictures.md).

    kind: "lines", a panel for each of `quantities`; "contour" or "surface", one loss over two `inputs`.
    against: what stands on the axis of lines; left out, the residual where only `pred - target` enters, the margin
    where only `target*score` does, else the prediction.  interval: the ends of the axis.
    settings: numbers, or for lines lists of numbers with a line each, for hyperparameters and data.

    PlotError, a ValueError, for names that do not exist, values outside of their domain, and axes that a loss does not
    have.  ModuleNotFoundError without matplotlib (the extra `plot`).
    """
    given = dict(settings or {})
    if not losses:
        raise PlotError("there is no loss to draw")
    if kind not in KINDS:
        raise PlotError(f"a picture is made of {', '.join(KINDS)}, not {kind!r}")
    if kind == "lines":
        from lossdsl.plot.figure import lines_figure
        from lossdsl.plot.lines import lines

        if inputs is not None:
            raise PlotError("inputs are those of a contour or surface")
        return lines_figure(lines(losses, given, against=against, quantities=quantities, interval=interval))
    from lossdsl.plot.contour import contour_figure, surface_figure
    from lossdsl.plot.field import field

    if len(losses) > 1 or against is not None:
        raise PlotError(f"a {kind} is of one loss, over two inputs")
    found = field(losses[0], given, inputs=inputs, interval=interval)
    return contour_figure(found) if kind == "contour" else surface_figure(found)
