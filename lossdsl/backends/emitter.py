"""From nodes and stages to statements, in the text of one array library.

Every node is evaluated in its own free indices: an array with one axis per free index, in one order for the whole
function; where it meets others it is lifted with `[:, None]`.  A node that is used more than once, that a user named,
or that would make a line unreadable, becomes a variable; the text of others is written into the line that uses them.

Numbers that do not depend on arrays (sizes, hyperparameters) stay Python numbers, so that they take the dtype of
whatever they meet.
"""

from __future__ import annotations

import keyword
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from fractions import Fraction

from lossdsl.backends.dialect import Dialect
from lossdsl.backends.expand import stage_nodes
from lossdsl.backends.orders import all_scans
from lossdsl.backends.places import placed_text
from lossdsl.backends.reads import read_array
from lossdsl.backends.reductions import reduction
from lossdsl.backends.scatter import scatter_lines
from lossdsl.backends.text import CALL, Text, View, float_of, strip
from lossdsl.diagnostics import CompilerBug
from lossdsl.functions.table import TABLE
from lossdsl.ir.graph import BOOLEAN_OPS, Index, Node
from lossdsl.ir.stage import Stage, StageTable
from lossdsl.meaning.core import ZERO, Extent

LINE = 72
"""Longest expression that is written into the line of its user."""


@dataclass
class Names:
    """Names of variables: unique, legal, and close to what the user wrote."""

    taken: set[str]
    counts: Counter[str] = field(default_factory=Counter)
    """How often each name was asked for, so that the next free number is found at once."""

    def fresh(self, hint: str) -> str:
        name = python_name(hint)
        candidate = name if not self.counts[name] else f"{name}_{self.counts[name] + 1}"
        while candidate in self.taken:
            self.counts[name] += 1
            candidate = f"{name}_{self.counts[name] + 1}"
        self.taken.add(candidate)
        return candidate


def python_name(name: str) -> str:
    """A legal Python name; keywords get an underscore."""
    cleaned = unicodedata.normalize("NFKC", name).replace("..", "rest")
    if not cleaned.isidentifier():
        cleaned = "".join(c if ("_" + c).isidentifier() else "_" for c in cleaned)
        cleaned = cleaned if cleaned.isidentifier() else f"v{cleaned}"
    return cleaned + "_" if keyword.iskeyword(cleaned) or keyword.issoftkeyword(cleaned) else cleaned


class Emitter:
    """Statements that compute some nodes of a table (already expanded).

    `arrays` gives the text of each input, `sizes` of each extent of a signature, `hosts` names the inputs that are
    Python numbers.  `hints` are names for nodes, as users gave them.
    """

    def __init__(
        self,
        dialect: Dialect,
        table: StageTable,
        arrays: Mapping[str, str],
        hosts: Iterable[str],
        sizes: Mapping[str, str],
        names: Names,
        hints: Mapping[int, str],
    ) -> None:
        self.dialect, self.table, self.graph = dialect, table, table.graph
        self.arrays, self.hosts, self.sizes = dict(arrays), frozenset(hosts), sizes
        self.names, self.hints = names, hints
        self.lines: list[str] = []
        self.helpers: dict[str, None] = {}
        self._text: dict[tuple[int, View], Text] = {}
        self._variables: dict[str, str] = {}
        self._stage_text: dict[str, str] = {}
        self._holders: dict[str, str] = {}
        """Text of an expression -> the variable that holds its value; no variable is assigned to twice."""
        self._order: dict[Index, int] = {}
        self._axes: dict[frozenset[Index], list[Index]] = {}
        self._uses: Counter[int] = Counter()
        self._host: dict[int, bool] = {}
        self.checked: set[tuple[str, int, int]] = set()
        """(array, axis, id of position) of reads that have been checked to be in range wherever they are made."""
        self.guards: dict[tuple[str, int, int], Node] = {}
        """The same -> the condition under which the read is used: elsewhere it is made at the start of its axis."""
        self.extents: dict[Extent, str] = {}
        """Texts of extents that are variables of their own: the ends of a block of rows."""
        self._planned: dict[str, None] = {}
        self._sorts: bool | None = None

    # ------------------------------------------------------------ the plan

    def plan(self, roots: Sequence[Node], first: Sequence[Index] = ()) -> None:
        """Count uses and fix the order of axes, those of `first` at the front, for everything that will be emitted."""
        for index in first:
            self._order.setdefault(index, len(self._order))
        nodes = stage_nodes(self.table, roots)
        for node in nodes:
            self._uses.update(a.id for a in node.args)
            self._host[node.id] = self._is_host(node)
        self._uses.update(r.id for r in roots)
        stages = {str(n.value) for n in nodes if n.op == "read"} & set(self.table.stages)
        self._planned |= dict.fromkeys(sorted(stages))
        self._sorts = None
        for name in stages:
            self._uses.update(r.id for r in self.table.stages[name].roots)
        reads = [n for n in nodes if n.op == "read" and n.value in self.table.arrays]
        for node in sorted(reads, key=lambda n: (-len(n.free), n.id)):
            for arg in node.args:
                self._add_order(arg)
        for node in nodes:
            self._add_order(node)
        for name in sorted(stages):
            for index in (*self.table.stages[name].out, *self.table.stages[name].reduced):
                self._order.setdefault(index, len(self._order))

    def _add_order(self, node: Node) -> None:
        for index in sorted(node.free):
            self._order.setdefault(index, len(self._order))

    def _is_host(self, node: Node) -> bool:
        if node.free:
            return False
        if node.op == "read":
            return str(node.value) in self.hosts
        return all(self._host[a.id] for a in node.args)

    def axes(self, indices: Iterable[Index]) -> list[Index]:
        """Indices in the order of axes."""
        if not isinstance(indices, frozenset):
            return self._axes_of(sorted(indices) if isinstance(indices, Set) else indices)
        known = self._axes.get(indices)
        if known is None:  # in an order that no hash decides, for those that have no place yet
            known = self._axes[indices] = self._axes_of(sorted(indices))
        return known.copy()

    def _axes_of(self, indices: Iterable[Index]) -> list[Index]:
        return sorted(indices, key=lambda i: self._order.setdefault(i, len(self._order)))

    def checkpoint(self) -> tuple[object, ...]:
        """What has been emitted so far, to return to when the statements that follow run only sometimes."""
        return dict(self._text), dict(self._variables), dict(self._stage_text), dict(self._holders)

    def restore(self, state: tuple[object, ...]) -> None:
        self._text, self._variables, self._stage_text, self._holders = state  # type: ignore[assignment]

    # ------------------------------------------------------------ extents

    def extent(self, extent: Extent) -> str:
        """A whole number known at the call."""
        if extent in self.extents:
            return self.extents[extent]
        match extent.op:
            case "const":
                return str(extent.value)
            case "size":
                return self.sizes[extent.name]
            case "hyper":
                return f"int({self.arrays[extent.name]})"
        inner = [self.extent(e) for e in extent.operands]
        if extent.op in ("max", "min"):
            return f"{extent.op}({', '.join(inner)})"
        symbol = {"add": "+", "sub": "-", "mul": "*", "floordiv": "//"}[extent.op]
        if extent.op == "sub" and inner[1] == "0":
            return inner[0]
        parts = [f"({t})" if any(c in t for c in " ") and e.op not in ("max", "min") else t
                 for t, e in zip(inner, extent.operands, strict=True)]  # fmt: skip
        return f"{parts[0]} {symbol} {parts[1]}"

    def length(self, index: Index) -> str:
        """How many positions an index runs over."""
        low, high = self.extent(index.low), self.extent(index.high)
        if low == "0":
            return high
        return f"{high} - {low}" if " " not in low else f"{high} - ({low})"

    def shape(self, indices: Iterable[Index]) -> list[str]:
        return [self.length(i) for i in indices]

    # ------------------------------------------------------------ values

    def value(self, node: Node, view: View | None = None) -> Text:
        """The text of a node, as a number ("real"), a position ("int") or a condition ("bool").

        Stages that it reads are emitted on the way; call `ensure` first where they may form a long chain.
        """
        view = view or node.kind
        if self._text.get((node.id, view)) is None:
            self._prepare(node)
            self._text[node.id, view] = self._viewed(node, view)
        return self._text[node.id, view]

    def ensure(self, roots: Sequence[Node]) -> None:
        """Emit every stage that the roots need, in order."""
        reads = {str(n.value) for n in stage_nodes(self.table, roots) if n.op == "read"}
        for name, stage in self.table.stages.items():
            if name in reads:
                self.stage(stage)

    def _prepare(self, root: Node) -> None:
        """Emit what the node needs, in order, without recursion on depth; positions of reads only on demand."""
        for node in stage_nodes_below(root, self._text):
            if node.op == "index" and node is not root:
                continue
            key = (node.id, node.kind)
            if key not in self._text:
                text = self._node(node)
                holder = self._holders.get(strip(text.code))
                if holder is not None:  # the same under other names of indices
                    text = Text(holder, CALL, text.host)
                elif self._wants_variable(node, text):
                    text = self._assign(node, text)
                self._text[key] = text

    def settle(self, node: Node) -> None:
        """Compute a node here, so that statements in a function inside of this one find it in a variable."""
        text = self.value(node)
        if "(" in text.code or (node.free and not text.code.isidentifier()):
            self._text[node.id, node.kind] = self._assign(node, text)

    def settle_read(self, node: Node, function: str) -> None:
        """Read here, and hand what is read through a function."""
        name = self.held(f"{function}({strip(self._read(node).code)})", self.hints.get(node.id, "t"))
        self._text[node.id, node.kind] = Text(name)

    def _wants_variable(self, node: Node, text: Text) -> bool:
        if not node.args or (node.op == "read" and text.code.isidentifier()):
            return False
        if node.op == "read" and node.free and self._uses[node.id] < 2:
            return len(text.code) > LINE
        named = node.id in self.hints and node.op not in ("read", "neg")
        return named or self._uses[node.id] > 1 or len(text.code) > LINE

    def _assign(self, node: Node, text: Text) -> Text:
        return Text(self.held(strip(text.code), self.hints.get(node.id, "t")), CALL, text.host)

    def _viewed(self, node: Node, view: View) -> Text:
        own = self._text[node.id, node.kind]
        if view == node.kind:
            return own
        if view == "real" and node.kind == "int":
            if own.host:
                return own
            if node.op == "index":
                return self._shared(node, "real", self.dialect.cast(own.code))
            if node.op == "where":
                return self._where(node, "real")
            return Text(self.dialect.cast(self._call(own)))
        if view == "int" and node.kind == "real":
            return Text(self.dialect.whole(self._call(own)))
        raise CompilerBug(f"a {node.kind} can not be used as {view}: {node}")

    def _shared(self, node: Node, view: View, code: str) -> Text:
        key = f"{view}:{node.id}"
        if key not in self._variables:
            self._variables[key] = self.names.fresh(f"number_{node.value}")
            self.lines.append(f"{self._variables[key]} = {code}")
        return Text(self._variables[key])

    @staticmethod
    def _call(text: Text) -> str:
        return text.code

    def lifted(self, node: Node, onto: Sequence[Index], view: View | None = None, tight: int = 0) -> str:
        """The text of a node as an operand in an array with axes `onto`; in brackets if it binds less than `tight`."""
        text = self.value(node, view)
        own = self.axes(node.free)
        code = text.code
        if own and len(own) < len(onto):
            first = min(onto.index(i) for i in own)
            pattern = [":" if i in own else "None" for i in onto[first:]]
            if "None" in pattern:
                base = code if text.precedence >= CALL else f"({code})"
                return f"{base}[{', '.join(pattern)}]"
        if tight == 0:
            return strip(code)
        return code if text.precedence >= tight else f"({code})"

    # ------------------------------------------------------------ one node

    def _node(self, node: Node) -> Text:
        match node.op:
            case "const":
                return self._const(node)
            case "extent":
                assert isinstance(node.value, Extent)
                code = self.extent(node.value)
                return Text(code, CALL if " " not in code else 50, host=True)
            case "index":
                return self._arange(node)
            case "read":
                return self._read(node)
            case "where":
                return self._where(node, node.kind)
            case "whole":
                inner = self.value(node.args[0], "real")
                return Text(f"int({inner.code})" if inner.host else self.dialect.whole(inner.code), CALL, inner.host)
            case "stop_gradient":
                return self.value(node.args[0])
            case "and" | "or" | "not" if self.is_host(node):
                return self._host_logic(node)
            case "floor" | "round" if node.args[0].kind == "int":
                return self.value(node.args[0])
        return self._function(node)

    def _const(self, node: Node) -> Text:
        value = node.value
        if isinstance(value, bool):
            return Text(str(value), CALL, host=True)
        if isinstance(value, Fraction):
            if value.denominator == 1 and (node.kind == "int" and abs(value) < 2**53):
                return Text(str(value.numerator), CALL if value >= 0 else 65, host=True)
            return Text(repr(float_of(value)), CALL if value >= 0 else 65, host=True)
        special = {"pi": repr(3.141592653589793), "inf": 'float("inf")', "-inf": 'float("-inf")', "nan": 'float("nan")'}
        return Text(special[str(value)], CALL, host=True)

    def _arange(self, node: Node) -> Text:
        index = node.value
        assert isinstance(index, Index)
        key = f"int:{node.id}"
        if key not in self._variables:
            code = self.dialect.arange(self.extent(index.low), self.extent(index.high))
            self._variables[key] = self.held(code, f"at_{index.name}")
        return Text(self._variables[key])

    def _operand_view(self, node: Node, arg: Node) -> View:
        """Whole numbers stay whole among themselves; otherwise they become numbers of the dtype."""
        if arg.kind == "bool":
            return "bool"
        whole = all(a.kind == "int" for a in node.args)
        if whole and (node.kind == "int" or node.op in BOOLEAN_OPS):
            return "int"
        return "real"

    def _function(self, node: Node) -> Text:
        row = TABLE[node.op]
        host = self.is_host(node)
        onto = self.axes(node.free)
        infix = row.precedence < CALL
        args = []
        for position, arg in enumerate(node.args):
            # brackets on the right keep the user's order of operations, and with it every rounding
            right = position > 0 and node.op in ("add", "sub", "mul", "div")
            tight = row.precedence + 1 if infix and (right or node.op == "pow") else row.precedence if infix else 0
            if infix and node.op in BOOLEAN_OPS:
                tight = row.precedence + 1
            args.append(self.lifted(arg, onto, self._operand_view(node, arg), tight))
        for helper in self.dialect.helpers(row):
            self.helpers[helper] = None
        if host:
            return self._host_function(node, args, row.precedence)
        picks = row.result == "same"  # one of its arguments: a number beside an array may stay as it is
        if row.numpy_helpers and not picks and node.kind == "real":
            args = [
                self.dialect.helper_argument(code) if self.is_host(arg) and arg.kind != "bool" else code
                for code, arg in zip(args, node.args, strict=True)
            ]
        numbers = [k for k, arg in enumerate(node.args) if self.is_host(arg) and arg.kind != "bool"]
        alone = numbers[:1] == [0] if picks else not row.numpy_helpers  # two numbers would be of double precision
        if len(numbers) > 1 and alone and row.precedence == CALL and node.kind == "real":
            args[numbers[0]] = self.dialect.number(args[numbers[0]])
        return Text(self.dialect.call(row, args), row.precedence)

    def _host_function(self, node: Node, args: list[str], precedence: int) -> Text:
        simple = {"add": "+", "sub": "-", "mul": "*"}
        compare = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
        if node.op in simple:
            return Text(f"{args[0]} {simple[node.op]} {args[1]}", precedence, host=True)
        if node.op in compare:
            return Text(f"{args[0]} {compare[node.op]} {args[1]}", precedence, host=True)
        if node.op == "neg":
            return Text(f"-{args[0]}", precedence, host=True)
        if node.op in ("max", "min", "abs"):
            return Text(f"{node.op}({', '.join(args)})", CALL, host=True)
        if node.op == "div" and node.args[1].is_const and not node.args[1].is_value(0):
            return Text(f"{args[0]} / {args[1]}", 60, host=True)
        code = self.dialect.host(node.op, [strip(a) for a in args])
        return Text(f"int({code})" if node.kind == "int" else code, CALL, host=True)

    def _host_logic(self, node: Node) -> Text:
        level = {"or": 20, "and": 30, "not": 35}[node.op]
        args = [self.lifted(a, (), "bool", level) for a in node.args]
        code = f"not {args[0]}" if node.op == "not" else f" {node.op} ".join(args)
        return Text(code, level, host=True)

    def _where(self, node: Node, view: View) -> Text:
        condition, then, otherwise = node.args
        if self.is_host(condition):
            return self._host_where(node, view)
        onto = self.axes(node.free)
        if view == "real" and (placed := placed_text(self, node, onto)) is not None:
            return Text(placed)
        chosen = self.lifted(condition, onto, "bool")
        if view == "real" and then.is_value(1) and otherwise.is_value(0):
            return Text(self.dialect.cast(chosen))
        sides = [self.lifted(n, onto, view) for n in (then, otherwise)]
        hosts = [self.value(n, view).host for n in (then, otherwise)]
        if all(hosts) and view == "real":
            sides = [self.dialect.number(s) for s in sides]
        return Text(self.select(chosen, *sides) if view == "real" else self.dialect.where(chosen, *sides))

    def select(self, condition: str, then: str, otherwise: str) -> str:
        """A choice between numbers, element by element."""
        self.helpers |= dict.fromkeys(self.dialect.select_helpers)
        return self.dialect.select(condition, then, otherwise)

    def _host_where(self, node: Node, view: View) -> Text:
        """A choice that depends on hyperparameters only: Python's conditional evaluates one side."""
        condition, then, otherwise = node.args
        onto = self.axes(node.free)
        sides = []
        for side, other in ((then, otherwise), (otherwise, then)):
            code = self.lifted(side, onto, view, 16)
            lone = view == "real" and self.value(side, view).host and not self.value(other, view).host
            sides.append(self.dialect.number(code) if lone else code)
        code = f"{sides[0]} if {self.lifted(condition, (), 'bool', 11)} else {sides[1]}"
        same = all(self.value(n, view).host for n in (then, otherwise))
        if not same and (set(then.free) != set(node.free) or set(otherwise.free) != set(node.free)):
            return Text(self.dialect.broadcast(f"({code})", self.shape(onto)), CALL)
        return Text(f"({code})", CALL, host=same)

    # ------------------------------------------------------------ arrays

    def _read(self, node: Node) -> Text:
        name = str(node.value)
        if name not in self.table.stages:
            places = [(a, ZERO, e) for a, e in zip(node.args, self.table.arrays[name].axes, strict=True)]
            if not places:
                return Text(self.arrays[name], CALL, host=self.is_host(node))
            return read_array(self, node, self.arrays[name], places)
        stage = self.table.stages[name]
        base = self.stage(stage)
        places = [(node.args[stage.out.index(k)], k.low, k.high) for k in self.axes(stage.out)]
        return read_array(self, node, base, places) if places else Text(base)

    def stage(self, stage: Stage) -> str:
        """The variable that holds a stage; emits it at the first call."""
        if stage.name not in self._stage_text:
            if stage.positions:
                self._stage_text[stage.name] = self.names.fresh(stage.name)
                self.lines += scatter_lines(self, stage, self._stage_text[stage.name])
            else:
                self._stage_text[stage.name] = self.held(reduction(self, stage), stage.name)
        return self._stage_text[stage.name]

    def held(self, code: str, hint: str) -> str:
        """The variable that holds the value of an expression."""
        if code not in self._holders:
            self._holders[code] = self.names.fresh(hint)
            self.lines.append(f"{self._holders[code]} = {code}")
        return self._holders[code]

    def sorts(self) -> bool:
        """Whether what the plan reduces by the order of a key is reduced by sorting."""
        if self._sorts is None:
            self._sorts = all_scans(self.table, (self.table.stages[name] for name in self._planned))
        return self._sorts

    def count_new(self, node: Node) -> None:
        """Take in a node that was made after the plan."""
        for inner in stage_nodes(self.table, [node]):
            self._host.setdefault(inner.id, self._is_host(inner))

    def is_host(self, node: Node) -> bool:
        """Whether the node is a Python number in the emitted code."""
        if node.id not in self._host:
            self.count_new(node)
        return self._host[node.id]


def stage_nodes_below(root: Node, known: Mapping[tuple[int, View], Text]) -> list[Node]:
    """Nodes below the root that have no text yet, arguments first."""
    from lossdsl.ir.graph import reachable

    def stop(node: Node) -> bool:
        return (node.id, node.kind) in known or node.op == "read"

    return [n for n in reachable([root], stop=stop) if (n.id, n.kind) not in known]
