"""Totals: what a reduction keeps while its loops run, as statements of C.

A sum is kept in double precision; in double precision with what its roundings have lost beside it, so that the order
of millions of terms costs no digits.  Inside of a block of the innermost loop a sum is plain, which vectorises.
"""

from __future__ import annotations

from dataclasses import dataclass

from lossdsl.backends.native.items import Item
from lossdsl.backends.native.scopes import Type
from lossdsl.ir.stage import Stage

NEUTRAL = {"max": "-INFINITY", "min": "INFINITY", "argmax": "-INFINITY", "argmin": "INFINITY",
           "any": "false", "all": "true", "prod": "1", "sum": "0"}  # fmt: skip


def stage_type(stage: Stage) -> Type:
    """The type of the value of a stage; extrema of whole numbers are numbers, since those of nothing are infinite."""
    if stage.op in ("max", "min"):
        return "real"
    kinds: dict[str, Type] = {"int": "int64_t", "bool": "bool", "real": "real"}
    return kinds[stage.kind]


@dataclass(frozen=True)
class Variable:
    """A variable that belongs to a total: its C name, its type, and its value before the loops."""

    name: str
    type: str
    start: str


@dataclass(frozen=True)
class Total:
    """The total of one item; `name` is the variable for its value, `variables` what is kept on the way to it."""

    item: Item
    name: str
    low: str
    """Of argmax and argmin: the start of the range."""

    @property
    def op(self) -> str:
        assert self.item.stage is not None
        return self.item.stage.op

    @property
    def type(self) -> Type:
        """Of the value."""
        assert self.item.stage is not None
        return stage_type(self.item.stage)

    @property
    def is_compensated(self) -> bool:
        return self.op == "sum" and self.type == "real"

    @property
    def variables(self) -> list[Variable]:
        name = self.name
        match self.op:
            case "sum" if self.type == "real":
                return [Variable(f"{name}_total", "double", "0"), Variable(f"{name}_rest", "double", "0")]
            case "sum":
                return [Variable(f"{name}_total", "int64_t", "0")]
            case "prod":
                return [Variable(f"{name}_total", "double", "1")]
            case "max" | "min":
                return [Variable(f"{name}_total", "real", NEUTRAL[self.op]), Variable(f"{name}_odd", "int", "0")]
            case "any" | "all":
                return [Variable(f"{name}_total", "int", str(int(self.op == "all")))]
        best = Variable(f"{name}_best", "real", NEUTRAL[self.op])
        return [best, Variable(f"{name}_total", "int64_t", f"{self.low} - 1")]

    @property
    def value(self) -> str:
        """The value, when the loops have run."""
        match self.op:
            case "sum" if self.type == "real":
                return f"(real)({self.name}_total + {self.name}_rest)"
            case "prod":
                return f"(real){self.name}_total"
            case "max" | "min":
                return f"{self.name}_odd ? (real)NAN : {self.name}_total"
            case "any" | "all":
                return f"{self.name}_total != 0"
        return f"{self.name}_total"

    def step(self, value: str, condition: str | None, blocked: bool, at: str) -> list[str]:
        """Take in one element; `at` is the position on the axis of an argmax or argmin."""
        name, op = self.name, self.op
        neutral = NEUTRAL[op]
        if op in ("argmax", "argmin"):
            better = f"{value} {'>' if op == 'argmax' else '<'} {name}_best"
            odd = f"({value} != {value} && {name}_best == {name}_best)"
            test = f"{name}_total < {self.low} || {better} || {odd}"
            test = test if condition is None else f"{condition} && ({test})"
            return [f"if ({test}) {{", f"    {name}_best = {value};", f"    {name}_total = {at};", "}"]
        kept = value if condition is None else f"({condition} ? {value} : {neutral})"
        match op:
            case "sum" if self.type == "real":
                if blocked:
                    return [f"{name}_part += (double){kept};"]
                return [f"add(&{name}_total, &{name}_rest, (double){kept});"]
            case "sum":
                return [f"{name}_total += {kept};"]
            case "prod":
                return [f"{name}_total *= (double){kept};"]
            case "max" | "min":
                sign = ">" if op == "max" else "<"
                line = f"{name}_total = {kept} {sign} {name}_total ? {kept} : {name}_total;"
                return [line, f"{name}_odd |= {kept} != {kept};"]
            case "any":
                return [f"{name}_total |= {kept};"]
        return [f"{name}_total &= {kept};"]

    @property
    def clause(self) -> str:
        """How a vectorised loop joins its lanes; empty where it can not be vectorised."""
        name = self.name
        match self.op:
            case "sum" if self.type == "real":
                return f"reduction(+ : {name}_part)"
            case "sum":
                return f"reduction(+ : {name}_total)"
            case "prod":
                return f"reduction(* : {name}_total)"
            case "max" | "min":
                return f"reduction({self.op} : {name}_total) reduction(| : {name}_odd)"
            case "any":
                return f"reduction(| : {name}_total)"
            case "all":
                return f"reduction(& : {name}_total)"
        return ""

    def merge(self, other: str) -> list[str]:
        """Join the variables of another part of the loop, whose names start with `other`."""
        name = self.name
        match self.op:
            case "sum" if self.type == "real":
                return [f"add(&{name}_total, &{name}_rest, {other}_total[part] + {other}_rest[part]);"]
            case "prod":
                return [f"{name}_total *= {other}_total[part];"]
            case "max" | "min":
                sign = ">" if self.op == "max" else "<"
                kept = f"{other}_total[part]"
                line = f"{name}_total = {kept} {sign} {name}_total ? {kept} : {name}_total;"
                return [line, f"{name}_odd |= {other}_odd[part];"]
            case "any":
                return [f"{name}_total |= {other}_total[part];"]
            case "all":
                return [f"{name}_total &= {other}_total[part];"]
        return [f"{name}_total += {other}_total[part];"]
