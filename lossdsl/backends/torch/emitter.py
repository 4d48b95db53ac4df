"""The emitter for PyTorch: what tensors ask for beyond the spelling of operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from lossdsl.backends.emitter import Emitter
from lossdsl.backends.programs import Output
from lossdsl.backends.text import CALL, Text, View
from lossdsl.backends.torch.dialect import TorchDialect, atom
from lossdsl.ir.graph import Index, Node
from lossdsl.ir.stage import Stage

NEUTRAL: dict[str, int | Literal["inf", "-inf"]] = {
    "sum": 0, "prod": 1, "max": "-inf", "min": "inf", "argmax": "-inf", "argmin": "inf",
}  # fmt: skip


class TorchEmitter(Emitter):
    """`differentiable` is set where autograd runs through the statements, so that stop_gradient has to be written."""

    dialect: TorchDialect
    differentiable = False

    def sorts(self) -> bool:
        """Autograd keeps what all steps of a scan leave behind: it is given all pairs instead."""
        return not self.differentiable and super().sorts()

    def stage(self, stage: Stage) -> str:
        """A condition on hyperparameters alone is no tensor: it selects the body by Python's conditional."""
        if stage.where is not None and self.is_host(stage.where):
            stage = replace(stage, where=None, body=self._chosen(stage, stage.where))
        return super().stage(stage)

    def _chosen(self, stage: Stage, where: Node) -> Node:
        g = self.graph
        if stage.op == "any":
            return g.both(where, stage.body)
        if stage.op == "all":
            return g.apply("or", g.apply("not", where), stage.body)
        return g.where(where, stage.body, g.const(NEUTRAL[stage.op]))

    def _viewed(self, node: Node, view: View) -> Text:
        own = self._text[node.id, node.kind]
        if view == "int" and node.kind == "real" and own.host:
            return Text(f"int({own.code})", CALL, host=True)
        return super()._viewed(node, view)

    def _node(self, node: Node) -> Text:
        if node.op == "whole" and self.is_host(node):
            return self.value(node.args[0], "int")
        if node.op == "stop_gradient" and self.differentiable and not self.is_host(node):
            return Text(f"{atom(self.value(node.args[0]).code)}.detach()")
        return super()._node(node)

    def _function(self, node: Node) -> Text:
        """The tensor of a comparison comes first: `0 == x` is a tensor, but not to a type checker."""
        if node.op in ("eq", "ne") and self.is_host(node.args[0]) and not self.is_host(node):
            node = self.graph.raw(node.op, *reversed(node.args))
            self.count_new(node)
        return super()._function(node)

    def _where(self, node: Node, view: View) -> Text:
        """Of two numbers one has to be a tensor, so that the result has the dtype of the computation."""
        condition, then, otherwise = node.args
        numbers = self.is_host(then) and self.is_host(otherwise) and not self.is_host(condition)
        if view != "real" or not numbers or (then.is_value(1) and otherwise.is_value(0)):
            return super()._where(node, view)
        chosen = self.lifted(condition, self.axes(node.free), "bool")
        first = self.dialect.number(self.value(then, view).code)
        return Text(self.dialect.select(chosen, first, self.value(otherwise, view).code))

    def _host_where(self, node: Node, view: View) -> Text:
        """As in any back end, but a number beside a tensor becomes a tensor: the result has to have methods."""
        text = super()._host_where(node, view)
        condition, *sides = node.args
        hosts = [self.value(side, view).host for side in sides]
        if text.host or not any(hosts):
            return text
        onto = self.axes(node.free)
        made = self.dialect.number if view == "real" else self.dialect.whole_number
        codes = [
            made(self.lifted(side, onto, view)) if is_number else self.lifted(side, onto, view, 16)
            for side, is_number in zip(sides, hosts, strict=True)
        ]
        code = f"({codes[0]} if {self.lifted(condition, (), 'bool', 11)} else {codes[1]})"
        return Text(self.dialect.broadcast(code, self.shape(onto)) if onto else code, CALL)

    # ------------------------------------------------------------ outputs

    def ordered(self, node: Node, indices: Sequence[Index], view: View = "real") -> str:
        """The text of a node, its axes in the order of `indices`, of length 1 where it does not have one.

        After `ensure` for what may be a long chain of stages.
        """
        self.count_new(node)
        code = self.value(node, view).code
        own = self.axes(node.free)
        wanted = [i for i in indices if i in own]
        if own != wanted:
            code = self.dialect.permute(code, [own.index(i) for i in wanted])
        if wanted:
            pattern = [":" if i in wanted else "None" for i in indices[indices.index(wanted[0]) :]]
            if "None" in pattern:
                code = f"{atom(code)}[{', '.join(pattern)}]"
        return code

    def full(self, output: Output) -> str:
        """A tensor with every axis of the output in its whole length, which shares no memory with an input."""
        shape = self.shape(output.indices)
        code = self.ordered(output.node, output.indices)
        if self.value(output.node, "real").host:
            return self.dialect.filled(shape, code)
        if set(output.indices) - output.node.free:
            return f"{self.dialect.broadcast(code, shape)}.clone()"
        if self.axes(output.node.free) != list(output.indices):
            code = f"{atom(code)}.contiguous()"
        return f"{atom(code)}.clone()" if self.is_view(output.node) else code

    def is_view(self, node: Node) -> bool:
        """Whether the tensor of a node is an input, or part of one, and not a new one."""
        match node.op:
            case "read":
                return node.value in self.table.arrays
            case "stop_gradient":
                return self.is_view(node.args[0])
            case "where":
                return self.is_host(node.args[0]) and any(self.is_view(a) for a in node.args[1:])
        return False
