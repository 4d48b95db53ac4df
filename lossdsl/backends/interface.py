"""What an emitted module looks like from outside: names of arguments, sizes, domains, docstrings.  Text only."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from fractions import Fraction
from functools import cached_property

from lossdsl.backends.emitter import Names, python_name
from lossdsl.backends.text import float_of
from lossdsl.ir.lower import Lowered
from lossdsl.meaning.core import Alternative, Arg, Extent, Program

MODULE_NAMES = {
    "np", "torch", "math", "Any", "annotations", "float", "int", "bool", "max", "min", "abs", "len", "tuple", "dict",
    "zip", "isinstance", "str", "range", "print", "ValueError", "self", "super", "Sequence",
}  # fmt: skip
"""Names that the text of a module uses: an argument or a loss that has one gets an underscore."""

CALLED = MODULE_NAMES | {
    "IndexError", "NotImplementedError", "RuntimeError", "TypeError", "all", "bytes", "complex", "enumerate", "getattr",
    "list", "next", "property", "repr", "reversed", "round", "set", "slice", "sorted", "staticmethod", "sum", "type",
}  # fmt: skip
"""Those that its helpers use, too, and so no function or class of the module may hide."""


@dataclass(frozen=True)
class Locals:
    """Variables of emitted functions beside what the user named; each gives way to an argument of its name."""

    dt: str
    out: str
    group: str
    value: str
    seed: str
    names: str
    grads: str
    given: str


@dataclass
class Interface:
    """Names and texts for one loss."""

    program: Program
    helper_names: frozenset[str] = frozenset()
    """Functions that the module may define beside the generated ones."""

    def without_data(self) -> Interface:
        """The interface of a function that is not given the data; its names are the same, so that texts agree."""
        kept = tuple(a for a in self.program.args if a.role != "data")
        sizes = {e.name for a in kept for e in a.axes if e.op == "size"}
        checks = tuple(c for c in self.program.checks if sizes_of(c.left) | sizes_of(c.right) <= sizes)
        result = Interface(replace(self.program, args=kept, checks=checks), self.helper_names)
        result.__dict__ |= {"arg_names": self.arg_names, "size_names": self.size_names, "locals": self.locals}
        return result

    def _public(self, name: str) -> str:
        """A name for the outside: the user's, with an underscore where Python or the module needs it."""
        legal = python_name(name)
        return legal + "_" if legal in MODULE_NAMES or legal in self.helper_names else legal

    @cached_property
    def name(self) -> str:
        name = self._public(self.program.name)
        return name + "_" if name in CALLED else name

    @cached_property
    def locals(self) -> Locals:
        taken = Names(MODULE_NAMES | set(self.helper_names) | set(self.arg_names.values()) | {"reduction", "wrt"})
        return Locals(**{f.name: taken.fresh(f.name) for f in fields(Locals)})

    @cached_property
    def class_name(self) -> str:
        """The loss's name in CapWords; with an underscore where the function, or something else, has it already."""
        name = python_name("".join(p[:1].upper() + p[1:] for p in self.program.name.split("_") if p) or "Loss")
        while name == self.name or name in CALLED:
            name += "_"
        return name

    @cached_property
    def arg_names(self) -> dict[str, str]:
        result: dict[str, str] = {}
        plain = {a.name for a in self.program.args}
        for arg in self.program.args:
            name = self._public(arg.name)
            while name in result.values() or (name != arg.name and name in plain):
                name += "_"
            result[arg.name] = name
        return result

    @cached_property
    def names(self) -> Names:
        """A fresh set of names for the body of a function."""
        taken = {"reduction", "validate", "wrt", "vector"} | MODULE_NAMES | self.helper_names
        inside = {*self.arg_names.values(), *self.size_names.values(), *astuple(self.locals)}
        return Names(taken | inside)

    def unused(self, name: str) -> str:
        """The name for a variable that is unpacked and not used."""
        return f"_unused_{name}" if f"_{name}" in self.helper_names else f"_{name}"

    @cached_property
    def like_names(self) -> dict[str, str]:
        """Variables for arguments as they were given."""
        return {a.name: self.names.fresh(f"like_{self.arg_names[a.name]}") for a in self.differentiable}

    @cached_property
    def vector_names(self) -> dict[str, str]:
        """Variables for the direction of each argument."""
        return {a.name: self.names.fresh(f"vector_{self.arg_names[a.name]}") for a in self.differentiable}

    def fresh_names(self) -> Names:
        return Names(set(self.names.taken))

    @cached_property
    def size_names(self) -> dict[str, str]:
        """Axis name -> variable that holds its size."""
        reserved = {"reduction", "validate", "wrt", "vector"} | MODULE_NAMES | self.helper_names
        taken = Names(reserved | set(self.arg_names.values()) | set(astuple(self.locals)))
        result: dict[str, str] = {}
        for arg in self.program.args:
            for extent in arg.axes:
                if extent.op == "size" and extent.name not in result:
                    result[extent.name] = taken.fresh("rest" if extent.name == ".." else extent.name)
        return result

    @property
    def positional(self) -> list[Arg]:
        return [a for a in self.program.args if a.role in ("prediction", "data")]

    @cached_property
    def demanded(self) -> list[Arg]:
        """Data that is required behind a prediction that is not: Python has no such parameters, so code looks."""
        optional = any(a.role == "prediction" and a.default is not None for a in self.program.args)
        return [a for a in self.program.args if optional and a.role == "data" and a.default is None]

    def demands(self) -> list[str]:
        """The statements that look."""
        lines = []
        for arg in self.demanded:
            name = self.arg_names[arg.name]
            lines += [f"if {name} is None:", f'    raise TypeError("{arg.name} has to be given")']
        return lines

    @property
    def keyword(self) -> list[Arg]:
        return [a for a in self.program.args if a.role in ("hyper", "learn")]

    @property
    def hosts(self) -> list[Arg]:
        """Hyperparameters that are Python numbers in the emitted code."""
        return [a for a in self.program.args if a.role == "hyper" and not a.axes]

    @property
    def arrays(self) -> list[Arg]:
        return [a for a in self.program.args if not (a.role == "hyper" and not a.axes)]

    @property
    def differentiable(self) -> list[Arg]:
        return [a for a in self.program.args if a.role == "prediction"] + [
            a for a in self.program.args if a.role == "learn"
        ]

    @property
    def formula(self) -> str:
        """The text of the loss, after the texts of what it uses."""
        texts = [*self.program.used, self.program.text]
        return "\n\n".join(t.strip("\n") for t in texts)

    @property
    def digest(self) -> str:
        """Of the loss and of everything that it uses."""
        return hashlib.sha256(self.formula.encode(errors="surrogatepass")).hexdigest()[:16]

    def axes_text(self, arg: Arg) -> str:
        return ", ".join(str(e.value) if e.op == "const" else e.name for e in arg.axes)

    def declaration(self, arg: Arg) -> str:
        return arg.name + (f"[{self.axes_text(arg)}]" if arg.axes else "")

    def default(self, arg: Arg) -> str | None:
        """The default in the signature: a number, None for an array that is broadcast, nothing where required."""
        if arg.default is None:
            return "None" if arg in self.demanded else None
        return "None" if arg.axes else number(arg.default)

    def parameters(self, annotation: str = "Any", extra: Sequence[str] = ()) -> str:
        """The parameter list of a generated function."""
        parts = []
        for arg in self.positional:
            default = self.default(arg)
            parts.append(f"{self.arg_names[arg.name]}: {annotation}" + (f" = {default}" if default is not None else ""))
        named = []
        for arg in self.keyword:
            default = self.default(arg)
            kind = "float" if arg.role == "hyper" and not arg.axes else annotation
            named.append(f"{self.arg_names[arg.name]}: {kind}" + (f" = {default}" if default is not None else ""))
        return ", ".join([*parts, "*", *named, *extra])

    @property
    def reduction_parameter(self) -> list[str]:
        return [] if self.program.reduction is None else [f'reduction: str = "{self.program.reduction}"']

    def argument_lines(self) -> list[str]:
        """One line per argument for a docstring."""
        lines = []
        for arg in self.program.args:
            shape = f"shape ({self.axes_text(arg)}{',' if len(arg.axes) == 1 else ''})" if arg.axes else "a number"
            domain = f", {arg.domain_text}" if arg.domain_text else ""
            given = f", default {arg.default_text or number(arg.default)}" if arg.default is not None else ""
            role = {"prediction": "prediction", "data": "data", "hyper": "hyperparameter", "learn": "learned"}[arg.role]
            lines.append(f"{self.arg_names[arg.name]}: {role}, {shape}{domain}{given}")
        return lines


def number(value: Fraction | str) -> str:
    if isinstance(value, str):
        return f'float("{value}")'
    return repr(float_of(value))


def constraint(alternative: Alternative, x: str, interface: Interface, both: str, either: str) -> str:
    """The condition that `x` lies in one set, as text; `both` and `either` join conditions ("and" or "&")."""

    def end(value: Fraction | str) -> str:
        if isinstance(value, Fraction):
            return number(value)
        return number(value) if value in ("inf", "-inf") else interface.arg_names[value]

    match alternative.kind:
        case "nonzero":
            return f"{x} != 0"
        case "set":
            return f" {either} ".join(f"({x} == {number(v)})" for v in alternative.values)
        case "axis":
            size = interface.size_names.get(alternative.axis, interface.arg_names.get(alternative.axis, "0"))
            return f"({x} >= 0) {both} ({x} < {size})"
    parts = []
    if alternative.low != "-inf" or alternative.low_open:
        parts.append(f"({x} {'>' if alternative.low_open else '>='} {end(alternative.low)})")
    if alternative.high != "inf" or alternative.high_open:
        parts.append(f"({x} {'<' if alternative.high_open else '<='} {end(alternative.high)})")
    return f" {both} ".join(parts) if parts else f"({x} == {x})"


def domain_condition(arg: Arg, x: str, interface: Interface, both: str, either: str) -> str:
    sets = [constraint(a, x, interface, both, either) for a in arg.domain]
    return sets[0] if len(sets) == 1 else f" {either} ".join(f"({s})" for s in sets)


def hints(lowered: Lowered) -> dict[int, str]:
    """Names that users gave to nodes."""
    result: dict[int, str] = {}
    for name, node in lowered.terms.items():
        result.setdefault(node.id, name)
    for name, (_, node) in lowered.predictions.items():
        result.setdefault(node.id, name)
    for name, node in lowered.names.items():
        result.setdefault(node.id, name)
    return result


def size_sources(interface: Interface) -> dict[str, list[tuple[Arg, int]]]:
    """For each axis name, the arguments that carry it, and where."""
    sources: dict[str, list[tuple[Arg, int]]] = {}
    for arg in interface.arrays:
        for position, extent in enumerate(arg.axes):
            if extent.op == "size":
                sources.setdefault(extent.name, []).append((arg, position))
    return sources


def sizes_of(extent: Extent) -> frozenset[str]:
    """The names of the axes that a size depends on."""
    own = frozenset((extent.name,)) if extent.op == "size" else frozenset()
    return own.union(*map(sizes_of, extent.operands))


def grouped(arg: Arg) -> int | None:
    """Where the axes `..` stand in an argument."""
    for position, extent in enumerate(arg.axes):
        if extent == Extent("size", name=".."):
            return position
    return None
