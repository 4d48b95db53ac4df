"""Names in mathematical notation: `log_sigma`, `y_hat`, `x1`, `delta` as LaTeX and as Unicode."""

from __future__ import annotations

import re
import unicodedata

GREEK = (
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "rho",
    "sigma",
    "tau",
    "upsilon",
    "phi",
    "chi",
    "psi",
    "omega",
)
CAPITALS = ("Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega")
SPELLINGS = {"eps": "varepsilon", "epsilon": "varepsilon", "lambd": "lambda", "lam": "lambda", "phi": "varphi"}
ACCENTS = {
    "hat": "hat", "bar": "bar", "tilde": "tilde", "dot": "dot", "vec": "vec",
    "\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0305": "bar", "\u0307": "dot", "\u0308": "ddot",
    "\u030c": "check", "\u0301": "acute", "\u0300": "grave", "\u0306": "breve", "\u20d7": "vec",
}  # fmt: skip
UNICODE_ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "dot": "\u0307"}


def latex_name(name: str) -> tuple[str, str]:
    """The LaTeX of a name, and what it has as a subscript of its own: `x1` is x with 1 below."""
    first, *rest = [part for part in name.split("_") if part] or [name]
    accents = []
    while rest and rest[-1] in ACCENTS:
        accents.append(ACCENTS[rest.pop()])
    stem, digits = _digits(first)
    if len(_plain(stem)) > 1 and _greek(stem) is None and rest:
        base, below = _word("_".join([first, *rest])), ""
    else:
        base, below = _word(stem), ", ".join([*digits, *map(_subscript, rest)])
    for accent in accents:
        base = f"\\{accent}{{{base}}}"
    return base, below


def _digits(word: str) -> tuple[str, list[str]]:
    """Digits after one letter or a Greek name are a subscript."""
    match = re.fullmatch(r"(\D+)(\d+)", word)
    if match and (len(_plain(match[1])) == 1 or _greek(match[1]) is not None):
        return match[1], [match[2]]
    return word, []


def _plain(word: str) -> str:
    """Without accents."""
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))


def _greek(word: str) -> str | None:
    if word in SPELLINGS:
        return SPELLINGS[word]
    return word if word in GREEK or word in CAPITALS else None


def _subscript(word: str) -> str:
    return word if word.isdigit() else _word(word)


def _word(word: str) -> str:
    greek = _greek(word)
    if greek is not None:
        return f"\\{greek}"
    if len(_plain(word)) == 1:
        return _letter(word)
    escaped = word.replace("_", "\\_")
    return f"\\mathrm{{{escaped}}}"


def _letter(letter: str) -> str:
    base, *marks = list(unicodedata.normalize("NFD", letter))
    words = unicodedata.name(base, "").split()
    if words[:1] == ["GREEK"] and words[-1:] and (greek := _greek_letter(words)) is not None:
        base = f"\\{greek}"
    elif not base.isascii():
        base = f"\\mathrm{{{base}}}"
    for mark in marks:
        base = f"\\{ACCENTS.get(mark, 'bar')}{{{base}}}"
    return base


def _greek_letter(words: list[str]) -> str | None:
    name = words[-1].lower()
    name = {"lamda": "lambda"}.get(name, name)
    if "CAPITAL" in words:
        name = name.capitalize()
        return name if name in CAPITALS else None
    return "varepsilon" if name == "epsilon" else name if name in GREEK else None


def unicode_name(name: str) -> str:
    """Greek names as letters, accents as accents."""
    first, *rest = [part for part in name.split("_") if part] or [name]
    marks = ""
    while rest and rest[-1] in UNICODE_ACCENTS and len(_plain(first)) == 1:
        marks += UNICODE_ACCENTS[rest.pop()]
    stem, digits = _digits(first)
    parts = [_unicode_word(stem) + "".join(digits), *map(_unicode_word, rest)]
    return unicodedata.normalize("NFC", parts[0] + marks) + "".join(f"_{part}" for part in parts[1:])


def _unicode_word(word: str) -> str:
    if word in ("eps", "epsilon"):
        return "ε"
    if word in ("lambda", "lambd"):
        return "λ"
    if word in GREEK:
        return unicodedata.lookup(f"GREEK SMALL LETTER {word.upper()}")
    return unicodedata.lookup(f"GREEK CAPITAL LETTER {word.upper()}") if word in CAPITALS else word


def size_name(axis: str, taken: set[str]) -> str:
    """The letter for the length of an axis: N for `n`, unless N means something else."""
    return axis.upper() if len(axis) == 1 and axis.islower() and axis.isascii() and axis.upper() not in taken else ""
