"""`init_score`, as text: the closed form where there is one, else what the search for it is given."""

from __future__ import annotations

from dataclasses import dataclass

from lossdsl.backends.interface import Interface
from lossdsl.boosting import template
from lossdsl.boosting.derivation import Derivation
from lossdsl.boosting.rows import Roles
from lossdsl.boosting.start import ClosedForm


@dataclass(frozen=True)
class StartText:
    """The text of the first score of one objective."""

    derivation: Derivation
    interface: Interface
    closed: ClosedForm | None
    own_target: bool
    """Whether the target is attached, since the library has no label with several columns."""
    coupled: bool
    saturates: bool
    """Whether the best constant may lie where the loss is flat for all rows, so that training would not move."""

    @property
    def roles(self) -> Roles:
        return self.derivation.roles

    def gaps(self, full: bool) -> dict[str, str]:
        """What fills the gaps of `template.START`; `full`: whether second derivatives come as blocks."""
        bounds = ", bounds" if self.coupled else ""
        one = template.SOLVE_WITHIN_REACH if self.saturates else template.SOLVE_ONE
        solve = template.SOLVE_SEVERAL if self.roles.columns else one
        return {
            "bounds_parameter": (", bounds: Any = None" if self.coupled else "") + self._columns_parameter(),
            "bounds": bounds,
            "start_is": self.words(),
            "closed": self._closed(),
            "bent": "np.abs(hess).sum(axis=2)" if full else "hess",
            "solve": solve.format(first=self._first("_row_weights(weight, len(target))"), bounds=bounds),
        }

    def _columns_parameter(self) -> str:
        return ", columns: int | None = None" if self.roles.columns and len(self.roles.scores) == 1 else ""

    def words(self) -> str:
        """How the first score is found, for the documentation."""
        if self.closed is not None:
            return f"in closed form, {self.closed.text}"
        if self.roles.columns:
            return "found by scaled descent"
        newton = "found by Newton's method, kept within a bracket"
        return f"{newton}; 0 if all slopes there are under a hundredth of those at 0" if self.saturates else newton

    def width(self) -> str:
        """How many scores a row has, as an expression of the target, the data and `columns`."""
        if not self.roles.columns:
            return "1"
        return str(len(self.roles.scores)) if len(self.roles.scores) > 1 else f"len({self._first('None')})"

    def _first(self, weights: str) -> str:
        """Where the search starts."""
        if not self.roles.columns:
            return "0.0"
        if self.roles.is_label:
            return f"_class_rates(target, {weights}, columns)"
        if len(self.roles.scores) > 1:
            return f"np.zeros({len(self.roles.scores)})"
        width = self.roles.scores[0].axes[1]
        if width.op == "const":
            return f"np.zeros({width.value})"
        return f"_zeros(columns, {self._width(width.name)})"

    def _width(self, axis: str) -> str:
        """How many positions the axis of scores has in the data; None if they do not say."""
        for arg in (self.roles.target, *self.roles.row_data, *self.roles.constants):
            if arg is None or arg.default is not None:
                continue
            for position, extent in enumerate(arg.axes):
                if extent.op == "size" and extent.name == axis:
                    name = self.interface.arg_names[arg.name]
                    if arg in self.roles.constants:
                        return f'np.shape(self.settings["{name}"])[{position}]'
                    source = "target" if arg is self.roles.target and not self.own_target else f'data["{name}"]'
                    return f"np.shape({source})[{position}]"
        return "None"

    def _closed(self) -> str:
        lines = []
        several = self.roles.scores[0].axes[0].name == ".." or self.roles.columns
        if several and not self.coupled and self.roles.target is not None and self._is_elementwise():
            lines += [
                "if np.ndim(target) > 1:",
                "    each = np.moveaxis(np.asarray(target), -1, 0)",
                "    return np.array([self.init_score(column, weight) for column in each])",
            ]
        if self.closed is not None:
            lines += self._closed_lines(self.closed)
        return "".join(f"        {line}\n" for line in lines)

    def _is_elementwise(self) -> bool:
        """Whether every score has a target of its own, and no other data, so that columns can be solved one by one."""
        target = self.roles.target
        same = target is not None and target.axes == self.roles.scores[0].axes and len(target.axes) == 1
        return same and len(self.roles.scores) == 1 and not self.roles.row_data

    def _closed_lines(self, closed: ClosedForm) -> list[str]:
        hypers = [a for a in self.roles.settings if self.derivation.depends(closed.node, a.name)]
        named = ", ".join(f'{n}=self.settings["{n}"]' for n in (self.interface.arg_names[a.name] for a in hypers))
        weights = "weights = _row_weights(weight, len(target))"
        each = len(self.roles.scores[0].axes) > 1 and not self.coupled
        if closed.kind == "quantile":
            if each:
                quantile = f"_quantile(column, weights, _constant({named}))"
                return [weights, f"return np.array([{quantile} for column in np.transpose(target)])"]
            return [weights, f"return _quantile(target, weights, _constant({named}))"]
        values = "np.asarray(target, dtype=np.float64)"
        values = f"np.log({values})" if closed.transform == "log" else values
        call = ", ".join(["mean", named] if named else ["mean"])
        if each:
            means = f"np.average({values}, axis=0, weights=weights)"
            return [
                weights,
                f"start = np.array([float(_constant({call})) for mean in {means}])",
                "if np.all(np.isfinite(start)):",
                "    return start",
            ]
        return [
            weights,
            f"mean = float(np.average({values}, weights=weights))",
            f"start = float(_constant({call}))",
            "if np.isfinite(start):",
            "    return start",
        ]
