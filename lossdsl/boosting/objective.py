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
from lossdsl.boosting.libraries import calling
from lossdsl.boosting.library import Facts, Library
from lossdsl.boosting.policy import MEANING, Choice, asked, chosen, row_by_row
from lossdsl.boosting.proofs import may_saturate
from lossdsl.boosting.rows import Roles, check_additive, roles
from lossdsl.boosting.start import ClosedForm, closed_form
from lossdsl.boosting.start_text import StartText
from lossdsl.diagnostics import LossError
from lossdsl.diagnostics.boosting import NoPlaceForData, RowsCoupled
from lossdsl.meaning.core import Arg, Program

FLOOR = 1e-16
"""Of the second derivative, before weights: as in XGBoost's logistic objective."""


_PLACE = 'api="native" of XGBoost and LightGBM, and CatBoost, have a place'


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
        self.roles: Roles = roles(program, request.target, request.coupled)
        self.library: Library = calling(request.library, request.api, self.roles)
        self._check(program)
        self.derivation: Derivation = derive(program, self.roles, not request.coupled)
        self.choice: Choice = self._choice()
        self.closed: ClosedForm | None = None if request.coupled else closed_form(self.derivation)
        self.program = self.derivation.program
        self.numeric = NumericModule(self.derivation)
        self.interface = self.numeric.interface
        self.cls = class_name(program)
        self.own_target = self.roles.label_columns and not self.library.label_columns
        self.start = StartText(
            self.derivation, self.interface, self.closed, self.own_target, request.coupled, self._saturates()
        )

    # ------------------------------------------------------------ what fits

    def _check(self, program: Program) -> None:
        if not self.request.coupled:
            check_additive(program)
        elif not self.library.whole:
            message = f"{self.library.title} calls an objective for parts of the rows, not for all of them"
            raise LossError(RowsCoupled(program.span, message, "XGBoost and LightGBM call it for all rows"))
        needed = [a for a in self.roles.row_data if a.default is None]
        if self.roles.label_columns and not self.library.label_columns and self.roles.target is not None:
            needed = [self.roles.target, *needed]
        if needed and self.library.carries == "nothing":
            names = ", ".join(a.name for a in needed)
            message = f"{self.library.title} hands an objective one label a row, and the loss needs {names}"
            raise LossError(NoPlaceForData(needed[0].span, message, _PLACE))

    def _saturates(self) -> bool:
        return not self.request.coupled and self.closed is None and may_saturate(self.derivation)

    def _choice(self) -> Choice:
        blocks = self.library.blocks and self.roles.columns
        if self.request.hessian is None:
            choice = chosen(self.derivation, blocks)
        else:
            choice = asked(self.derivation, self.request.hessian, blocks)
        return row_by_row(self.derivation, choice, self.request.hessian is not None) if self.library.blocks else choice

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
        if any("copy.copy(" in part for part in [self.library.methods(self.facts)]):
            typing = f"import copy\n{typing}"
        third = "\n".join(["import numpy as np", *([self.library.imports] if self.library.imports else [])])
        return "\n\n".join([self._header(), "from __future__ import annotations", typing, third])

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
            f'Standalone: it needs only NumPy{" and CatBoost" if self.library.imports else ""}.\n"""'
        )

    def _about(self) -> str:
        lines = [
            f"Hessian: {self.choice.policy}, {MEANING[self.choice.policy]};",
            f"    {self.choice.reason}.",
            f"First score: {self.start.words()}.",
            f"Scores: {self._scores_are()}.",
            f"Versions: {self.library.title} {self.library.version(self.roles.columns)[0]} or later.",
            "Derivatives are by the raw score, of the sum over rows, times the weights.",
            *(SMALL if self.choice.small else []),
            *(LOWEST if self.choice.lowest else []),
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
            scores=self.start.width(),
            columns=self.roles.columns,
            attached=tuple(self.interface.arg_names[a.name] for a in self._attached() if a.default is None),
            example=", ".join(f"{self.interface.arg_names[a.name]}=..." for a in required),
            full=self.choice.policy == "full",
            small=self.choice.small,
            steep=self.choice.steep,
            lowest=self.choice.lowest,
        )

    def _attached(self) -> list[Arg]:
        """Data that stand on the data set beside the label."""
        own = [self.roles.target] if self.own_target else []
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
            "compute": self._compute(),
            "piece": self._piece(),
            "own": self._own(),
            "gradients": self._stacked(0, len(self.roles.scores)),
            "hessians": self._hessians(),
            "diagonals": self._stacked(len(self.roles.scores), 2 * len(self.roles.scores)),
            "block": str(self.facts.full),
            "reduction": self.program.reduction or "value",
            "mean": str(self.program.reduction != "sum"),
            **self.start.gaps(self.facts.full),
            "base": self.library.base,
            "untyped": "  # type: ignore[misc]" if self.library.base else "",
            "predicted_is": self._predicted_is(),
            "predicted": self._predicted(),
        }
        parts = [template.CLASS, template.COUPLED if coupled else template.DERIVATIVES, template.START]
        text = "".join(part.format(**gaps) for part in parts).strip("\n") + "\n"
        attach = template.ATTACH.format(**gaps) if self.library.carries == "data sets" else ""
        attach += template.CURVATURE.format(**gaps) if self._needs_curvature() else ""
        return text + attach + self.library.methods(self.facts).rstrip("\n")

    def _needs_curvature(self) -> bool:
        return self.choice.lowest or (self.choice.small and self.library.package != "lightgbm")

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
        if label is not None and not self.own_target:
            named = f", {self.interface.arg_names[label.name]}={target}"
        return f"{given}{named}, **{data}, **self.settings"

    def _compute(self) -> str:
        """The call for all rows: in blocks, where each row stands for itself."""
        outputs = [*self.derivation.gradient.values(), *self.choice.hessian.values()]
        if self.roles.target is None or not self.derivation.is_local(outputs):
            return "self._of_rows(scores, target, data)"
        return "_by_blocks(self._of_rows, scores, target, data)"

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
        if self.facts.full and count > 1:
            return f"_symmetric(parts[{count}:], {count})"
        return found if self.facts.full else f"np.reshape({found}, scores.shape)"

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
LOWEST = ["The least second derivative is a tenth of the mean one at the first score: `parameters` sees to it."]
STEEP = ["The second derivative has no bound, so `parameters` limits the step of a leaf (XGBoost, LightGBM)."]

RESERVED_METHODS = frozenset({
    "loss", "derivatives", "metric", "parameters", "init_score", "first_scores", "predict_transform", "attach",
    "settings", "floor", "check", "hessian_scale",
})  # fmt: skip
"""Names of the class that the method named after the loss must not take."""
