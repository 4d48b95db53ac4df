"""Texts that mean harm, or nothing: what they may not do on the way from bytes to emitted modules.

Whatever a text holds, there is a module or a `LossError`, in bounded time; nothing that it says is executed, no file is
read but through `use`, and an emitted module has no names in it but its own.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from effort import SECOND, calls
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import lossdsl
from lossdsl.diagnostics import LossError

BACKENDS = ("numpy", "torch")

LOSSES = [path.read_text() for path in sorted((Path(__file__).parent / "acceptance").glob("*.loss"))]
SHORT = [text for text in LOSSES if len(text) < 500]

# ---------------------------------------------------------------- what emitted modules may hold

IMPORTS = {
    "from __future__ import annotations", "from typing import Any", "from collections.abc import Sequence",
    "from collections.abc import Callable, Iterable, Sequence", "import contextvars", "import functools",
    "import itertools", "import math", "import numpy as np", "import os", "import sys", "import threading", "import torch",
}  # fmt: skip
IMPORTED = {
    "Any", "Callable", "Iterable", "Sequence", "contextvars", "functools", "itertools", "math", "np", "os", "sys",
    "threading", "torch",
}  # fmt: skip
MEMBERS = {
    "contextvars": {"ContextVar"}, "functools": {"cache"}, "itertools": {"count"},
    "os": {"cpu_count", "environ", "sched_getaffinity"}, "sys": {"getrefcount"}, "threading": {"Lock", "Thread"},
}  # fmt: skip
"""All that a module uses of those that could reach further."""

BUILTINS = {
    "BaseException", "IndexError", "NotImplementedError", "RuntimeError", "TypeError", "ValueError", "abs", "all", "bool",
    "bytes", "complex", "dict", "enumerate", "float", "getattr", "hasattr", "int", "isinstance", "len", "list", "map", "max",
    "min", "next", "property", "range", "repr", "reversed", "round", "set", "slice", "sorted", "staticmethod", "str", "sum",
    "super", "tuple", "type", "zip",
}  # fmt: skip
"""What the code of a module takes from Python: nothing that runs text, opens files or reaches other modules."""

STATE = {
    "_BLOCK = 65536",
    "_buffers = _Buffers()",
    "_threads: contextvars.ContextVar[int | None] = contextvars.ContextVar('threads', default=None)",
}
"""All that a module has beside functions, classes and texts."""


def inspected(source: str, loss: str) -> ast.Module:
    """The tree of a module, which has nothing in it but functions, classes and constants of known names."""
    tree = ast.parse(source)
    first, *rest = tree.body
    assert isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant), "the docstring"
    own = list(IMPORTED)
    for node in rest:
        match node:
            case ast.Import() | ast.ImportFrom():
                assert ast.unparse(node) in IMPORTS
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                own.append(name)
                assert name.startswith("_") or _is_public(name, loss), name
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                own.append(name)
                assert ast.unparse(node) in STATE
            case ast.Expr(value=ast.Constant(value=str())):
                pass
            case _:
                raise AssertionError(ast.unparse(node))
    assert len(own) == len(set(own)), "no name is bound twice"
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    for function in [node for holder in (tree, *classes) for node in holder.body if isinstance(node, ast.FunctionDef)]:
        _check_names(function, set(own))
    _check_members(tree)
    return tree


def _check_members(tree: ast.Module) -> None:
    """Modules that could reach further are only asked for what is known, by its name."""
    asked = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)]
    members = {id(n.value): n.attr for n in asked}
    for call in ast.walk(tree):
        match call:
            case ast.Call(func=ast.Name(id="hasattr"), args=[ast.Name() as module, ast.Constant(value=str(member))]):
                members[id(module)] = member
    imported = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in MEMBERS.keys() & imported:
            assert members.get(id(node)) in MEMBERS[node.id], ast.unparse(node)


def _is_public(name: str, loss: str) -> bool:
    capital = "".join(part[:1].upper() + part[1:] for part in loss.split("_")) or "Loss"
    suffixes = ("", "_value_and_grad", "_hess_diag", "_hvp", "_terms", "_predict")
    legal = {capital} | {one + suffix for one in (loss, loss + "_") for suffix in suffixes}
    return name.rstrip("_") in {one.rstrip("_") for one in legal}


def _check_names(function: ast.FunctionDef, own: set[str]) -> None:
    """Every name that is read is bound in the function, in the module, or is one of a few of Python's."""
    bound = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    bound |= {node.name for node in ast.walk(function) if isinstance(node, ast.FunctionDef)} - {function.name}
    bound |= {node.name or "" for node in ast.walk(function) if isinstance(node, ast.ExceptHandler)}
    bound |= {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    called = {n.func.id for n in ast.walk(function) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    assert not bound & called & (own | set(vars(builtins))), "nothing is hidden that is called"
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            assert node.id in bound | own | BUILTINS | {"ctx", "self", "__class__"}, node.id
        if isinstance(node, ast.Attribute):
            special = node.attr.startswith("__") and node.attr.strip("_")  # `__` is what `_` becomes
            assert not special or node.attr == "__init__", node.attr


def emitted(text: str | bytes) -> int:
    """How many losses a text has, all of whose modules are as they should be; -1 for a located error.

    The work is far more than any text of this size takes, and far less than a pass without bounds would do.
    """
    found: list[int] = []
    assert calls(lambda: found.append(_emitted(text))) < 15 * SECOND
    return found[0]


def _emitted(text: str | bytes) -> int:
    try:
        module = lossdsl.loads(text)
    except LossError as error:
        assert 0 < len(str(error)) < 100_000
        for problem in error.problems:
            assert 0 <= problem.span.start <= problem.span.end <= len(problem.span.source.text)
        return -1
    else:
        for name, loss in module.items():
            for backend in BACKENDS:
                inspected(loss.source(backend), name)
        return len(module)


# ---------------------------------------------------------------- names

WORDS = sorted(
    {
        "False", "None", "True", "class", "lambda", "yield", "import", "await", "nonlocal", "match", "type", "case",
        "eval", "exec", "open", "print", "len", "float", "int", "isinstance", "getattr", "super", "dict", "zip", "self",
        "np", "torch", "math", "Any", "Sequence", "annotations", "os", "sys", "threading", "functools", "itertools",
        "contextvars", "Callable", "Iterable", "_BLOCK", "_threads", "_buffers", "_in_blocks", "start", "stop", "_", "_x", "_np", "ctx", "dt", "out", "group", "value",
        "seed", "names", "grads", "given", "like_x", "vector_x", "t_2", "sizes", "upstream", "with_gradient", "function",
        "tensors", "products", "tangent", "inputs", "output", "device", "forward", "terms", "state_dict", "training",
        "parameters", "T_destination", "_arguments", "_value", "_size", "_whole_numbers", "_tensor", "_readable",
        "_sigmoid", "_unused_x", "F_", "ŷ", "σ", "漢", "ｘ", "ﬁ", "x1", "x_", "grad_x", "l" * 5000, "f_value_and_grad",
        "f_terms", "Loss", "hess_diag",
    }
)  # fmt: skip

TEMPLATE = (
    "def {D}({A}) = {A}^2 + 1\n"
    "loss {L}({P}[{N}] | {T}[{N}]; {H} = 1.5, learn {W}[{N}] = 2):\n"
    "    {B}[{N}] = {D}({P} - {T})*{H}\n"
    "    {S} = sum[{N}]({B}*{W})\n"
    "    predict {Q} = {P}*{H}\n"
    "    return mean[{N}]({B}*{W}) + {S}/size({N})\n"
)
PLAIN = {k: k.lower() for k in "DAPNTHWBSQ"} | {"L": "loss0"}
X, Y = [0.5, -1.0, 2.0], [1.0, 0.25, -3.0]


def outcomes(text: str) -> list[Any]:
    """What the functions of both modules give."""
    loss = lossdsl.loss(text)
    for backend in BACKENDS:
        inspected(loss.source(backend), loss.name)
    x, y, w = np.array(X), np.array(Y), np.full(3, 2.0)
    f = loss.numpy()
    learned = {_learned(f.module): w}
    prediction, weight = loss.differentiable
    value, (by_x, by_w) = f.value_and_grad(x, y, **learned, wrt=(prediction, weight))
    found = [value, by_x, by_w, f.hess_diag(x, y, **learned), f.hvp(x, y, **learned, vector=y), f.predict(x, **learned)]
    found += f.terms(x, y, **learned).values()
    code = loss.compile("torch")
    function, cls = _public(code)
    a, b, c = torch.tensor(x, requires_grad=True), torch.tensor(y), torch.tensor(w)
    result = function(a, b, **{_learned(code): c})
    result.backward()
    module = cls(**{_learned(code): c})
    found += [result.detach(), a.grad, module(a, b).detach(), module.predict(a).detach(), *module.terms(a, b).values()]
    return [v.detach().numpy() if isinstance(v, torch.Tensor) else np.asarray(v) for v in found]


def _public(module: Any) -> tuple[Any, Any]:
    """The function for the value, and the module class."""
    tree = ast.parse(inspect.getsource(module))
    function = next(node.name for node in tree.body if isinstance(node, ast.FunctionDef))
    cls = next((node.name for node in tree.body if isinstance(node, ast.ClassDef)), "")
    return getattr(module, function), getattr(module, cls, None)


def _learned(module: Any) -> str:
    """The keyword of the learned argument: the second of those of the function."""
    parameters = inspect.signature(_public(module)[0]).parameters.values()
    return [one.name for one in parameters if one.kind is one.KEYWORD_ONLY][1]


@st.composite
def named(draw: st.DrawFn) -> dict[str, str]:
    words = draw(st.lists(st.sampled_from(WORDS), min_size=3, max_size=len(PLAIN), unique=True))
    places = draw(st.permutations(sorted(PLAIN)))
    return PLAIN | dict(zip(places, words, strict=False))


@given(named())
@example(PLAIN | {"H": "_"})
@example(PLAIN | {"L": "_size"})
@example(PLAIN | {"W": "l" * 2000, "A": "F_", "H": "Any"})
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_names_change_nothing_but_names(names: dict[str, str]) -> None:
    expected = outcomes(TEMPLATE.format_map(PLAIN))
    try:
        found = outcomes(TEMPLATE.format_map(names))
    except LossError as error:  # equal after NFKC, or a name that the language has for itself
        assert {problem.code for problem in error.problems} <= {"E0108", "E0109", "E0110", "E0202"}, str(error)
        return
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_names_that_code_calls_itself() -> None:
    """Every name that a module takes from Python, in every place where a text may have a name of its own."""
    words = sorted(BUILTINS - {"abs", "all", "max", "min", "round", "sum"})
    expected = outcomes(TEMPLATE.format_map(PLAIN))
    places = sorted(PLAIN)
    for start in range(0, len(words), len(places)):
        some = words[start : start + len(places)]
        found = outcomes(TEMPLATE.format_map(PLAIN | dict(zip(places, some, strict=False))))
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)


# ---------------------------------------------------------------- docstrings and comments

TEXTS = [
    "'''", "\\", "\\N{BULLET} \\x41 \\u0041 \\", "{x} {0} %s %(x)s $x", "#", "\u202e olleh \u2066", "a\u2028b\u2029c",
    "\u00ad\u200b", "f'{__import__(1)}'", "a\u3000wide\xa0space", "\U0001f600",  "-*- coding: latin-1 -*-",
]  # fmt: skip
QUOTES = ['x"""; import os; """', '"', '""', 'a\\"""', "'''\n\"\"", '\\"']


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("text", TEXTS)
def test_docstrings_come_out_as_they_are(text: str, backend: str) -> None:
    source = lossdsl.loss(f'loss f(x[n]):\n    "{text}"\n    return mean[n](x)\n').source(backend)
    tree = inspected(source, "f")
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "f")
    assert (ast.get_docstring(function, clean=False) or "").split("\n")[0] == text
    assert all(c.isprintable() or c == "\n" for c in source), "what does not print is escaped"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("text", [*TEXTS, *QUOTES])
def test_comments_stay_comments(text: str, backend: str) -> None:
    """The source of a loss stands in the docstring of its module, to the letter."""
    written = f"# {text}".split("\n")[0]
    loss = f"loss f(x[n]):\n    {written}\n    y = 2*x  {written}\n    return mean[n](y)\n"
    head = ast.get_docstring(inspected(lossdsl.loss(loss).source(backend), "f"), clean=False) or ""
    assert f"        {written}\n        y = 2*x  {written}\n        return mean[n](y)\n" in head


# ---------------------------------------------------------------- what is done to the machine

_seen: list[tuple[str, str]] | None = None


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if _seen is not None and event in ("open", "os.system", "subprocess.Popen", "socket.connect", "os.remove"):
        _seen.append((event, str(args[0])))


sys.addaudithook(_audit)


@contextmanager
def watched() -> Iterator[list[tuple[str, str]]]:
    """What the process does to files and to other processes."""
    global _seen
    found: list[tuple[str, str]] = []
    _seen = found
    try:
        yield found
    finally:
        _seen = None


def test_files_are_read_through_use_only(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside.loss"
    (root / "sub").mkdir(parents=True)
    outside.write_text("def secret(x) = x\n")
    (root / "good.loss").write_text("def good(x) = x\n")
    (root / "link.loss").symlink_to(outside)
    (root / "folder").symlink_to(tmp_path)
    (root / "loop.loss").symlink_to(root / "loop.loss")
    (root / "sub" / "up.loss").write_text('use "../../outside.loss": secret\n')
    paths = [
        "../outside.loss", "sub/../../outside.loss", str(outside), "/etc/passwd", "link.loss", "folder/outside.loss",
        "loop.loss", "sub/up.loss", "", ".", "..", "/", "~/.bashrc", "file:///etc/passwd", "http://localhost/x.loss",
        "/dev/zero", "/dev/stdin", "/proc/self/environ", "good.loss/../../outside.loss", "a" * 5000, "$HOME", "*.loss",
    ]  # fmt: skip
    main = str(root / "main.loss")
    lossdsl.loads("loss warm(x[n]):\n    return mean[n](x)\n", main)
    for path in paths:
        with watched() as found, pytest.raises(LossError):
            lossdsl.loads(f'use "{path}": secret\nloss f(x[n]):\n    return mean[n](secret(x))\n', main)
        assert all(Path(what).is_relative_to(root) for _, what in found), path
        assert all(event == "open" for event, _ in found)
    with watched() as found:
        lossdsl.loads('use "./sub/../good.loss": good\nloss f(x[n]):\n    return mean[n](good(x))\n', main)
    assert [Path(what).resolve() for _, what in found] == [(root / "good.loss").resolve()]


# ---------------------------------------------------------------- programs drawn at random

TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
SYMBOLS = [
    "(", ")", "[", "]", "{", "}", "|", ",", ";", ":", "=", "+", "-", "*", "/", "^", "<", ">=", "==", "..", " in ", " or ",
    " if ", " else ", " where ", "0", "1", "-1", "2.5", "1e300", "inf", "pi", "size(n)", "x", "n", "i in 3", "sum", "mean",
    "softmax", "argmax", "cumsum", "count", "norm", "max", "exp", "log", "√", "Σ", "learn ", "predict ", "stop_gradient",
]  # fmt: skip


@st.composite
def exchanged(draw: st.DrawFn) -> str:
    """A loss whose words were exchanged for one another, and for others: many still parse, and mean something else."""
    words = TOKEN.findall(draw(st.sampled_from(SHORT)))
    for _ in range(draw(st.integers(1, 4))):
        place, other = draw(st.integers(0, len(words) - 1)), draw(st.integers(0, len(words) - 1))
        match draw(st.sampled_from(("swap", "copy", "symbol", "delete", "span"))):
            case "swap":
                words[place], words[other] = words[other], words[place]
            case "copy":
                words[place] = words[other]
            case "symbol":
                words[place] = draw(st.sampled_from(SYMBOLS))
            case "delete":
                words[place] = ""
            case _:
                words[place:place] = words[other : other + draw(st.integers(1, 12))]
    return "".join(words)


@given(exchanged())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_exchanged_words(text: str) -> None:
    emitted(text)


EXPRESSIONS = st.recursive(
    st.sampled_from(
        ["x", "y", "x[n]", "y[n]", "x[i]", "y[k[n]]", "k", "n", "i", "size(n)", "1", "0.5", "inf", "pi", "h"]
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "^", "<", "==", " and ", " or "]), inner).map("".join),
        st.tuples(st.sampled_from(["exp", "log", "relu", "stop_gradient", "√", "-", "not "]), inner).map(
            lambda two: f"{two[0]}({two[1]})"
        ),
        st.tuples(
            st.sampled_from(["sum", "mean", "max", "prod", "logsumexp", "softmax", "argmin", "cumsum", "any", "norm"]),
            st.sampled_from(["", "[n]", "[i]", "[i in 3]", "[i in h]", "[n where x > 0]", "[i, n]", "[..]"]),
            inner,
        ).map(lambda three: f"{three[0]}{three[1]}({three[2]})"),
        st.tuples(inner, inner, inner).map(lambda three: f"({three[0]} if {three[1]} else {three[2]})"),
        inner.map(lambda one: f"[{one}]"),
        inner.map(lambda one: f"|{one}|"),
    ),
    max_leaves=8,
)


@given(st.lists(EXPRESSIONS, min_size=1, max_size=3), st.sampled_from(["", "[n]", "[i]"]))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_expressions(expressions: list[str], indices: str) -> None:
    *bound, result = expressions
    lines = "".join(f"    b{number}{indices} = {one}\n" for number, one in enumerate(bound))
    used = "".join(f" + b{number}" for number in range(len(bound)))
    emitted(f"loss f(x[n] | y[n], k[n] in n; h = 3):\n{lines}    return {result}{used}\n")


@given(st.binary(max_size=300))
@settings(max_examples=20, deadline=None)
def test_any_bytes(data: bytes) -> None:
    emitted(data)


def test_the_judge_sees_what_does_not_belong() -> None:
    """The inspection of modules is not blind."""
    source = lossdsl.loss(SHORT[0]).source("numpy")
    inspected(source, lossdsl.loss(SHORT[0]).name)
    for planted in (
        "import subprocess\n",
        "eval('1')\n",
        "_BLOCK = eval\n",
        "import os\n\n\ndef _f() -> int:\n    return os.system('true')\n",
        "import os\n\n\ndef _f() -> int:\n    return getattr(os, 'system')('true')\n",
        "def helper() -> None:\n    pass\n",
        "def _f() -> int:\n    return exec\n",
    ):
        with pytest.raises(AssertionError):
            inspected(source + planted, "f")
