"""Value and gradient some rows at a time: for large tensors, where not all of a row's numbers should exist at once.

On a CPU a block of rows stays in the cache.  On any device the logits sum[d](h[n, d]*w[c, d]) of a loss that looks at
them row by row exist for one block of rows only, in the value and in the gradients of h and w.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lossdsl.backends.blocks import VALUE, BlockWriter, planned
from lossdsl.backends.expand import stage_nodes
from lossdsl.backends.programs import Derived, Output
from lossdsl.backends.torch.dialect import atom
from lossdsl.backends.torch.emitter import TorchEmitter
from lossdsl.backends.torch.layout import INDENT, indented
from lossdsl.backends.torch.names import TorchNames
from lossdsl.backends.torch.plain import Check
from lossdsl.calculus.gradient import SEED
from lossdsl.ir.graph import Node
from lossdsl.schedule.program import Part, Pass, Schedule, Store, hints_of


@dataclass(frozen=True)
class Plan:
    """The schedule of value and gradient; `count` is the stage that counts elements, where that depends on data."""

    found: Schedule
    count: str | None
    checks: list[Check]

    @property
    def roots(self) -> list[Node]:
        passes = [root for current in self.found.passes for root in current.roots]
        return [*(w.node for w in self.found.finals.values()), *passes]

    @property
    def has_products(self) -> bool:
        return any(current.has_products for current in self.found.passes)


def plan_of(derived: Derived, reduces: bool) -> Plan | None:
    """How a loss is computed in blocks; None where it can not be."""
    found = planned(derived, derived.gradient, has_value=True, reduces=reduces)
    return None if found is None else Plan(*found, _moved_checks(derived, found[0]))


def _moved_checks(derived: Derived, found: Schedule) -> list[Check]:
    """The checks of reads, for those of the rows of a block too."""
    graph = derived.table.graph
    checks = list(derived.checks)
    for check, position, demanded in derived.checks:
        for index in found.across:
            if index in position.free | demanded.free:
                to = {index: graph.index(found.row)}
                checks.append((check, graph.substitute(position, to), graph.substitute(demanded, to)))
    stored = {s.array.removeprefix("all_"): s.array for p in found.passes for s in p.stores}
    return checks + [(replace(c, array=stored[c.array]), p, d) for c, p, d in checks if c.array in stored]


class TorchBlocks(BlockWriter):
    """The statements of the function; `size` is its argument with the number of rows of a block."""

    emitter: TorchEmitter

    def __init__(self, plan: Plan, derived: Derived, emitter: TorchEmitter, local: TorchNames, tensor: str) -> None:
        super().__init__(plan.found, emitter)
        self.plan, self.derived, self.local, self.tensor = plan, derived, local, tensor
        fresh = emitter.names.fresh
        self.size, self.total, self.counted = fresh("size"), fresh("total"), ""
        self.has_value = False
        self.results: dict[str, str] = {}
        self.pending: list[tuple[Part, dict[str, str]]] = []
        """Totals that are joined once it is known that a gradient is wanted, with the variables for their parts."""

    @property
    def rows(self) -> str:
        return self.emitter.extent(self.found.size)

    def statements(self, reduces: bool) -> list[str]:
        """All of them, and the one that returns."""
        emitter, found = self.emitter, self.found
        if self.plan.count is None:
            self._count(self._elements_count(), reduces)
        for number, current in enumerate(found.passes):
            for name in found.wholes.get(current.number - 1, ()):
                variable = emitter.stage(found.table.stages[name])
                if name == self.plan.count:
                    self._count(variable, reduces)
            if not any(map(self._serves_value, found.passes[number:])):
                self._value(reduces)
            self._pass(current)
            if any(p.total == self.plan.count for p in current.parts):
                self._count(emitter.arrays[str(self.plan.count)], reduces)
        if not self.counted:
            self._count(emitter.stage(found.table.stages[str(self.plan.count)]), reduces)
        self._value(reduces)
        for part, lists in self.pending:
            self._join(part, lists)
        texts = [self._result(name, output) for name, output in self.derived.gradient.items()]
        emitter.lines.append(f"return {', '.join([self.local.value, *texts])}")
        return emitter.lines

    def dispatch(self, name: str, call: str, tensors: Sequence[str], reduction: str, size: str) -> list[str]:
        """The statements that hand over to the function, where it pays; `size` is a variable for the number of rows."""
        widths = sorted({self.width(current) for current in self.found.passes})
        width = widths[0] if len(widths) == 1 else f"max({', '.join(widths)})"
        of = f"({', '.join(tensors)}{',' if len(tensors) == 1 else ''})"
        sizes = f"{self.rows}, {width}, {self.plan.has_products}"
        upstream, with_gradient = self.local.upstream, self.local.with_gradient
        return [
            f"{size} = _rows_at_once({sizes}, {upstream}, {reduction}, {of})",
            f"if {size}:",
            f"{INDENT}return {name}({call}, {upstream}, {with_gradient}, {size})",
        ]

    # ------------------------------------------------------------ value and weights

    def _elements_count(self) -> str:
        sizes = self.emitter.shape(self.derived.element.indices)
        return " * ".join(f"({s})" if " " in s else s for s in sizes) or "1"

    def _count(self, counted: str, reduces: bool) -> None:
        """The number of elements is known, and with it the weight of each."""
        self.counted = counted
        given = f"{counted}, reduction" if reduces else '1, "sum"'
        self.emitter.lines.append(f"{self.local.seed} = _weight({self.local.upstream}, {given}, {self.tensor})")

    def _value(self, reduces: bool) -> None:
        """The value, as soon as it is known; no more is computed where no gradient is wanted."""
        if self.has_value:
            return
        self.has_value = True
        emitter, local = self.emitter, self.local
        if VALUE not in self.found.finals:
            text = f"_mean({self.total}, {self.counted}, reduction)"
        else:
            final = self.found.finals[VALUE]
            output = Output(final.node, final.indices)
            emitter.ensure([final.node])
            text = emitter.full(output)
            if reduces:
                text = f"_reduced({text}, None, {self.ordered_shape(final.indices)}, reduction)"
        emitter.lines += [
            f"{local.value} = {text}",
            f"if not {local.with_gradient}:",
            f"{INDENT}return ({local.value},)",
        ]

    def _is_wanted_for_value(self, name: str) -> bool:
        return not self.found.users[name].isdisjoint({VALUE, SEED})

    def _serves_value(self, current: Pass) -> bool:
        stored = any(self._is_wanted_for_value(s.array.removeprefix("all_")) for s in current.stores)
        parts = any(self._is_wanted_for_value(p.total) for p in current.parts)
        return stored or parts or any(o.array == VALUE for o in current.outputs)

    # ------------------------------------------------------------ one pass

    def _pass(self, current: Pass) -> None:
        emitter = self.emitter
        self.hoist(current)
        arrays = {store.array: emitter.names.fresh(store.array) for store in current.stores}
        for store in current.stores:
            kind = self.found.table.arrays[store.array].kind
            dtype = {"real": self.local.dt, "int": "torch.long", "bool": "torch.bool"}[kind]
            shape = self.ordered_shape(store.whole)
            emitter.lines.append(
                f"{arrays[store.array]} = torch.empty({shape}, dtype={dtype}, device={self.local.device})"
            )
        lists: dict[str, str] = {}
        for part in current.parts:
            lists[part.total] = self._part_room(part)
        for output in current.outputs:
            if output.array == VALUE:
                lists[VALUE] = emitter.names.fresh("parts")
                emitter.lines.append(f"{lists[VALUE]}: list[torch.Tensor] = []")
            else:
                self._room(output)
        outer, state, emitter.lines = emitter.lines, emitter.checkpoint(), []
        self._rows(current, arrays, lists)
        inner, emitter.lines = emitter.lines, outer
        emitter.restore(state)
        emitter.lines += [
            f"for {self.start} in range(0, {self.rows}, {self.size}):",
            f"{INDENT}{self.stop} = min({self.start} + {self.size}, {self.rows})",
            *indented(inner),
        ]
        emitter.arrays.update(arrays)
        late = self._late(current)
        for part in current.parts:
            if part not in late:
                self._join(part, lists)
        self.pending = [(part, lists) for part in late]
        if VALUE in lists:
            emitter.lines.append(f'{self.total} = _joined("sum", {lists[VALUE]})')

    def _late(self, current: Pass) -> list[Part]:
        """The totals that only a gradient is made of: there are none where no gradient is wanted."""
        last = current is self.found.passes[-1]
        return [p for p in current.parts if last and not self._is_wanted_for_value(p.total)]

    def _join(self, part: Part, lists: dict[str, str]) -> None:
        emitter = self.emitter
        variable = lists[part.total]
        if _is_list(part):
            variable = emitter.names.fresh(part.total)
            emitter.lines.append(f'{variable} = _joined("{part.stage.op}", {lists[part.total]})')
        emitter.arrays[part.total] = variable

    def _room(self, output: Store) -> None:
        variable = self.emitter.names.fresh(f"grad_{output.array}")
        shape = self.ordered_shape(output.whole)
        self.emitter.lines.append(f"{variable} = _room({shape}, {self.tensor}, {self.local.with_gradient})")
        self.results[output.array] = variable

    def _part_room(self, part: Part) -> str:
        """The variable for the parts of a total: a list, or for matrices their sum so far."""
        variable = self.emitter.names.fresh(f"parts_{part.total}" if _is_list(part) else part.total)
        if _is_list(part):
            self.emitter.lines.append(f"{variable}: list[torch.Tensor] = []")
        else:
            asked = "True" if self._is_wanted_for_value(part.total) else self.local.with_gradient
            shape = self.ordered_shape(part.out)
            self.emitter.lines.append(f"{variable} = _room({shape}, {self.tensor}, {asked})")
        return variable

    def _rows(self, current: Pass, arrays: dict[str, str], lists: dict[str, str]) -> None:
        """The statements for one block."""
        emitter = self.emitter
        late = self._late(current)
        for part in current.parts:
            if part not in late:
                self._add(part, lists[part.total])
        for store in current.stores:
            self._fill(arrays[store.array], store)
        for output in current.outputs:
            if output.array == VALUE:
                emitter.lines.append(f"{lists[VALUE]}.append(torch.sum({self._elements(output)}))")
        gradients = [o for o in current.outputs if o.array != VALUE]
        if not late and not gradients:
            return
        lines, state, emitter.lines = emitter.lines, emitter.checkpoint(), []
        for part in late:
            self._add(part, lists[part.total])
        for output in gradients:
            self._fill(self.results[output.array], output)
        inner, emitter.lines = emitter.lines, lines
        emitter.restore(state)
        emitter.lines += [f"if {self.local.with_gradient}:", *indented(inner)]

    def _add(self, part: Part, variable: str) -> None:
        emitter = self.emitter
        text = emitter.stage(part.stage)
        own = emitter.axes(part.stage.out)
        if own != list(part.out):
            text = emitter.dialect.permute(text, [own.index(i) for i in part.out])
        emitter.lines.append(f"{variable}.append({text})" if _is_list(part) else f"{variable} += {text}")

    def _fill(self, array: str, store: Store) -> None:
        emitter = self.emitter
        emitter.ensure([store.node])
        text = emitter.ordered(store.node, store.indices, store.node.kind)
        emitter.lines.append(f"{array}[{self.place(store.indices)}] = {text}")

    def _elements(self, output: Store) -> str:
        emitter = self.emitter
        emitter.ensure([output.node])
        text = emitter.ordered(output.node, output.indices)
        if emitter.value(output.node, "real").host:
            return emitter.dialect.filled(emitter.shape(output.indices), text)
        if set(output.indices) - output.node.free:
            return f"{atom(text)}.expand({self.ordered_shape(output.indices)})"
        return text

    # ------------------------------------------------------------ results

    def _result(self, name: str, output: Output) -> str:
        if name in self.results:
            return self.results[name]
        final = self.found.finals[name]
        self.emitter.ensure([final.node])
        return self.emitter.full(Output(final.node, final.indices))


def _is_list(part: Part) -> bool:
    """Whether the parts are kept side by side, to be joined at once: those that are numbers or short."""
    return part.stage.op != "sum" or part.stage.kind != "real" or len(part.out) < 2


def hints(plan: Plan, derived: Derived, names: Mapping[str, str]) -> dict[int, str]:
    """The names that users gave to nodes, and names for the rows of arguments, by the names of these."""
    found = hints_of(plan.found, derived.names)
    for node in stage_nodes(plan.found.table, plan.roots):
        if node.op == "read" and node.value in names and plan.found.row in node.free:
            found.setdefault(node.id, f"{names[str(node.value)]}_rows")
    return found
