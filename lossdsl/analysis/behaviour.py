"""How an elementwise loss acts: where it is least, how it grows, what large errors do, what optimisers may expect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lossdsl.analysis.facts import Answer, No, Unknown, Yes
from lossdsl.analysis.limits import limit
from lossdsl.analysis.normal import tidy
from lossdsl.analysis.numbers import Root, Undecided, before, between, same, sign_of, to_float, x
from lossdsl.analysis.points import near
from lossdsl.analysis.profile import Extreme, Profile, exact_text, magnitude
from lossdsl.analysis.shape import Study
from lossdsl.analysis.univariate import Cases
from lossdsl.functions.lazy import sympy

SMALL = 1000
"""A slope that is this many times smaller than the largest counts as vanishing."""


def answers(cases: Cases, studies: Sequence[Study], shape: dict[str, Answer]) -> dict[str, Answer]:
    """The facts of behaviour that apply, by name; `shape` are the answers that are there already."""
    found: dict[str, Answer] = {}
    if cases.complete and not cases.mixed:
        for name, rule in (("minimiser", minimiser), ("growth", growth), ("saturation", saturation)):
            found[name] = _of_each(cases, studies, name, rule)
    if cases.kind == "residual":
        found["bounded influence"] = _guarded(lambda: bounded_influence(studies[0], shape))
        found["redescending"] = _guarded(lambda: redescending(studies[0]))
    if cases.complete:
        found["positive curvature"] = _guarded(lambda: positive_curvature(studies))
    found |= consequences(shape)
    return found


def _guarded(rule: Any) -> Answer:
    try:
        answer: Answer = rule()
    except Undecided as failure:
        return Unknown((f"no proof of {failure}",))
    return answer


def _of_each(cases: Cases, studies: Sequence[Study], name: str, rule: Any) -> Answer:
    """The answers for all data; for several functions their values are put together."""
    found = [_guarded(lambda study=study: rule(study, cases.variable)) for study in studies]
    for answer in found:
        if not isinstance(answer, Yes):
            return answer
    if len(found) == 1:
        return found[0]
    pairs = [(s.case.label, a) for s, a in zip(studies, found, strict=True) if isinstance(a, Yes)]
    return Yes("; ".join(f"{k}: {a.reason}" for k, a in pairs), "; ".join(f"{k}: {a.value}" for k, a in pairs))


def _letter(variable: str) -> str:
    """`r` of `r = pred - target`."""
    return variable.split(" = ")[0]


# ---------------------------------------------------------------- the least value


def minimiser(study: Study, variable: str) -> Answer:
    """Where the loss takes its least value, and that value."""
    profile = study.profile
    least = profile.extremes(0)[0]
    if least.taken:
        at = _places_of(profile, least, _letter(variable))
        number = float(least.value.evalf(20))
        return Yes("it falls before and rises after, piece by piece", f"{at}, value {exact_text(least.value)}", number)
    towards = f"it is approached towards {exact_text(least.near)} and never taken"
    witness = study.search.towards("lower", least.near, 2)
    reason = f"the infimum is {exact_text(least.value)}; {towards}"
    return No(witness, reason) if witness is not None else Unknown((reason, "a witness"))


def _places_of(profile: Profile, least: Extreme, letter: str) -> str:
    """Where a value is taken: points and intervals."""
    f, value = profile.function, least.value
    parts: list[tuple[Any, Any]] = []
    for (a, b, expression), (_, _, slopes) in zip(f.cells(), profile.signs(1), strict=True):
        if slopes.identically_zero and same(expression.subs(x(), between(a, b)), value):
            parts.append((a, b))
        parts += [(r.middle, r.middle) for r in slopes.roots if _takes(expression, r, least)]
    for at, there in zip(f.points, f.values, strict=True):
        if there.is_finite and same(there, value) and not any(_covers(p, at) for p in parts):
            parts.append((at, at))
    return "; ".join(_place(p, letter) for p in parts) or f"somewhere in {letter}"


def _takes(expression: Any, root: Root, least: Extreme) -> bool:
    """Whether the least value is taken at a zero of the slope."""
    if root.value is None:
        return bool(root.middle == least.near)
    return least.exact and same(expression.subs(x(), root.value), least.value)


def _covers(part: tuple[Any, Any], at: Any) -> bool:
    return not before(at, part[0]) and not before(part[1], at)


def _place(part: tuple[Any, Any], letter: str) -> str:
    low, high = part
    if low == high:
        return f"{letter} = {exact_text(low)}"
    if high is sympy().oo:
        return f"{letter} >= {exact_text(low)}" if low != -sympy().oo else f"every {letter}"
    if low == -sympy().oo:
        return f"{letter} <= {exact_text(high)}"
    return f"{exact_text(low)} <= {letter} <= {exact_text(high)}"


# ---------------------------------------------------------------- far out


def growth(study: Study, variable: str) -> Answer:
    """How the loss grows towards both ends of its domain."""
    letter = _letter(variable)
    parts = [f"{_how(study.profile, right)} towards {letter} = {_end(study, right)}" for right in (False, True)]
    return Yes("limits of the outer pieces", "; ".join(parts))


def _end(study: Study, right: bool) -> str:
    return exact_text(study.case.function.high if right else study.case.function.low)


def _how(profile: Profile, right: bool) -> str:
    """`linear with slope 1`, `bounded, to 1/2`."""
    value = profile.end(0, right)
    if value.is_finite:
        return f"bounded, to {exact_text(value)}"
    where, letter = ("-" if right else "+"), x()
    cell = profile.function.cells()[-1 if right else 0]
    end = cell[1] if right else cell[0]
    falls = " downwards" if sign_of(value) < 0 else ""
    if end.is_finite:
        return f"without bound{falls}"
    slope = profile.end(1, right)
    if slope.is_finite and sign_of(slope) != 0:
        return f"linear with slope {exact_text(slope)}"
    expression = cell[2]
    degree = limit(letter * sympy().diff(expression, letter) / expression, end, where)
    if not degree.is_finite:
        return f"faster than any power{falls}"
    if sign_of(degree) == 0:
        return f"slower than any power{falls}"
    return f"as the power {exact_text(degree)}{falls}"


def saturation(study: Study, variable: str) -> Answer:
    """Whether the slope vanishes where the loss is large: for answers that are far wrong."""
    profile, letter = study.profile, _letter(variable)
    if profile.jump is not None:
        raise Undecided("the slope of a function that jumps")
    least = profile.extremes(0)[0].value
    wrong = [right for right in (False, True) if not same(profile.end(0, right), least) and _is_far(study, right)]
    if not wrong:
        raise Undecided("predictions that are far out and wrong")
    slopes = [profile.end(1, right) for right in wrong]
    if all(s.is_finite and sign_of(s) == 0 for s in slopes):
        ends = " and ".join(_end(study, right) for right in wrong)
        start = _starts(study, wrong[-1])
        return Yes(f"the slope tends to 0 towards {letter} = {ends}", f"below 1/{SMALL} of the largest from {start} on")
    right = next(w for w, s in zip(wrong, slopes, strict=True) if not (s.is_finite and sign_of(s) == 0))
    witness = study.search.towards("sloped", study.case.function.high if right else study.case.function.low)
    reason = f"the slope tends to {exact_text(profile.end(1, right))} towards {letter} = {_end(study, right)}"
    return No(witness, reason) if witness is not None else Unknown((reason,))


def _is_far(study: Study, right: bool) -> bool:
    """Whether an end is infinite."""
    f = study.case.function
    return not (f.high if right else f.low).is_finite


def _starts(study: Study, right: bool) -> str:
    """About where the slope falls below a thousandth of the largest: looked for by doubling and halving."""
    profile = study.profile
    largest = to_float(magnitude(profile.extremes(1)).value)
    cell = profile.derivative(1)[-1 if right else 0]
    side = 1 if right else -1
    start = cell[0] if right else cell[1]
    low = to_float(start) * side if start.is_finite else 0.0

    def is_small(at: float) -> bool:
        return abs(to_float(cell[2].subs(x(), sympy().Rational(at * side)))) * SMALL < largest

    high = low + 1.0
    for _ in range(40):
        if is_small(high):
            break
        high = low + 2 * (high - low)
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if is_small(middle) else (middle, high)
    return f"about {side * high:.3g}"


# ---------------------------------------------------------------- robustness


def bounded_influence(study: Study, shape: dict[str, Answer]) -> Answer:
    """Whether one example can pull the estimate only so far: the influence function is proportional to the slope."""
    lipschitz = shape.get("Lipschitz", Unknown(()))
    if isinstance(lipschitz, No):
        return No(
            lipschitz.witness,
            "the pull of an example grows with its error: breakdown point 0, one can move the estimate anywhere",
        )
    if not isinstance(lipschitz, Yes):
        return Unknown(("a bound of the slope",))
    return Yes(
        f"no example pulls more than the {lipschitz.value}",
        _breakdown(study.profile, isinstance(shape.get("symmetric"), Yes)),
        lipschitz.number,
    )


def _breakdown(profile: Profile, symmetric: bool) -> str:
    """The breakdown point of the M-estimate of location with known scale (Huber 1981, 3.2)."""
    down, up = (-profile.end(1, False), profile.end(1, True))
    if profile.convex and sign_of(down) > 0 and sign_of(up) > 0:
        ratio = down / (down + up) if before(down, up) else up / (down + up)
        return f"breakdown point {exact_text(tidy(ratio))}: up to that share of examples may be anything"
    if sign_of(down) == 0 == sign_of(up):
        how_many = "close to half" if symmetric else "part"
        return f"gross errors lose their pull: {how_many} of the examples may be anything, if the start is good"
    return "breakdown point not determined"


def redescending(study: Study) -> Answer:
    """Whether the pull of an example vanishes as its error grows."""
    profile = study.profile
    slopes = [profile.end(1, right) for right in (False, True)]
    if all(s.is_finite and sign_of(s) == 0 for s in slopes):
        return Yes("the slope tends to 0 on both sides, so that gross errors are ignored; minima may be several")
    right = slopes[1] is sympy().oo or not slopes[1].is_finite or sign_of(slopes[1]) != 0
    f = study.case.function
    witness = study.search.towards("sloped", f.high if right else f.low)
    reason = f"the slope tends to {exact_text(slopes[right])} towards {_end(study, right)}"
    return No(witness, reason) if witness is not None else Unknown((reason,))


# ---------------------------------------------------------------- optimisation


def positive_curvature(studies: Sequence[Study]) -> Answer:
    """Whether the second derivative is positive wherever it exists: what Newton steps of boosting divide by."""
    for study in studies:
        if study.case.ray:
            continue
        at = _not_bent_up(study)
        if at is not None:
            witness = study.search.holds("not bent up", near(at))
            reason = f"0 or less around {exact_text(at)}"
            return No(witness, reason) if witness is not None else Unknown((reason, "a witness"))
    if any(study.case.ray and not study.profile.convex for study in studies):
        raise Undecided("the sign of the second derivative for all data")
    return Yes("the second derivative is positive on every piece")


def _not_bent_up(study: Study) -> Any | None:
    """A point with a second derivative of at most 0."""
    for a, b, bends in study.profile.signs(2):
        marks = [a, *(r.middle for r in bends.roots), b]
        for low, high, sign in zip(marks, marks[1:], bends.between, strict=False):
            if sign <= 0:
                return between(low, high)
        exact = [r.value for r in bends.roots if r.value is not None and r.value.is_Rational]
        if exact:
            return exact[0]
        if bends.roots:
            raise Undecided("a zero of the second derivative that is no fraction")
    return None


def consequences(shape: dict[str, Answer]) -> dict[str, Answer]:
    """What smoothness and strong convexity say about gradient descent on one prediction."""
    found: dict[str, Answer] = {}
    smooth, strong = shape.get("smooth"), shape.get("strongly convex")
    if isinstance(smooth, Yes) and smooth.number:
        step = 2 / smooth.number
        reason = "2/L: below it no step of gradient descent on a prediction increases the loss of its element"
        found["stable step"] = Yes(reason, f"{step:.6g}", step)
    elif isinstance(smooth, No):
        found["stable step"] = No(
            smooth.witness, "no step is small enough everywhere: the gradient has no Lipschitz constant"
        )
    if isinstance(smooth, Yes) and isinstance(strong, Yes) and smooth.number and strong.number:
        ratio = smooth.number / strong.number
        found["condition number"] = Yes("L/m, the largest second derivative over the least", f"{ratio:.6g}", ratio)
    elif isinstance(strong, No) and smooth is not None:
        found["condition number"] = No(
            strong.witness, "it is not strongly convex: no positive number bounds the second derivative from below"
        )
    elif isinstance(smooth, No):
        found["condition number"] = No(smooth.witness, "the second derivative has no upper bound")
    return found
