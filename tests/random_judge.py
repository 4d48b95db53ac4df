"""The emitted NumPy code of a drawn program against the reference interpreter, with tolerances that are argued.

Expected is the interpreter at 50 digits.  The code may differ by

* `operations` roundings of a number as large as the result, 1, or, for second derivatives, the square of a first one (a
  second derivative is a difference of such), where `operations` is the length of the text (an operator and its operands
  are three characters or more, and a loop has at most four elements), and
* `LEVERAGE` times what the plain formula itself loses: the spread of the interpreter at the precision of the dtype, at
  the inputs and (unless the program is exact, so that its ties must be kept) at inputs moved by a few ulps.  Where a kink
  or a pole is that near, the spread says so.

Entries that are not finite, exactly or in the spread, are not compared, nor are derivatives where the value is not:
there conventions differ.  Formulas may overflow in float32 where they do not in float64.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType, ModuleType
from typing import Any

import numpy as np

from lossdsl.backends.interface import Interface
from lossdsl.backends.numpy import emit
from lossdsl.functions.sources import helper_names
from lossdsl.generated import import_generated
from lossdsl.meaning.core import Program
from lossdsl.meaning.interpret import EvaluationError, Interpreter, accurate
from tests.random_programs import Drawn

LEVERAGE = 32
"""The code may sum in another order, and three samples do not find the worst case."""
DOUBLE, SINGLE = 15, 6
"""Decimal digits at which mpmath rounds like float64 (53 bits) and float32 (23 bits)."""
HUGE = {DOUBLE: 1e250, SINGLE: 1e30}
"""Results beyond this may have overflown on the way."""

Ask = Callable[[Interpreter], Any]


@dataclass
class Judge:
    """Compares everything that the module of one program computes; `found` lists what is wrong, in words."""

    drawn: Drawn
    program: Program
    found: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source = emit(self.program)
        self.module: ModuleType = import_generated(self.source, "f")
        self.interface = Interface(self.program, helper_names("numpy"))
        self.inputs = {a.name: self.drawn.inputs[a.name] for a in self.program.args if a.name in self.drawn.inputs}
        self.wrt = [a.name for a in self.program.args if a.role in ("prediction", "learn") and a.name in self.inputs]

    def run(self) -> list[str]:
        self._values()
        self._second_derivatives()
        self._exports()
        self._single()
        return self.found

    # ------------------------------------------------------------ calls

    def function(self, suffix: str) -> Any:
        return getattr(self.module, self.interface.name + suffix, None)

    def call(self, suffix: str, dtype: type = np.float64, **keywords: Any) -> Any:
        """The generated function at the inputs, arrays in the given dtype."""
        given = {}
        for arg in self.program.args:
            if arg.name in self.inputs and not (suffix == "_predict" and arg.role == "data"):
                number = arg.role == "hyper" and not arg.axes
                whole = any(a.kind in ("axis", "set") for a in arg.domain)
                value = self.inputs[arg.name]
                given[self.interface.arg_names[arg.name]] = (
                    value if number else np.array(value, dtype=np.int64 if whole else dtype)
                )
        return self.function(suffix)(**given, **keywords)

    @property
    def reductions(self) -> list[dict[str, str]]:
        return [{}] if self.program.reduction is None else [{"reduction": r} for r in ("mean", "sum", "none")]

    def _values(self) -> None:
        for keyword in self.reductions:
            reduction: Any = keyword.get("reduction")
            self.compare(f"value {keyword}", lambda: self.call("", **keyword), lambda i: i.value(reduction))
            found = self._got("value_and_grad", lambda: self.call("_value_and_grad", wrt=tuple(self.wrt), **keyword))
            if found is None:
                continue
            self.compare(f"value beside gradient {keyword}", lambda: found[0], lambda i: i.value(reduction))
            for name, grad in zip(self.wrt, found[1], strict=True) if self.finite else ():
                self.compare(f"gradient {name} {keyword}", lambda: grad, lambda i: i.gradient(name, reduction))

    @property
    def finite(self) -> bool:
        value = self._expected(lambda i: i.value())
        return value is None or bool(np.isfinite(value).all())

    def _second_derivatives(self) -> None:
        if not self.finite:
            return
        rng = random.Random(0)
        vectors = {}
        for name in self.wrt:
            shape = np.shape(self.inputs[name])
            vectors[name] = np.array([rng.randrange(-64, 65) / 32 for _ in range(int(np.prod(shape)))]).reshape(shape)
            vector = vectors[name]
            self.compare(
                f"hess_diag {name}",
                lambda: self.call("_hess_diag", wrt=name),
                lambda i: i.hessian_diagonal(name),
                scale=self._square_of_slopes,
            )
            self.compare(
                f"hvp {name}",
                lambda: self.call("_hvp", wrt=name, vector=vector),
                lambda i: i.hvp(name, vector),
                scale=self._square_of_slopes,
            )
        if len(self.wrt) > 1:
            both, given = tuple(self.wrt), tuple(vectors.values())
            for k, name in enumerate(self.wrt):
                self.compare(
                    f"hvp of all, {name}",
                    lambda: self.call("_hvp", wrt=both, vector=given)[k],
                    lambda i: i.hvp(both, given)[k],
                    scale=self._square_of_slopes,
                )

    def _square_of_slopes(self) -> float:
        """The largest square of a first derivative."""
        slopes = [self._expected(lambda i, n=name: i.gradient(n)) for name in self.wrt]
        sizes = [float(np.max(np.abs(s), initial=0, where=np.isfinite(s))) for s in slopes if s is not None]
        return max(sizes, default=0.0) ** 2

    def _exports(self) -> None:
        terms = [let.name for let in self.program.lets if let.role == "term" and let.kind != "bool"]
        for name in terms:
            self.compare(f"term {name}", lambda: self.call("_terms")[name], lambda i: i.terms()[name])
        predictions = [let.name for let in self.program.lets if let.role == "predict"]
        for name in predictions:
            self.compare(
                f"predict {name}",
                lambda: self.call("_predict") if len(predictions) == 1 else self.call("_predict")[name],
                lambda i: i.predict()[name],
            )

    def _single(self) -> None:
        """float32 in, float32 out, nothing wider on the way."""
        with wide_locals() as wide:
            self.compare("float32 value", lambda: self.call("", np.float32), lambda i: i.value(), SINGLE)
            found = self._got("float32", lambda: self.call("_value_and_grad", np.float32, wrt=tuple(self.wrt)))
            for name in self.wrt if found is not None and self.finite else []:
                grad = found[1][self.wrt.index(name)]
                self.compare(f"float32 gradient {name}", lambda: grad, lambda i: i.gradient(name), SINGLE)
            for name in self.wrt:
                vector = np.ones(np.shape(self.inputs[name]), np.float32)
                self._got("float32", lambda: self.call("_hess_diag", np.float32, wrt=name))
                self._got("float32", lambda: self.call("_hvp", np.float32, wrt=name, vector=vector))
        if wide:
            self.found.append(f"float32: float64 arrays in {', '.join(sorted(wide))}")

    # ------------------------------------------------------------ comparison

    def _got(self, what: str, compute: Callable[[], Any]) -> Any:
        """The result of the code; None where it raises for a call that the interpreter refuses, too."""
        try:
            return compute()
        except (ValueError, IndexError) as error:
            if self._expected(lambda i: i.value()) is not None:
                self.found.append(f"{what}: raises {error!r}")
        except Exception as error:  # noqa: BLE001
            self.found.append(f"{what}: raises {error!r}")
        return None

    def _expected(self, ask: Ask, digits: int = 50, inputs: dict[str, Any] | None = None) -> Any:
        """What the interpreter says, as floats; None where it refuses the call."""
        try:
            return floats(ask(Interpreter(self.program, digits).bind(self.inputs if inputs is None else inputs)))
        except EvaluationError:
            return None

    def compare(
        self,
        what: str,
        compute: Callable[[], Any],
        ask: Ask,
        digits: int = DOUBLE,
        scale: Callable[[], float] = lambda: 0.0,
    ) -> None:
        expected = self._expected(ask)
        if expected is None:
            self._refused(what, compute)
            return
        try:
            result = compute()
        except Exception as error:  # noqa: BLE001
            self.found.append(f"{what}: raises {error!r} instead of {expected.ravel()[:4]}")
            return
        dtype = np.float64 if digits == DOUBLE else np.float32
        if np.asarray(result).dtype != dtype:
            self.found.append(f"{what}: dtype {np.asarray(result).dtype} instead of {np.dtype(dtype)}")
        result = np.asarray(result, dtype=np.float64)
        if result.shape != expected.shape:
            self.found.append(f"{what}: shape {result.shape} instead of {expected.shape}")
            return
        self._entries(what, result, expected, ask, digits, scale)

    def _refused(self, what: str, compute: Callable[[], Any]) -> None:
        try:
            result = compute()
        except (ValueError, IndexError):
            return
        except Exception as error:  # noqa: BLE001
            self.found.append(f"{what}: raises {error!r}, the interpreter refuses the call")
            return
        self.found.append(f"{what}: {result!r:.80}, though the interpreter refuses the call")

    def _entries(
        self, what: str, result: Any, expected: Any, ask: Ask, digits: int, scale: Callable[[], float]
    ) -> None:
        rounding = len(self.drawn.text) * 2.0 ** (-52 if digits == DOUBLE else -23)
        with np.errstate(all="ignore"):
            compared = np.isfinite(expected) & (np.abs(expected) < HUGE[digits])
            if digits == SINGLE:
                compared &= np.isfinite(result)
            tolerance = rounding * np.maximum(np.abs(expected), 1)
            bad = compared & ~(np.abs(result - expected) <= tolerance)
            if not bad.any():
                return
            try:
                expected = floats(accurate(self.program, self.inputs, ask))
            except ArithmeticError:
                return
            compared &= np.isfinite(expected) & (np.abs(expected) < HUGE[digits])
            tolerance = np.maximum(tolerance, rounding * scale()) + LEVERAGE * self._spread(ask, expected, digits)
            bad = compared & np.isfinite(tolerance) & ~(np.abs(result - expected) <= tolerance)
        if bad.any():
            pairs = zip(result[bad].ravel()[:3], expected[bad].ravel()[:3], tolerance[bad].ravel()[:3], strict=True)
            texts = [f"{r:.17g} instead of {e:.17g} (±{t:.1e})" for r, e, t in pairs]
            self.found.append(f"{what}: {'; '.join(texts)}")

    def _spread(self, ask: Ask, expected: Any, digits: int) -> Any:
        """How far the plain formula strays at the precision of the dtype."""
        rng = random.Random(1)
        worst = np.zeros_like(expected)
        for moved in [False] if self.drawn.exact else [False, True, True, True]:
            inputs = self._moved(rng, 4 * 2.0 ** (-52 if digits == DOUBLE else -23)) if moved else self.inputs
            sample = self._expected(ask, digits, inputs)
            if sample is None:
                return np.full_like(expected, np.inf)
            worst = np.maximum(worst, np.abs(sample - expected))
        return worst

    def _moved(self, rng: random.Random, step: float) -> dict[str, Any]:
        """The inputs, real ones moved by up to `step` relatively."""
        result = dict(self.inputs)
        for arg in self.program.args:
            if arg.name in result and not any(a.kind in ("axis", "set") for a in arg.domain):
                array = np.array(result[arg.name], dtype=np.float64)
                factors = [1 + step * rng.uniform(-1, 1) for _ in range(array.size)]
                result[arg.name] = array * np.array(factors).reshape(array.shape)
        return result


def floats(values: Any) -> Any:
    """mpmath numbers as an array of float64."""
    array = np.asarray(values, dtype=object)
    return np.array([float(v) for v in array.ravel()], dtype=np.float64).reshape(array.shape)


@contextmanager
def wide_locals() -> Iterator[set[str]]:
    """Names of variables of generated functions (not of their helpers) that hold float64 arrays when they return."""
    wide: set[str] = set()

    def on_call(frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        return on_return if code.co_filename.startswith("<lossdsl") and not code.co_name.startswith(("_", "<")) else None

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
