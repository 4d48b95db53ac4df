"""The numeric functions of an objective, as text: the losses of the elements, their gradients, their Hessians."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from lossdsl.backends.emitter import Emitter
from lossdsl.backends.expand import Expansion
from lossdsl.backends.interface import Interface
from lossdsl.backends.layout import without_unused, wrapped
from lossdsl.backends.numpy.arguments import INDENT
from lossdsl.backends.numpy.dialect import NumpyDialect
from lossdsl.backends.numpy.module import NumpyModule
from lossdsl.backends.numpy.support import quoted, runtime_functions, runtime_source
from lossdsl.backends.programs import Derived
from lossdsl.backends.programs import Output as Filled
from lossdsl.backends.text import strip
from lossdsl.boosting import runtime
from lossdsl.boosting.derivation import Derivation, Output
from lossdsl.boosting.sharing import share_exponentials
from lossdsl.boosting.start import MEAN, ClosedForm
from lossdsl.functions.sources import helper_names, helper_source
from lossdsl.ir.demand import read_checks
from lossdsl.ir.graph import Node

RESERVED = frozenset({"_arguments", "_losses", "_derivatives", "_constant", "floor", "hessian_scale", "check", "mean"})
"""Names of functions of the module, and of options of its class, which no argument of the loss gets."""


class NumericModule(NumpyModule):
    """Emits functions of the arguments of a loss; the same checks and names as in the NumPy back end."""

    def __init__(self, derivation: Derivation) -> None:
        taken = helper_names("numpy") | frozenset(runtime_functions()) | frozenset(own_runtime()) | RESERVED
        self.interface = Interface(derivation.program, taken)
        self.local = self.interface.locals
        self.helpers: dict[str, None] = {}
        self.runtime: dict[str, None] = {}
        self.derivation = derivation
        self.expansion = Expansion(derivation.table)
        self.rows = derivation.rows
        self.derived = self._expanded()

    def _final(self, node: Node) -> Node:
        return self.expansion.rewrite([node])[0]

    def _expanded(self) -> Derived:
        lowered = self.derivation.lowered
        checks = read_checks(lowered.table, [(lowered.element, lowered.mask, lowered.free)], lowered.parts[""])
        predicted = [(node, None, indices) for indices, node in lowered.predictions.values()]
        made_of = frozenset[int]().union(*(lowered.parts[name] for name in lowered.predictions))
        prediction_checks = read_checks(lowered.table, predicted, made_of)
        names: dict[int, str] = {}
        for label, node in lowered.names.items():
            names.setdefault(self._final(node).id, label)
        return Derived(
            lowered,
            self.expansion.table,
            Filled(self._final(lowered.element), tuple(sorted(lowered.free, key=lambda i: i.high != self.rows))),
            None if lowered.mask is None else self._final(lowered.mask),
            {},
            {n: Filled(self._final(node), indices) for n, (indices, node) in lowered.predictions.items()},
            {},
            {},
            {},
            None,
            [(c, self._final(c.position), self._final(c.demanded)) for c in checks],
            [],
            [(c, self._final(c.position), self._final(c.demanded)) for c in prediction_checks],
            names,
        )

    # ------------------------------------------------------------ functions

    def losses(self) -> str:
        """The loss of each element; of a loss that ends in no `mean` or `sum`, the loss."""

        def body() -> list[str]:
            emitter = self._emitter(self._roots())
            element, kept = self._elements(emitter)
            self.helpers |= emitter.helpers
            if self.interface.program.reduction is None:
                return [*emitter.lines, f"return {self.local.out}.type({element}), True"]
            losses, counted = emitter.names.fresh("losses"), emitter.names.fresh("counted")
            emitter.lines.append(f"{losses} = np.broadcast_to({element}, {self._shape(emitter)})")
            if kept == "None":
                return [*emitter.lines, f"return {losses}, True"]
            return [
                *emitter.lines,
                f"{counted} = np.broadcast_to({kept}, {self._shape(emitter)})",
                f"return np.where({counted}, {losses}, 0), {counted}",
            ]

        summary = "The loss of each element, and which count." if self.interface.program.reduction else "The loss."
        return self._private("_losses", summary, body)

    def constant(self, closed: ClosedForm) -> str:
        """The function that gives the best constant score, or the level of the quantile that it is."""
        hypers = [a for a in self.derivation.roles.settings if self.derivation.depends(closed.node, a.name)]
        named = [self.interface.arg_names[a.name] for a in hypers]
        first = ["mean: float"] if closed.kind == "mean" else []
        parameters = [*first, *(["*"] if named else []), *(f"{name}: float" for name in named)]
        arrays = {**self.interface.arg_names, MEAN: "mean"}
        hosts = [*(a.name for a in self.interface.hosts), MEAN]
        names = self.interface.fresh_names()
        emitter = Emitter(NumpyDialect("np.float64"), self.expansion.table, arrays, hosts, {}, names, {})
        node = self._final(closed.node)
        emitter.plan([node])
        text = strip(emitter.value(node, "real").code)
        what = "The level of the quantile." if closed.kind == "quantile" else "The best constant score."
        lines = [f"def _constant({', '.join(parameters)}) -> float:", f'{INDENT}"""{what}"""']
        lines.append(f'{INDENT}with np.errstate(all="ignore"):')
        lines += [f"{INDENT}{INDENT}{line}" for line in [*emitter.lines, f"return {text}"]]
        return "\n".join(wrapped(lines))

    def arrays(self, name: str, doc: str, outputs: Sequence[Output]) -> str:
        """A function that returns one array for each output, in the shapes of their indices."""

        def body() -> list[str]:
            nodes = share_exponentials(self.derivation.table, [o.node for o in outputs])
            filled = [Filled(self._final(node), o.indices) for node, o in zip(nodes, outputs, strict=True)]
            emitter = self._emitter([*self._roots(), *(o.node for o in filled)])
            self._checks(emitter)
            names = []
            for output in filled:
                text = self._array(emitter, output)
                names.append(text if text.isidentifier() else emitter.names.fresh("part"))
                if names[-1] != text:
                    emitter.lines.append(f"{names[-1]} = {text}")
            self.helpers |= emitter.helpers
            return [*emitter.lines, f"return {', '.join(names)}"]

        return self._private(name, doc, body)

    def _array(self, emitter: Emitter, output: Filled) -> str:
        text = self._ordered(emitter, output)
        sizes = emitter.shape(output.indices)
        shape = f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
        if emitter.value(output.node, "real").host:
            text = f"{self.local.dt}.type({text})"
        if output.node.free != frozenset(output.indices):
            text = f"np.broadcast_to({text}, {shape})"
        return text

    def _private(self, name: str, doc: str, body: Callable[[], list[str]]) -> str:
        interface = self.interface
        parameters = interface.parameters(extra=["validate: bool = False"])
        lines = [f"def {name}({parameters}) -> Any:", f'{INDENT}"""{doc}"""']
        position = len(lines)
        inner = [f"{INDENT}{INDENT}{line}" for line in without_unused(body())]
        lines.append(f'{INDENT}with np.errstate(all="ignore"):')
        lines += inner
        names = self._named(inner)
        lines.insert(position, f"{INDENT}{', '.join(names)} = {self._call_arguments()}")
        return "\n".join(wrapped(lines))

    def _named(self, lines: Sequence[str]) -> list[str]:
        """The variables that are unpacked, those that nothing reads with an underscore."""
        used = set(re.findall(r"\w+", " ".join(lines)))
        return [n if n in used else self.interface.unused(n) for n in self._unpacked()]

    def predict(self) -> str | None:
        """The function of the `predict` bindings, if there are any."""
        return self._predict() if self.derived.predictions else None

    def arguments(self) -> str:
        """The function that checks and converts arguments."""
        return self._arguments()

    def support(self, body: str) -> list[str]:
        """The helpers that the text calls, and those that they call."""
        own = _called(own_runtime(), body)
        shared = runtime_source(body)
        return [*helper_source(self.helpers, "numpy"), *shared, *own]

    @property
    def formula(self) -> str:
        """The text of the loss, fit for a docstring, indented."""
        return quoted("\n".join(f"{INDENT}{line}".rstrip() for line in self.interface.formula.split("\n")))


@lru_cache(maxsize=1)
def own_runtime() -> dict[str, str]:
    """The functions of `lossdsl.boosting.runtime`, by name, in order."""
    source = inspect.getsource(runtime)
    found = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return {node.name: ast.get_source_segment(source, node) or "" for node in found}


def _called(known: dict[str, str], body: str) -> list[str]:
    wanted: set[str] = set()
    pending = [body]
    while pending:
        text = pending.pop()
        for name, source in known.items():
            if name not in wanted and f"{name}(" in text:
                wanted.add(name)
                pending.append(source)
    return [source for name, source in known.items() if name in wanted]
