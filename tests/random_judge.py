"""The emitted NumPy code of a drawn program against the reference interpreter, with tolerances that are argued.

Expected is the interpreter at 50 digits, at 400 where that does not do.  The code may differ by

* `operations` roundings of a number as large as the result, 1, or, for second derivatives, the square of a first one (a
  second derivative is a difference of such), where `operations` is the length of the text (an operator and its operands
  are three characters or more, and a loop has at most four elements), and
* `LEVERAGE` times what the plain formula itself loses: the spread of the interpreter at the precision of the dtype, at
  the inputs and (unless the program is exact, so that its ties must be kept) at inputs moved by a few ulps.  Where a
  kink or a pole is that near, the spread says so.

Entries that are not finite, exactly or in the spread, are not compared, nor are derivatives where the value is not:
there conventions differ.  Formulas may overflow in float32 where they do not in float64.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from types import FrameType, ModuleType
from typing import Any
from unittest import mock

import numpy as np

from lossdsl.backends.interface import Interface
from lossdsl.backends.numpy import emit
from lossdsl.functions.sources import helper_names
from lossdsl.generated import import_generated
from lossdsl.meaning.core import Arg, Program
from lossdsl.meaning.interpret import EvaluationError, Interpreter
from lossdsl.meaning.reference import walk
from tests.random_programs import Drawn

LEVERAGE = 32
"""The code may sum in another order, and four samples do not find the worst case."""
EXACT, ACCURATE = 50, 400
"""Digits of what is expected; at 400 no float64 is lost beside 1."""


@dataclass(frozen=True)
class Precision:
    """A dtype, the decimal digits at which mpmath rounds like it, and where results may have overflown on the way."""

    dtype: type[np.floating[Any]]
    digits: int
    ulp: float
    huge: float


DOUBLE = Precision(np.float64, 15, 2.0**-52, 1e250)
SINGLE = Precision(np.float32, 6, 2.0**-23, 1e30)


@dataclass(frozen=True)
class Question:
    """A call of the code, a path into what it returns, and the method of the interpreter that says the same."""

    what: str
    suffix: str
    keywords: dict[str, Any]
    path: tuple[Any, ...]
    method: str
    arguments: tuple[Any, ...] = ()
    precision: Precision = DOUBLE

    def of_interpreter(self, interpreter: Interpreter) -> Any:
        """The interpreter's answer as float64; the part of it, where it answers for several arguments or names."""
        answer = getattr(interpreter, self.method)(*self.arguments)
        if isinstance(answer, dict | tuple):
            answer = answer[self.path[-1]]
        return floats(answer)


class Judge:
    """Compares everything that the module of one program computes; `found` lists what is wrong, in words."""

    def __init__(self, drawn: Drawn, program: Program) -> None:
        self.drawn, self.program = drawn, program
        self.module: ModuleType = import_generated(emit(program), "f")
        self.interface = Interface(program, helper_names("numpy"))
        self.inputs = {a.name: drawn.inputs[a.name] for a in program.args if a.name in drawn.inputs}
        self.wrt = tuple(a.name for a in program.args if a.role in ("prediction", "learn") and a.name in self.inputs)
        self.found: list[str] = []
        self._results: dict[str, Any] = {}

    def run(self) -> list[str]:
        for question in self.questions():
            self._ask(question)
        with wide_locals() as wide:
            for question in self.questions_in_single():
                self._ask(question)
        if wide:
            self.found.append(f"float32: float64 arrays in {', '.join(sorted(wide))}")
        return self.found

    # ------------------------------------------------------------ what is asked

    def questions(self) -> Iterator[Question]:
        for reduction in (None,) if self.program.reduction is None else ("mean", "sum", "none"):
            keywords = {} if reduction is None else {"reduction": reduction}
            both = {"wrt": self.wrt, **keywords}
            yield Question(f"value {keywords}", "", keywords, (), "value", (reduction,))
            yield Question(f"value beside gradient {keywords}", "_value_and_grad", both, (0,), "value", (reduction,))
            for k, name in enumerate(self.wrt if self.finite else ()):
                what = f"gradient {name} {keywords}"
                yield Question(what, "_value_and_grad", both, (1, k), "gradient", (name, reduction))
        if self.finite:
            yield from self._second_derivatives(DOUBLE)
        terms = [let.name for let in self.program.lets if let.role == "term" and let.kind != "bool"]
        for name in terms:
            yield Question(f"term {name}", "_terms", {}, (name,), "terms")
        predictions = [let.name for let in self.program.lets if let.role == "predict"]
        for name in predictions:
            path = (name,) if len(predictions) > 1 else ()
            yield Question(f"predict {name}", "_predict", {}, path or (Ellipsis, name), "predict")

    def _second_derivatives(self, precision: Precision) -> Iterator[Question]:
        vectors = {name: self._vector(name).astype(precision.dtype) for name in self.wrt}
        for name, vector in vectors.items():
            wrt = {"wrt": name}
            yield Question(f"hess_diag {name}", "_hess_diag", wrt, (), "hessian_diagonal", (name,), precision)
            wrt_vector = {"wrt": name, "vector": vector}
            yield Question(f"hvp {name}", "_hvp", wrt_vector, (), "hvp", (name, vector), precision)
        if len(self.wrt) > 1:
            given = tuple(vectors.values())
            for k, name in enumerate(self.wrt):
                keywords = {"wrt": self.wrt, "vector": given}
                yield Question(f"hvp of all {name}", "_hvp", keywords, (k,), "hvp", (self.wrt, given), precision)

    def questions_in_single(self) -> Iterator[Question]:
        """Value and gradient; the second derivatives are asked for the sake of their dtypes."""
        yield Question("float32 value", "", {}, (), "value", (), SINGLE)
        if self.finite:
            for k, name in enumerate(self.wrt):
                both = {"wrt": self.wrt}
                what = f"float32 gradient {name}"
                yield Question(what, "_value_and_grad", both, (1, k), "gradient", (name,), SINGLE)
            yield from self._second_derivatives(SINGLE)

    def _vector(self, name: str) -> Any:
        shape = np.shape(self.inputs[name])
        rng = random.Random(name)
        return np.array([rng.randrange(-64, 65) / 32 for _ in range(int(np.prod(shape)))]).reshape(shape)

    @cached_property
    def finite(self) -> bool:
        value = self._expected(Question("value", "", {}, (), "value"), EXACT)
        return value is None or bool(np.isfinite(value).all())

    # ------------------------------------------------------------ answers

    def _expected(self, question: Question, digits: int, inputs: dict[str, Any] | None = None) -> Any:
        """What the interpreter says, as float64; None where it refuses the call."""
        try:
            return question.of_interpreter(Interpreter(self.program, digits).bind(inputs or self.inputs))
        except EvaluationError:
            return None

    def _result(self, question: Question) -> Any:
        """What the code says; equal calls are made once."""
        key = f"{question.suffix} {question.keywords} {question.precision}"
        if key not in self._results:
            function = getattr(self.module, self.interface.name + question.suffix)
            self._results[key] = function(**self._arguments(question), **question.keywords)
        result = self._results[key]
        for step in question.path if question.path[:1] != (Ellipsis,) else ():
            result = result[step]
        return result

    def _arguments(self, question: Question) -> dict[str, Any]:
        """The inputs, numbers as numbers and labels as whole numbers, by the names of the generated function."""
        given = {}
        for arg in self.program.args:
            if arg.name in self.inputs and not (question.suffix == "_predict" and arg.role == "data"):
                dtype = np.int64 if is_discrete(arg) else question.precision.dtype
                value = self.inputs[arg.name]
                number = arg.role == "hyper" and not arg.axes
                given[self.interface.arg_names[arg.name]] = float(value) if number else np.array(value, dtype=dtype)
        return given

    # ------------------------------------------------------------ comparison

    def _ask(self, question: Question) -> None:
        expected = self._expected(question, EXACT)
        try:
            result = self._result(question)
        except (ValueError, IndexError) as error:
            if expected is not None:
                self._note(question, f"raises {error!r} instead of {expected.ravel()[:4]}")
            return
        except Exception as error:
            self._note(question, f"raises {error!r}")
            return
        if expected is None:
            self._note(question, f"{result!r:.80}, though the interpreter refuses the call")
        elif np.shape(result) != expected.shape:
            self._note(question, f"shape {np.shape(result)} instead of {expected.shape}")
        else:
            self._compare(question, np.asarray(result), expected)

    def _note(self, question: Question, text: str) -> None:
        self.found.append(f"{question.what}: {text}")

    def _compare(self, question: Question, result: Any, expected: Any) -> None:
        if result.dtype != question.precision.dtype:
            self._note(question, f"dtype {result.dtype} instead of {np.dtype(question.precision.dtype)}")
        result = result.astype(np.float64)
        with np.errstate(all="ignore"):
            rounding = len(self.drawn.text) * question.precision.ulp
            tolerance = rounding * np.maximum(np.abs(expected), 1)
            bad = self._comparable(question, result, expected) & ~(np.abs(result - expected) <= tolerance)
            if not bad.any():
                return
            with no_conventions():
                plain = self._expected(question, ACCURATE)
            expected = self._expected(question, ACCURATE)
            scale = self._square_of_slopes if question.suffix in ("_hess_diag", "_hvp") else 1.0
            tolerance = rounding * np.maximum(np.abs(expected), scale) + LEVERAGE * self._spread(question, expected)
            compared = self._comparable(question, result, expected) & np.isfinite(plain) & np.isfinite(tolerance)
            bad = compared & ~(np.abs(result - expected) <= tolerance)
        if bad.any():
            pairs = zip(result[bad].ravel()[:3], expected[bad].ravel()[:3], tolerance[bad].ravel()[:3], strict=True)
            self._note(question, "; ".join(f"{r:.17g} instead of {e:.17g} (±{t:.1e})" for r, e, t in pairs))

    def _comparable(self, question: Question, result: Any, expected: Any) -> Any:
        compared = np.isfinite(expected) & (np.abs(expected) < question.precision.huge)
        return compared & np.isfinite(result) if question.precision is SINGLE else compared

    @cached_property
    def _square_of_slopes(self) -> float:
        """The largest square of a first derivative, at least 1."""
        slopes = [self._expected(Question("", "", {}, (), "gradient", (name,)), EXACT) for name in self.wrt]
        sizes = [float(np.max(np.abs(s), initial=0, where=np.isfinite(s))) for s in slopes if s is not None]
        return max([1.0, *sizes]) ** 2

    def _spread(self, question: Question, expected: Any) -> Any:
        """How far the plain formula strays at the precision of the dtype."""
        rng = random.Random(1)
        worst = np.zeros_like(expected)
        for moved in (False,) if self.drawn.exact else (False, True, True, True):
            inputs = self._moved(rng, 4 * question.precision.ulp) if moved else self.inputs
            sample = self._expected(question, question.precision.digits, inputs)
            if sample is None:
                return np.full_like(expected, np.inf)
            worst = np.maximum(worst, np.abs(sample - expected))
        return worst

    def _moved(self, rng: random.Random, step: float) -> dict[str, Any]:
        """The inputs, real ones moved by up to `step` relatively."""
        result = dict(self.inputs)
        for arg in self.program.args:
            if arg.name in result and not is_discrete(arg):
                array = np.array(result[arg.name], dtype=np.float64)
                factors = [1 + step * rng.uniform(-1, 1) for _ in range(array.size)]
                result[arg.name] = array * np.array(factors).reshape(array.shape)
        return result


def is_discrete(arg: Arg) -> bool:
    """Labels and masks: what must not be moved."""
    return any(a.kind in ("axis", "set") for a in arg.domain)


def floats(values: Any) -> Any:
    """mpmath numbers as an array of float64."""
    array = np.asarray(values, dtype=object)
    return np.array([float(v) for v in array.ravel()], dtype=np.float64).reshape(array.shape)


@contextmanager
def no_conventions() -> Iterator[None]:
    """The interpreter without its rule that 0 times an infinite logarithm is 0, whose reach is its own affair."""
    with mock.patch.object(walk, "LOGARITHMS", frozenset[str]()):
        yield


@contextmanager
def wide_locals() -> Iterator[set[str]]:
    """Names of variables of generated functions (not of their helpers) that hold float64 arrays when they return."""
    wide: set[str] = set()

    def on_call(frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        generated = code.co_filename.startswith("<lossdsl") and not code.co_name.startswith(("_", "<"))
        return on_return if generated else None

    def on_return(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "return":
            for name, value in frame.f_locals.items():
                if isinstance(value, np.ndarray) and value.ndim and value.dtype == np.float64:
                    wide.add(f"{frame.f_code.co_name}.{name}")
        return on_return

    before = sys.gettrace()
    sys.settrace(on_call)
    try:
        yield wide
    finally:
        sys.settrace(before)
