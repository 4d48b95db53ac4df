"""Which axis of a loss is the rows of a table, what each argument is in it, and whether the loss is a sum over rows.

What must hold on the way out: every prediction is a table of scores, rows first; every array of data either has the
rows as its first axis or has none of them; and, unless `coupled`, the derivative of the loss with respect to the scores
of a row depends on the scores of no other row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lossdsl.diagnostics import LossError, Problem, Span
from lossdsl.diagnostics.boosting import NoRows, NotARawScore, RowsCoupled
from lossdsl.meaning import core
from lossdsl.meaning.core import Arg, Expr, Let, Program, Var

Place = Var | Span
"""The row at which a prediction is read: an index variable, or anything else (where it stands)."""


@dataclass(frozen=True)
class Roles:
    """What the arguments of a loss are in a table of rows."""

    scores: tuple[Arg, ...]
    target: Arg | None
    """The label of the library; None for a loss without data."""
    row_data: tuple[Arg, ...]
    """Other data with one element, or several, a row."""
    constants: tuple[Arg, ...]
    """Data that is the same for all rows, such as class weights."""
    settings: tuple[Arg, ...]
    """Hyperparameters, `learn` ones too."""
    grouped: bool
    """Whether scores come in lists (`score[q, i]`, with coupled=True): one call for each group."""

    @property
    def columns(self) -> bool:
        """Whether there are several scores a row."""
        return len(self.scores) > 1 or (len(self.scores[0].axes) > 1 and not self.grouped)

    @property
    def label_columns(self) -> bool:
        """Whether the label has several columns."""
        return self.target is not None and len(self.target.axes) > (2 if self.grouped else 1)

    @property
    def is_label(self) -> bool:
        """Whether the target is the position of a score, as that of a classifier is."""
        axes = self.scores[0].axes
        if self.target is None or len(self.scores) > 1 or len(axes) < 2 or axes[1].op != "size":
            return False
        return any(part.kind == "axis" and part.axis == axes[1].name for part in self.target.domain)


def roles(program: Program, target: str | None = None, coupled: bool = False) -> Roles:
    """The roles of the arguments; LossError for a prediction that is no table of raw scores."""
    scores = tuple(a for a in program.args if a.role == "prediction")
    problems = [p for arg in scores for p in _score_problems(arg, len(scores))]
    if not scores:
        problems.append(NoRows(program.span, f"{program.name} has no prediction"))
    if problems:
        raise LossError(*problems)
    rows = scores[0].axes[0]
    for other in scores[1:]:
        if other.axes != scores[0].axes:
            message = f"{scores[0].name} and {other.name} do not have the same rows"
            raise LossError(NoRows(other.span, message, "give all predictions the same axes"))
    data = [a for a in program.args if a.role == "data"]
    by_row = [a for a in data if a.axes and a.axes[0] == rows]
    for arg in data:
        if rows in arg.axes[1:]:
            raise LossError(NoRows(arg.span, f"the rows are not the first axis of {arg.name}"))
    label = _label(program, by_row, target)
    return Roles(
        scores,
        label,
        tuple(a for a in by_row if a is not label),
        tuple(a for a in data if a not in by_row),
        tuple(a for a in program.args if a.role in ("hyper", "learn")),
        coupled and len(scores[0].axes) == 2,
    )


def _score_problems(arg: Arg, count: int) -> Iterator[Problem]:
    if not arg.axes or arg.axes[0].op != "size":
        hint = "give it an axis for the rows; a number for all rows is a hyperparameter"
        yield NoRows(arg.span, f"{arg.name} does not have one element for each row", hint)
    elif len(arg.axes) > (1 if count > 1 else 2):
        limit = "one score a row, as one of several predictions" if count > 1 else "one axis beside the rows"
        yield NoRows(arg.span, f"{arg.name} has {len(arg.axes)} axes, where a booster has {limit}")
    if arg.domain:
        hint = (
            f"predict a score that may be any number, and compute {arg.name} from it (exp for > 0, sigmoid for (0, 1))"
        )
        yield NotARawScore(arg.span, f"{arg.name} must be {arg.domain_text}, and a score can be any number", hint)


def _label(program: Program, by_row: Sequence[Arg], target: str | None) -> Arg | None:
    if target is None:
        return next((a for a in by_row if a.default is None), None)
    for arg in by_row:
        if arg.name == target:
            return arg
    names = ", ".join(a.name for a in by_row) or "none at all"
    raise ValueError(f"{program.name} has no data {target!r} with an element for each row, only {names}")


# ---------------------------------------------------------------- additivity


def check_additive(program: Program) -> None:
    """The loss is a sum over rows, up to constant factors; else LossError, which names what couples the rows."""
    found = next(_Rows(program).couplings(), None)
    if found is None:
        return
    span, message = found
    hint = (
        "coupled=True (--coupled) trains with the gradient and the diagonal of the Hessian of the whole, "
        "within each group where the data set has groups"
    )
    raise LossError(RowsCoupled(span, message, hint))


Coupling = tuple[Span, str]
LINEAR = frozenset({"add", "sub", "neg"})


def is_average(program: Program) -> bool:
    """Whether a loss that ends in no `mean` or `sum` is made of means over rows, or of sums that are divided."""
    rows = _Rows(program)
    found = list(rows.sums(program.element, False))
    return bool(found) and all(found)


class _Rows:
    """Where predictions are read in the direction of the rows."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._places: dict[int, dict[Place, str]] = {}
        self._inside: dict[int, tuple[Coupling, ...]] = {}

    def couplings(self) -> Iterator[Coupling]:
        free = set(self.program.free)
        roots = [self.program.element, *([self.program.mask] if self.program.mask is not None else [])]
        found: dict[Place, str] = {}
        for root in roots:
            found |= self.places(root)
        if found.keys() & free:
            for root in roots:
                yield from self.inside(root)
            yield from _several(found)
        else:
            yield from self._linear(self.program.element)

    def _linear(self, expr: Expr) -> Iterator[Coupling]:
        """Couplings of a number that should be a sum of sums over rows, each times what no prediction changes."""
        if not self.depends(expr):
            return
        match expr:
            case core.Apply(function=function, args=args) if function in LINEAR:
                for arg in args:
                    yield from self._linear(arg)
            case core.Apply(function="mul", args=args) if sum(map(self.depends, args)) == 1:
                for arg in args:
                    yield from self._linear(arg)
            case core.Apply(function="div", args=(above, below)) if not self.depends(below):
                yield from self._linear(above)
            case core.If(condition=condition, then=then, otherwise=otherwise) if not self.depends(condition):
                yield from self._linear(then)
                yield from self._linear(otherwise)
            case core.Read(array=Let() as let):
                yield from self._linear(let.expr)
            case core.Reduce(op=("sum" | "mean"), where=where, body=body) if where is None or not self.depends(where):
                yield from self.inside(body)
                yield from _several(self.places(body))
            case core.Reduce():
                yield expr.span, f"{shown(expr.span)} runs over the rows"
            case _:
                yield self._behind(expr)

    def sums(self, expr: Expr, divided: bool) -> Iterator[bool]:
        """For each sum over rows that the loss is linear in, whether it is divided."""
        if not self.depends(expr):
            return
        match expr:
            case core.Apply(function="div", args=(above, _)):
                yield from self.sums(above, True)
            case core.Apply(args=args):
                for arg in args:
                    yield from self.sums(arg, divided)
            case core.If(then=then, otherwise=otherwise):
                yield from self.sums(then, divided)
                yield from self.sums(otherwise, divided)
            case core.Read(array=Let() as let):
                yield from self.sums(let.expr, divided)
            case core.Reduce(op=op):
                yield divided or op == "mean"

    def _behind(self, expr: Expr) -> Coupling:
        """A function of a sum over rows that is not linear: its sum is what couples them."""
        reduction = next(self._reductions(expr), None)
        if reduction is None:
            return expr.span, f"{shown(expr.span)} is no sum over the rows"
        return reduction.span, f"{shown(reduction.span)} runs over the rows, and the loss is not linear in it"

    def _reductions(self, root: Expr) -> Iterator[core.Reduce | core.Along]:
        stack, seen = [root], {id(root)}
        while stack:
            expr = stack.pop()
            if isinstance(expr, core.Reduce | core.Along) and self.inside(expr):
                yield expr
            for child in children(expr):
                if id(child) not in seen:
                    seen.add(id(child))
                    stack.append(child)

    # ------------------------------------------------------------ memoised walks

    def depends(self, expr: Expr) -> bool:
        """Whether predictions are read in it at all."""
        return bool(self.places(expr)) or bool(self.inside(expr))

    def places(self, expr: Expr) -> dict[Place, str]:
        """The rows, not bound inside, at which predictions are read, each with a name of what is read there."""
        self._walk(expr)
        return self._places[id(expr)]

    def inside(self, expr: Expr) -> tuple[Coupling, ...]:
        """The reductions in it that run over rows of predictions."""
        self._walk(expr)
        return self._inside[id(expr)]

    def _walk(self, root: Expr) -> None:
        stack = [root]
        while stack:
            expr = stack[-1]
            if id(expr) in self._places:
                stack.pop()
                continue
            missing = [c for c in children(expr) if id(c) not in self._places]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            self._places[id(expr)], self._inside[id(expr)] = self._local(expr)

    def _local(self, expr: Expr) -> tuple[dict[Place, str], tuple[Coupling, ...]]:
        places: dict[Place, str] = {}
        inside: dict[Coupling, None] = {}
        for child in children(expr):
            places |= self._places[id(child)]
            inside |= dict.fromkeys(self._inside[id(child)])
        match expr:
            case core.Read(array=Arg(role="prediction") as arg, indices=indices):
                places = places | {_place(indices[0]): arg.name}
            case core.Read(array=Let() as let, indices=indices):
                at = dict(zip(let.vars, indices, strict=True))
                own = self._places[id(let.expr)]
                outer = {p: n for p, n in places.items() if p not in own or p not in at}
                places = outer | {(_place(at[p]) if isinstance(p, Var) and p in at else p): n for p, n in own.items()}
            case core.Reduce(vars=bound):
                places, coupled = _bound(places, bound)
                inside |= {(expr.span, f"{shown(expr.span)} runs over the rows"): None for _ in coupled}
            case core.Along(var=var):
                places, coupled = _bound(places, (var,))
                inside |= {(expr.span, f"{shown(expr.span)} runs along the rows"): None for _ in coupled}
                places |= {_place(expr.at): name for name in coupled}
        return places, tuple(inside)


def _bound(places: dict[Place, str], bound: Sequence[Var]) -> tuple[dict[Place, str], list[str]]:
    """The places outside, and what is read at the bound variables."""
    return {p: n for p, n in places.items() if p not in bound}, [n for p, n in places.items() if p in bound]


def _several(places: dict[Place, str]) -> Iterator[Coupling]:
    """One row is read at one variable, and at nothing else."""
    names = [(p, n) for p, n in places.items() if isinstance(p, Var)]
    for place, name in places.items():
        if isinstance(place, Span):
            yield place, f"{name} is read at {shown(place)}, which is another row"
    if len(names) > 1:
        (first, a), (second, b) = names[:2]
        yield second.span, f"{a}[{first.name}] and {b}[{second.name}] meet: each element depends on two rows"


def _place(index: Expr) -> Place:
    return index.var if isinstance(index, core.Index) else index.span


def shown(span: Span) -> str:
    """The text of a span on one line, shortened."""
    text = " ".join(span.text.split())
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`"


def children(expr: Expr) -> tuple[Expr, ...]:
    """The expressions inside, those of the bindings that are read included."""
    match expr:
        case core.Read(array=Let() as let, indices=indices):
            return (let.expr, *indices)
        case core.Read(indices=indices):
            return indices
        case core.Apply(args=args):
            return args
        case core.If(condition=condition, then=then, otherwise=otherwise):
            return (condition, then, otherwise)
        case core.Reduce(where=where, body=body):
            return (body,) if where is None else (where, body)
        case core.Along(where=where, body=body, at=at):
            return (body, at) if where is None else (where, body, at)
    return ()
