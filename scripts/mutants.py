"""Errors to plant, one for each row of the tables: derivatives, texts, rules, reductions, printers.

A mutant changes tables in place; it is meant for a process that ends after the tests have run.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

FUNCTION_TESTS = ("test_functions_derivatives.py", "test_functions_table.py")
VALUE_TESTS = ("test_functions_values.py", "test_functions_torch.py")
PROGRAM_TESTS = ("test_language_numpy.py", "test_check_mutations.py", "test_acceptance_numpy.py")
TORCH_TESTS = ("test_torch_language.py", "test_torch_module.py", "test_acceptance_torch.py")
NATIVE_TESTS = ("test_native_functions.py",)
REWRITE_TESTS = ("test_rewrite.py", "test_rewrite_guards.py", "test_overflow.py", "test_scales.py", *PROGRAM_TESTS)


@dataclass(frozen=True)
class Mutant:
    """`plant` makes the error; one of `tests` has to fail.  With `row`, the tests of that row are run first.

    `source` is the module of the package that holds the row.
    """

    kind: str
    name: str
    plant: Callable[[], None]
    tests: tuple[str, ...]
    row: str = ""
    source: str = "lossdsl.functions.table"


def mutants() -> Iterator[Mutant]:
    yield from derivatives()
    yield from texts()
    yield from c_texts()
    yield from facts()
    yield from rules()
    yield from stage_rules()
    yield from reductions()
    yield from printers()


def controls(chosen: Iterable[Mutant]) -> Iterator[Mutant]:
    """Nothing broken, once for each set of tests: those have to pass, or finding a mutant means nothing."""
    for tests in dict.fromkeys(mutant.tests for mutant in chosen):
        yield Mutant("control", ", ".join(tests), lambda: None, tests)


# ---------------------------------------------------------------- the table of functions


def _change(name: str, **fields: Any) -> None:
    from lossdsl.functions.table import TABLE

    TABLE[name] = dataclasses.replace(TABLE[name], **fields)


def derivatives() -> Iterator[Mutant]:
    """Each partial derivative of each function: of the wrong sign, and a little too large."""
    from lossdsl.functions.table import TABLE

    for row in TABLE.values():
        if row.result != "real":
            continue
        for position in range(row.arity or 2):
            for what, factor in (("sign", -1), ("size", 1 + 2.0**-10)):
                if _varies(row, position):
                    yield Mutant(
                        "derivative", f"{row.name}, argument {position}, {what}",
                        lambda r=row, p=position, f=factor: _scale_derivative(r, p, f), FUNCTION_TESTS, row.name,
                    )  # fmt: skip


def _varies(row: Any, position: int) -> bool:
    """Whether the derivative is more than the number 0."""
    from lossdsl.ir.graph import Graph
    from lossdsl.rewrite.pattern import Vocabulary

    graph = Graph()
    args = [_symbol(graph, k) for k in range(row.arity or 2)]
    part = _stated(row)(Vocabulary(graph), *args)[position]
    return not (isinstance(part, int | float) and part == 0) and not getattr(part, "is_value", lambda _: False)(0)


def _symbol(graph: Any, number: int) -> Any:
    from lossdsl.ir.graph import Index
    from lossdsl.meaning.core import Extent

    return graph.index(Index(f"i{number}", Extent("const", value=0), Extent("const", value=9)))


def _stated(row: Any) -> Callable[..., tuple[Any, ...]]:
    """The derivative of a row, stated or derived by SymPy."""
    from lossdsl.functions.derived import derive

    return row.derivative or derive(row.name, row.arity or 2)


def _scale_derivative(row: Any, position: int, factor: float) -> None:
    from fractions import Fraction

    from lossdsl.calculus import partials
    from lossdsl.functions import derived

    right, exact = _stated(row), factor if isinstance(factor, int) else Fraction(factor)

    def wrong(o: Any, *args: Any) -> tuple[Any, ...]:
        return tuple(exact * part if k == position else part for k, part in enumerate(right(o, *args)))

    _change(row.name, derivative=wrong)
    partials._rule.cache_clear()
    derived.partials.cache_clear()


def texts() -> Iterator[Mutant]:
    """What each function is called in each language, and its definitions: something else, or a little too large."""
    from lossdsl.functions.table import TABLE

    for row in TABLE.values():
        for field in ("numpy", "torch"):
            yield Mutant(
                f"{field} text", row.name, lambda r=row, f=field: _spoil_text(r, f), VALUE_TESTS, row.name
            )  # fmt: skip
        yield Mutant("oracle", row.name, lambda r=row: _spoil_oracle(r), (*VALUE_TESTS, *FUNCTION_TESTS), row.name)


def _spoil_text(row: Any, field: str) -> None:
    text = getattr(row, field)
    if row.result == "bool":
        negated = {"numpy": f"np.logical_not({text})", "torch": f"torch.logical_not(torch.as_tensor({text}))"}[field]
        _change(row.name, **{field: negated}, precedence=100)
    elif "{args}" in text or row.arity is not None:
        _change(row.name, **{field: f"({text}) * 1.0009765625"}, precedence=60)
    else:
        _change(row.name, **{field: f"({text} + 0.5)"}, precedence=100)


def _spoil_oracle(row: Any) -> None:
    right = row.oracle
    spoil = (lambda value: not value) if row.result == "bool" else (lambda value: value * 1.0009765625 + 2.0**-40)
    _change(row.name, oracle=lambda *args: spoil(right(*args)))


def c_texts() -> Iterator[Mutant]:
    """The text of each function in C, in double precision and, where it has one of its own, in single."""
    from lossdsl.backends.native import functions
    from lossdsl.functions.table import TABLE

    single, double = functions.definitions(), functions.resource("single.h")
    for row in TABLE.values():
        for suffix in ("d", "f"):
            name = f"{row.name}_{suffix}"
            if name in single and (suffix == "d" or f" {name}(" in double):
                yield Mutant(
                    "C text", name, lambda n=name: _spoil_c(n), NATIVE_TESTS, source="lossdsl.backends.native.functions"
                )  # fmt: skip


def _spoil_c(name: str) -> None:
    """Every `return` of the function: a little too large, or the contrary."""
    from lossdsl.backends.native import functions

    found = functions.definitions()
    wrong = "!({})" if found[name].startswith("static inline int") else "({}) * 1.0009765625f"
    found[name] = re.sub(r"\breturn ([^;]+);", lambda match: f"return {wrong.format(match[1])};", found[name])


def facts() -> Iterator[Mutant]:
    """What rows state about functions: monotone, convex, finite derivatives."""
    from lossdsl.functions.table import TABLE

    for row in TABLE.values():
        if row.monotone:
            yield Mutant(
                "monotone", row.name, lambda r=row: _change(r.name, monotone=-r.monotone), FUNCTION_TESTS, row.name
            )
        if row.curvature in ("convex", "concave"):
            other = {"convex": "concave", "concave": "convex"}[row.curvature]
            yield Mutant(
                "curvature", row.name, lambda r=row, o=other: _change(r.name, curvature=o), FUNCTION_TESTS, row.name
            )
        if not row.finite_derivative and row.result == "real" and row.arity is not None:
            yield Mutant(
                "finite derivative", row.name, lambda r=row: _change(r.name, finite_derivative=True), FUNCTION_TESTS,
                row.name,
            )  # fmt: skip


# ---------------------------------------------------------------- rules of stability


def rules() -> Iterator[Mutant]:
    """Each rule: gone, with a right side that is a little too large, and without its guard."""
    from lossdsl.rewrite.rules import RULES

    for rule in RULES:
        spoiled = dataclasses.replace(rule, right=lambda o, right=rule.right: right(o) * 1001 / 1000)
        for kind, what, other in (
            ("rule", "gone", None),
            ("rule", "wrong", spoiled),
            ("guard of a rule", "always true", dataclasses.replace(rule, guard=None)),
        ):
            if rule.guard is not None or what != "always true":
                yield Mutant(
                    kind, f"{rule.name}, {what}", lambda r=rule, o=other: _replace_rule(r, o), REWRITE_TESTS,
                    rule.name, rule.right.__module__,
                )  # fmt: skip


STAGE_RULES = {
    "stages": ("logarithm", "quotient", "over_exponential", "over_exponentials", "over_product", "power", "root",
               "_log_of_extreme", "_joined", "_log_of_sum", "_log_of_stage", "_power_of_root", "_squared_norm",
               "_root_with_exponential"),
    "shares": ("share", "complement"),
    "comparisons": ("of_logits",),
    "far_out": ("fading_product", "rational"),
    "exponential_quotients": ("quotient", "product", "total"),
    "greatest_exponent": ("quotient", "product"),
    "scales": ("distributed",),
    "finite": ("_balanced", "_divided"),
}  # fmt: skip
"""Rules that are functions, because they look into stages: module -> functions that give a form, or None."""


def stage_rules() -> Iterator[Mutant]:
    """Each of them: gone, and with a form that is a little too large."""
    from importlib import import_module

    for name, functions in STAGE_RULES.items():
        module = import_module(f"lossdsl.rewrite.{name}")
        for function in functions:
            right = getattr(module, function)
            for what, other in (("gone", lambda *_, **__: None), ("wrong", _larger(right))):
                yield Mutant(
                    "rule of stages", f"{name}.{function}, {what}",
                    lambda m=module, f=function, o=other: setattr(m, f, o), REWRITE_TESTS, "", module.__name__,
                )  # fmt: skip


def _larger(right: Callable[..., Any]) -> Callable[..., Any]:
    def wrong(*args: Any, **keywords: Any) -> Any:
        form = right(*args, **keywords)
        if form is None or form.op in ("lt", "le", "gt", "ge"):
            return None if form is None else form.graph.apply("not", form)
        return form * 1001 / 1000

    return wrong


def _replace_rule(rule: Any, other: Any) -> None:
    import lossdsl.rewrite

    for rows in lossdsl.rewrite._BY_OP.values():
        if rule in rows:
            rows[rows.index(rule) : rows.index(rule) + 1] = [] if other is None else [other]


# ---------------------------------------------------------------- reductions


def reductions() -> Iterator[Mutant]:
    """The derivative of each reduction, and what it is of nothing."""
    from lossdsl.backends.reductions import NEUTRAL
    from lossdsl.backends.torch import emitter

    for op in ("sum", "prod", "max", "min", "logsumexp", "norm"):
        yield Mutant("reduction", f"derivative of {op}", lambda o=op: _double_weight(o), PROGRAM_TESTS)
    for op, value in NEUTRAL.items():
        other = "1" if value == "0" else "0"
        tests = ("test_masked.py", "test_language_numpy.py", "test_emitted_numpy.py", "test_random_programs.py")
        yield Mutant("reduction", f"{op} of nothing, NumPy", lambda o=op, v=other: NEUTRAL.update({o: v}), tests)
    for op, number in emitter.NEUTRAL.items():
        if op in ("argmax", "argmin"):  # all positions are left out at once: any number serves
            continue
        wrong = 1 if number == 0 else 0
        yield Mutant(
            "reduction", f"{op} of nothing, PyTorch", lambda o=op, v=wrong: emitter.NEUTRAL.update({o: v}),
            ("test_masked.py", *TORCH_TESTS, "test_torch_random.py"),
        )  # fmt: skip


def _double_weight(op: str) -> None:
    from lossdsl.calculus import gradient

    right = gradient.weighted

    def wrong(table: Any, stage: Any, factor: Any) -> Any:
        weight = right(table, stage, factor)
        return weight * 2 if stage.op == op else weight

    gradient.weighted = wrong


# ---------------------------------------------------------------- printers


def printers() -> Iterator[Mutant]:
    """What the printers of each back end write for arrays, and the formulas that people read."""
    from lossdsl.backends.numpy.dialect import NumpyDialect
    from lossdsl.backends.torch.dialect import TorchDialect
    from lossdsl.functions.table import TABLE

    for dialect, tests in ((NumpyDialect, PROGRAM_TESTS), (TorchDialect, TORCH_TESTS)):
        for name, spoil in SPOILED.items():
            yield Mutant(
                "printer", f"{dialect.__name__}.{name}", lambda d=dialect, n=name, s=spoil: _wrap(d, n, s), tests
            )
    for row in TABLE.values():
        if row.latex and row.surface:
            yield Mutant(
                "printer", f"LaTeX of {row.name}", lambda r=row: _change(r.name, latex="\\mathrm{wrong}"),
                ("test_display_latex.py",), row.name,
            )  # fmt: skip
        if row.display is not None:
            yield Mutant(
                "printer", f"text of {row.name}", lambda r=row: _double_display(r),
                ("test_functions_table.py", "test_display_parts.py"), row.name,
            )  # fmt: skip


def _double_display(row: Any) -> None:
    right = row.display
    _change(row.name, display=lambda o, *args: 2 * right(o, *args))


def _swapped(right: Callable[..., Any], self: Any, condition: str, then: str, otherwise: str) -> Any:
    return right(self, condition, otherwise, then)


def _one_more(right: Callable[..., Any], self: Any, low: str, high: str) -> Any:
    return right(self, f"({low}) + 1", f"({high}) + 1")


def _other_op(right: Callable[..., Any], self: Any, op: str, *rest: Any) -> Any:
    return right(self, {"sum": "max", "max": "min", "min": "max", "prod": "sum", "any": "all", "all": "any"}[op], *rest)


def _other_argument(right: Callable[..., Any], self: Any, op: str, *rest: Any) -> Any:
    return right(self, {"argmax": "argmin", "argmin": "argmax"}[op], *rest)


def _backwards(right: Callable[..., Any], self: Any, text: str, axis: int, reverse: bool, exclusive: bool) -> Any:
    return right(self, text, axis, not reverse, exclusive)


def _too_large(right: Callable[..., Any], self: Any, *args: Any) -> Any:
    return f"(1.001 * {right(self, *args)})"


SPOILED: dict[str, Callable[..., Any]] = {
    "where": _swapped, "select": _swapped, "arange": _one_more, "reduce": _other_op, "argument": _other_argument,
    "cumulative": _backwards, "contract": _too_large, "scatter": _too_large,
}  # fmt: skip
"""Methods of a dialect, and what goes wrong in them."""


def _wrap(owner: type, name: str, spoil: Callable[..., Any]) -> None:
    right = getattr(owner, name)
    setattr(owner, name, lambda self, *args, **keywords: spoil(right, self, *args, **keywords))
