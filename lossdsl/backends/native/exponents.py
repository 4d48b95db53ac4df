"""Powers whose exponent is a hyperparameter: a loop gets a second version, for the values that stand in the signature.

focal(...; gamma = 2) then squares, and calls the general power for other values of gamma only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from lossdsl.ir.graph import Node, reachable

SIMPLE = {Fraction(0): "one", Fraction(1): "same", Fraction(2): "square", Fraction(3): "cube", Fraction(4): "fourth",
          Fraction(1, 2): "sqrt", Fraction(-1): "reciprocal"}  # fmt: skip
"""Powers that are a few multiplications, by exponent."""


MOST_BITS = 64
"""An exponent of more digits is none of those."""


def exact(node: Node, defaults: Mapping[str, Fraction]) -> Fraction | None:
    """The value of arithmetic on hyperparameters at their defaults; None for anything else."""
    values: dict[int, Fraction | None] = {}
    for part in reachable([node]):
        value = _value(part, [values[a.id] for a in part.args], defaults)
        is_short = value is not None and max(value.numerator.bit_length(), value.denominator.bit_length()) <= MOST_BITS
        values[part.id] = value if is_short else None
    return values[node.id]


def _value(node: Node, args: list[Fraction | None], defaults: Mapping[str, Fraction]) -> Fraction | None:
    match node.op, args:
        case "const", []:
            return node.value if isinstance(node.value, Fraction) else None
        case "read", _:
            return defaults.get(str(node.value))
        case "add", [Fraction() as a, Fraction() as b]:
            return a + b
        case "sub", [Fraction() as a, Fraction() as b]:
            return a - b
        case "mul", [Fraction() as a, Fraction() as b]:
            return a * b
        case "div", [Fraction() as a, Fraction() as b] if b:
            return a / b
        case "neg", [Fraction() as a]:
            return -a
    return None


def reads(node: Node) -> set[str]:
    """The hyperparameters in an exponent."""
    return {str(n.value) for n in reachable([node]) if n.op == "read"}


def at_defaults(
    lines: Sequence[str], exponents: Mapping[str, Node], defaults: Mapping[str, Fraction], calls: dict[str, None]
) -> tuple[list[str], set[str]] | None:
    """The lines with simple powers where the defaults make them so, and the hyperparameters that this is for."""
    text = list(lines)
    concerned: set[str] = set()
    for name, node in exponents.items():
        value = exact(node, defaults)
        if value in SIMPLE and any(f"raised_r({name}, " in line for line in lines):
            assert value is not None
            calls[f"{SIMPLE[value]}_r"] = None
            text = [line.replace(f"raised_r({name}, ", f"{SIMPLE[value]}_r(") for line in text]
            text = [line for line in text if not line.strip().startswith(f"const struct power {name} = ")]
            concerned |= reads(node)
    return (text, concerned) if concerned else None
