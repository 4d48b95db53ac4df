"""What follows for a loss of logits from the function of softmax probabilities that it is.

With t the probability of the right class, F(t) the loss and w = t*F'(t): the gradient by the logits is w*(e_k - p),
where the length of e_k - p lies below sqrt(2)*(1 - t) and comes as close as one likes; the Hessian is
t*w'*(e_k - p)(e_k - p)' - w*(diag(p) - pp'), and the norm of the last matrix is at most 1/2.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from fractions import Fraction
from typing import Any

from lossdsl.analysis.facts import Answer, No, Unknown, Yes
from lossdsl.analysis.judge import Judge, Point
from lossdsl.analysis.labelled import CLASSES, labelled
from lossdsl.analysis.limits import limit
from lossdsl.analysis.minima import improper
from lossdsl.analysis.normal import is_zero, tidy
from lossdsl.analysis.numbers import Clock, Undecided, before, sign_of, to_float, x
from lossdsl.analysis.piecewise import Pieces
from lossdsl.analysis.profile import Extreme, Profile, exact_text, magnitude
from lossdsl.analysis.signs import signs
from lossdsl.analysis.simplex import Score, score
from lossdsl.analysis.view import View
from lossdsl.analysis.witness import confirmed
from lossdsl.functions.lazy import sympy

FAR = Fraction(40)
"""Logits that are so far apart leave the others next to no probability."""


def answers(view: View, judge: Judge, clock: Clock, wanted: Collection[str] | None = None) -> dict[str, Answer]:
    """The facts about a loss of softmax probabilities, by name, or those that are wanted; none for other losses."""
    try:
        found = score(view)
    except Undecided:
        return {}
    rows = Rows(view, judge, found, clock)
    rules: dict[str, Callable[[], Answer | None]] = {
        "classification-calibrated": rows.calibrated,
        "proper": rows.proper,
        "Lipschitz": rows.lipschitz,
    }
    if found.local:
        rules |= {
            "quasi-convex": rows.quasi_convex,
            "smooth": rows.smooth,
            "minimiser": rows.minimiser,
            "growth": rows.growth,
            "saturation": rows.saturation,
            "positive curvature": rows.positive_curvature,
        }
    answered = {name: _guarded(rule) for name, rule in rules.items() if wanted is None or name in wanted}
    if isinstance(answered.get("proper"), Yes):
        answered["estimates"] = Yes(
            "it is strictly proper, so that the mean loss is least at the true probabilities",
            "the probabilities of the classes, as the softmax of the logits",
        )
    return {name: answer for name, answer in answered.items() if answer is not None}


def _guarded(rule: Callable[[], Answer | None]) -> Answer | None:
    try:
        return rule()
    except Undecided as failure:
        return Unknown((f"no proof of {failure}",))


class Rows:
    """The facts of one score."""

    def __init__(self, view: View, judge: Judge, found: Score, clock: Clock) -> None:
        self.row, self.judge, self.score, self.clock = labelled(view), judge, found, clock
        sp = sympy()
        self.slope = tidy(found.slope) if found.local else found.slope
        self.weight = tidy(x() * found.slope) if found.local else x() * found.slope
        self.steep = tidy(x() * sp.diff(self.weight, x()))
        self.about = f"F(t) = {found.formula.subs(x(), sp.Symbol('t'))} of the softmax probability t of the right class"
        if found.sums:
            self.about = "a function of the softmax probability t of the right class and of sums over all classes"
        if found.sized:
            self.about += f", for {CLASSES} classes"

    def _signs(self, expression: Any) -> tuple[int, ...]:
        """The signs between 0 and 1; a root counts as 0."""
        sp = sympy()
        found = signs(expression, sp.Integer(0), sp.Integer(1), self.clock)
        return (*found.between, *([0] * len(found.roots)))

    def _bounds(self, expression: Any) -> tuple[Extreme, Extreme]:
        """The infimum and the supremum between 0 and 1."""
        sp = sympy()
        return Profile(Pieces(sp.Integer(0), sp.Integer(1), (), (), (tidy(expression),)), self.clock).extremes(0)

    def _falls(self) -> bool:
        """Whether the loss falls as the probability of the right class grows, whatever the sums are."""
        sp = sympy()
        fixed = {}
        for symbol, summand in self.score.sums:
            found = set(self._signs(summand)) if self.slope.has(symbol) else {0}
            fixed[symbol] = sp.Symbol(symbol.name, positive=found == {1} or None, negative=found == {-1} or None)
        slope = self.slope.subs(fixed)
        for factor in (f for f in sp.Mul.make_args(sp.factor(slope)) if not f.has(x())):
            if factor.free_symbols and not (factor.is_positive or factor.is_negative):
                raise Undecided("the sign of the slope by the probability")
            slope = slope / factor * (1 if factor.is_positive else -1)
        if slope.free_symbols - {x()}:
            raise Undecided("the sign of the slope by the probability")
        return self._signs(sp.simplify(slope) if self.score.sums else slope) == (-1,)

    # ------------------------------------------------------------ classification

    def calibrated(self) -> Answer:
        """The class with the largest score is the most probable one wherever the mean loss is least.

        If F falls in t, exchanging the probabilities of two classes that stand in the wrong order lowers the mean loss,
        and so does moving a little between two equal ones; on the closed simplex the least is taken, so that wrong
        orders stay away from it.
        """
        if not self._falls():
            return Unknown((f"that the loss falls with t ({self.about})",))
        for symbol, summand in self.score.sums:
            factor = sympy().diff(self.score.formula, symbol)
            end = limit(summand, sympy().Integer(0), "+")
            if not end.is_finite and (factor.free_symbols or sign_of(factor * end) < 0):
                raise Undecided("a least mean loss on the closed simplex")
        return Yes(
            f"{self.about}: it falls as t grows and else treats all classes alike, so that the mean loss is lowered by "
            "putting probabilities into the order of the true ones"
        )

    def proper(self) -> Answer:
        """Whether the mean loss is least where softmax(logits) are the true probabilities.

        With H(q) the mean loss of honest forecasts: it is so, strictly, if the mean loss is stationary at each honest
        forecast and H is strictly concave (Savage 1971; Gneiting and Raftery 2007, theorem 1).
        """
        if self._stationary():
            concave = self._concave()
            if concave is None:
                return Unknown(("strict concavity of the mean loss of honest forecasts",))
            return Yes(f"{self.about}: the mean loss is stationary at the true probabilities, and {concave}")
        witness = improper(self.row, self.judge, self.clock)
        reason = "the mean loss is not stationary where the softmax of the logits are the true probabilities"
        return No(witness, reason) if witness is not None else Unknown((reason, "a witness"))

    def _stationary(self) -> bool:
        """Whether the mean loss by true probabilities q is stationary at p = q, on the simplex, by its derivatives."""
        sp, found = sympy(), self.score
        total = x() * self.slope
        for symbol, summand in found.sums:
            outer = sp.diff(found.formula, symbol)
            try:
                weight = outer if not outer.has(x()) else found.summed(x() * outer)
            except Undecided:
                return False
            total += sp.diff(summand, x()) * weight
        return is_zero(sp.simplify(sp.diff(total, x())))

    def _concave(self) -> str | None:
        """Why the mean loss of honest forecasts is strictly concave; None where it is not known."""
        sp, found = sympy(), self.score
        if not any(self.slope.has(symbol) for symbol, _ in found.sums):
            if all(not sp.diff(found.formula, b).free_symbols for b, _ in found.sums) and self._falls():
                return "that of honest forecasts is a sum of strictly concave functions of one probability each"
            return None
        honest = sp.simplify(found.summed(x() * found.formula))
        if len(found.sums) == 1:
            symbol, summand = found.sums[0]
            power = summand.as_base_exp()
            if power[0] == x() and power[1].is_Rational and power[1] > 1:
                factor = sp.simplify(sp.diff(honest, symbol) * symbol ** (1 - 1 / power[1]))
                if not factor.free_symbols and sign_of(factor) < 0:
                    return f"that of honest forecasts falls linearly with the norm of order {power[1]} (Minkowski)"
        return None

    # ------------------------------------------------------------ constants

    def lipschitz(self) -> Answer:
        """The largest slope, or a bound of it, in the Euclidean norm of the logits."""
        sp, found = sympy(), self.score
        if any(self.slope.has(symbol) or sp.diff(found.formula, symbol).free_symbols for symbol, _ in found.sums):
            raise Undecided("a bound of the slope")
        largest = magnitude(self._bounds(self.weight * (1 - x())))
        if not largest.value.is_finite:
            raise Undecided("a bound of the slope")
        bound = sp.sqrt(2) * largest.value
        if found.local:
            reason = (
                f"{self.about}: the gradient is t*F'(t) times e - p, which is shorter than sqrt(2)*(1 - t) and as close"
            )
            reason += " to it as one likes"
            return Yes(reason, f"constant {exact_text(bound)}", to_float(bound))
        total = sum((sp.diff(found.formula, b) * sp.diff(summand, x()) for b, summand in found.sums), sp.Integer(0))
        low, high = self._bounds(total)
        if not (low.value.is_finite and high.value.is_finite):
            raise Undecided("a bound of the slope of the sums")
        bound += (high.value - low.value) / 2
        reason = f"{self.about}: sqrt(2)*(1 - t)*t*|F'(t)|, and half the range of the slopes of the sums"
        return Yes(reason, f"constant at most {exact_text(bound)}", to_float(bound))

    def smooth(self) -> Answer:
        """A bound of the Hessian's norm."""
        sp = sympy()
        pull = 2 * (1 - x()) ** 2 * self.steep
        candidates = [abs(e.value) for e in self._bounds(self.weight)]
        candidates = [c / 2 for c in candidates]
        if set(self._signs(self.weight)) <= {-1, 0}:
            candidates += [self._bounds(pull - self.weight / 2)[1].value, -self._bounds(pull)[0].value]
        else:
            candidates = [candidates[0] + magnitude(self._bounds(pull)).value, candidates[1]]
        most = candidates[0]
        for other in candidates[1:]:
            most = other if before(most, other) else most
        if not most.is_finite:
            raise Undecided("a bound of the Hessian")
        sharp = is_zero(sp.diff(self.weight, x()))
        reason = (
            f"{self.about}: the Hessian is a matrix of rank 1 and t*F'(t) times the covariance of the classes, at most"
        )
        reason += " 1/2" + (" and as close to it as one likes" if sharp else "")
        return Yes(reason, f"constant {'' if sharp else 'at most '}{exact_text(most)}", to_float(most))

    # ------------------------------------------------------------ shape and behaviour of F(t)

    def quasi_convex(self) -> Answer:
        """A falling function of t has convex sublevel sets: t >= a is logsumexp(z) - z_k <= -log(a)."""
        if set(self._signs(self.slope)) <= {-1, 0}:
            return Yes(f"{self.about}: it falls with t, and the logits with t >= a form a convex set for every a")
        return Unknown(("that it falls with t",))

    def minimiser(self) -> Answer:
        if not self._falls():
            raise Undecided("where it is least")
        least = limit(self.score.formula, sympy().Integer(1), "-")
        witness = confirmed(self.judge, "lower", self._at(FAR), self._at(FAR + 1))
        approached = "it is approached as the logit of the right class grows and never taken"
        reason = f"the infimum is {exact_text(least)}; {approached}"
        return No(witness, reason) if witness is not None else Unknown((reason, "a witness"))

    def growth(self) -> Answer:
        """Of logits of the right class that go to -infinity and infinity: the other end is the infimum."""
        value, pull = (limit(e, sympy().Integer(0), "+") for e in (self.score.formula, self.weight))
        best = limit(self.score.formula, sympy().Integer(1), "-")
        if value.is_finite:
            low = f"bounded, to {exact_text(value)}"
        elif pull.is_finite and sign_of(pull):
            low = f"linear with slope {exact_text(pull)}"
        else:
            raise Undecided("how it grows")
        text = f"{low} towards -infinity; bounded, to {exact_text(best)} towards infinity"
        return Yes("limits for t = 0 and t = 1, in the logit of the right class", text)

    def saturation(self) -> Answer:
        """Whether the gradient vanishes where the right class has no probability."""
        pull = limit(self.weight, sympy().Integer(0), "+")
        if pull.is_finite and sign_of(pull) == 0:
            start = self._starts()
            return Yes(
                "the gradient tends to 0 with the probability of the right class: wrong answers are not learned from",
                f"below 1/1000 of the largest from t = {start} down",
            )
        witness = confirmed(self.judge, "sloped", self._at(-FAR))
        reason = f"the slope by the logit of the right class tends to {exact_text(pull)} where t = 0"
        return No(witness, reason) if witness is not None else Unknown((reason,))

    def _starts(self) -> str:
        """About the probability below which the gradient is a thousandth of its largest: by halving."""
        largest = to_float(magnitude(self._bounds(self.weight * (1 - x()))).value)
        at = Fraction(1, 2)
        for _ in range(200):
            here = sympy().Rational(at.numerator, at.denominator)
            if abs(to_float((self.weight * (1 - x())).subs(x(), here))) * 1000 < largest:
                break
            at /= 2
        return f"about {float(at):.2g}"

    def positive_curvature(self) -> Answer:
        """The diagonal of the Hessian: linear in each other probability, so that its ends decide."""
        turn = tidy((1 - x()) * sympy().diff(self.weight, x()) - self.weight)
        if set(self._signs(turn)) == {1} and set(self._signs(self.weight)) == {-1}:
            return Yes("the second derivatives by the logits are positive everywhere")
        for k in (-8, -6, -4, -2, -1, 0, 1, 2, 3, 4, 6):
            witness = confirmed(self.judge, "not bent up", self._at(Fraction(k)))
            if witness is not None:
                return No(witness, "the second derivative by the logit of the right class changes its sign")
        return Unknown(("the signs of t*F'(t) and of its slope", "points"))

    def _at(self, logit: Fraction) -> Point:
        """The right class, 0, has this logit, the next 0 and the others next to no probability."""
        return self.row.point((logit, Fraction(0), *(-5 * FAR for _ in range(CLASSES - 2))), 0)
