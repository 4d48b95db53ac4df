"""Which value a call passes for which argument."""

from __future__ import annotations

from collections.abc import Sequence

from lossdsl.diagnostics import LossError, Problem
from lossdsl.diagnostics.calls import (
    ArgumentTwice,
    GroupsMisplaced,
    MissingArgument,
    UnknownArgument,
    WrongArgumentCount,
)
from lossdsl.meaning.resolution.scopes import did_you_mean
from lossdsl.meaning.resolution.signatures import Formal, Signature
from lossdsl.syntax import tree

Passed = dict[str, tree.Expr]
Written = Sequence[tree.Expr | tree.NamedArgument]


def match(call: tree.Call, signature: Signature, is_loss: bool) -> Passed:
    """The written value of each argument that is passed."""
    _check_groups(call, signature, is_loss)
    passed: Passed = {}
    problems: list[Problem] = []
    groups: list[tuple[Written, Sequence[Formal]]] = [
        (call.arguments, signature.first),
        (call.data or (), signature.data),
        (call.hyper or (), signature.hyper),
    ]
    for written, formals in groups:
        _match_group(call, written, formals, signature, passed, problems)
    if problems:
        raise LossError(*problems)
    _check_missing(call, signature, passed)
    return passed


def _match_group(
    call: tree.Call,
    written: Written,
    formals: Sequence[Formal],
    signature: Signature,
    passed: Passed,
    problems: list[Problem],
) -> None:
    names = [formal.arg.name for formal in signature.formals]
    positional = [one for one in written if not isinstance(one, tree.NamedArgument)]
    if len(positional) > len(formals):
        extra = positional[len(formals)]
        problems.append(WrongArgumentCount(extra.span, _too_many(call, formals), declared(call, signature)))
    pairs = [(formal.arg.name, one, one.span) for formal, one in zip(formals, positional, strict=False)]
    pairs += [(one.name.id, one.value, one.name.span) for one in written if isinstance(one, tree.NamedArgument)]
    for name, value, span in pairs:
        if name not in names:
            hint = did_you_mean(name, names, declared(call, signature))
            problems.append(UnknownArgument(span, f"`{call.function.id}` has no argument `{name}`", hint))
        elif name in passed:
            notes = ((passed[name].span, "passed here already"),)
            problems.append(ArgumentTwice(span, f"`{name}` is passed twice", "pass it once", notes))
        else:
            passed[name] = value


def _too_many(call: tree.Call, formals: Sequence[Formal]) -> str:
    have = ", ".join(formal.arg.name for formal in formals)
    count = len(formals)
    return f"this is one argument too many: `{call.function.id}` has {count} here" + (f" ({have})" if have else "")


def declared(call: tree.Call, signature: Signature) -> str:
    """How the function is to be called."""
    first, data, hyper = (
        ", ".join(formal.arg.name for formal in group) for group in (signature.first, signature.data, signature.hyper)
    )
    inside = first + (f" | {data}" if data else "") + (f"; {hyper}" if hyper else "")
    return f"it is called as `{call.function.id}({inside})`"


def _check_groups(call: tree.Call, signature: Signature, is_loss: bool) -> None:
    name = call.function.id
    if call.data is not None and not signature.data:
        what = f"the loss `{name}` has no data" if is_loss else f"`{name}` is a `def`, and has no bar"
        raise LossError(GroupsMisplaced(call.span, what, declared(call, signature)))
    positional = [one for one in call.arguments if not isinstance(one, tree.NamedArgument)]
    if call.data is None and len(positional) > len(signature.first) and signature.data:
        raise LossError(GroupsMisplaced(call.span, f"`{name}` takes its data behind a bar", declared(call, signature)))
    if call.hyper is None and len(positional) > len(signature.first) and signature.hyper and not signature.data:
        raise LossError(
            GroupsMisplaced(call.span, f"`{name}` takes some arguments behind a semicolon", declared(call, signature))
        )
    if call.hyper and not signature.hyper and any(not isinstance(one, tree.NamedArgument) for one in call.hyper):
        raise LossError(
            GroupsMisplaced(call.span, f"`{name}` takes nothing behind a semicolon", declared(call, signature))
        )


def _check_missing(call: tree.Call, signature: Signature, passed: Passed) -> None:
    missing = [formal for formal in signature.formals if formal.arg.name not in passed and _needed(formal)]
    if not missing:
        return
    names = ", ".join(f"`{formal.arg.name}`" for formal in missing)
    learned = [formal for formal in missing if formal.arg.role == "learn"]
    why = ": a `learn` parameter belongs to the loss that is compiled" if learned else ""
    verb = "is" if len(missing) == 1 else "are"
    raise LossError(
        MissingArgument(
            call.span,
            f"{names} of `{call.function.id}` {verb} not passed{why}",
            declared(call, signature),
            tuple((formal.arg.span, "declared here") for formal in missing[:1]),
        )
    )


def _needed(formal: Formal) -> bool:
    return formal.arg.default is None or formal.arg.role == "learn"
