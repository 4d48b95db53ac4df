"""Memory of a function of C: arrays for stages, totals that are kept in them, rows that loops have in common."""

from __future__ import annotations

from lossdsl.backends.native.expressions import Expressions
from lossdsl.backends.native.items import BEST, Item, Items
from lossdsl.backends.native.nests import Loop, Nest
from lossdsl.backends.native.scopes import CNames, Scope
from lossdsl.backends.native.totals import Total, Variable
from lossdsl.ir.graph import Index, Node

PARTS = "PARTS"
ROOM = "room"
"""How many parts a loop can have in this call."""
STEP = "    "


class Memory:
    """What the functions of one C function share, and the statements that fill it."""

    def __init__(self, items: Items, nest: Nest, expressions: Expressions, names: CNames) -> None:
        self.items, self.nest, self.e, self.names = items, nest, expressions, names
        self.frame: list[str] = []
        """Declarations of fields."""
        self.main = Scope()
        self.totals: dict[str, Total] = {}
        self._loop_names: dict[Index, str] = {}

    def _loop_name(self, index: Index) -> str:
        if index not in self._loop_names:
            self._loop_names[index] = self.names.fresh(index.name)
        return self._loop_names[index]

    def _inner(self, item: Item) -> list[Index]:
        """Axes of the total of a stage: out indices that run inside of the first loop that adds up."""
        assert item.stage is not None
        bound = set(item.loops[: item.gathering])
        return [k for k in item.stage.out if k not in bound]

    # ------------------------------------------------------------ rows

    def _row_buffer(self, index: Index, scope: Scope) -> str:
        """The pointer to a row of numbers over an index, one for each thread."""
        name = self.names.fresh("row")
        self.frame.append(f"real *{name};")
        lengths = f"{{{self.e.length(index, self.main)}, {ROOM}}}"
        self.main.lines += self._taken(name, 2, lengths)
        root = scope.at(0)
        length = self.e.length(index, root)
        root.lines.append(f"real *const restrict {name} = f->{name} + part * {length};")
        return name

    def _taken(self, name: str, axes: int, lengths: str) -> list[str]:
        take = f"take(&arena, sizeof(*f->{name}), {axes}, (const int64_t[]){lengths})"
        return [f"f->{name} = {take};", f"if (!f->{name})", f"{STEP}goto failed;"]

    def _row_element(self, pointer: str, loop: Loop, scope: Scope) -> str:
        index = self.items.graph.index(loop.index)
        return self.e.element(pointer, [(index, loop.index.low, loop.index.high)], scope, known=True)

    # ------------------------------------------------------------ arrays

    def _allocate(self, item: Item) -> None:
        """The array of a stage, where it has one: in the frame, or a buffer for each thread."""
        axes = self.nest.axes(item)
        if not axes:
            return
        lengths = [self.e.length(k, self.main) for k in axes]
        threads = [ROOM] if item.name in self.e.buffers else []
        for field, type in self._fields(item):
            self.frame.append(f"{type} *{field};")
            sizes = ", ".join([*lengths, *threads])
            count = len(lengths) + len(threads)
            self.main.lines += self._taken(field, count, f"{{{sizes}}}")

    def _fields(self, item: Item) -> list[tuple[str, str]]:
        """The arrays of a stage and their types: its values, and beside a sum in memory what it has lost."""
        name = self.e.storage[item.name]
        total = self.totals[item.name]
        fields = [(name, str(self.e.storage_type[item.name]))]
        if self._inner(item):
            fields += [(v.name, v.type) for v in self._beside(total)]
        return fields

    def _beside(self, total: Total) -> list[Variable]:
        """The variables of a total in memory, without the one that becomes its value."""
        main = total.variables[-1 if total.op in BEST else 0]
        return [v for v in total.variables if v is not main and v.name != main.name]

    def _pointer(self, item: Item, field: str, type: str, scope: Scope) -> str:
        """The array in the function that is being written; of a buffer the part of this thread."""
        root = scope.at(0)
        if item.name not in self.e.buffers:
            if root is self.main:
                return f"f->{field}"
            return scope.require(field, f"{type} *const restrict {field}")
        if field not in root.fields:
            root.fields.add(field)
            lengths = " * ".join(self.e.length(k, root) for k in self.nest.axes(item))
            root.lines.append(f"{type} *const restrict {field} = f->{field} + part * ({lengths});")
        return field

    def _keep(self, item: Item, scope: Scope) -> None:
        """Write the value that a variable holds to the array of the stage, if it has one."""
        axes = self.nest.axes(item)
        assert item.stage is not None
        if not axes:
            return
        field, type = self._fields(item)[0]
        pointer = self._pointer(item, field, type, scope)
        places = [(self.items.graph.index(k), k.low, k.high) for k in axes]
        scope.lines.append(f"{self.e.element(pointer, places, scope, known=True)} = {scope.stages[item.name]};")

    def _around(self, item: Item, scope: Scope, lines: list[str], inner: Scope) -> None:
        """The lines, in loops over the axes of a total in memory."""
        depth = 0
        for k in self._inner(item):
            low, high = (self.e.extent(x, scope) for x in (k.low, k.high))
            name = self._loop_name(k)
            scope.lines.append(f"{STEP * depth}for (int64_t {name} = {low}; {name} < {high}; {name}++) {{")
            depth += 1
        scope.lines += [STEP * depth + line for line in (*inner.lines, *lines)]
        for level in range(depth - 1, -1, -1):
            scope.lines.append(STEP * level + "}")

    def _elements(self, item: Item, scope: Scope, positions: dict[Index, Node] | None = None) -> list[str]:
        """The element of each array of a total in memory; at the positions of a scatter, or at its own."""
        graph = self.items.graph
        given = positions or {}
        places = [(given.get(k, graph.index(k)), k.low, k.high) for k in self.nest.axes(item)]
        return [
            self.e.element(self._pointer(item, field, type, scope), places, scope, known=True)
            for field, type in self._fields(item)
        ]

    def _open(self, item: Item, scope: Scope) -> Scope:
        """A body in which the indices of a total in memory are known."""
        inner = Scope(scope, scope.depth + 1)
        for k in self._inner(item):
            inner.indices[k] = self._loop_name(k)
        return inner

    def _start_in_memory(self, item: Item, scope: Scope) -> None:
        total = self.totals[item.name]
        inner = self._open(item, scope)
        elements = self._elements(item, inner)
        main = total.variables[-1 if total.op in BEST else 0]
        starts = [main.start, *(v.start for v in self._beside(total))]
        self._around(item, scope, [f"{e} = {s};" for e, s in zip(elements, starts, strict=True)], inner)

    def _finish_in_memory(self, item: Item, scope: Scope) -> None:
        total = self.totals[item.name]
        assert item.stage is not None
        if not self._beside(total) or total.op in BEST:
            return
        inner = self._open(item, scope)
        value, beside = self._elements(item, inner)
        line = f"{value} += {beside};" if total.op == "sum" else f"{value} = {beside} ? (real)NAN : {value};"
        self._around(item, scope, [line], inner)

    def _step_in_memory(self, item: Item, body: str, condition: str | None, scope: Scope) -> None:
        stage = item.stage
        assert stage is not None
        positions = dict(stage.positions)
        inside = []
        for k, position in stage.positions:
            # a term whose position lies outside of the array goes nowhere
            text = operand(self.e.whole(position, scope))
            inside.append(f"{text} >= {self.e.extent(k.low, scope)} && {text} < {self.e.extent(k.high, scope)}")
        tests = [*([condition] if condition is not None else []), *inside]
        elements = self._elements(item, scope, positions)
        value = elements[0]
        match stage.op:
            case "sum" if len(elements) == 2:
                line = f"add(&{value}, &{elements[1]}, (double){body});"
            case "sum":
                line = f"{value} += {body};"
            case "prod":
                line = f"{value} *= (double){body};"
            case "max" | "min":
                sign = ">" if stage.op == "max" else "<"
                line = f"{value} = {body} {sign} {value} ? {body} : {value};"
                if len(elements) == 2:
                    line += f" {elements[1]} |= {body} != {body};"
            case "any":
                line = f"{value} |= {body};"
            case _:
                line = f"{value} &= {body};"
        if tests:
            scope.lines += [f"if ({' && '.join(tests)}) {{", f"{STEP}{line}", "}"]
        else:
            scope.lines.append(line)


def operand(text: str) -> str:
    """The text, in brackets unless it is a name or a call."""
    plain = text.replace("_", "").isalnum()
    return text if plain else f"({text})"
