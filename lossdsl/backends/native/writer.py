"""One function of C: the loops of a nest, top-level loops as functions of their own that threads can share.

The frame holds everything that these functions share: sizes, numbers, arrays of the caller, arrays for stages that are
read in another loop than the one that computes them.  Rows that are read again in the same turn of a loop have a
buffer of one row per thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from lossdsl.backends.native.exponents import at_defaults
from lossdsl.backends.native.expressions import Expressions
from lossdsl.backends.native.items import BEST, Item, Items, Store
from lossdsl.backends.native.memory import PARTS, STEP, Memory, operand
from lossdsl.backends.native.nests import Loop, Nest, is_sequential
from lossdsl.backends.native.rows import shared_rows
from lossdsl.backends.native.scopes import CNames, Code, Scope
from lossdsl.backends.native.totals import NEUTRAL, Total
from lossdsl.ir.graph import Node


class FunctionWriter(Memory):
    """The text of a C function; `outputs` names the pointers of stores, `seed` the lines that set the weight."""

    def __init__(
        self,
        items: Items,
        nest: Nest,
        expressions: Expressions,
        names: CNames,
        outputs: dict[str, str],
        defaults: dict[str, Fraction],
    ) -> None:
        super().__init__(items, nest, expressions, names)
        self.outputs, self.defaults = outputs, defaults
        self.functions: list[str] = []
        self._nests = 0
        self._rows: dict[Node, tuple[str, list[Loop]]] = {}

    # ------------------------------------------------------------ the whole

    def write(self, after: Callable[[str], Sequence[str]]) -> None:
        """Everything; `after` gives lines of the main function that follow the completion of a stage.

        `name_stages` comes before."""
        for entry in self.nest.body:
            if isinstance(entry, Item):
                self.e.count(entry.roots)
                if entry.stage is not None:
                    self._allocate(entry)
                self._straight(entry, self.main)
                self._complete_at_top(entry)
                done = [entry]
            else:
                self._top_loop(entry)
                done = entry.items()
            for item in done:
                if item.stage is not None:
                    self.main.lines += after(item.name)

    def name_stages(self) -> None:
        """Where each stage is kept: a variable, an array of the frame, a buffer of a loop."""
        for item in self.items.items:
            if item.stage is None:
                continue
            name = self.names.fresh(item.name)
            low = self.e.extent(item.stage.reduced[0].low, self.main) if item.stage.op in BEST else "0"
            self.totals[item.name] = total = Total(item, name, low)
            self.e.storage[item.name] = name
            axes = self.nest.axes(item)
            in_memory = bool(self._inner(item))
            first = total.variables[-1 if item.stage.op in BEST else 0].type
            self.e.storage_type[item.name] = first if in_memory else total.type  # type: ignore[assignment]
            if axes and self.nest.common(item):
                self.e.buffers[item.name] = self.nest.common(item)

    # ------------------------------------------------------------ loops

    def _top_loop(self, loop: Loop) -> None:
        self._nests += 1
        name = self.names.fresh(f"nest_{self._nests}")
        scope = Scope()
        members = loop.items()
        self.e.count(root for item in members for root in item.roots)
        kept = [i for i in members if i.stage is not None and i.gathering == 0]
        for item in members:
            if item.stage is not None:
                self._allocate(item)
        for item in kept:
            if self._inner(item):
                self._start_in_memory(item, self.main)
            else:
                scope.lines += [f"{v.type} {v.name} = {v.start};" for v in self.totals[item.name].variables]
        self._loop(loop, scope, "begin", "end")
        for item in kept:
            if not self._inner(item):
                scope.lines += [f"f->{v.name}[part] = {v.name};" for v in self.totals[item.name].variables]
        self.functions.append(self._function(name, scope.lines))
        low, high = (self.e.extent(x, self.main) for x in (loop.index.low, loop.index.high))
        parts = self._parts(loop) if loop.shared else "1"
        joined = [i for i in kept if not self._inner(i)]
        if joined:
            self.main.lines.append(f"for (int part = 0; part < {PARTS}; part++) {{")
            for item in joined:
                for v in self.totals[item.name].variables:
                    self.frame.append(f"{v.type} {v.name}[{PARTS}];")
                    self.main.lines.append(f"{STEP}f->{v.name}[part] = {v.start};")
            self.main.lines.append("}")
        self.main.lines.append(f"spread({name}, f, {low}, {high}, {parts});")
        for item in joined:
            total = self.totals[item.name]
            self.main.lines += [f"{v.type} {v.name} = {v.start};" for v in total.variables]
            self.main.lines.append(f"for (int part = 0; part < {PARTS}; part++) {{")
            self.main.lines += [STEP + line for line in total.merge(f"f->{total.name}")]
            self.main.lines.append("}")
        for item in kept:
            if self._inner(item):
                self._finish_in_memory(item, self.main)
            else:
                self._to_frame(item, self.totals[item.name].value)

    def _function(self, name: str, lines: Sequence[str]) -> str:
        """The function of a loop; with a version for the defaults of hyperparameters, where that spares powers."""
        special = at_defaults(lines, self.e.exponents, self.defaults, self.e.calls)
        if special is None:
            return _loop_function(name, lines)
        fixed, concerned = special
        general, default = self.names.fresh(f"{name}_any"), self.names.fresh(f"{name}_default")
        test = " && ".join(f"f->{self.e.hosts[h]} == {float(self.defaults[h])!r}" for h in sorted(concerned))
        choice = [f"if ({test})", f"{STEP}{default}(f, begin, end, part);", "else"]
        choice += [f"{STEP}{general}(f, begin, end, part);"]
        versions = [_loop_function(general, lines), _loop_function(default, fixed), _loop_function(name, choice)]
        return "\n\n".join(versions)

    def _parts(self, loop: Loop) -> str:
        """How many threads a loop is worth: one below 100,000 elements."""
        works: dict[str, None] = {}
        for item in loop.items():
            works[" * ".join(f"(double){self.e.length(k, self.main)}" for k in item.loops)] = None
        work = " + ".join(works)
        return f"{work} < 1e5 ? 1 : threads"

    def _to_frame(self, item: Item, value: str) -> None:
        """Keep the value of a stage without axes for the functions that follow."""
        total = self.totals[item.name]
        self.frame.append(f"{total.type} {total.name};")
        self.main.lines.append(f"f->{total.name} = {value};")

    def _complete_at_top(self, item: Item) -> None:
        if item.stage is not None and not self._inner(item):
            held = self.main.stages.pop(item.name)
            self.main.fields.add(held)
            self._to_frame(item, held)

    def _loop(self, loop: Loop, scope: Scope, low: str, high: str) -> None:
        """The loop and its body, as lines of the scope around it."""
        index = self._loop_name(loop.index)
        child = scope.child()
        child.indices[loop.index] = index
        sums = self._blocked_totals(loop)
        rows = shared_rows(loop.body)
        self._rows |= {node: (self._row_buffer(users[0].index, child), users) for node, users in rows.items()}
        for node, (pointer, users) in self._rows.items():
            if loop in users[1:]:
                child.nodes[node.id] = Code(self._row_element(pointer, loop, child), "real")
        for entry in loop.body:
            if isinstance(entry, Item):
                self._straight(entry, child, blocked=loop.is_innermost)
                if entry.name in child.stages:
                    self._keep(entry, child)
            else:
                self._inner_loop(entry, child)
        for node, (pointer, users) in self._rows.items():
            if loop is users[0]:
                child.lines.append(f"{self._row_element(pointer, loop, child)} = {self.e.real(node, child)};")
        body = [line if line.startswith("#") else STEP + line for line in child.lines]
        pragma = self._pragma(loop)
        if not sums:
            scope.lines += [*pragma, f"for (int64_t {index} = {low}; {index} < {high}; {index}++) {{", *body, "}"]
            return
        block, stop = self.names.fresh(f"{index}_block"), self.names.fresh(f"{index}_stop")
        lines = [f"const int64_t {stop} = min_i({block} + BLOCK, {high});"]
        lines += [f"double {t.name}_part = 0;" for t in sums]
        lines += [*pragma, f"for (int64_t {index} = {block}; {index} < {stop}; {index}++) {{", *body, "}"]
        lines += [f"add(&{t.name}_total, &{t.name}_rest, {t.name}_part);" for t in sums]
        self.e.calls["min_i"] = None
        scope.lines.append(f"for (int64_t {block} = {low}; {block} < {high}; {block} += BLOCK) {{")
        scope.lines += [line if line.startswith("#") else STEP + line for line in lines]
        scope.lines.append("}")

    def _inner_loop(self, loop: Loop, scope: Scope) -> None:
        depth = scope.depth
        starting = [i for i in loop.items() if i.stage is not None and i.gathering == depth]
        for item in starting:
            if self._inner(item):
                self._start_in_memory(item, scope)
            else:
                scope.lines += [f"{v.type} {v.name} = {v.start};" for v in self.totals[item.name].variables]
        low, high = (self.e.extent(x, scope) for x in (loop.index.low, loop.index.high))
        self._loop(loop, scope, low, high)
        for item in starting:
            if self._inner(item):
                self._finish_in_memory(item, scope)
            else:
                total = self.totals[item.name]
                value = self._value_name(item)
                scope.lines.append(f"const {total.type} {value} = {total.value};")
                scope.stages[item.name] = value
                self._keep(item, scope)

    def _blocked_totals(self, loop: Loop) -> list[Total]:
        if not loop.is_innermost:
            return []
        members = [i for i in loop.items() if i.stage is not None and i.gathering < len(i.loops)]
        totals = [self.totals[i.name] for i in members if not self._inner(i)]
        return [t for t in totals if t.is_compensated]

    def _pragma(self, loop: Loop) -> list[str]:
        """What lets the compiler vectorise the innermost loop."""
        if not loop.is_innermost or any(is_sequential(item) for item in loop.items()):
            return []
        clauses = []
        for item in loop.items():
            if item.stage is not None and item.gathering < len(item.loops) and not self._inner(item):
                clauses.append(self.totals[item.name].clause)
        return [" ".join(["#pragma omp simd", *clauses])]

    # ------------------------------------------------------------ items

    def _straight(self, item: Item, scope: Scope, blocked: bool = False) -> None:
        """One element of an item, where all of its loops are open."""
        if item.store is not None:
            self._store(item.store, scope)
            return
        stage = item.stage
        assert stage is not None
        total = self.totals[item.name]
        condition = None if stage.where is None else operand(self.e.condition(stage.where, scope))
        body = self._body(item, scope)
        if item.gathering >= len(item.loops) and not stage.positions:
            neutral = NEUTRAL[stage.op]
            text = body if condition is None else f"{condition} ? {body} : {neutral}"
            if stage.op in BEST:
                text = total.low if condition is None else f"{condition} ? {total.low} : {total.low} - 1"
            name = self._value_name(item)
            scope.lines.append(f"const {total.type} {name} = {text};")
            scope.stages[item.name] = name
            return
        if self._inner(item):
            alone = item.gathering >= len(item.loops)
            if alone:
                self._start_in_memory(item, scope)
            self._step_in_memory(item, body, condition, scope)
            if alone:
                self._finish_in_memory(item, scope)
            return
        self.e.extent(stage.reduced[0].low, scope)
        at = self._loop_names[stage.reduced[0]] if stage.op in BEST else ""
        scope.lines += total.step(body, condition, blocked, at)

    def _body(self, item: Item, scope: Scope) -> str:
        stage = item.stage
        assert stage is not None
        if stage.op in ("any", "all"):
            text = self.e.condition(stage.body, scope)
        elif self.totals[item.name].type == "int64_t" and stage.op not in BEST:
            text = self.e.whole(stage.body, scope)
        else:
            text = self.e.real(stage.body, scope)
        if text.isidentifier() or stage.op in ("any", "all"):
            return operand(text)
        if stage.op in (*BEST, "max", "min"):
            name = self.names.fresh("t")
            type = "int64_t" if self.totals[item.name].type == "int64_t" and stage.op not in BEST else "real"
            scope.lines.append(f"const {type} {name} = {text};")
            return name
        return operand(text)

    def _store(self, store: Store, scope: Scope) -> None:
        pointer = self.outputs[store.array]
        scope.require(pointer, f"real *const restrict {pointer}")
        value = self.e.real(store.node, scope)
        places = [(self.items.graph.index(i), i.low, i.high) for i in store.indices]
        scope.lines.append(f"{self.e.element(pointer, places, scope, known=True)} = {value};")

    def _value_name(self, item: Item) -> str:
        """The variable for the value of a stage; the array that holds it has the plain name."""
        name = self.totals[item.name].name
        return self.names.fresh(f"{name}_here") if self.nest.axes(item) else name


def _loop_function(name: str, lines: Sequence[str]) -> str:
    body = [line if line.startswith("#") else STEP + line for line in lines]
    head = f"static void {name}(struct frame *f, int64_t begin, int64_t end, int part)"
    return "\n".join([head, "{", f"{STEP}(void)part;", *body, "}"])
