"""The text of reductions by the order of a key: a sort, and a call of the runtime that scans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lossdsl.backends.orders import NEUTRAL, Form, Scan, scan_of
from lossdsl.backends.text import View
from lossdsl.ir.graph import Index, Node
from lossdsl.ir.stage import Stage

if TYPE_CHECKING:
    from lossdsl.backends.emitter import Emitter

SYMBOL = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def ordered(emitter: Emitter, stage: Stage) -> str | None:
    """The text of a stage as a scan over sorted elements, if it has that form."""
    scan = scan_of(emitter.table, stage)
    return None if scan is None or not emitter.sorts() else _Text(emitter, stage, scan).code()


class _Text:
    """A call of a function of the runtime, and what is done with its result element by element."""

    def __init__(self, emitter: Emitter, stage: Stage, scan: Scan) -> None:
        self.emitter, self.stage, self.scan = emitter, stage, scan
        self.view: View = "int" if stage.kind == "int" else "real"
        for node in scan.nodes:
            emitter.count_new(node)
        self.onto: list[Index] = emitter.axes(scan.indices)

    def code(self) -> str:
        emitter, order, onto = self.emitter, self.scan.order, self.onto
        code = self._call(self.scan.form)
        for node in self.scan.form.after:
            code = f"{code} * {emitter.lifted(node, onto, 'real', 61)}"
        if self.scan.asked is not None:
            nothing = emitter.value(emitter.graph.const(NEUTRAL[self.stage.op]), self.view).code
            code = emitter.dialect.where(emitter.lifted(self.scan.asked, onto, "bool"), code, nothing)
        if self.scan.own is not None:
            code = f"{emitter.lifted(self.scan.own, onto, 'real', 51)} + {code}"
        result = [order.outer if i == order.inner else i for i in onto]
        wanted = emitter.axes(self.stage.out)
        return code if result == wanted else emitter.dialect.permute(f"({code})", [result.index(i) for i in wanted])

    def _call(self, form: Form) -> str:
        emitter, order, onto = self.emitter, self.scan.order, self.onto
        axis = onto.index(order.inner) - len(onto)
        key = emitter.lifted(order.key, onto, "int" if order.key.kind == "int" else "real")
        equal = "" if order.equal == "same" else f', "{order.equal}"'
        held = emitter.held(f'_in_order({key}, "{SYMBOL[order.op]}", {axis}{equal})', "order")
        operands = [self._operand(node) for node in form.operands]
        apart = ", True" if self.scan.apart and order.op in ("le", "ge") else ""  # nothing is less than itself
        code = f"{form.helper}({', '.join([held, *operands, str(axis)])}{apart})"
        return code if form.part is None else f"{emitter.held(code, 'exponentials')}[{form.part}]"

    def _operand(self, node: Node) -> str:
        text = self.emitter.lifted(node, self.onto, self.view)
        if not self.emitter.value(node, self.view).host:
            return text
        return self.emitter.dialect.whole_number(text) if self.view == "int" else self.emitter.dialect.number(text)
