"""The private functions of an emitted module: programs that compute on tensors which have been checked.

Each takes the tensors of the loss (differentiable ones first), then its numbers: hyperparameters and the reduction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lossdsl.backends.expand import stage_nodes
from lossdsl.backends.interface import Interface
from lossdsl.backends.programs import Derived, Output
from lossdsl.backends.torch.blocks import TorchBlocks, hints, plan_of
from lossdsl.backends.torch.dialect import EagerDialect, TorchDialect, atom
from lossdsl.backends.torch.emitter import TorchEmitter
from lossdsl.backends.torch.layout import docstring, indented, listed, pruned, used
from lossdsl.backends.torch.names import TorchNames, names_beside
from lossdsl.backends.torch.plain import Check, Plain
from lossdsl.calculus.forward import PREFIX
from lossdsl.calculus.gradient import SEED
from lossdsl.ir.graph import Index, Node
from lossdsl.ir.stage import StageTable
from lossdsl.meaning.core import Arg

IN_BLOCKS = "_value_and_gradient_in_blocks"


class Programs:
    """Texts of the programs of one loss; `helpers` collects the functions of the table that they call."""

    def __init__(self, interface: Interface) -> None:
        self.interface = interface
        names = names_beside(interface)
        self.local = TorchNames.of(names)
        self.grads = [names.fresh(f"grad_{name}") for name in self.differentiable]
        self.vectors = [names.fresh(f"vector_{name}") for name in self.differentiable]
        self.helpers: dict[str, None] = {}

    # ------------------------------------------------------------ signatures

    @property
    def differentiable(self) -> list[str]:
        return [self.interface.arg_names[a.name] for a in self.interface.differentiable]

    @property
    def tensors(self) -> list[str]:
        """The tensors of the loss, differentiable ones first."""
        rest = [a for a in self.interface.arrays if a.role not in ("prediction", "learn")]
        return [*self.differentiable, *(self.interface.arg_names[a.name] for a in rest)]

    @property
    def hosts(self) -> list[str]:
        return [self.interface.arg_names[a.name] for a in self.interface.hosts]

    @property
    def numbers(self) -> list[str]:
        return [*self.hosts, *(["reduction"] if self.reduced else [])]

    @property
    def reduced(self) -> bool:
        """Whether the value is per element, to be reduced."""
        return self.interface.program.reduction is not None

    def signature(self, *extra: str, reduction: bool = True) -> str:
        tensors = [f"{name}: torch.Tensor" for name in self.tensors]
        hosts = [f"{name}: float" for name in self.hosts]
        return ", ".join([*tensors, *hosts, *(["reduction: str"] if reduction and self.reduced else []), *extra])

    @property
    def call(self) -> str:
        return ", ".join([*self.tensors, *self.numbers])

    # ------------------------------------------------------------ emitting

    def emitter(
        self,
        table: StageTable,
        hints: Mapping[int, str],
        checks: Sequence[Check],
        roots: Sequence[Node],
        inputs: Mapping[str, str] | None = None,
        first: Sequence[Index] = (),
        eager: bool = False,
    ) -> TorchEmitter:
        interface = self.interface
        arrays = {**interface.arg_names, **(inputs or {})}
        names = interface.fresh_names()
        names.taken |= {*arrays.values(), *vars(self.local).values(), *self.grads, *self.vectors}
        dialect = (EagerDialect if eager else TorchDialect)(self.local.dt, self.local.device)
        hosts = [a.name for a in interface.hosts]
        emitter = TorchEmitter(dialect, table, arrays, hosts, interface.size_names, names, hints)
        made = {(str(n.value), a.id) for n in stage_nodes(table, roots) if n.op == "read" for a in n.args}
        for (array, axis, number), (position, demanded) in _joined(table, checks).items():
            if demanded.is_const and demanded.value is True:
                emitter.checked.add((array, axis, number))
            elif (array, number) in made and axis >= 0 and not _reads(table, demanded, array, position):
                emitter.guards[array, axis, number] = demanded
        emitter.plan([*roots, *emitter.guards.values()], first)
        return emitter

    def function(
        self, name: str, extra: Sequence[str], result: str, doc: str, emitter: TorchEmitter, reduction: bool = True
    ) -> str:
        """The lines of the emitter as a function: sizes first, and autocast off where there are products."""
        self.helpers |= emitter.helpers
        lines = pruned(emitter.lines)
        if any(" @ " in line or "torch.einsum(" in line for line in lines):
            lines = [f"with _without_autocast({self.tensors[0]}.device):", *indented(lines)]
        body = [*docstring(doc), *self._shapes(lines), *lines]
        return "\n".join([f"def {name}({self.signature(*extra, reduction=reduction)}) -> {result}:", *indented(body)])

    def _shapes(self, lines: Sequence[str]) -> list[str]:
        """What the lines use of the shapes, the dtype and the device of the tensors."""
        result = []
        by_tensor: dict[str, list[tuple[str, int]]] = {}
        for axis, size in self.interface.size_names.items():
            if used(size, lines):
                arg, position = self._source(axis)
                by_tensor.setdefault(self.interface.arg_names[arg.name], []).append((size, position))
        for tensor, sizes in by_tensor.items():
            left = ", ".join(size for size, _ in sizes)
            result.append(f"{left} = {', '.join(f'{tensor}.shape[{position}]' for _, position in sizes)}")
        first = self.tensors[0]
        for name, attribute in ((self.local.dt, "dtype"), (self.local.device, "device")):
            if used(name, lines):
                result.append(f"{name} = {first}.{attribute}")
        return result

    def _source(self, axis: str) -> tuple[Arg, int]:
        for arg in self.interface.arrays:
            for position, extent in enumerate(arg.axes):
                if extent.op == "size" and extent.name == axis:
                    return arg, position
        raise AssertionError(f"no argument has the axis {axis}")

    def reduce(self, emitter: TorchEmitter, output: Output, kept: Node | None) -> str:
        """The reduced value of the elements, as text: a new tensor."""
        emitter.ensure([output.node])
        if not self.reduced:
            return emitter.full(output)
        code = emitter.ordered(output.node, output.indices)
        if emitter.value(output.node, "real").host:
            code = emitter.dialect.number(code)
        elif emitter.is_view(output.node):
            code = f"{atom(code)}.clone()"
        return f"_reduced({code}, {self.kept(emitter, output, kept)}, {self.shape(emitter, output)}, reduction)"

    def kept(self, emitter: TorchEmitter, output: Output, kept: Node | None) -> str:
        if kept is None:
            return "None"
        emitter.ensure([kept])
        code = emitter.ordered(kept, output.indices, "bool")
        return f"torch.full((), {code}, device={self.local.device})" if emitter.is_host(kept) else code

    def shape(self, emitter: TorchEmitter, output: Output) -> str:
        sizes = emitter.shape(output.indices)
        return listed(sizes) if sizes else "()"

    # ------------------------------------------------------------ programs

    def plain_value(self, plain: Plain) -> str:
        """The value as operations that autograd goes through."""
        roots = [plain.element.node, *([plain.kept] if plain.kept is not None else [])]
        emitter = self.emitter(plain.table, plain.names, plain.checks, roots)
        emitter.differentiable = True
        value = self.reduce(emitter, plain.element, plain.kept)
        emitter.lines.append(f"return {value}")
        return self.function("_value", [], "torch.Tensor", "The value, made of differentiable operations.", emitter)

    def value_and_gradient(self, derived: Derived) -> list[str]:
        """The function of the value, and its gradient in the same pass; and one that does it some rows at a time."""
        blocks = self._blocks(derived)
        functions = [self._all_at_once(derived, blocks)]
        if blocks is not None:
            local = self.local
            blocks.statements(self.reduced)
            extra = [f"{local.upstream}: torch.Tensor | None", f"{local.with_gradient}: bool", f"{blocks.size}: int"]
            doc = f"The same for large tensors, {blocks.size} rows at a time."
            functions.append(self.function(IN_BLOCKS, extra, "tuple[torch.Tensor, ...]", doc, blocks.emitter))
        return functions

    def _all_at_once(self, derived: Derived, blocks: TorchBlocks | None) -> str:
        local = self.local
        outputs = list(derived.gradient.values())
        kept = [derived.kept] if derived.kept is not None else []
        roots = [derived.element.node, *kept, *(o.node for o in outputs)]
        emitter = self.emitter(derived.table, derived.names, derived.checks, roots, {SEED: local.seed})
        if blocks is not None:
            reduction, size = "reduction" if self.reduced else '"sum"', emitter.names.fresh("size")
            emitter.lines += blocks.dispatch(IN_BLOCKS, self.call, self.tensors, reduction, size)
        value = self.reduce(emitter, derived.element, derived.kept)
        emitter.lines += [f"{local.value} = {value}", f"if not {local.with_gradient}:", f"    return ({local.value},)"]
        emitter.lines.append(f"{local.seed} = {self._seed(emitter, derived)}")
        grads = self._outputs(emitter, "grad", outputs)
        emitter.lines.append(f"return {', '.join([local.value, *grads])}")
        extra = [f"{local.upstream}: torch.Tensor | None", f"{local.with_gradient}: bool"]
        doc = f"(value,), or the value and the gradients of {local.upstream} times it (None stands for 1)."
        return self.function("_value_and_gradient", extra, "tuple[torch.Tensor, ...]", doc, emitter)

    def _blocks(self, derived: Derived) -> TorchBlocks | None:
        plan = plan_of(derived, self.reduced)
        if plan is None:
            return None
        found, inputs = plan.found, {SEED: self.local.seed}
        first = (found.row, *found.across)
        named = hints(plan, derived, self.interface.arg_names)
        emitter = self.emitter(found.table, named, plan.checks, plan.roots, inputs, first, eager=True)
        return TorchBlocks(plan, derived, emitter, self.local, self.tensors[0])

    def second_order(self, derived: Derived) -> str:
        """What a derivative of the gradient needs: the Hessian along vectors."""
        local = self.local
        outputs = list(derived.hvp.values())
        assert derived.tangent is not None
        tangent = Output(derived.tangent, derived.element.indices)
        directions = (PREFIX + a.name for a in self.interface.differentiable)
        vectors = dict(zip(directions, self.vectors, strict=True))
        kept = [derived.kept] if derived.kept is not None else []
        roots = [tangent.node, *kept, *(o.node for o in outputs)]
        emitter = self.emitter(derived.table, derived.names, derived.checks, roots, {SEED: local.seed, **vectors})
        value = self.reduce(emitter, tangent, derived.kept)
        emitter.lines += [
            f"{local.tangent} = {value}",
            f"if {local.upstream} is None:",
            f"    return ({local.tangent},)",
        ]
        emitter.lines.append(f"{local.seed} = {self._seed(emitter, derived)}")
        products = self._outputs(emitter, "product", outputs)
        emitter.lines.append(f"return {', '.join([local.tangent, *products])}")
        extra = [f"{local.upstream}: torch.Tensor | None", *(f"{name}: torch.Tensor" for name in vectors.values())]
        doc = f"The derivative of the value along the vectors, and with {local.upstream} that of its gradient."
        return self.function("_second_order", extra, "tuple[torch.Tensor, ...]", doc, emitter)

    def _seed(self, emitter: TorchEmitter, derived: Derived) -> str:
        if not self.reduced:
            one = f"torch.ones((), dtype={self.local.dt}, device={self.local.device})"
            return f"{one} if {self.local.upstream} is None else {self.local.upstream}"
        kept = self.kept(emitter, derived.element, derived.kept)
        shape = self.shape(emitter, derived.element)
        return f"_seed({self.local.upstream}, {kept}, {shape}, reduction, {self.tensors[0]})"

    def _outputs(self, emitter: TorchEmitter, prefix: str, outputs: Sequence[Output]) -> list[str]:
        """The texts of outputs; no two are one tensor."""
        texts: list[str] = []
        emitter.ensure([output.node for output in outputs])
        for output in outputs:
            code = emitter.full(output)
            texts.append(f"{code}.clone()" if code in texts else code)
        return texts

    def check(self, plain: Plain) -> str:
        """Raises for a read outside of its axis, where the values of tensors may be looked at."""
        emitter = self.emitter(plain.table, plain.names, [], [])
        g = emitter.graph
        for check, position, demanded in plain.checks:
            low, high = g.extent(check.low), g.extent(check.high)
            bad = g.both(demanded, g.apply("or", g.apply("lt", position, low), g.apply("ge", position, high)))
            emitter.count_new(bad)
            outside = emitter.value(bad, "bool").code
            if check.axis < 0:
                emitter.lines.append(f'_not_of_nothing("{check.array}", {outside})')
                continue
            place = emitter.lifted(position, emitter.axes(bad.free), "int")
            size = emitter.extent(check.high)
            emitter.lines.append(f'_readable("{check.array}", {check.axis}, {outside}, {place}, {size})')
        return self.function("_check", [], "None", "No read leaves its axis.", emitter, reduction=False)

    def terms(self, plain: Plain) -> str:
        """The scalar bindings, as differentiable operations."""
        emitter = self.emitter(plain.exports, plain.names, plain.export_checks, list(plain.terms.values()))
        emitter.differentiable = True
        emitter.ensure(list(plain.terms.values()))
        items = [f'"{name}": {emitter.full(Output(node, ()))}' for name, node in plain.terms.items()]
        emitter.lines.append(f"return {{{', '.join(items)}}}")
        doc = "The scalar bindings, made of differentiable operations."
        return self.function("_terms", [], "dict[str, torch.Tensor]", doc, emitter, reduction=False)

    def predictions(self, plain: Plain) -> str:
        """What is reported for raw predictions, as differentiable operations."""
        outputs = list(plain.predictions.values())
        emitter = self.emitter(plain.exports, plain.names, plain.export_checks, [o.node for o in outputs])
        emitter.differentiable = True
        emitter.ensure([output.node for output in outputs])
        emitter.lines.append(f"return {listed([emitter.full(output) for output in outputs])}")
        doc = "The exported bindings, made of differentiable operations."
        return self.function("_predictions", [], "tuple[torch.Tensor, ...]", doc, emitter, reduction=False)


def _joined(table: StageTable, checks: Sequence[Check]) -> dict[tuple[str, int, int], tuple[Node, Node]]:
    """By array, axis and position: where any of the reads at it is used."""
    found: dict[tuple[str, int, int], tuple[Node, Node]] = {}
    for check, position, demanded in checks:
        name = (check.array, check.axis, position.id)
        known = found.get(name)
        found[name] = position, demanded if known is None else table.graph.apply("or", known[1], demanded)
    return found


def _reads(table: StageTable, root: Node, array: str, position: Node) -> bool:
    """Whether what the root needs, through stages too, contains the read of the array at the position."""
    return any(n.op == "read" and n.value == array and position in n.args for n in stage_nodes(table, [root]))
