"""What must hold of every checked program, whatever the text: the promises that `lossdsl.meaning.core` makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from lossdsl.meaning import core
from lossdsl.meaning.resolution.build import binds, children

SIZES = (0, 1, 2, 3)
MOST_COMBINATIONS = 256


def assert_invariants(program: core.Program) -> None:
    _assert_order(program)
    _assert_bound_once(program)
    _assert_kinds(program)
    _assert_reads(program)
    _assert_safe(program)


def roots(program: core.Program) -> Iterator[tuple[tuple[core.Var, ...], core.Expr]]:
    """Each expression of a program, with the variables that are bound around it."""
    for let in program.lets:
        yield let.vars, let.expr
    if program.mask is not None:
        yield program.free, program.mask
    yield program.free, program.element


def nodes(program: core.Program) -> Iterator[core.Expr]:
    seen: set[int] = set()
    stack = [root for _, root in roots(program)]
    while stack:
        node = stack.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            stack.extend(children(node))
            if isinstance(node, core.Read):
                stack.extend(condition for condition, _ in node.guards)


def _assert_order(program: core.Program) -> None:
    """A binding reads earlier bindings only, and the arguments of this loss."""
    known: set[object] = set(program.args)
    for array, expr in [*((let, let.expr) for let in program.lets), (None, program.element)]:
        stack, seen = [expr], set[int]()
        while stack:
            node = stack.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            assert not isinstance(node, core.Read) or node.array in known, f"{node} is read before it is bound"
            stack.extend(children(node))
        known.add(array)


def _assert_bound_once(program: core.Program) -> None:
    binders: dict[core.Var, object] = {}
    for let in program.lets:
        for var in let.vars:
            assert binders.setdefault(var, let) is let, f"{var.name} is bound twice"
    for var in program.free:
        assert binders.setdefault(var, program) is program, f"{var.name} is bound twice"
    for node in nodes(program):
        for var in binds(node):
            assert binders.setdefault(var, node) is node, f"{var.name} is bound twice"
    for around, root in roots(program):
        _assert_in_scope(root, frozenset(around))


def _assert_in_scope(root: core.Expr, around: frozenset[core.Var]) -> None:
    seen: set[tuple[int, frozenset[core.Var]]] = set()
    stack = [(root, around)]
    while stack:
        node, scope = stack.pop()
        if (id(node), scope) in seen:
            continue
        seen.add((id(node), scope))
        assert not isinstance(node, core.Index) or node.var in scope, f"{node} is used where it is not bound"
        inside = scope | frozenset(binds(node))
        for child in children(node):
            outside = isinstance(node, core.Along) and child is node.at
            stack.append((child, scope if outside else inside))


def _assert_kinds(program: core.Program) -> None:
    for node in nodes(program):
        kind = program.kinds[id(node)]
        match node:
            case core.If():
                assert program.kinds[id(node.condition)] == "bool"
            case core.Reduce() | core.Along() if node.where is not None:
                assert program.kinds[id(node.where)] == "bool"
            case core.Read(array=core.Let() as let):
                assert kind == let.kind
            case core.Read():
                assert kind != "bool"
    for let in program.lets:
        assert let.kind == program.kinds[id(let.expr)]
        assert let.role != "term" or (not let.vars and let.kind != "bool")
    assert program.kinds[id(program.element)] != "bool"
    assert program.mask is None or program.kinds[id(program.mask)] == "bool"


def _assert_reads(program: core.Program) -> None:
    for node in nodes(program):
        if isinstance(node, core.Read):
            axes = node.array.axes if isinstance(node.array, core.Arg) else node.array.vars
            assert len(node.indices) == len(axes)
            assert all(program.kinds[id(index)] == "int" for index in node.indices)
            assert not (node.safe and node.guards)
            assert all(program.kinds[id(condition)] == "bool" for condition, _ in node.guards)


# ---------------------------------------------------------------- safe reads, by trying all small sizes


def names(extent: core.Extent) -> set[str]:
    own = {extent.name} if extent.op in ("size", "hyper") else set[str]()
    return own.union(*(names(operand) for operand in extent.operands))


def value(extent: core.Extent, sizes: Mapping[str, int]) -> int:
    parts = [value(operand, sizes) for operand in extent.operands]
    match extent.op:
        case "const":
            return extent.value
        case "size" | "hyper":
            return sizes[extent.name]
        case "add":
            return parts[0] + parts[1]
        case "sub":
            return parts[0] - parts[1]
        case "mul":
            return parts[0] * parts[1]
        case "max":
            return max(parts)
        case "min":
            return min(parts)
        case "floordiv":
            return parts[0] // parts[1]


def _assert_safe(program: core.Program) -> None:
    """Every position of a safe read lies on its axis, for all small sizes that pass the checks."""
    axes = {extent.name for arg in program.args for extent in arg.axes if extent.op == "size"}
    hypers = {arg.name for arg in program.args if arg.role == "hyper" and arg.whole}
    known = sorted(axes | hypers)
    combinations = list(product(SIZES, repeat=len(known)))
    step = max(1, len(combinations) // MOST_COMBINATIONS)
    for combination in combinations[::step]:
        sizes = dict(zip(known, combination, strict=True))
        if all(value(check.left, sizes) == value(check.right, sizes) for check in program.checks):
            for around, root in roots(program):
                _walk(root, around, sizes)


def _walk(root: core.Expr, around: tuple[core.Var, ...], sizes: Mapping[str, int]) -> None:
    seen: set[int] = set()
    stack = [(root, _ranges({}, around, sizes))]
    while stack:
        node, ranges = stack.pop()
        if id(node) in seen or any(not positions for positions in ranges.values()):
            continue
        seen.add(id(node))
        if isinstance(node, core.Read) and node.safe:
            for axis, index in enumerate(node.indices):
                _assert_on_axis(node, axis, index, ranges, sizes)
        inside = _ranges(ranges, binds(node), sizes)
        if isinstance(node, core.Along):
            assert isinstance(node.at, core.Index)
            assert set(ranges[node.at.var]) <= set(inside[node.var]), (
                f"{node.op} is taken outside of its range: {sizes}"
            )
        stack.extend((child, inside) for child in children(node))


def _ranges(
    outer: Mapping[core.Var, range], bound: tuple[core.Var, ...], sizes: Mapping[str, int]
) -> dict[core.Var, range]:
    return {**outer, **{var: range(value(var.low, sizes), value(var.high, sizes)) for var in bound}}


def _assert_on_axis(
    read: core.Read, axis: int, index: core.Expr, ranges: Mapping[core.Var, range], sizes: Mapping[str, int]
) -> None:
    if isinstance(read.array, core.Arg):
        low, high = 0, value(read.array.axes[axis], sizes)
    else:
        var = read.array.vars[axis]
        low, high = value(var.low, sizes), value(var.high, sizes)
    used = sorted(_variables(index), key=id)
    for at in product(*(ranges[var] for var in used)):
        position = _position(index, dict(zip(used, at, strict=True)), sizes)
        shown = {var.name: where for var, where in zip(used, at, strict=True)}
        assert low <= position < high, f"{read.array.name} is read at {position} with {shown}, {sizes}"


def _variables(index: core.Expr) -> set[core.Var]:
    own = {index.var} if isinstance(index, core.Index) else set[core.Var]()
    return own.union(*(_variables(child) for child in children(index)))


def _position(index: core.Expr, at: Mapping[core.Var, int], sizes: Mapping[str, int]) -> int:
    match index:
        case core.Num(value=exact):
            return int(exact)
        case core.Index(var=var):
            return at[var]
        case core.Size(extent=extent):
            return value(extent, sizes)
        case core.Read(array=core.Arg(role="hyper", name=name), indices=()):
            return sizes[name]
        case core.Apply(function=function, args=args):
            parts = [_position(arg, at, sizes) for arg in args]
            match function, parts:
                case "add", [x, y]:
                    return x + y
                case "sub", [x, y]:
                    return x - y
                case "mul", [x, y]:
                    return x * y
                case "neg", [x]:
                    return -x
    raise AssertionError(f"a safe read has a position that is no sum of variables: {index}")
