"""Generated code, imported: a text that a back end emitted becomes a Python module of this process.

What must hold: the same text gives the same module object, under a name made of the loss and a digest of the text;
tracebacks show the lines of the text; an instance of a class of the module can be copied, and pickled, also into a
process that has not compiled the loss (the pickle carries the text).
"""

from __future__ import annotations

import copyreg
import hashlib
import linecache
import sys
from types import ModuleType
from typing import Any

PREFIX = "lossdsl._generated."


def import_generated(source: str, name: str) -> ModuleType:
    """The module whose text is `source`; only for text that a back end of this package emitted."""
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    full_name = f"{PREFIX}{name}_{digest}"
    if full_name in sys.modules:
        return sys.modules[full_name]
    module = ModuleType(full_name)
    filename = f"<lossdsl {name} {digest}>"
    module.__file__ = filename
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    sys.modules[full_name] = module
    try:
        exec(compile(source, filename, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[full_name]
        raise
    for value in list(vars(module).values()):
        if isinstance(value, type) and value.__module__ == full_name:
            _carry_source(value, source, name)
    return module


def _carry_source(cls: type, source: str, name: str) -> None:
    """Instances of `cls` are copied and pickled as: the text of their module, the name of their class, their state."""

    def reduce(instance: Any) -> tuple[Any, ...]:
        return _new, (source, name, cls.__qualname__), instance.__dict__

    copyreg.pickle(cls, reduce)


def _new(source: str, name: str, class_name: str) -> Any:
    cls = getattr(import_generated(source, name), class_name)
    return cls.__new__(cls)
