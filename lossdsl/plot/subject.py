"""A loss as a function of one number, all else fixed: what every curve and every row of a contour is computed by.

Numbers come from emitted code only.  Where elements stand alone, many are computed by one call; a loss that adds up
rows is called with one row; one that couples elements is called with an example of which one entry moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lossdsl.analysis.numbers import Undecided
from lossdsl.analysis.view import view
from lossdsl.compiled import NumpyLoss
from lossdsl.meaning.core import Arg, Program
from lossdsl.plot.errors import PlotError
from lossdsl.plot.inputs import Array, argument, example, filled, finite, keywords, names, numbers, varying
from lossdsl.plot.section import entry_name, of_elements, shaped

if TYPE_CHECKING:
    from lossdsl.api import Loss

QUANTITIES = ("value", "gradient", "curvature")
"""In this order in every array of three rows: the loss, and its first two derivatives by the entry."""


@dataclass(frozen=True)
class Entry:
    """The one number that moves: an argument, or an element of it, counted through the whole array."""

    arg: Arg
    flat: int = 0


@dataclass(frozen=True)
class Subject:
    """`given` has a value for every argument: numbers, each filling its array, or for a coupled loss the arrays."""

    program: Program
    function: NumpyLoss
    given: Mapping[str, Any]
    mode: str
    """elements: many by one call.  row: arrays with one row.  example: arrays as given."""

    def with_number(self, entry: Entry, number: float) -> Subject:
        """The same with one number changed; of an array that is given as an example, one element."""
        old = self.given[entry.arg.name]
        new: Any = int(number) if entry.arg.whole else number
        if self.mode == "example" and entry.arg.axes:
            new = np.array(old, dtype=np.asarray(old).dtype if entry.arg.whole else np.float64)
            new.reshape(-1)[entry.flat] = number
        return replace(self, given={**self.given, entry.arg.name: new})

    def filled(self, settings: Mapping[str, float]) -> Subject:
        """The same with other numbers; of an example, with all elements of an array the same."""
        changed = dict(self.given)
        for name, number in settings.items():
            arg = argument(self.program, name)
            value: Any = int(number) if arg.whole and float(number).is_integer() else number
            changed[name] = np.full_like(self.given[name], value) if self.mode == "example" and arg.axes else value
        return replace(self, given=changed)

    def derivatives(self, entry: Entry, at: Array) -> Array:
        """The loss and its first two derivatives by a prediction, shape (3, len(at)); nan where one is not finite.

        PlotError for hyperparameters that the emitted code refuses.
        """
        try:
            with np.errstate(all="ignore"):
                return self._many(entry, at) if self._at_once(entry) else self._one_by_one(entry, at)
        except ValueError as error:
            raise PlotError(f"{self.program.name}: {error}") from None

    def values(self, entry: Entry, at: Array) -> Array:
        """The loss only, shape (len(at),), by any input."""
        try:
            with np.errstate(all="ignore"):
                if self._at_once(entry):
                    arrays = self._arrays(len(at)) | {entry.arg.name: shaped(entry.arg, at)}
                    return self._spread(self.function(**self._call(arrays), reduction="none"), at)
                called = (self.with_number(entry, float(number))._arrays(1) for number in at)
                return finite([np.sum(self.function(**self._call(arrays))) for arrays in called])
        except ValueError as error:
            raise PlotError(f"{self.program.name}: {error}") from None

    def _at_once(self, entry: Entry) -> bool:
        own = {axis.name for axis in varying(self.program).axes[:1]}
        return self.mode == "elements" and bool(entry.arg.axes) and entry.arg.axes[0].name in own

    def _many(self, entry: Entry, at: Array) -> Array:
        arguments = self._call(self._arrays(len(at)) | {entry.arg.name: shaped(entry.arg, at)})
        asked: Any = {"wrt": entry.arg.name, "reduction": "none"}
        value, slope = self.function.value_and_grad(**arguments, **asked)
        curve = self.function.hess_diag(**arguments, **asked)
        return np.stack([self._spread(found, at) for found in (value, slope, curve)])

    def _spread(self, found: Any, at: Array) -> Array:
        """One number for each of the entries, where some are the same for all."""
        array = np.asarray(found, dtype=np.float64).reshape(-1)
        return finite(np.broadcast_to(array, at.shape) if array.size == 1 else array)

    def _one_by_one(self, entry: Entry, at: Array) -> Array:
        columns = []
        for number in at:
            arguments = self._call(self.with_number(entry, float(number))._arrays(1))
            value, slope = self.function.value_and_grad(**arguments, wrt=entry.arg.name)
            curve = self.function.hess_diag(**arguments, wrt=entry.arg.name)
            columns.append([np.sum(value), *(np.asarray(d).reshape(-1)[entry.flat] for d in (slope, curve))])
        return finite(np.array(columns, dtype=np.float64).T).reshape(3, -1)

    def _arrays(self, count: int) -> dict[str, Any]:
        if self.mode == "example":
            return dict(self.given)
        return {name: filled(self.program, name, value, count) for name, value in self.given.items()}

    def _call(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        return {**keywords(self.program, arrays), "validate": True}

    def name_of(self, entry: Entry) -> str:
        """The entry for readers: `pred`, `logits[0, 1]`."""
        if self.mode != "example":
            return entry.arg.name
        return entry_name(entry.arg.name, np.shape(self.given[entry.arg.name]), entry.flat)


def subject(loss: Loss) -> Subject:
    """A loss with numbers, or an example, for everything.  PlotError where there is nothing to draw."""
    program = loss.program
    if not names(program, "prediction"):
        raise PlotError(f"{loss.name} has no prediction, so nothing to draw it over")
    found = example(program)
    if found is None:
        raise PlotError(f"{loss.name} has an argument without a number in its domain, so nothing to draw")
    function = loss.numpy()
    entry = varying(program)
    elements = of_elements(program)
    if not elements and not _of_one_row(program):
        return Subject(program, function, found, "example")
    fixed = {**numbers(program, found), entry.name: 0.0}
    return Subject(program, function, fixed, "elements" if elements else "row")


def _of_one_row(program: Program) -> bool:
    """Whether the loss of one row is a function of one prediction, though the loss itself is of many."""
    try:
        return view(program, {}).elementwise is not None
    except Undecided:
        return False
