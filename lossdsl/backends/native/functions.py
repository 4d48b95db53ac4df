"""Scalar functions in C: the text of each function of the table, in single and in double precision.

The texts lie in `c/`.  `generic.h` is written once for both precisions: REAL, and names that end in `_x`, stand for one
of them.  What is written in double precision only (`special.h`) is called from single precision, and rounded once.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from importlib import resources

LIBM = ("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh")
"""Functions of the C library, which are accurate and not vectorised."""

_SINGLE = {
    "REAL": "float", "LARGEST": "FLT_MAX", "ABS": "__builtin_fabsf", "SQRT": "__builtin_sqrtf",
    "FLOOR": "__builtin_floorf", "RINT": "__builtin_rintf", "TRUNC": "__builtin_truncf",
    "COPYSIGN": "__builtin_copysignf", "FMOD": "fmodf", "LOG2": "log2", "LOG10": "log10",
}  # fmt: skip
_DOUBLE = {
    "REAL": "double", "LARGEST": "DBL_MAX", "ABS": "__builtin_fabs", "SQRT": "__builtin_sqrt",
    "FLOOR": "__builtin_floor", "RINT": "__builtin_rint", "TRUNC": "__builtin_trunc",
    "COPYSIGN": "__builtin_copysign", "FMOD": "fmod", "SQRTF": "__builtin_sqrtf", "LOG2": "log2", "LOG10": "log10",
}  # fmt: skip

_NAME = re.compile(r"^(?:static inline (?:struct )?\w+ (\w+)\(|struct (\w+) \{)", re.MULTILINE)
_WORD = re.compile(r"\w+")


def resource(name: str) -> str:
    """The text of a file of `c/`."""
    return resources.files("lossdsl.backends.native").joinpath("c").joinpath(name).read_text(encoding="utf-8")


def _chunks(text: str) -> dict[str, str]:
    """Name -> text of every function, with the comment above it."""
    parts = re.split(r"\n(?=/\*|static inline|struct)", "\n" + text)
    found: dict[str, str] = {}
    comment = ""
    for part in (p.strip("\n") for p in parts if p.strip()):
        match = _NAME.search(part)
        if match is None:
            comment = part + "\n"
            continue
        found[match[1] or match[2]] = comment + part
        comment = ""
    return found


def _spelled(text: str, suffix: str, words: dict[str, str]) -> str:
    text = re.sub(r"\b(\w+)_x\b", rf"\1_{suffix}", text)
    return _WORD.sub(lambda m: words.get(m[0], m[0]), text)


@functools.cache
def definitions() -> dict[str, str]:
    """The text of every function that emitted code may call, by name: NAME_f, NAME_d, NAME_i."""
    found = {**_chunks(resource("integer.h")), **_chunks(resource("single.h")), **_chunks(resource("double.h"))}
    generic = resource("generic.h")
    found |= _chunks(_spelled(generic, "f", _SINGLE)) | _chunks(_spelled(generic, "d", _DOUBLE))
    found |= _chunks(_spelled(resource("powers.h"), "d", _DOUBLE))
    special = _chunks(_spelled(resource("special.h"), "d", _DOUBLE))
    for name in LIBM:
        given = ("double x", "double y")[: 2 if name == "atan2" else 1]
        passed = ", ".join(part[-1] for part in given)
        special[f"{name}_d"] = (
            f"static inline double {name}_d({', '.join(given)})\n{{\n    return {name}({passed});\n}}"
        )
    found |= special
    for name, text in special.items():
        single = name.removesuffix("_d") + "_f"
        found[single] = _rounded(name, single, text)
    return found


def _rounded(name: str, single: str, text: str) -> str:
    """The function in single precision, computed in double."""
    match = re.search(rf"{name}\(([^)]*)\)", text)
    assert match is not None
    given = [part.strip().removeprefix("double ") for part in match[1].split(",")]
    parameters = ", ".join(f"float {g}" for g in given)
    return f"static inline float {single}({parameters})\n{{\n    return (float){name}({', '.join(given)});\n}}"


@functools.cache
def _called(name: str) -> tuple[str, ...]:
    words = dict.fromkeys(_WORD.findall(definitions()[name]))
    return tuple(word for word in words if word in definitions() and word != name)


def closure(names: Iterable[str]) -> list[str]:
    """The names and everything that they call, callees first."""
    ordered: dict[str, None] = {}

    def visit(name: str) -> None:
        if name not in ordered:
            for used in _called(name):
                visit(used)
            ordered[name] = None

    for name in sorted(set(names)):
        visit(name)
    return list(ordered)


def prelude(calls: Iterable[str]) -> str:
    """The functions that a text calls; `NAME_r` is the one of the precision of the arrays (SINGLE, or else double)."""
    plain: set[str] = set()
    real: set[str] = set()
    for call in calls:
        (real if call.endswith("_r") else plain).add(call)
    double = closure(plain | {name[:-2] + "_d" for name in real})
    single = [name for name in closure(name[:-2] + "_f" for name in real) if name not in double]
    parts = [definitions()[name] for name in double]
    aliases = sorted(name[:-2] for name in real)
    parts.append("#ifdef SINGLE\ntypedef float real;")
    parts += [definitions()[name] for name in single]
    parts += ["\n".join(f"#define {name}_r {name}_f" for name in aliases)] if aliases else []
    parts.append("#else\ntypedef double real;")
    parts += ["\n".join(f"#define {name}_r {name}_d" for name in aliases)] if aliases else []
    return "\n\n".join(parts) + "\n#endif"
