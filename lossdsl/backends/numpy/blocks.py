"""The body of a function as passes over blocks of rows: each pass a function of `start` and `stop`, and a call of it.

Arrays of the size of the input are then read once in each pass, and written only where they are results.  What depends
on no row is computed before the pass, what is asked for by one name of `wrt` only where it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lossdsl.backends.blocks import VALUE, BlockWriter, planned
from lossdsl.backends.emitter import Emitter
from lossdsl.backends.expand import stage_nodes
from lossdsl.backends.numpy.arguments import INDENT
from lossdsl.backends.programs import Output
from lossdsl.backends.text import View
from lossdsl.calculus.forward import PREFIX
from lossdsl.calculus.gradient import SEED
from lossdsl.ir.graph import Node
from lossdsl.schedule.items import is_product
from lossdsl.schedule.program import Part, Pass, Schedule, Store, hints_of

if TYPE_CHECKING:
    from lossdsl.backends.numpy.module import NumpyModule


@dataclass(frozen=True)
class _Asked:
    """A function of the module: its outputs by name of `wrt`, and whether it gives the value too."""

    outputs: dict[str, Output]
    has_value: bool
    has_vectors: bool = False


def blocked(
    module: NumpyModule, outputs: dict[str, Output], has_value: bool, has_vectors: bool = False
) -> list[str] | None:
    """The statements of a function that computes by blocks; None where the program does not allow it."""
    asked = _Asked(outputs, has_value, has_vectors)
    reduces = module.interface.program.reduction is not None
    found = planned(module.derived, outputs, has_value, reduces)
    return None if found is None else _Writer(module, asked, *found).lines()


class _Writer(BlockWriter):
    """The statements of one function."""

    def __init__(self, module: NumpyModule, asked: _Asked, found: Schedule, count: str | None) -> None:
        self.module, self.asked, self.count = module, asked, count
        self.v, self.interface = module.local, module.interface
        super().__init__(found, self._planned(found))
        fresh = self.emitter.names.fresh
        self.each, self.total = fresh("each"), fresh("total")
        self.counted = ""
        """The text of the number of elements, once it is known."""
        self.results: dict[str, str] = {}
        """Output -> the variable with the array that the passes fill."""

    def _planned(self, found: Schedule) -> Emitter:
        interface = self.interface
        vectors = {PREFIX + n: interface.vector_names[n] for n in self.asked.outputs} if self.asked.has_vectors else {}
        roots = [w.node for w in found.finals.values()]
        for current in found.passes:
            roots += current.roots
        hints = hints_of(found, self.module.derived.names)
        for node in stage_nodes(found.table, roots):
            if node.op == "read" and node.value in interface.arg_names and found.row in node.free:
                hints.setdefault(node.id, f"{interface.arg_names[str(node.value)]}_rows")
        return self.module._emitter(roots, vectors, found.table, hints, (found.row, *found.across))

    # ------------------------------------------------------------ the whole function

    def lines(self) -> list[str]:
        emitter, found = self.emitter, self.found
        self._first()
        for current in found.passes:
            self._wholes(current.number - 1)
            self._pass(current)
            if any(p.total == self.count for p in current.parts):
                self._count(emitter.arrays[str(self.count)])
        if not self.counted:
            self._count(emitter.stage(found.table.stages[str(self.count)]))
        self._last()
        self.module.helpers |= emitter.helpers
        return emitter.lines

    def _wholes(self, phase: int) -> None:
        """Compute what runs over no row, or can not be cut, between passes."""
        for name in self.found.wholes.get(phase, ()):
            variable = self.emitter.stage(self.found.table.stages[name])
            if name == self.count:
                self._count(variable)

    def _count(self, counted: str) -> None:
        """The number of elements is known, and with it the weight of each in what is differentiated."""
        v = self.v
        self.counted = counted
        has_reduction = self.interface.program.reduction is not None
        weight = f"_weight({v.dt}, {counted}, reduction)" if has_reduction else f"{v.dt}.type(1)"
        self.emitter.lines.append(f"{v.seed} = {weight}")

    def _first(self) -> None:
        """What is looked at before anything is computed."""
        emitter, v, names = self.emitter, self.v, list(self.asked.outputs)
        self.module._checks(emitter)
        for array, axis, number in list(emitter.checked):
            for node in self.found.moved.get(number, ()):
                emitter.checked |= {(array, axis, node.id), (f"all_{array}", axis, node.id)}
        if names:
            known = ", ".join(f'"{n}"' for n in names) + ("," if len(names) == 1 else "")
            wrt = f"_names(wrt, ({known}))"
            emitter.lines.append(f"{v.names} = {wrt}" if self._chooses or self.asked.has_vectors else wrt)
        if self.asked.has_vectors:
            self._vectors()
        if self._has_elements:
            emitter.lines.append(f"{self.each} = _each({v.out}, {self.module._shape(emitter)}, reduction)")
        if self.count is None:
            self._count(self._size())

    @property
    def _chooses(self) -> bool:
        """Whether `wrt` chooses among several outputs."""
        return len(self.asked.outputs) > 1

    @property
    def _has_elements(self) -> bool:
        """Whether a pass gives the elements of the loss."""
        return self.asked.has_value and VALUE not in self.found.finals

    def _vectors(self) -> None:
        emitter, v = self.emitter, self.v
        emitter.lines.append(f"{v.given} = _directions({v.names}, wrt, vector)")
        for name in self.asked.outputs:
            own, like = self.interface.arg_names[name], self.interface.like_names[name]
            direction = f'_direction("{name}", {v.given}, {own}, {like}, {v.dt})'
            emitter.lines.append(f"{self.interface.vector_names[name]} = {direction}")

    def _size(self) -> str:
        """How many elements there are."""
        sizes = self.emitter.shape(self.module.derived.element.indices)
        return " * ".join(f"({s})" if " " in s else s for s in sizes) or "1"

    # ------------------------------------------------------------ one pass

    def _pass(self, current: Pass) -> None:
        emitter = self.emitter
        self.hoist(current)
        for output in current.outputs:
            if output.array != VALUE:
                self._room(output)
        arrays = {store.array: emitter.names.fresh(store.array) for store in current.stores}
        for store in current.stores:
            shape = self.ordered_shape(store.whole)
            emitter.lines.append(f"{arrays[store.array]} = np.empty({shape}, {self._dtype(store.array)})")
        rows = emitter.names.fresh("rows")
        outer, state, emitter.lines = emitter.lines, emitter.checkpoint(), []
        parts = self._rows(current, arrays)
        inner, emitter.lines = emitter.lines, outer
        emitter.restore(state)
        names = list(parts.values())
        inner.append(f"return ({', '.join(names)}{',' if len(names) == 1 else ''})")
        size = emitter.extent(self.found.size)
        head = f"def {rows}({self.start}: int, {self.stop}: int) -> tuple[Any, ...]:"
        emitter.lines += ["", head, *(INDENT + line for line in inner), ""]
        self._call(current, rows, size, list(parts))
        emitter.arrays.update(arrays)

    def _room(self, output: Store) -> None:
        """The array that a pass fills with an output."""
        emitter, v = self.emitter, self.v
        variable = emitter.names.fresh(f"grad_{self.interface.arg_names[output.array]}")
        like = self.interface.like_names[output.array]
        asked = f', "{output.array}" in {v.names}' if self._chooses else ""
        room = f"_gradient({like}, {v.dt}, {self.ordered_shape(output.whole)}{asked})"
        emitter.lines.append(f"{variable} = {room}")
        self.results[output.array] = variable

    def _dtype(self, array: str) -> str:
        kind = self.found.table.arrays[array].kind
        return {"real": self.v.dt, "int": "np.intp", "bool": "bool"}[kind]

    def _call(self, current: Pass, rows: str, size: str, totals: Sequence[str]) -> None:
        """The call that runs a pass."""
        emitter = self.emitter
        parts = {part.total: part for part in current.parts}
        ops = [parts[t].stage.op if t in parts else "sum" for t in totals]
        variables = []
        for total in totals:
            if total in parts:
                emitter.arrays[total] = emitter.names.fresh(total)
            variables.append(emitter.arrays[total] if total in parts else self.total)
        quoted = [f'"{op}"' for op in ops]
        given = f"({', '.join(quoted)}{',' if len(ops) == 1 else ''})"
        products = ", products=True" if current.has_products else ""
        call = f"_in_blocks({rows}, {size}, {self.width(current)}, {given}{products})"
        target = f"({variables[0]},)" if len(variables) == 1 else ", ".join(variables)
        head = f"{target} = " if variables else ""
        emitter.lines.append(f"{head}{call}")

    # ------------------------------------------------------------ the function of a pass

    def _rows(self, current: Pass, arrays: Mapping[str, str]) -> dict[str, str]:
        """The statements for one block; the text of each part that it returns, by the total that it is a part of."""
        emitter = self.emitter
        for read in self._rows_to_reduce(current):
            emitter.settle_read(read, "_by_columns")
        common = [p for p in current.parts if self._only(current, p.total) is None]
        parts: dict[str, str] = {p.total: self._part(p) for p in common}
        for store in current.stores:
            self._fill(arrays[store.array], store, store.node.kind)
        for output in current.outputs:
            if output.array == VALUE:
                parts[VALUE] = self._elements(output)
        names = list(self.asked.outputs)
        groups = {name: self._group(current, name) for name in names}
        if self._chooses:
            self.share([roots for *_, roots in groups.values()])
        for name, (own, filled, _) in groups.items():
            if not own and not filled:
                continue
            lines, state = emitter.lines, emitter.checkpoint()
            emitter.lines = []
            found = {p.total: self._part(p) for p in own}
            for output in filled:
                self._fill(self.results[name], output)
            inner, emitter.lines = emitter.lines, lines
            if self._chooses:
                emitter.restore(state)
                variables = {total: emitter.names.fresh(f"part_{total}") for total in found}
                emitter.lines += [f"{variable}: Any = None" for variable in variables.values()]
                emitter.lines.append(f'if "{name}" in {self.v.names}:')
                inner += [f"{variables[total]} = {text}" for total, text in found.items()]
                emitter.lines += [INDENT + line for line in inner]
                parts |= variables
            else:
                emitter.lines += inner
                parts |= found
        return parts

    def _rows_to_reduce(self, current: Pass) -> list[Node]:
        """Reads of matrices whose rows are reduced."""
        nodes = stage_nodes(self.found.table, current.roots)
        stages = self.found.table.stages
        reduced = {
            index
            for name in {str(n.value) for n in nodes if n.op == "read" and n.value in stages}
            if self.row in stages[name].out and not is_product(stages[name])
            for index in stages[name].reduced
        }
        return [
            n
            for n in nodes
            if n.op == "read" and n.kind == "real" and n.value in self.interface.arg_names and len(n.args) == 2
            if n.args[0].value == self.row and n.args[1].op == "index" and n.args[1].value in reduced
        ]

    def _only(self, current: Pass, total: str) -> str | None:
        """The one output that a total is needed for, if `wrt` may leave it out; no later pass reads such a total."""
        users = self.found.users[total]
        if not self._chooses or current is not self.found.passes[-1] or len(users) != 1 or users & {VALUE, SEED}:
            return None
        return next(iter(users))

    def _group(self, current: Pass, name: str) -> tuple[list[Part], list[Store], list[Node]]:
        """What is computed only for one output."""
        own = [p for p in current.parts if self._only(current, p.total) == name]
        filled = [o for o in current.outputs if o.array == name]
        return own, filled, [*(r for p in own for r in p.stage.roots), *(o.node for o in filled)]

    def _part(self, part: Part) -> str:
        emitter = self.emitter
        variable = emitter.stage(part.stage)
        own, out = emitter.axes(part.stage.out), list(part.out)
        if own != out:
            variable = emitter.dialect.permute(variable, [own.index(i) for i in out])
        return variable

    def _fill(self, array: str, store: Store, view: View = "real") -> None:
        emitter = self.emitter
        text = self.module._ordered(emitter, Output(store.node, store.indices), view)
        emitter.lines.append(f"{array}[{self.place(store.indices)}] = {text}")

    def _elements(self, output: Store) -> str:
        text = self.module._ordered(self.emitter, Output(output.node, output.indices))
        shape = self.ordered_shape(output.indices)
        return self.emitter.held(
            f"_part({text}, {shape}, {self.each}, np.s_[{self.place(output.indices)}])", "part_value"
        )

    # ------------------------------------------------------------ results

    def _last(self) -> None:
        """The value, the outputs that no pass fills, and the statement that returns."""
        emitter, v = self.emitter, self.v
        if self.asked.has_value:
            emitter.lines.append(f"{v.value} = {self._value()}")
        if not self.asked.outputs:
            emitter.lines.append(f"return {v.value}")
            return
        result = f"{v.value}, " if self.asked.has_value else ""
        if not self._chooses:
            name = next(iter(self.asked.outputs))
            emitter.lines.append(f"{v.grads} = {self._result(name)}")
            emitter.lines.append(f"return {result}{v.grads} if isinstance(wrt, str) else ({v.grads},)")
            return
        emitter.lines.append(f"{v.grads}: dict[str, Any] = {{}}")
        for name in self.asked.outputs:
            state, before = emitter.checkpoint(), len(emitter.lines)
            text = self._result(name)
            inner = [*emitter.lines[before:], f'{v.grads}["{name}"] = {text}']
            del emitter.lines[before:]
            emitter.restore(state)
            emitter.lines += [f'if "{name}" in {v.names}:', *(INDENT + line for line in inner)]
        picked = f"{v.grads}[wrt] if isinstance(wrt, str) else tuple({v.grads}[k] for k in {v.names})"
        emitter.lines.append(f"return {result}({picked})" if result else f"return {picked}")

    def _value(self) -> str:
        v, module = self.v, self.module
        if self._has_elements:
            value = f"_value({self.total}, {self.each}, {self.counted}, reduction, {v.dt})"
            return f"{value}{module._grouped_shape(self.emitter)}"
        final = self.found.finals[VALUE]
        element = module._ordered(self.emitter, Output(final.node, final.indices))
        if self.interface.program.reduction is None:
            return f"{v.out}.type({element})"
        reduced = f"_reduced({v.out}, {element}, None, {module._shape(self.emitter)}, reduction)"
        return f"{reduced}{module._grouped_shape(self.emitter)}"

    def _result(self, name: str) -> str:
        if name in self.results:
            return f"_in_shape({self.results[name]}, {self.interface.like_names[name]})"
        final = self.found.finals[name]
        return self.module._converted(self.emitter, name, Output(final.node, final.indices))
