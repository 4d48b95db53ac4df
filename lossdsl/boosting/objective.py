"""The module of an objective, as text: what the library calls, around the numeric functions of the loss."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import lossdsl
from lossdsl.backends.interface import Interface
from lossdsl.backends.numpy.arguments import INDENT, hyperparameter_checks
from lossdsl.boosting import template
from lossdsl.boosting.derivation import Derivation, Output, derive
from lossdsl.boosting.emission import NumericModule
from lossdsl.boosting.libraries import LIBRARIES, Facts, Library
from lossdsl.boosting.policy import MEANING, Choice, asked, chosen
from lossdsl.boosting.rows import Roles, check_additive, roles
from lossdsl.boosting.start import ClosedForm, closed_form
from lossdsl.diagnostics import LossError
from lossdsl.diagnostics.boosting import NoPlaceForData, RowsCoupled
from lossdsl.meaning.core import Arg, Program

FLOOR = 1e-16
"""Of the second derivative, before weights: as in XGBoost's logistic objective."""


_PLACE = 'api="native" of XGBoost and LightGBM has a place'


@dataclass(frozen=True)
class Request:
    """What is to be emitted for a loss."""

    library: str
    api: str = "native"
    hessian: str | None = None
    target: str | None = None
    coupled: bool = False


def emit(program: Program, request: Request) -> str:
    """One standalone module with the objective; LossError for a loss that the library can not train so."""
    return Objective(program, request).text()


def class_name(program: Program) -> str:
    """The name of the class that the module defines."""
    return Interface(program).class_name.rstrip("_") + "Objective"


class Objective:
    """One loss for one interface of one library."""

    def __init__(self, program: Program, request: Request) -> None:
        self.request = request
        self.library: Library = LIBRARIES[request.library, request.api]
        self.roles: Roles = roles(program, request.target, request.coupled)
        self._check(program)
        self.derivation: Derivation = derive(program, self.roles, not request.coupled)
        self.choice: Choice = self._choice()
        self.closed: ClosedForm | None = None if request.coupled else closed_form(self.derivation)
        self.program = self.derivation.program
        self.numeric = NumericModule(self.derivation)
        self.interface = self.numeric.interface
        self.cls = class_name(program)

    # ------------------------------------------------------------ what fits

    def _check(self, program: Program) -> None:
        if not self.request.coupled:
            check_additive(program)
        elif not self.library.whole:
            message = f"{self.library.title} calls an objective for parts of the rows, not for all of them"
            raise LossError(RowsCoupled(program.span, message, "XGBoost and LightGBM call it for all rows"))
        needed = [a for a in self.roles.row_data if a.default is None]
        if self._has_label_columns() and not self.library.label_columns and self.roles.target is not None:
            needed = [self.roles.target, *needed]
        if self.library.only_classes and self.roles.columns and not self._is_label():
            message = f"{self.library.title} hands over several scores a row only where labels are classes"
            raise LossError(NoPlaceForData(self.roles.scores[-1].span, message, _PLACE))
        if needed and not self.library.attaches:
            names = ", ".join(a.name for a in needed)
            message = f"{self.library.title} hands an objective one label a row, and the loss needs {names}"
            raise LossError(NoPlaceForData(needed[0].span, message, _PLACE))

    def _has_label_columns(self) -> bool:
        target = self.roles.target
        return target is not None and len(target.axes) > (2 if self.roles.grouped else 1)

    def _choice(self) -> Choice:
        blocks = self.library.blocks and self.roles.columns
        if self.request.hessian is None:
            return chosen(self.derivation, blocks)
        return asked(self.derivation, self.request.hessian, blocks)

    # ------------------------------------------------------------ the text

    def text(self) -> str:
        """The module."""
        functions = [self.numeric.losses(), self._derivatives()]
        if self.closed is not None:
            functions.append(self.numeric.constant(self.closed))
        predict = self.numeric.predict()
        functions += [predict] if predict is not None else []
        functions.append(self.numeric.arguments())
        cls = self._class()
        since, reason = self.library.version(self.roles.columns)
        version = f'_old_version("{self.library.package}", "{since}", "{reason}")'
        support = self.numeric.support("\n".join([cls, *functions, version]))
        blocks = [self._imports(support), cls, *functions, *support, version]
        return "\n\n\n".join(block.strip("\n") for block in blocks) + "\n"

    def _imports(self, support: list[str]) -> str:
        typing = "from typing import Any"
        if any("Callable[" in part for part in support):
            typing = f"from collections.abc import Callable\n{typing}"
        return "\n\n".join([self._header(), "from __future__ import annotations", typing, "import numpy as np"])

    def _derivatives(self) -> str:
        names = [a.name for a in self.roles.scores]
        outputs: list[Output] = [self.derivation.gradient[n] for n in names]
        outputs += list(self.choice.hessian.values())
        what = f"The gradient of each score, then the second derivatives ({self.choice.policy})."
        return self.numeric.arrays("_derivatives", what, outputs)

    def _header(self) -> str:
        usage = "\n".join(f"{INDENT}{line}".rstrip() for line in self.library.usage(self.facts).split("\n"))
        return (
            f'"""{self.program.name}: an objective for {self.library.title}, in NumPy.\n\n{self.numeric.formula}\n\n'
            f"{self._about()}\n\nUsage:\n\n{usage}\n\n"
            f"Generated by lossdsl {lossdsl.__version__} from the source above (digest {self.interface.digest}).\n"
            'Standalone: it needs only NumPy.\n"""'
        )

    def _about(self) -> str:
        lines = [
            f"Hessian: {self.choice.policy}, {MEANING[self.choice.policy]};",
            f"    {self.choice.reason}.",
            f"First score: {self._start_is()}.",
            f"Scores: {self._scores_are()}.",
            f"Versions: {self.library.title} {self.library.version(self.roles.columns)[0]} or later.",
            "Derivatives are by the raw score, of the sum over rows, times the weights.",
            *(SMALL if self.choice.small else []),
            *(STEEP if self.choice.steep else []),
            *self.library.notes.strip().split("\n"),
        ]
        return "\n".join(lines)

    def _scores_are(self) -> str:
        scores = self.roles.scores
        if len(scores) > 1:
            return f"shape (n, {len(scores)}), the columns are {', '.join(a.name for a in scores)}"
        if self.roles.grouped:
            return "shape (n,), the lists of all groups one after another"
        if self.roles.columns:
            return "shape (n, K)"
        return "shape (n,) or (n, K)" if scores[0].axes[0].name == ".." else "shape (n,)"

    @cached_property
    def facts(self) -> Facts:
        """What the text of the library's own methods depends on."""
        required = [a for a in (*self.roles.constants, *self.roles.settings) if a.default is None]
        taken = self.interface.name in RESERVED_METHODS or self.interface.name.startswith("_")
        return Facts(
            loss=f"{self.interface.name}_loss" if taken else self.interface.name,
            cls=self.cls,
            module=f"{self.program.name}_{self.library.package}",
            coupled=self.request.coupled,
            columns=self.roles.columns,
            attached=tuple(self.interface.arg_names[a.name] for a in self._attached() if a.default is None),
            example=", ".join(f"{self.interface.arg_names[a.name]}=..." for a in required),
            full=self.choice.policy == "full",
            small=self.choice.small,
            steep=self.choice.steep,
        )

    def _attached(self) -> list[Arg]:
        """Data that stand on the data set beside the label."""
        own = [self.roles.target] if self._has_label_columns() and not self.library.label_columns else []
        return [a for a in (*own, *self.roles.row_data) if a is not None]

    # ------------------------------------------------------------ the class

    def _class(self) -> str:
        coupled = self.request.coupled
        gaps = {
            "cls": self.cls,
            "loss": self.program.name,
            "title": self.library.title,
            "signature": self._signature(),
            "floor": FLOOR,
            "checks": "".join(f"        {line}\n" for line in hyperparameter_checks(self.interface)),
            "settings": self._settings([*self.roles.constants, *self.roles.settings], "{}"),
            "hessian_is": "the block of second derivatives" if self.facts.full else "the second derivative",
            "arguments": self._argument_doc(),
            "columns": str(len(self.roles.scores)) if len(self.roles.scores) > 1 else "None",
            "call": self._call("scores", "target", "data"),
            "piece": self._piece(),
            "own": self._own(),
            "gradients": self._stacked(0, len(self.roles.scores)),
            "hessians": self._hessians(),
            "diagonals": self._stacked(len(self.roles.scores), 2 * len(self.roles.scores)),
            "block": str(self.facts.full),
            "reduction": self.program.reduction or "value",
            "mean": str(self.program.reduction != "sum"),
            **self._start(),
            "predicted_is": self._predicted_is(),
            "predicted": self._predicted(),
        }
        parts = [template.CLASS, template.COUPLED if coupled else template.DERIVATIVES, template.START]
        text = "".join(part.format(**gaps) for part in parts).strip("\n") + "\n"
        attach = template.ATTACH.format(**gaps) if self.library.attaches else ""
        attach += template.CURVATURE.format(**gaps) if self.choice.small and self.library.package != "lightgbm" else ""
        return text + attach + self.library.methods(self.facts).rstrip("\n")

    def _signature(self) -> str:
        parts = []
        for arg in (*self.roles.constants, *self.roles.settings):
            default = self.interface.default(arg)
            kind = "float" if arg.role == "hyper" and not arg.axes else "Any"
            name = self.interface.arg_names[arg.name]
            parts.append(f"{name}: {kind}" + ("" if default is None else f" = {default}"))
        return "".join(f"        {p},\n" for p in parts)

    def _settings(self, args: list[Arg], source: str) -> str:
        """A mapping of arguments to their values, which are found where `source` says."""
        names = [self.interface.arg_names[a.name] for a in args]
        return "{" + ", ".join(f'"{n}": {source.replace("{}", n)}' for n in names) + "}"

    def _argument_doc(self) -> str:
        lines = [f"{self._label()}: the label, " + self._shape_doc(self.roles.target)] if self.roles.target else []
        lines += [f"{self.interface.arg_names[a.name]}: {self._shape_doc(a)}" for a in self.roles.row_data]
        return "\n        ".join(lines) or "There are no data: what is given for the target is not read."

    def _label(self) -> str:
        assert self.roles.target is not None
        return f"target ({self.roles.target.name})"

    def _shape_doc(self, arg: Arg | None) -> str:
        assert arg is not None
        domain = f", {arg.domain_text}" if arg.domain_text else ""
        return f"shape ({self.interface.axes_text(arg)}{',' if len(arg.axes) == 1 else ''}){domain}"

    def _call(self, scores: str, target: str, data: str) -> str:
        """The arguments of the numeric functions: scores by position, everything else by name."""
        count = len(self.roles.scores)
        given = ", ".join(f"{scores}[:, {k}]" for k in range(count)) if count > 1 else scores
        label = self.roles.target
        named = ""
        if label is not None and not self._own_target():
            named = f", {self.interface.arg_names[label.name]}={target}"
        return f"{given}{named}, **{data}, **self.settings"

    def _own_target(self) -> bool:
        """Whether the target is attached, since the library has no label with several columns."""
        return self._has_label_columns() and not self.library.label_columns

    def _piece(self) -> str:
        """The call for one group."""
        rows = "None, start:end" if self.roles.grouped else "start:end"
        return self._call(f"scores[{rows}]", f"np.asarray(target)[{rows}]", "own")

    def _own(self) -> str:
        """The data of one group."""
        rows = "None, start:end" if self.roles.grouped else "start:end"
        return f"{{name: values[{rows}] for name, values in data.items()}}"

    def _stacked(self, start: int, end: int) -> str:
        if end - start == 1:
            return f"parts[{start}]"
        return f"np.stack(parts[{start}:{end}], axis=1)"

    def _hessians(self) -> str:
        count = len(self.roles.scores)
        found = self._stacked(count, count + len(self.choice.hessian))
        return found if self.facts.full else f"np.reshape({found}, scores.shape)"

    # ------------------------------------------------------------ the first score

    def _start(self) -> dict[str, str]:
        coupled = self.request.coupled
        bounds = ", bounds" if coupled else ""
        first = self._first()
        solve = template.SOLVE_SEVERAL if self.roles.columns else template.SOLVE_ONE
        return {
            "bounds_parameter": (", bounds: Any = None" if coupled else "") + self._columns_parameter(),
            "bounds": bounds,
            "start_is": self._start_is(),
            "closed": self._closed(),
            "bent": "np.abs(hess).sum(axis=2)" if self.facts.full else "hess",
            "solve": solve.format(first=first, bounds=bounds),
        }

    def _columns_parameter(self) -> str:
        return ", columns: int | None = None" if self.roles.columns and len(self.roles.scores) == 1 else ""

    def _is_label(self) -> bool:
        """Whether the target is the position of a score."""
        target = self.roles.target
        axes = self.roles.scores[0].axes
        if target is None or len(self.roles.scores) > 1 or len(axes) < 2 or axes[1].op != "size":
            return False
        return any(a.kind == "axis" and a.axis == axes[1].name for a in target.domain)

    def _start_is(self) -> str:
        if self.closed is not None:
            return f"in closed form, {self.closed.text}"
        return "found by scaled descent" if self.roles.columns else "found by Newton's method, kept within a bracket"

    def _first(self) -> str:
        """Where the search starts."""
        if not self.roles.columns:
            return "0.0"
        if self._is_label():
            return "_class_rates(target, _row_weights(weight, len(target)), columns)"
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
                    source = "target" if arg is self.roles.target and not self._own_target() else f'data["{name}"]'
                    return f"np.shape({source})[{position}]"
        return "None"

    def _closed(self) -> str:
        lines = []
        several = self.roles.scores[0].axes[0].name == ".." or self.roles.columns
        if several and not self.request.coupled and self.roles.target is not None and self._is_elementwise():
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
        lines = ["weights = _row_weights(weight, len(target))"]
        if closed.kind == "quantile":
            return [*lines, f"return _quantile(target, weights, _constant({named}))"]
        values = "np.asarray(target, dtype=np.float64)"
        values = f"np.log({values})" if closed.transform == "log" else values
        call = ", ".join(["mean", named] if named else ["mean"])
        return [
            *lines,
            f"mean = float(np.average({values}, weights=weights))",
            f"start = float(_constant({call}))",
            "if np.isfinite(start):",
            "    return start",
        ]

    # ------------------------------------------------------------ what is reported

    def _predicted_is(self) -> str:
        found = self.derivation.lowered.predictions
        if not found:
            return "The score itself: the loss has no `predict` binding."
        names = ", ".join(found)
        return f"What is reported for raw scores: {names}." if len(found) == 1 else f"A mapping with {names}."

    def _predicted(self) -> str:
        if not self.derivation.lowered.predictions:
            return "        return np.asarray(score)"
        settings = self._settings(list(self.roles.settings), 'self.settings["{}"]')
        count = len(self.roles.scores)
        given = ", ".join(f"scores[:, {k}]" for k in range(count)) if count > 1 else "scores"
        if self.roles.grouped:
            given = "scores[None]"
        columns = str(count) if count > 1 else "None"
        call = f"{self.interface.name}_predict({given}, **{settings})"
        if self.roles.grouped:
            call = f"np.reshape({call}, np.shape(score))"
        return f"        scores = _scores(score, {columns})\n        return {call}"


SMALL = [
    "The second derivative can be far from 1, so `parameters` asks for no least sum of it in a leaf, and for a penalty",
    "on leaves (XGBoost, CatBoost) in proportion to it.",
]
STEEP = ["The second derivative has no bound, so `parameters` limits the step of a leaf (XGBoost, LightGBM)."]

RESERVED_METHODS = frozenset({
    "loss", "derivatives", "metric", "parameters", "init_score", "first_scores", "predict_transform", "attach",
    "settings", "floor", "check", "hessian_scale",
})  # fmt: skip
"""Names of the class that the method named after the loss must not take."""
