"""The formula of an elementwise loss as someone would type it in PyTorch: operation by operation, nothing rewritten.

    def huber(pred, target, delta):
        r = pred - target
        return torch.where(torch.abs(r) <= delta, r ** 2.0 / 2.0, delta * (torch.abs(r) - delta / 2.0))

Functions of the language that PyTorch has are PyTorch's own; the others are written out as textbooks define them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from lossdsl.accuracy.codes import Differentiated, arrays_of
from lossdsl.backends.emitter import python_name
from lossdsl.generated import import_generated
from lossdsl.meaning.core import Apply, Expr, If, Index, Let, Num, Program, Read
from lossdsl.meaning.reference.walk import bottom_up, children, roots

OPERATORS = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "mod": "%",
    "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=", "and": "&", "or": "|",
}  # fmt: skip
PREFIXES = {"neg": "-", "not": "~"}
TORCH = frozenset({
    "abs", "sign", "sqrt", "exp", "log", "log1p", "expm1", "log2", "log10", "logit", "sin", "cos", "tan", "asin",
    "acos", "atan", "atan2", "sinh", "cosh", "tanh", "sigmoid", "relu", "erf", "erfc", "lgamma", "digamma", "logaddexp",
    "xlogy", "floor", "round",
})  # fmt: skip
TEXTS = {
    "log_sigmoid": "torch.nn.functional.logsigmoid({})",
    "softplus": "torch.nn.functional.softplus({})",
    "normal_cdf": "torch.special.ndtr({})",
    "normal_logcdf": "torch.special.log_ndtr({})",
    "logcosh": "torch.log(torch.cosh({}))",
    "clip": "torch.clamp({}, {}, {})",
    "stop_gradient": "{}.detach()",
}
FOLDED = {"max": "torch.maximum({}, {})", "min": "torch.minimum({}, {})"}
CONSTANTS = {"inf": "math.inf", "-inf": "-math.inf", "pi": "math.pi"}
CONDITIONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"})

HEAD = '''"""{name}, as typed."""
import math
import torch

def number(value, like):
    """A number where PyTorch wants a tensor."""
    return value if isinstance(value, torch.Tensor) else torch.as_tensor(value, dtype=like.dtype)
'''


def text(program: Program) -> str:
    """The module: one function of the arguments, which gives the elements, 0 where the mask leaves one out."""
    return _Printer(program).module()


def naive_code(program: Program) -> Differentiated:
    """The same, imported."""
    module = import_generated(text(program), f"naive_{program.name}")
    function: Callable[..., Any] = module.elements

    def elements(given: Mapping[str, Any], reduction: str) -> Any:
        return function(*(given[arg.name] for arg in program.args))

    return Differentiated("as typed", elements, arrays_of(program))


class _Printer:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.arguments = {id(arg): f"a_{python_name(arg.name)}" for arg in program.args}
        self.bindings = {id(let): f"b{place}_{python_name(let.name)}" for place, let in enumerate(program.lets)}
        self.like = next(self.arguments[id(arg)] for arg in program.args if arg.axes)
        self.code: dict[int, str] = {}
        for node in bottom_up(roots(program)):
            self.code[id(node)] = self._expression(node)

    def module(self) -> str:
        lines = [f"def elements({', '.join(self.arguments.values())}):"]
        lines += [f"    {self.bindings[id(let)]} = {self.code[id(let.expr)]}" for let in self.program.lets]
        lines.append(f"    value = number({self.code[id(self.program.element)]}, {self.like})")
        if self.program.mask is not None:
            lines.append(f"    value = torch.where({self._tensor(self.program.mask)}, value, 0.0)")
        lines.append(f"    return value.expand({self.like}.shape)")
        return HEAD.format(name=self.program.name) + "\n" + "\n".join(lines) + "\n"

    def _expression(self, node: Expr) -> str:
        match node:
            case Num(value=Fraction() as value):
                return repr(float(value))
            case Num(value=name):
                return CONSTANTS[str(name)]
            case Read(array=Let() as let):
                return self.bindings[id(let)]
            case Read(array=arg):
                return self.arguments[id(arg)]
            case Index():
                return ""  # a position: reads are of whole arrays
            case If():
                condition, then, otherwise = (self._tensor(child) for child in children(node))
                return f"torch.where({condition}, {then}, {otherwise})"
            case Apply():
                return self._apply(node)
        raise TypeError(f"{type(node).__name__} is not elementwise")

    def _apply(self, node: Apply) -> str:
        name = node.function
        plain = [self.code[id(arg)] for arg in node.args]
        if name in OPERATORS:
            sides = [self._tensor(arg) for arg in node.args] if name in ("and", "or") else plain
            return f"({sides[0]} {OPERATORS[name]} {sides[1]})"
        if name in PREFIXES:
            return f"({PREFIXES[name]}{self._tensor(node.args[0]) if name == 'not' else plain[0]})"
        tensors = [self._tensor(arg) for arg in node.args]
        if name in FOLDED:
            result, *rest = tensors
            for each in rest:
                result = FOLDED[name].format(result, each)
            return result
        if name in TEXTS:
            return TEXTS[name].format(*tensors)
        if name in TORCH:
            return f"torch.{name}({', '.join(tensors)})"
        raise KeyError(f"{name} has no text in PyTorch: add one to TORCH or TEXTS")

    def _tensor(self, node: Expr) -> str:
        """An operand of a function that takes tensors only."""
        code = self.code[id(node)]
        if isinstance(node, Apply) and node.function in CONDITIONS:
            return f"torch.as_tensor({code})"
        is_tensor = isinstance(node, Apply) and (node.function in TORCH or node.function in TEXTS)
        return code if is_tensor else f"number({code}, {self.like})"
