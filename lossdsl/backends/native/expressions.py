"""Nodes as expressions of C.

Every node is computed in the outermost body where all that it reads is known; there is no branch around it, since
every position that might lie outside of its axis is moved onto it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

from lossdsl.backends.native.items import Item
from lossdsl.backends.native.nests import Nest
from lossdsl.backends.native.scopes import CNames, Code, Scope, Type
from lossdsl.backends.native.totals import stage_type
from lossdsl.backends.text import float_of
from lossdsl.calculus.gradient import SEED
from lossdsl.diagnostics import CompilerBug
from lossdsl.functions.table import TABLE
from lossdsl.ir.bounds import in_range
from lossdsl.ir.graph import BOOLEAN_OPS, Index, Node, reachable
from lossdsl.ir.stage import StageTable
from lossdsl.meaning.core import ZERO, Extent

LINE = 88
"""Longest expression that is written into the line of its user."""
INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "and": "&", "or": "|"}
COMPARE = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
WHOLE = frozenset({"abs", "max", "min", "mod", "clip", "sign", "relu"})
POWERS = {Fraction(2): "square", Fraction(3): "cube", Fraction(4): "fourth", Fraction(1, 2): "sqrt",
          Fraction(-1): "reciprocal"}  # fmt: skip

PARTS_OF = {
    "sigmoid": ("small",), "log_sigmoid": ("small", "log1p_unit"), "softplus": ("small", "log1p_unit"),
    "tanh": ("smaller",), "logcosh": ("smaller",),
}  # fmt: skip
"""Functions that share an exponential: of |x|, so that x and -x have it in common, too; and what follows from it."""

Place = tuple[Node, Extent, Extent]


class Expressions:
    """Texts of the nodes of one C function.

    `pointers` gives the C name of each array, `hosts` of each number; `lengths` of each size of an axis.
    """

    def __init__(
        self,
        table: StageTable,
        nest: Nest,
        stages: dict[str, Item],
        names: CNames,
        pointers: dict[str, str],
        hosts: dict[str, str],
        lengths: dict[str, str],
        hints: dict[int, str],
    ) -> None:
        self.table, self.graph, self.nest, self.stages, self.names = table, table.graph, nest, stages, names
        self.pointers, self.hosts, self.lengths, self.hints = pointers, hosts, lengths, hints
        self.calls: dict[str, None] = {}
        self.exponents: dict[str, Node] = {}
        """By name of the variable that describes it: exponents that are no constants."""
        self.storage: dict[str, str] = {}
        """Stages that an array holds: its C name, in the frame or in the function."""
        self.storage_type: dict[str, Type] = {}
        self.buffers: dict[str, int] = {}
        """Those that live in one turn of a loop: the depth of the body that completes them."""
        self._uses: Counter[int] = Counter()
        self._host: dict[int, bool] = {}

    def count(self, roots: Iterable[Node]) -> None:
        """Take in how often nodes are used by what is written next."""
        self._uses = Counter()
        for node in reachable(roots := list(roots)):
            self._uses.update(a.id for a in node.args)
        self._uses.update(r.id for r in roots)

    def is_host(self, node: Node) -> bool:
        """Whether the node depends on nothing but hyperparameters and sizes."""
        if node.id not in self._host:
            for inner in reachable([node], stop=lambda n: n.id in self._host):
                if inner.id not in self._host:
                    own = str(inner.value) in self.hosts if inner.op == "read" else inner.op != "index"
                    self._host[inner.id] = own and all(self._host[a.id] for a in inner.args)
        return self._host[node.id]

    # ------------------------------------------------------------ sizes

    def extent(self, extent: Extent, scope: Scope) -> str:
        match extent.op:
            case "const":
                return str(extent.value)
            case "size":
                return scope.require(self.lengths[extent.name], f"const int64_t {self.lengths[extent.name]}")
            case "hyper":
                self.calls["whole"] = None
                return f"whole({scope.require(self.hosts[extent.name], f'const double {self.hosts[extent.name]}')})"
        inner = [self.extent(e, scope) for e in extent.operands]
        if extent.op in ("max", "min", "floordiv"):
            self.calls[f"{extent.op}_i"] = None
            return f"{extent.op}_i({', '.join(inner)})"
        return f"({inner[0]} {INFIX[extent.op]} {inner[1]})"

    def length(self, index: Index, scope: Scope) -> str:
        high = self.extent(index.high, scope)
        return high if index.low == ZERO else f"({high} - {self.extent(index.low, scope)})"

    # ------------------------------------------------------------ nodes

    def real(self, node: Node, scope: Scope) -> str:
        return self._as(self._code(node, scope), "real").text

    def number(self, node: Node, scope: Scope) -> str:
        return self._as(self._code(node, scope), "double").text

    def whole(self, node: Node, scope: Scope) -> str:
        return self._as(self._code(node, scope), "int64_t").text

    def condition(self, node: Node, scope: Scope) -> str:
        return self._as(self._code(node, scope), "bool").text

    def _code(self, root: Node, scope: Scope) -> Code:
        for node in reachable([root], stop=lambda n: scope.find(n.id) is not None):
            if scope.find(node.id) is None:
                home = scope.at(self.depth(node, scope))
                code = self._node(node, home if home.depth < scope.depth else scope)
                if self._wants_variable(node, code, home is scope):
                    name = self.names.fresh(self.hints.get(node.id, _hint(node)))
                    home.lines.append(f"const {code.type} {name} = {code.text};")
                    code = Code(name, code.type)
                home.nodes[node.id] = code
        found = scope.find(root.id)
        assert found is not None
        return found

    def _wants_variable(self, node: Node, code: Code, is_here: bool) -> bool:
        if code.text.isidentifier() or node.op in ("const", "index", "extent"):
            return False
        named = node.id in self.hints and node.op not in ("read", "neg")
        long = len(code.text) > LINE
        return named or long or not is_here or node.op == "read" or self._uses[node.id] > 1

    def depth(self, node: Node, scope: Scope) -> int:
        """The depth of the outermost body where the node can be computed."""
        if node.id not in scope.depths:
            for inner in reachable([node], stop=lambda n: n.id in scope.depths):
                if inner.id not in scope.depths:
                    below = max((scope.depths[a.id] for a in inner.args), default=0)
                    scope.depths[inner.id] = max(below, self._own_depth(inner, scope))
        return scope.depths[node.id]

    def _own_depth(self, node: Node, scope: Scope) -> int:
        if node.op == "index" and isinstance(node.value, Index):
            found = scope.find_index(node.value)
            if found is None:
                raise CompilerBug(f"no loop over {node.value} is open")
            return found[1]
        if node.op == "read" and node.value in self.stages:
            held = scope.find_stage(str(node.value))
            if held is not None and self._is_own_turn(node):
                return held[1]
            return self.buffers.get(str(node.value), 0)
        return 0

    def _is_own_turn(self, read: Node) -> bool:
        """Whether a stage is read where its own loops stand, so that the variable holds what is read."""
        stage = self.stages[str(read.value)].stage
        assert stage is not None
        return all(a.op == "index" and a.value == k for a, k in zip(read.args, stage.out, strict=True))

    # ------------------------------------------------------------ one node

    def _as(self, code: Code, type: Type) -> Code:
        if code.type == type:
            return code
        match code.type, type:
            case "int64_t", "double":
                return Code(f"{code.text}.0" if code.text.isdecimal() else f"(double){code.operand}", "double")
            case (("int64_t" | "double"), "real"):
                return Code(f"(real){code.operand}", "real")
            case (("real" | "double"), "int64_t"):
                self.calls["whole"] = None
                return Code(f"whole({code.text})", "int64_t")
            case "bool", ("real" | "double"):
                return Code(f"({type}){code.operand}", type)
        raise CompilerBug(f"{code.type} {code.text} can not be used as {type}")

    def _type(self, node: Node) -> Type:
        if node.kind == "bool":
            return "bool"
        if node.kind == "int":
            return "int64_t"
        return "double" if self.is_host(node) else "real"

    def _node(self, node: Node, scope: Scope) -> Code:
        match node.op:
            case "const":
                return self._const(node)
            case "extent":
                assert isinstance(node.value, Extent)
                return Code(self.extent(node.value, scope), "int64_t")
            case "index":
                assert isinstance(node.value, Index)
                found = scope.find_index(node.value)
                assert found is not None
                return Code(found[0], "int64_t")
            case "read":
                return self._read(node, scope)
            case "stop_gradient":
                return self._arg(node, 0, scope)
            case "floor" | "round" if node.args[0].kind == "int":
                return self._arg(node, 0, scope)
            case "whole":
                return self._as(self._arg(node, 0, scope), "int64_t")
            case "where":
                type = self._type(node)
                test, then, otherwise = (self._arg(node, k, scope) for k in range(3))
                sides = [self._as(side, type).operand for side in (then, otherwise)]
                if type == "real" and self.depth(node.args[0], scope) < self.depth(node, scope):
                    self.calls["select_r"] = None
                    return Code(f"select_r({test.text}, {sides[0]}, {sides[1]})", type)
                return Code(f"{test.operand} ? {sides[0]} : {sides[1]}", type, is_atom=False)
            case "not":
                return Code(f"!{self._arg(node, 0, scope).operand}", "bool", is_atom=False)
        return self._function(node, scope)

    def _arg(self, node: Node, position: int, scope: Scope) -> Code:
        found = scope.find(node.args[position].id)
        assert found is not None
        return found

    def _const(self, node: Node) -> Code:
        value = node.value
        if isinstance(value, bool):
            return Code("true" if value else "false", "bool")
        if isinstance(value, Fraction):
            if node.kind == "int" and abs(value) < 2**53:
                text = f"{int(value)}" if abs(value) < 2**31 else f"INT64_C({int(value)})"
                return Code(text if value >= 0 else f"({text})", "int64_t")
            value = float_of(value)
            text = repr(value) if abs(value) != float("inf") else ("INFINITY" if value > 0 else "-INFINITY")
            return Code(text if not text.startswith("-") else f"({text})", "double")
        named = {"pi": "3.141592653589793", "inf": "INFINITY", "-inf": "(-INFINITY)", "nan": "NAN"}
        return Code(named[str(value)], "double")

    def _function(self, node: Node, scope: Scope) -> Code:
        args = [self._arg(node, k, scope) for k in range(len(node.args))]
        type = self._type(node)
        operands: Type = type
        if node.op in BOOLEAN_OPS:
            operands = "bool"
            if node.op in COMPARE:
                whole = all(a.kind == "int" for a in node.args)
                operands = "int64_t" if whole else "double" if all(map(self.is_host, node.args)) else "real"
        texts = [self._as(a, operands) for a in args]
        if node.op == "pow" and type == "real" and node.args[1].value not in POWERS:
            return self._power(node, texts, scope)
        if node.op in PARTS_OF and type == "real":
            return self._by_part(node, texts[0].text, scope)
        if node.op in INFIX:
            left, right = (t.operand for t in texts)
            return Code(f"{left} {INFIX[node.op]} {right}", type, is_atom=False)
        if node.op in COMPARE:
            return Code(f"{texts[0].operand} {COMPARE[node.op]} {texts[1].operand}", "bool", is_atom=False)
        if node.op == "neg":
            return Code(f"-{texts[0].operand}", type, is_atom=False)
        return self._call(node, [t.text for t in texts], type)

    def _power(self, node: Node, texts: list[Code], scope: Scope) -> Code:
        """A power, with what depends on the exponent only computed where the exponent is."""
        home = scope.at(self.depth(node.args[1], scope))
        key = ("power", node.args[1].id)
        if key not in home.shared:
            self.calls["power_of"] = None
            home.shared[key] = self.names.fresh("power")
            self.exponents[home.shared[key]] = node.args[1]
            home.lines.append(f"const struct power {home.shared[key]} = power_of({texts[1].text});")
        self.calls["raised_r"] = None
        return Code(f"raised_r({home.shared[key]}, {texts[0].text})", "real")

    def _by_part(self, node: Node, text: str, scope: Scope) -> Code:
        """A function by the part that it has in common with others of the same argument, or of its negative."""
        base = node.args[0].args[0] if node.args[0].op == "neg" else node.args[0]
        part = self._part(PARTS_OF[node.op][0], base, scope)
        if len(PARTS_OF[node.op]) > 1:
            part = self._part(PARTS_OF[node.op][1], base, scope, part)
        self.calls[f"{node.op}_by_r"] = None
        return Code(f"{node.op}_by_r({text}, {part})", "real")

    def _part(self, name: str, base: Node, scope: Scope, of: str | None = None) -> str:
        home = scope.at(self.depth(base, scope))
        key = (name, base.id)
        if key not in home.shared:
            self.calls[f"{name}_r"] = None
            given = of or self._as(self._code(base, scope), "real").text
            home.shared[key] = self.names.fresh("part")
            home.lines.append(f"const real {home.shared[key]} = {name}_r({given});")
        return home.shared[key]

    def _call(self, node: Node, texts: list[str], type: Type) -> Code:
        op = node.op
        if op not in TABLE:
            raise CompilerBug(f"{op} has no text in C")
        if op == "pow" and node.args[1].value in POWERS:
            op, texts = POWERS[Fraction(str(node.args[1].value))], texts[:1]
        suffix = {"real": "r", "double": "d", "int64_t": "i", "bool": "i"}[type]
        if type == "int64_t" and op not in WHOLE:
            raise CompilerBug(f"{op} of whole numbers has no text in C")
        self.calls[f"{op}_{suffix}"] = None
        text = texts[0]
        if TABLE[node.op].arity is None:
            for other in texts[1:]:
                text = f"{op}_{suffix}({text}, {other})"
            return Code(text, type)
        return Code(f"{op}_{suffix}({', '.join(texts)})", type)

    # ------------------------------------------------------------ reads

    def _read(self, node: Node, scope: Scope) -> Code:
        name = str(node.value)
        if name == SEED:
            return Code(scope.require("seed", "const real seed"), "real")
        if name in self.stages:
            return self._read_stage(node, scope)
        if name in self.hosts:
            return Code(scope.require(self.hosts[name], f"const double {self.hosts[name]}"), "double")
        array = self.table.arrays[name]
        type: Type = "int64_t" if array.kind == "int" else "real"
        pointer = scope.require(self.pointers[name], f"const {type} *const restrict {self.pointers[name]}")
        places = [(a, ZERO, e) for a, e in zip(node.args, array.axes, strict=True)]
        return Code(self.element(pointer, places, scope), type)

    def _read_stage(self, node: Node, scope: Scope) -> Code:
        name = str(node.value)
        item = self.stages[name]
        stage = item.stage
        assert stage is not None
        type = stage_type(stage)
        held = scope.find_stage(name)
        if held is not None and self._is_own_turn(node):
            return Code(held[0], type)
        axes = self.nest.axes(item)
        if not axes:
            return Code(scope.require(self.storage[name], f"const {type} {self.storage[name]}"), type)
        positions = dict(zip(stage.out, node.args, strict=True))
        stored = self.storage_type[name]
        pointer = self.storage[name]
        if name not in self.buffers:
            scope.require(pointer, f"{stored} *const restrict {pointer}")
        text = self.element(pointer, [(positions[k], k.low, k.high) for k in axes], scope)
        if stored == type:
            return Code(text, type)
        return Code(f"(real){text}", type) if type == "real" else Code(f"{text} != 0", type, is_atom=False)

    def element(self, pointer: str, places: list[Place], scope: Scope, known: bool = False) -> str:
        """An element of an array, moved onto it where its position may lie outside; not so if it is `known` to lie
        on it."""
        offset = ""
        empty: list[str] = []
        for position, low, high in places:
            text = self.whole(position, scope)
            if low != ZERO:
                text = f"({text} - {self.extent(low, scope)})"
            size = self.length(Index("", low, high), scope)
            if not known and not in_range(self.graph, position, low, high):
                self.calls["on_axis"] = None
                text = f"on_axis({text}, {size})"
                empty.append(f"{size} > 0")
            plain = text if text.isidentifier() or text.isdecimal() or text.endswith(")") else f"({text})"
            offset = (
                f"({offset})*{size} + {plain}" if " " in offset else f"{offset}*{size} + {plain}" if offset else text
            )
        code = f"{pointer}[{offset or '0'}]"
        return f"({' && '.join(empty)} ? {code} : 0)" if empty else code


def _hint(node: Node) -> str:
    return str(node.value) if node.op == "read" else "t"
