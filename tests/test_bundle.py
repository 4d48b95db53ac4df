"""Several generated modules as one."""

from __future__ import annotations

from lossdsl.backends.bundle import bundle

ONE = '''"""one."""

from __future__ import annotations

import numpy as np


def one(x):
    return _arguments(x) + _shared(x) + _deep(x)


def _arguments(x):
    return np.asarray(1)


def _shared(x):
    return 10 * np.asarray(x)


def _deep(x):
    return 1000 * _arguments(x)
'''
TWO = ONE.replace("one", "two").replace("np.asarray(1)", "np.asarray(2)")


def run(text: str) -> dict[str, object]:
    space: dict[str, object] = {}
    exec(compile(text, "<bundle>", "exec"), space)
    return space


def test_one_module_is_left_alone() -> None:
    assert bundle([ONE]) == ONE


def test_what_is_shared_stands_once_and_what_differs_keeps_its_meaning() -> None:
    text = bundle([ONE, TWO])
    space = run(text)
    assert (space["one"](5), space["two"](5)) == (1 + 50 + 1000, 2 + 50 + 2000)
    assert text.count("def _shared(") == 1
    assert text.count("import numpy as np") == 1
    assert text.startswith('"""one.\n\n\ntwo.\n"""')


def test_a_definition_that_uses_a_renamed_one_is_renamed_too() -> None:
    text = bundle([ONE, TWO])
    assert "def _arguments_2(" in text
    assert "def _deep_2(" in text
    three = ONE.replace("one", "three").replace("np.asarray(1)", "np.asarray(3)")
    assert run(bundle([ONE, TWO, three]))["three"](5) == 3 + 50 + 3000


def test_public_names_get_a_trailing_underscore() -> None:
    first = '"""a."""\n\n\ndef a_terms():\n    return 1\n'
    second = '"""a_terms."""\n\n\ndef a_terms():\n    return 2\n\n\ndef use(x):\n    return x.a_terms + a_terms()\n'
    space = run(bundle([first, second]))
    assert (space["a_terms"](), space["a_terms_"]()) == (1, 2)


def test_attributes_keep_their_names() -> None:
    second = '"""b."""\n\n\ndef f():\n    return 2\n\n\ndef g(x):\n    return x.f() + f()\n'
    text = bundle(['"""a."""\n\n\ndef f():\n    return 1\n', second])
    assert "x.f() + f_()" in text
