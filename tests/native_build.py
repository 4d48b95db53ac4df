"""What tests of the native back end share: whether there is a compiler, and modules that compile quickly."""

from __future__ import annotations

import shutil
from types import ModuleType

import pytest

from lossdsl.backends.native import emit
from lossdsl.generated import import_generated
from lossdsl.meaning.core import Program

COMPILER = shutil.which("cc") or shutil.which("gcc")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")


def quick(program: Program, calls: list[bool] | None = None) -> ModuleType:
    """The module, compiled with -O1; `calls` notes for each call whether C computed it."""
    module = import_generated(emit(program), program.name)
    module._FLAGS = tuple("-O1" if flag == "-O3" else flag for flag in module._FLAGS)
    if calls is not None:
        inner = import_generated(emit(program), program.name)._computed
        inner = getattr(inner, "inner", inner)

        def noted(*given: object) -> object:
            found = inner(*given)
            calls.append(found is not None)
            return found

        noted.inner = inner  # type: ignore[attr-defined]
        module._computed = noted
    return module
