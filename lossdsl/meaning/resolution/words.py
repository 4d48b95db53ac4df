"""Names that a written expression uses as indices."""

from __future__ import annotations

from collections.abc import Iterator

from lossdsl.syntax import tree


def index_names(written: tree.Expr) -> set[str]:
    """Names that stand in index positions anywhere in a statement, alone or in a sum."""
    found: set[str] = set()
    stack: list[tuple[object, bool]] = [(written, False)]
    while stack:
        node, indexing = stack.pop()
        match node:
            case tree.Name(id=word) if indexing:
                found.add(word)
            case tree.Indexed(base=base, indices=indices):
                stack.extend((index, True) for index in indices)
                if isinstance(base, tree.Call):
                    stack.append((base, False))
            case tree.Unary() | tree.Binary():
                stack.extend((part, indexing) for part in parts(node))
            case _:
                stack.extend((part, False) for part in parts(node))
    return found


def parts(node: object) -> Iterator[object]:
    """The expressions directly inside a written expression."""
    match node:
        case tree.Unary(operand=operand):
            yield operand
        case tree.Binary(left=left, right=right):
            yield left
            yield right
        case tree.Comparison(operands=operands):
            yield from operands
        case tree.Membership(operand=operand):
            yield operand
        case tree.Conditional():
            yield node.condition
            yield node.then
            yield node.otherwise
        case tree.Iverson(condition=condition):
            yield condition
        case tree.NamedArgument(value=value):
            yield value
        case tree.Call():
            yield from node.arguments
            yield from node.data or ()
            yield from node.hyper or ()
        case tree.Reduction(where=where, body=body):
            if where is not None:
                yield where
            if body is not None:
                yield body
