"""Whether a loss fits data, found out before anything is trained.

What must hold on the way out: the loss is a mean or sum over rows of terms of their own, everything that it needs is
given, its target fits the data, and its outputs can be compared with the target.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lossdsl.analysis.view import OneRow
from lossdsl.comparison.contenders import Contender
from lossdsl.comparison.datasets import Dataset
from lossdsl.comparison.errors import ComparisonError
from lossdsl.comparison.subject import Array, Scale, Subject
from lossdsl.diagnostics import LossError
from lossdsl.diagnostics.comparison import NoSingleNumber, NotGiven, OtherTask, RowsMeet, TargetOutside, TwoClassesOnly
from lossdsl.diagnostics.fitting import NotAClassifier
from lossdsl.fitting.inputs import Inputs
from lossdsl.fitting.links import link_of
from lossdsl.fitting.rows import coupling, example_axis, has_examples, predictions
from lossdsl.fitting.targets import Classes, classes_of, exported, target_of
from lossdsl.fitting.variant import Variant, compiled
from lossdsl.ir.lower import lower
from lossdsl.meaning import core


def matched(contender: Contender, data: Dataset) -> Subject:
    """The subject.  LossError (E1001 to E1006, E0801 to E0806) where the loss does not fit, ComparisonError for values
    of hyperparameters that it refuses."""
    program = contender.loss.program
    target = target_of(program)
    _check_given(contender)
    meets = coupling(program, example_axis(program))
    if meets is not None and not _adds_up(program):
        message = f"the rows of {data.name} meet in this term of {program.name}"
        raise LossError(RowsMeet(meets, message, "write a mean[n] or sum[n] of terms of one row each"))
    classes = _classes(program, target, data)
    subject = Subject(contender, data, target, classes)
    _check_values(subject)
    return subject


def _adds_up(program: core.Program) -> bool:
    """Whether the loss is linear in means, or in sums, over rows, as `fit + 0.1*size_` is: then it is one over rows."""
    if program.free or program.mask is not None:
        return False
    lowered = lower(program, rewrite=False)
    return OneRow(lowered, frozenset(arg.name for arg in predictions(program))).of(lowered.element) is not None


def _check_given(contender: Contender) -> None:
    axis = example_axis(contender.loss.program)
    missing = [
        arg
        for arg in contender.loss.program.args
        if arg.role in ("hyper", "data") and arg.default is None and not has_examples(arg, axis)
        if arg.name not in contender.settings
    ]
    if missing:
        raise LossError(*(_not_given(contender, arg) for arg in missing))


def _not_given(contender: Contender, arg: core.Arg) -> NotGiven:
    hint = f"write {contender.label}:{arg.name}=..., with a number"
    if arg.axes:
        hint = f'in Python: compare([("{contender.label}", {{"{arg.name}": ...}})], ...)'
    return NotGiven(arg.span, f"{arg.name} has no default", hint)


def _classes(program: core.Program, target: core.Arg, data: Dataset) -> Classes | None:
    try:
        found = classes_of(program)
    except LossError as error:
        if not all(isinstance(problem, NotAClassifier) for problem in error.problems):
            raise
        found = None
    if data.task == "regression":
        if found is not None and not _also_numbers(found):
            message = f"{target.name} {target.domain_text} is a class, but {data.target} of {data.name} is a number"
            raise LossError(OtherTask(target.span, message, "a loss for numbers, or data with classes"))
        return None
    if found is None:
        domain = f" {target.domain_text}" if target.domain_text else ""
        message = f"{target.name}{domain} says no class, but {data.target} of {data.name} is one"
        raise LossError(OtherTask(target.span, message, "a loss for classes, or --task regression for 0, 1, 2 ..."))
    if len(data.classes) > 2 and not found.several:
        message = f"{found.scores.name} is one score, but {data.name} has {len(data.classes)} classes"
        raise LossError(
            TwoClassesOnly(
                found.scores.span,
                message,
                f"{found.scores.name}[..] and {target.name}[..] are fitted one against the rest",
            )
        )
    return found


def _also_numbers(found: Classes) -> bool:
    """Whether what could be two classes may be any number between, too."""
    return found.kind == "binary" and all(each.kind == "interval" for each in found.target.domain)


def _check_values(subject: Subject) -> None:
    """A trial on the clean data: domains, hyperparameters, shapes of outputs."""
    data, target = subject.data, subject.target
    scale = subject.scale(data.y) if subject.classes is None else Scale()
    y = subject.seen(data.y, scale)
    _check_domain(subject, y, scale)
    inputs = subject.inputs(y)
    raw = {arg.name: np.zeros(inputs.shape(arg)) for arg in subject.predictions}
    code = compiled(subject.program, Variant())
    start = {n: link.forward(raw[n], {**inputs.hyper, **inputs.starts}) for n, link in subject.links.items()}
    learned = _learned(subject, inputs)
    try:
        code.functions(**code.keywords({**start, **inputs.data, **inputs.hyper, **learned}), validate=True)
    except ValueError as error:
        raise ComparisonError(f"{subject.label}: {error}") from None
    if subject.classes is None:
        told = subject.read(raw, learned, scale).predicted
        if told.shape != (len(y),) or len(target.axes) != 1:
            message = f"{subject.output} has shape {told.shape} for {len(y)} rows"
            where = next((let.span for let in exported(subject.program)), subject.predictions[0].span)
            raise LossError(NoSingleNumber(where, message, "predict NAME[n] = ... with one number for each row"))


def _check_domain(subject: Subject, y: Array, scale: Scale) -> None:
    target = subject.target
    if subject.classes is not None or not target.domain:
        return
    inside = np.zeros(len(y), dtype=bool)
    for each in target.domain:
        inside |= _inside(each, y, subject)
    if not inside.all():
        worst = float(subject.data.y[np.argmin(inside)])
        shown = f"{worst:g}" if scale.spread == 1.0 else f"{worst:g} (divided by {scale.spread:g})"
        message = f"{target.name} must be {target.domain_text}, but {subject.data.target} has the value {shown}"
        raise LossError(TargetOutside(target.span, message, "another column, or a loss for any number"))


def _inside(each: core.Alternative, y: Array, subject: Subject) -> Array:
    if each.kind == "set":
        return np.isin(y, [float(value) for value in each.values])
    if each.kind == "nonzero":
        return np.asarray(y != 0)
    if each.kind != "interval":
        return np.zeros(len(y), dtype=bool)
    low, high = (_bound(bound, subject) for bound in (each.low, each.high))
    above = y > low if each.low_open else y >= low
    return np.asarray(above & (y < high if each.high_open else y <= high))


def _bound(bound: Any, subject: Subject) -> float:
    if isinstance(bound, str):
        return float(bound) if bound in ("inf", "-inf") else float(subject.hyper[bound])
    return float(bound)


def _learned(subject: Subject, inputs: Inputs) -> dict[str, Any]:
    """Starting values of learned hyperparameters, in their shapes."""
    found = {}
    for arg in subject.program.args:
        if arg.role == "learn":
            link = link_of(arg)
            given = inputs.starts.get(arg.name, arg.default)
            start = link.forward(0.0, inputs.hyper) if given is None else np.asarray(given, dtype=float)
            found[arg.name] = np.broadcast_to(start, inputs.shape(arg))[()]
    return found
