"""LaTeX of names and of single functions as MathML: so that a function's notation stands once, in its row of the table.

Reads what `notation.latex_name` and the rows of the table write, and nothing else: an unknown command is a KeyError,
which a test that walks the table would meet.  Text comes out escaped.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from lossdsl.display.notation import latex_name

TIMES, APPLY = "<mo>&#x2062;</mo>", "<mo>&#x2061;</mo>"
"""Invisible: between factors, and between a function and its argument."""
THIN = '<mspace width="0.1667em"/>'
MINUS = "<mo>−</mo>"
COMMA, DOT = "<mo>,</mo>", "<mo>⋅</mo>"

LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "varepsilon": "ε", "epsilon": "ϵ", "zeta": "ζ", "eta": "η",
    "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ",
    "sigma": "σ", "tau": "τ", "upsilon": "υ", "varphi": "φ", "phi": "ϕ", "chi": "χ", "psi": "ψ", "omega": "ω",
    "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ",
    "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip
WORDS = ("log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "max", "min", "exp")
OPERATORS = {
    "bmod": "<mo>mod</mo>", "land": "<mo>∧</mo>", "lor": "<mo>∨</mo>", "lnot": "<mo>¬</mo>", "int": "<mo>∫</mo>",
    "lfloor": "<mo>⌊</mo>", "rfloor": "<mo>⌋</mo>", "infty": "<mi>∞</mi>", "cdot": "<mo>⋅</mo>", "le": "<mo>≤</mo>",
    "ge": "<mo>≥</mo>", "ne": "<mo>≠</mo>",
}  # fmt: skip
NAMED = ("sigma", "psi", "Phi", "Gamma", "varphi")
"""Letters that are functions in the table; in names they have nothing behind them but an index."""
ACCENTS = {
    "hat": "^", "bar": "¯", "tilde": "~", "dot": "˙", "ddot": "¨", "vec": "→", "check": "ˇ", "acute": "´",
    "grave": "`", "breve": "˘",
}  # fmt: skip
TOKEN = re.compile(
    r"\\(?P<command>[a-zA-Z]+|[{}_,\\])|(?P<number>\d+(?:\.\d+)?)|(?P<space>\s+)|(?P<single>.)", re.DOTALL
)
FIRST_PLACE = 0xE000
"""Arguments of a template are characters of the private use area while it is read."""

Token = tuple[str, str]
Role = Literal["operand", "function", "sign", "group"]
Item = tuple[str, Role]
"""An element and what it is to its neighbours: a group is an operand that opens with a bracket."""
CLOSING: Token = ("single", "}")


def notation_mathml(latex: str, arguments: Sequence[str] = ()) -> str:
    """The MathML of a fragment; `arguments` stand where `place(0)`, `place(1)`, ... stand in it."""
    return _Reader(latex, {place(k): text for k, text in enumerate(arguments)}).read()


def place(number: int) -> str:
    return chr(FIRST_PLACE + number)


def named(name: str, indices: Sequence[str] = ()) -> str:
    """A name with what stands below it: its own index, and positions."""
    base, below = latex_name(name)
    subscript = COMMA.join([*([notation_mathml(below)] if below else []), *indices])
    symbol = row(notation_mathml(base))
    return f"<msub>{symbol}{row(subscript)}</msub>" if subscript else symbol


def index_mathml(name: str) -> str:
    return DOT if name == ".." else named(name)


def row(*parts: str) -> str:
    """One element, whatever the parts are."""
    text = "".join(parts)
    return text if _is_single(text) else f"<mrow>{text}</mrow>"


def fenced(opening: str, body: str, closing: str) -> str:
    """A group of its own, so that the brackets are as tall as it and no taller."""
    return f"<mrow><mo>{opening}</mo>{body}<mo>{closing}</mo></mrow>"


def word(text: str) -> str:
    """A name of several letters; one of a single letter stands upright, too."""
    upright = ' mathvariant="normal"' if len(text) == 1 else ""
    return f"<mi{upright}>{html.escape(text)}</mi>"


def _is_single(text: str) -> bool:
    """Whether it is one token element."""
    return bool(re.fullmatch(r"<(m[ion]|mtext)\b[^<>]*>[^<>]*</\1>", text))


class _Reader:
    def __init__(self, latex: str, places: Mapping[str, str]) -> None:
        self.tokens: list[Token] = [(m.lastgroup or "", m[m.lastgroup or 0]) for m in TOKEN.finditer(latex)]
        self.at = 0
        self.places = places

    def read(self, end: Token | None = None) -> str:
        """Everything before the token that closes the group, or all."""
        items: list[Item] = []
        gap = False
        while self.at < len(self.tokens) and (token := self._next()) != end:
            if token[0] == "space":
                gap = True
            elif token in (("single", "^"), ("single", "_")):
                items.append(self._script(items.pop(), token[1]))
            else:
                item = self._item(*token)
                items += [*_between(items[-1:], item, gap), item]
                gap = False
        return "".join(text for text, _ in items)

    def _script(self, base: Item, sign: str) -> Item:
        """With an exponent or an index: an integral has both."""
        text, role = base
        script = row(self._argument())
        if sign == "^" and text.startswith("<msub>"):
            return f"<msubsup>{text[len('<msub>') : -len('</msub>')]}{script}</msubsup>", role
        tag = "msup" if sign == "^" else "msub"
        return f"<{tag}>{row(text)}{script}</{tag}>", "operand" if role == "group" else role

    def _item(self, kind: str, text: str) -> Item:
        if kind == "number":
            return f"<mn>{text}</mn>", "operand"
        if kind == "command":
            return self._command(text)
        if text == "{":
            return self.read(CLOSING), "operand"
        if text == "(":
            return fenced("(", self.read(("single", ")")), ")"), "group"
        if text in self.places:
            return self.places[text], "operand"
        if text.isalpha():
            return f"<mi>{html.escape(text)}</mi>", "operand"
        return MINUS if text == "-" else f"<mo>{html.escape(text)}</mo>", "sign"

    def _command(self, name: str) -> Item:
        match name:
            case "frac":
                return f"<mfrac>{row(self._argument())}{row(self._argument())}</mfrac>", "operand"
            case "sqrt":
                return f"<msqrt>{self._argument()}</msqrt>", "operand"
            case "left":
                return self._fence()
            case "mathrm":
                return word(self._plain()), "operand"
            case "operatorname":
                return word(self._plain()), "function"
            case _ if name in ACCENTS:
                return f'<mover accent="true">{row(self._argument())}<mo>{ACCENTS[name]}</mo></mover>', "operand"
            case _ if name in WORDS:
                return f"<mi>{name}</mi>", "function"
            case _ if name in LETTERS:
                return f"<mi>{LETTERS[name]}</mi>", "function" if name in NAMED else "operand"
        return OPERATORS[name], "sign"

    def _fence(self) -> Item:
        opening = self._delimiter()
        inside = self.read(("command", "right"))
        return fenced(opening, inside, self._delimiter()), "group" if opening == "(" else "operand"

    def _delimiter(self) -> str:
        kind, text = self._next()
        return {"lfloor": "⌊", "rfloor": "⌋"}[text] if kind == "command" else text

    def _argument(self) -> str:
        return self._item(*self._next())[0]

    def _plain(self) -> str:
        """The text of a group, as it is."""
        self._next()
        text = ""
        while (token := self._next()) != CLOSING:
            text += token[1]
        return text

    def _next(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]


def _between(before: Sequence[Item], item: Item, gap: bool) -> list[Item]:
    """What is not written but meant: a function applied, a product."""
    if not before or "sign" in (before[0][1], item[1]):
        return []
    if before[0][1] == "function":
        return [(APPLY, "sign")] if item[1] == "group" else [(APPLY, "sign"), (THIN, "sign")]
    return [(TIMES, "sign")] if gap else []
