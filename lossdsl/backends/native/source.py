"""The C file of a loss: one section per function, each compiled for itself, in one precision, when it is first called.

Every section defines `run`.  It takes the sizes of the axes, the hyperparameters, the arrays of the arguments and those
for the results; it returns 0, or another number where it can not say the result: a read outside of its axis, sizes that
do not fit, no memory.  The caller then runs the NumPy code, which explains or computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from lossdsl.backends.interface import Interface
from lossdsl.backends.native.expressions import Expressions
from lossdsl.backends.native.functions import prelude, resource
from lossdsl.backends.native.items import Store, items_of
from lossdsl.backends.native.memory import STEP
from lossdsl.backends.native.nests import nest
from lossdsl.backends.native.scopes import CNames
from lossdsl.backends.native.writer import FunctionWriter
from lossdsl.backends.programs import Checked, Derived, Output
from lossdsl.calculus.forward import PREFIX
from lossdsl.ir.graph import Index, Node
from lossdsl.ir.stage import StageTable

HEADER = """#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS = 64, BLOCK = 256 };"""

VALUE = ""
"""The output for the value: a number, or the values of the elements."""


@dataclass(frozen=True)
class Kernel:
    """A section of the file: its name, and the outputs in the order in which `run` takes them."""

    name: str
    outputs: tuple[str, ...]
    text: str
    calls: tuple[str, ...]
    """Functions of the prelude."""


@dataclass(frozen=True)
class Wanted:
    """What a section computes."""

    name: str
    outputs: dict[str, Output]
    checks: Sequence[Checked]
    value: Literal["", "total", "each"] = ""
    """What is said of the value: nothing, the sum or mean of the elements, or each of them."""
    has_seed: bool = False
    vectors: tuple[str, ...] = ()


class SourceWriter:
    """The sections of a loss."""

    def __init__(self, interface: Interface, derived: Derived) -> None:
        self.interface, self.derived = interface, derived
        self.graph = derived.table.graph

    def kernel(self, wanted: Wanted) -> Kernel:
        return _KernelWriter(self, wanted).kernel()

    def file(self, kernels: Sequence[Kernel]) -> str:
        calls = [call for kernel in kernels for call in kernel.calls]
        sections = [f"#ifdef PROGRAM_{k.name}\n\n{k.text}\n\n#endif /* {k.name} */" for k in kernels]
        return "\n\n".join([HEADER, prelude(calls), resource("runtime.h").rstrip(), *sections]) + "\n"


class _KernelWriter:
    def __init__(self, source: SourceWriter, wanted: Wanted) -> None:
        self.source, self.wanted = source, wanted
        self.interface, self.derived, self.graph = source.interface, source.derived, source.graph
        old = self.derived.table
        self.table = StageTable(self.graph, dict(old.stages), dict(old.arrays))
        self.names = CNames()
        self.fields: list[str] = []
        self.setup: list[str] = []
        self.lengths = self._lengths()
        self.hosts = {a.name: self._field(a.name, "double {};", f"numbers[{k}]")
                      for k, a in enumerate(self.interface.hosts)}  # fmt: skip
        self.pointers = self._pointers()

    def _field(self, hint: str, declaration: str, value: str) -> str:
        name = self.names.fresh(hint)
        self.fields.append(declaration.format(name))
        self.setup.append(f"f->{name} = {value};")
        return name

    def _lengths(self) -> dict[str, str]:
        result = {}
        for k, axis in enumerate(self.interface.size_names):
            result[axis] = self._field(axis, "int64_t {};", f"sizes[{k}]")
            self.setup += [f"if (f->{result[axis]} < 0)", f"{STEP}return 3;"]
        return result

    def _pointers(self) -> dict[str, str]:
        names = [(a.name, a.name, self.table.arrays[a.name].kind) for a in self.interface.arrays]
        names += [(PREFIX + v, f"vector_{v}", "real") for v in self.wanted.vectors]
        return {
            key: self._field(hint, f"const {'int64_t' if kind == 'int' else 'real'} *{{}};", f"arrays[{k}]")
            for k, (key, hint, kind) in enumerate(names)
        }

    # ------------------------------------------------------------ stages beside those of the loss

    def _total(self, hint: str, body: Node, indices: Sequence[Index]) -> str:
        return self.table.add(hint, (), "sum", indices, self.derived.kept, body)

    def _check_stages(self) -> list[str]:
        """Stages that say whether some read that is used lies outside of its axis."""
        g = self.graph
        stages = []
        for check, position, demanded in self.wanted.checks:
            low, high = g.extent(check.low), g.extent(check.high)
            outside = g.apply("or", g.apply("lt", position, low), g.apply("ge", position, high))
            bad = g.both(demanded, outside)
            if not bad.is_const or bad.value is True:
                stages.append(self.table.add(f"outside_{check.array}", (), "any", sorted(bad.free), None, bad))
        return stages

    # ------------------------------------------------------------ the function

    def kernel(self) -> Kernel:
        element, program = self.derived.element, self.interface.program
        reduces = program.reduction is not None
        count = self._total("kept", self.graph.const(1), element.indices) if reduces and self._is_masked() else None
        stores = [Store(name, o.indices, o.node) for name, o in self.wanted.outputs.items()]
        total = None
        if self.wanted.value == "total" and element.indices:
            total = self._total("total", element.node, element.indices)
        elif self.wanted.value:
            stores.insert(0, Store(VALUE, element.indices, self._element_node()))
        checks = self._check_stages()
        stages = [s for s in (count if self._needs_count() else None, total, *checks) if s is not None]
        items = items_of(
            self.table, stores, stages, [count] if count and self._needs_count() else [], self.derived.names
        )
        tree = nest(items, count if self._needs_count() else None)
        e = Expressions(
            self.table, tree, items.stages(), self.names, self.pointers, self.hosts, self.lengths, items.hints
        )
        outputs = {s.array: self.names.fresh(f"out_{s.array or 'value'}") for s in stores}
        if total is not None:
            outputs = {VALUE: self.names.fresh("out_value"), **outputs}
        defaults = {a.name: a.default for a in self.interface.hosts if isinstance(a.default, Fraction)}
        writer = FunctionWriter(items, tree, e, self.names, outputs, defaults)
        writer.name_stages()
        body = _Body(self, writer, e, count if self._needs_count() else None, total, tuple(checks))
        return Kernel(self.wanted.name, tuple(outputs), body.text(outputs), tuple(e.calls))

    def _is_masked(self) -> bool:
        return self.derived.kept is not None

    def _needs_count(self) -> bool:
        return self._is_masked() and (self.wanted.has_seed or self.wanted.value == "total")

    def _element_node(self) -> Node:
        kept, node = self.derived.kept, self.derived.element.node
        return node if kept is None else self.graph.where(kept, node, self.graph.const(0))


@dataclass
class _Body:
    """The text of one section: the frame, the loops, and the function that calls them."""

    kernel: _KernelWriter
    writer: FunctionWriter
    e: Expressions
    count: str | None
    """The stage that counts the elements that a mask keeps."""
    total: str | None
    """The stage that adds up the elements."""
    checks: tuple[str, ...]

    def text(self, outputs: dict[str, str]) -> str:
        kernel, writer = self.kernel, self.writer
        fields = [*kernel.fields, *(f"real *{pointer};" for pointer in outputs.values())]
        setup = [*kernel.setup, *(f"f->{pointer} = outputs[{k}];" for k, pointer in enumerate(outputs.values()))]
        writer.main.lines += self._size_checks()
        status = kernel.names.fresh("status")
        if kernel.wanted.has_seed:
            fields.append("real seed;")
            if self.count is None:
                writer.main.lines.append(self._seed())
        writer.write(lambda stage: self._after(stage, status))
        ending: list[str] = []
        if self.total is not None:
            ending = [f"*f->{outputs[VALUE]} = {self._reduced()};"]
        lines = [
            "struct arena arena = {{0}, 0};",
            "struct frame all, *const f = &all;",
            f"int {status} = 0;",
            "(void)sizes, (void)numbers, (void)arrays, (void)outputs, (void)reduction, (void)threads;",
            "memset(f, 0, sizeof all);",
            "const int64_t room = threads < 1 ? 1 : threads < PARTS ? threads : PARTS;",
            "(void)room;",
            *setup,
            *writer.main.lines,
            *ending,
            "cleanup(&arena);",
            f"return {status};",
        ]
        if any("goto failed" in line for line in lines):
            lines += ["failed:", "cleanup(&arena);", "return 2;"]
        frame = "struct frame {\n" + "\n".join(STEP + line for line in [*fields, *writer.frame]) + "\n};"
        return "\n\n".join([frame, *writer.functions, _function(lines)])

    def _size_checks(self) -> list[str]:
        main = self.writer.main
        lines = []
        for check in self.kernel.interface.program.checks:
            lines += [
                f"if ({self.e.extent(check.left, main)} != {self.e.extent(check.right, main)})",
                f"{STEP}return 3;",
            ]
        return lines

    def _seed(self) -> str:
        """The weight of each element in what is differentiated."""
        if self.kernel.interface.program.reduction is None:
            return "f->seed = 1;"
        return f"f->seed = reduction == 2 ? (real)(1.0 / {self._counted()}) : (real)1;"

    def _counted(self) -> str:
        self.e.calls["max_i"] = None
        if self.count is not None:
            return f"(double)max_i(f->{self.writer.totals[self.count].name}, 1)"
        sizes = [self.e.length(i, self.writer.main) for i in self.kernel.derived.element.indices]
        return f"(double)max_i({' * '.join(sizes) or '1'}, 1)"

    def _after(self, stage: str, status: str) -> list[str]:
        """The lines that follow the completion of a stage."""
        if stage in self.checks:
            return [f"{status} |= f->{self.writer.totals[stage].name};"]
        return [self._seed()] if stage == self.count and self.kernel.wanted.has_seed else []

    def _reduced(self) -> str:
        assert self.total is not None
        total = self.writer.totals[self.total]
        value = f"(double){total.name}_total" + (f" + {total.name}_rest" if total.is_compensated else "")
        return f"(real)(({value}) / (reduction == 2 ? {self._counted()} : 1.0))"


def _function(lines: Sequence[str]) -> str:
    head = (
        "int64_t run(const int64_t *sizes, const double *numbers, void *const *arrays, void *const *outputs,\n"
        "            int64_t reduction, int64_t threads)"
    )
    return head + "\n{\n" + "\n".join(line if line == "failed:" else STEP + line for line in lines) + "\n}"
