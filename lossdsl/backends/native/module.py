"""The standalone native module of a loss: the NumPy module, whose functions ask the C code first.

Arguments are checked by the code of the NumPy module.  Where the C code can not say the result (no compiler, a read
outside of its axis, more precision than double, products of large matrices) the NumPy code behind it runs, and explains
or computes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from lossdsl.backends.native.products import large_products
from lossdsl.backends.native.source import VALUE, Kernel, SourceWriter, Wanted
from lossdsl.backends.native.support import IMPORTS, native_interface, native_names, native_runtime
from lossdsl.backends.numpy.arguments import INDENT
from lossdsl.backends.numpy.module import NumpyModule
from lossdsl.backends.programs import Output
from lossdsl.ir.graph import Node
from lossdsl.meaning.core import Program


def emit(program: Program) -> str:
    """The module: the functions of the NumPy module, the C text, and what compiles and calls it."""
    return NativeModule(program).text()


class NativeModule(NumpyModule):
    """The text of a module, part by part."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.interface = native_interface(program)
        self.local = self.interface.locals
        fresh = self.interface.names.fresh
        self.found, self.shapes, self.asked = fresh("found"), fresh("shapes"), fresh("asked")
        self.brought, self.imported = native_names(), IMPORTS
        self.writer = SourceWriter(self.interface, self.derived)
        self.kernels: list[Kernel] = []

    def text(self) -> str:
        plain = super().text()
        head, body = plain.split("import numpy as np\n", 1)
        head = head.replace("in closed form, in NumPy.", "in closed form, in C and NumPy.")
        head = head.replace("it needs only NumPy.", "it needs NumPy, and a C compiler when it is first called.")
        constant = f"_C_SOURCE = r'''\n{self.writer.file(self.kernels)}'''"
        return "".join(
            [head, "import numpy as np\n\n", constant, "\n", body, "\n\n", "\n\n\n".join(native_runtime()), "\n"]
        )

    def _function(
        self,
        suffix: str,
        extra: Sequence[str],
        doc: str,
        body: Callable[[], list[str]],
        reduction: bool = True,
        likes: bool = False,
    ) -> str:
        native = {
            "": self._native_value,
            "_value_and_grad": lambda: self._native_derivative("value_and_grad", self.derived.gradient, True),
            "_hess_diag": lambda: self._native_derivative("hess_diag", self.derived.hessian, False),
            "_hvp": lambda: self._native_derivative("hvp", self.derived.hvp, False),
            "_terms": self._native_terms,
        }[suffix]
        return super()._function(suffix, extra, doc, lambda: [*native(), *body()], reduction, likes)

    # ------------------------------------------------------------ calls of C

    def _add(self, wanted: Wanted, has_value: bool = False) -> None:
        """The section; where there is a value, with its mean or sum, and if it has elements one with each of them."""
        if not has_value:
            self.kernels.append(self.writer.kernel(wanted))
        elif self.interface.program.reduction is None:
            self.kernels.append(self.writer.kernel(replace(wanted, value="each")))
        else:
            self.kernels.append(self.writer.kernel(replace(wanted, value="total")))
            self.kernels.append(self.writer.kernel(replace(wanted, name=f"{wanted.name}_each", value="each")))

    def _shape_text(self, output: Output) -> str:
        sizes = self._emitter([]).shape(output.indices)
        return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"

    def _call(
        self, program: str, vectors: Sequence[str], roots: Sequence[Node], has_reduction: bool = True
    ) -> list[str]:
        """The statement that asks C."""
        interface = self.interface
        sizes = _tuple(list(interface.size_names.values()))
        numbers = _tuple([interface.arg_names[a.name] for a in interface.hosts])
        arrays = _tuple([*(interface.arg_names[a.name] for a in interface.arrays), *vectors])
        asked = "reduction" if interface.program.reduction is not None and has_reduction else "None"
        products = _tuple([
            " * ".join(f"({t})" if " " in t else t for t in self._emitter([]).shape(loops))
            for loops in large_products(self.derived.table, roots)
        ])  # fmt: skip
        given = f"{program}, {self.local.dt}, {asked}, {sizes}, {numbers}, {arrays}, {self.shapes}, {products}"
        return [f"{self.found} = _computed(_C_SOURCE, {given})"]

    def _value_shape(self) -> str:
        shape = self._shape_text(self.derived.element)
        return "()" if self.interface.program.reduction is None else f'{shape} if reduction == "none" else ()'

    def _value_text(self) -> str:
        return f'{self.found}["{VALUE}"]{self._group_text()}[()]'

    def _group_text(self) -> str:
        return "" if self.interface.program.reduction is None else self._grouped_shape(self._emitter([]))

    def _native_value(self) -> list[str]:
        self._add(Wanted("value", {}, self.derived.checks), has_value=True)
        return [
            f'{self.shapes} = {{"{VALUE}": {self._value_shape()}}}',
            *self._call('"value"', [], self._roots()),
            f"if {self.found} is not None:",
            f"{INDENT}return {self._value_text()}",
        ]

    def _native_derivative(self, name: str, outputs: dict[str, Output], has_value: bool) -> list[str]:
        v, interface = self.local, self.interface
        vectors = tuple(outputs) if name == "hvp" else ()
        subsets = [{n: o} for n, o in outputs.items()]
        subsets = [outputs] if len(outputs) == 1 else [outputs, *subsets]
        labels = [name, *(f"{name}_{k}" for k in range(len(subsets) - 1))]
        for label, subset in zip(labels, subsets, strict=True):
            self._add(Wanted(label, subset, self.derived.checks, has_seed=True, vectors=vectors), has_value)
        known = ", ".join(f'"{n}"' for n in outputs) + ("," if len(outputs) == 1 else "")
        lines = [f"{self.asked} = _names(wrt, ({known}))"]
        given = []
        if vectors:
            lines.append(f"{v.given} = _directions({self.asked}, wrt, vector)")
            for n in vectors:
                held, own, like = interface.vector_names[n], interface.arg_names[n], interface.like_names[n]
                lines.append(f'{held} = _direction("{n}", {v.given}, {own}, {like}, {v.dt})')
                given.append(held)
        shapes = [f'"{VALUE}": {self._value_shape()}'] if has_value else []
        shapes += [f'"{n}": {self._shape_text(o)}' for n, o in outputs.items()]
        lines.append(f"{self.shapes} = {{{', '.join(shapes)}}}")
        program = f'"{name}"'
        if len(outputs) > 1:
            program = f'_program("{name}", {self.asked}, {self.shapes})'
        roots = [*self._roots(), *(o.node for o in outputs.values())]
        lines += [*self._call(program, given, roots), f"if {self.found} is not None:"]
        likes = ", ".join(f'"{n}": {interface.like_names[n]}' for n in outputs)
        lines.append(f"{INDENT}{v.grads} = _shaped({self.found}, {self.asked}, {{{likes}}})")
        picked = f"{v.grads}[0] if isinstance(wrt, str) else {v.grads}"
        lines.append(f"{INDENT}return {self._value_text()}, ({picked})" if has_value else f"{INDENT}return {picked}")
        return lines

    def _native_terms(self) -> list[str]:
        outputs = {name: Output(node, ()) for name, node in self.derived.terms.items()}
        self._add(Wanted("terms", outputs, self.derived.term_checks))
        names = ", ".join(f'"{n}": ()' for n in outputs)
        call = self._call('"terms"', [], [o.node for o in outputs.values()], has_reduction=False)
        return [
            f"{self.shapes} = {{{names}}}",
            *call,
            f"if {self.found} is not None:",
            f"{INDENT}return {{name: value[()] for name, value in {self.found}.items()}}",
        ]


def _tuple(parts: Sequence[str]) -> str:
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"
