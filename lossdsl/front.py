"""The losses of a text, and what is kept of them between processes (`lossdsl.cache`).

What must hold: whether an answer was kept or is made now can not be told from it.  Only texts without errors are kept,
so errors always come from the compiler.  An entry says which files a text uses, and what was in them: it counts only as
long as all of them are found, by the same names, as they were.  Parsing and checking are put off until the program of a
loss is asked for; what is kept spares most users both.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossdsl import cache
from lossdsl.diagnostics.limits import MAX_CHARACTERS

if TYPE_CHECKING:
    from lossdsl.meaning import core
    from lossdsl.syntax.parser import Parsed

READ_BYTES = 4 * MAX_CHARACTERS + 1
"""More of a file is never looked at: longer texts are errors."""

BOOSTING = ("xgboost", "lightgbm", "catboost")
"""Back ends that are objectives for a library."""


@dataclass(frozen=True)
class Facts:
    """What is said of a loss without its program."""

    name: str
    doc: str
    text: str
    signature: str
    differentiable: tuple[str, ...]


@dataclass(frozen=True)
class Used:
    """A file that `use` brought in: where it was looked for, what that is without links, and a digest of it."""

    sought: str
    found: str
    digest: str

    def is_unchanged(self) -> bool:
        try:
            found = Path(self.sought).resolve()
            with found.open("rb") as file:
                return str(found) == self.found and _digest(file.read(READ_BYTES)) == self.digest
        except (OSError, RuntimeError, ValueError):
            return False


class Front:
    """A text that is right; `facts` by the names of its losses."""

    def __init__(
        self,
        text: str | bytes,
        path: str,
        doc: str,
        facts: Mapping[str, Facts],
        used: tuple[Used, ...],
        programs: Mapping[str, core.Program] | None = None,
    ) -> None:
        self.text, self.path, self.doc, self.facts, self.used = text, path, doc, dict(facts), used
        self._programs = programs

    def program(self, name: str) -> core.Program:
        """The checked tree of a loss.  RuntimeError if it has to be made now, and a file that it uses has changed."""
        if self._programs is None:
            changed = [used.found for used in self.used if not used.is_unchanged()]
            if changed:
                raise RuntimeError(f"{changed[0]} was changed after {self.path} was loaded: load it again")
            self._programs = _compiled(self.text, self.path)._programs
        assert self._programs is not None
        return self._programs[name]

    def source(self, names: Sequence[str], backend: str, options: Mapping[str, Any]) -> str:
        """The emitted module of these losses."""

        def emitted() -> Mapping[str, str]:
            programs = [self.program(name) for name in names]
            if backend in BOOSTING:
                from lossdsl import boosting

                return {"source": boosting.source(programs, boosting.request(backend, **options))}
            from lossdsl.backends import registry

            return {"source": registry.emit(backend, programs, **options)}

        return str(self.kept(names, f"source {backend}", options, emitted)["source"])

    def kept(
        self, names: Sequence[str], what: str, options: Mapping[str, Any], make: Callable[[], Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """What `make` gives, for these losses and options, from the cache if it was made before."""
        if not cache.enabled() or not all(isinstance(value, str | bool | None) for value in options.values()):
            return make()
        digests = [used.digest for used in self.used]
        origin = _front_key(self.text, self.path)
        if origin is None:
            return make()
        name = cache.key("code", origin, what, json.dumps([names, options, digests], sort_keys=True))
        found = cache.read(name)
        if found is None:
            found = dict(make())
            cache.write(name, found)
        return found


def front(text: str | bytes, path: str) -> Front:
    """The losses of a text.  Raises LossError for what is wrong in it."""
    name = _front_key(text, path) if cache.enabled() and len(text) <= READ_BYTES else None
    if name is None:
        return _compiled(text, path)
    found = cache.read(name)
    if found is not None:
        used = tuple(Used(*each) for each in found["used"])
        if all(each.is_unchanged() for each in used):
            losses = [Facts(**{**each, "differentiable": tuple(each["differentiable"])}) for each in found["losses"]]
            return Front(text, path, found["doc"], {facts.name: facts for facts in losses}, used)
    made = _compiled(text, path)
    entry = {"doc": made.doc, "losses": [asdict(facts) for facts in made.facts.values()]}
    cache.write(name, {**entry, "used": [astuple(used) for used in made.used]})
    return made


def _front_key(text: str | bytes, path: str) -> str | None:
    """Files that a text uses are beside it, so that the same text may mean something else in another place."""
    try:
        return cache.key("front", text, path, "" if path.startswith("<") else str(Path(path).resolve()))
    except (OSError, RuntimeError, ValueError):  # no path of a file
        return None


def _compiled(text: str | bytes, path: str) -> Front:
    from lossdsl.meaning import resolve
    from lossdsl.syntax.parser import parse, parsed_files

    with parsed_files() as files:
        tree = parse(text, path)
        checked = resolve(tree)
    facts = {name: _facts(program) for name, program in checked.losses.items()}
    return Front(text, path, checked.doc, facts, tuple(_used(files)), checked.losses)


def _used(files: Sequence[Parsed]) -> list[Used]:
    """The files beside the text that were read; those of the catalogue belong to this package."""
    digests = {file.module.source.path: _digest(file.text) for file in files}
    found: dict[str, Used] = {}
    for file in files:
        for origin in file.uses:
            sought = Path(file.module.source.path).resolve().parent / origin
            resolved = str(sought.resolve())
            found[str(sought)] = Used(str(sought), resolved, digests.get(resolved, ""))
    return list(found.values())


def _digest(text: str | bytes) -> str:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest()


# ---------------------------------------------------------------- facts


def _facts(program: core.Program) -> Facts:
    roles = ("prediction", "learn")
    differentiable = tuple(arg.name for role in roles for arg in program.args if arg.role == role)
    return Facts(program.name, program.doc, program.text, f"{program.name}({_signature(program)})", differentiable)


def _signature(program: core.Program) -> str:
    groups = {"prediction": "", "data": " | ", "hyper": "; "}
    text = ""
    for group, opening in groups.items():
        members = [arg for arg in program.args if ("hyper" if arg.role == "learn" else arg.role) == group]
        text += opening + ", ".join(_argument(arg) for arg in members) if members else ""
    return text


def _argument(arg: core.Arg) -> str:
    axes = f"[{axes_text(arg)}]" if arg.axes else ""
    domain = f" {arg.domain_text}" if arg.domain_text else ""
    default = f" = {default_text(arg)}" if arg.default is not None else ""
    return f"{'learn ' * (arg.role == 'learn')}{arg.name}{axes}{domain}{default}"


def axes_text(arg: core.Arg) -> str:
    """The axes as written, without brackets: `n, 3`."""
    return ", ".join(axis.name if axis.op == "size" else str(axis.value) for axis in arg.axes)


def default_text(arg: core.Arg) -> str:
    """The default as a number; empty where the argument has to be given."""
    return "" if arg.default is None else _number(arg.default)


def _number(value: Any) -> str:
    return value if isinstance(value, str) else f"{float(value):g}"
