"""Last step for one expression: sizes of index variables are filled in, and reads that are not safe get their guards.

A shared part that holds such a read may be reached under different conditions; it is then copied, once for each set of
conditions that no weaker one covers, so that every copy knows exactly when it is evaluated.
"""

from __future__ import annotations

from lossdsl.diagnostics import LossError
from lossdsl.diagnostics.calls import TooLarge
from lossdsl.diagnostics.indices import NoRange
from lossdsl.meaning import core
from lossdsl.meaning.core import Expr
from lossdsl.meaning.resolution import extents
from lossdsl.meaning.resolution.build import SizeOf, children, postorder, with_children
from lossdsl.meaning.resolution.draft import Draft

Guards = tuple[tuple[Expr, bool], ...]
Step = tuple[Expr, Guards]
MOST_CONTEXTS = 20_000


def settle(draft: Draft, root: Expr, unsafe: set[int]) -> Expr:
    plain = _fill_sizes(draft, root)
    holding = _holding(root, unsafe)
    _rebuild(draft, root, plain, holding)
    return _Guarding(draft, unsafe, plain, _contexts(root, holding)).copy(root) if holding else plain[id(root)]


def _fill_sizes(draft: Draft, root: Expr) -> dict[int, Expr]:
    """What each `size(i)` is, now that the range of `i` is known."""
    filled: dict[int, Expr] = {}
    for node in postorder(root):
        if isinstance(node, SizeOf):
            var = node.var
            if var in draft.pending:
                hint = f"say its range where it is bound: `{var.name} in ...`"
                raise LossError(NoRange(node.span, f"the range of `{var.name}` is not known here", hint))
            extent = node.axis if node.axis is not None and var in draft.inner else extents.sub(var.high, var.low)
            filled[id(node)] = draft.build.keep(core.Size(node.span, extent))
    return filled


def _rebuild(draft: Draft, root: Expr, done: dict[int, Expr], holding: set[int]) -> None:
    """Copies what lies above a filled size, but for the nodes in `holding`; all else stays the same object."""
    for node in postorder(root):
        if id(node) not in done and id(node) not in holding:
            old = children(node)
            new = tuple(done[id(child)] for child in old)
            changed = any(a is not b for a, b in zip(old, new, strict=True))
            done[id(node)] = draft.build.keep(with_children(node, new)) if changed else node


def _holding(root: Expr, unsafe: set[int]) -> set[int]:
    """ids of the nodes at or above a read that is not safe."""
    holding: set[int] = set()
    for node in postorder(root):
        if id(node) in unsafe or any(id(child) in holding for child in children(node)):
            holding.add(id(node))
    return holding


def _steps(node: Expr, guards: Guards) -> list[Step]:
    """The children, in the order of `children`, and the conditions under which each is evaluated."""
    match node:
        case core.If():
            taken = (*guards, (node.condition, True))
            return [(node.condition, guards), (node.then, taken), (node.otherwise, (*guards, (node.condition, False)))]
        case core.Reduce() | core.Along() if node.where is not None:
            *before, body = children(node)
            return [*((child, guards) for child in before), (body, (*guards, (node.where, True)))]
        case _:
            return [(child, guards) for child in children(node)]


def _key(guards: Guards) -> frozenset[tuple[int, bool]]:
    return frozenset((id(condition), truth) for condition, truth in guards)


def _contexts(root: Expr, holding: set[int]) -> dict[int, list[Guards]]:
    """For each node that holds an unsafe read, the weakest sets of conditions under which it is evaluated."""
    found: dict[int, list[Guards]] = {}
    count = 0
    stack: list[Step] = [(root, ())]
    while stack:
        node, guards = stack.pop()
        key = _key(guards)
        known = found.setdefault(id(node), [])
        if any(_key(other) <= key for other in known):
            continue
        known[:] = [other for other in known if not key <= _key(other)] + [guards]
        count += 1
        if count > MOST_CONTEXTS:
            raise LossError(TooLarge(root.span, "an index stands under too many different conditions"))
        stack.extend(step for step in reversed(_steps(node, guards)) if id(step[0]) in holding)
    return found


class _Guarding:
    """One copy per weakest context of each node that holds an unsafe read."""

    def __init__(
        self, draft: Draft, unsafe: set[int], plain: dict[int, Expr], contexts: dict[int, list[Guards]]
    ) -> None:
        self.draft = draft
        self.unsafe = unsafe
        self.plain = plain
        self.contexts = contexts
        self.done: dict[tuple[int, int], Expr] = {}

    def copy(self, root: Expr) -> Expr:
        stack: list[Step] = [(root, ())]
        while stack:
            node, number = stack[-1][0], self._number(*stack[-1])
            guards = self.contexts[id(node)][number]
            missing = [step for step in self._needs(node, guards) if self._finished(*step) is None]
            if missing:
                stack.extend(reversed(missing))
                continue
            stack.pop()
            if (id(node), number) not in self.done:
                self.done[id(node), number] = self._made(node, guards)
        return self._known(root, ())

    def _number(self, node: Expr, guards: Guards) -> int:
        key = _key(guards)
        return next(k for k, other in enumerate(self.contexts[id(node)]) if _key(other) <= key)

    def _needs(self, node: Expr, guards: Guards) -> list[Step]:
        """What is finished before the node: its children, and the conditions that an unsafe read carries."""
        carried = self._carried(guards) if id(node) in self.unsafe else []
        return [*carried, *_steps(node, guards)]

    def _carried(self, guards: Guards) -> list[Step]:
        """Each condition is evaluated under those outside of it."""
        return [(condition, guards[:k]) for k, (condition, _) in enumerate(guards)]

    def _finished(self, node: Expr, guards: Guards) -> Expr | None:
        if id(node) in self.contexts:
            return self.done.get((id(node), self._number(node, guards)))
        return self.plain[id(node)]

    def _known(self, node: Expr, guards: Guards) -> Expr:
        finished = self._finished(node, guards)
        assert finished is not None, "finished out of order"
        return finished

    def _made(self, node: Expr, guards: Guards) -> Expr:
        parts = tuple(self._known(*step) for step in _steps(node, guards))
        copy = with_children(node, parts)
        if isinstance(copy, core.Read) and id(node) in self.unsafe:
            conditions = [self._known(*step) for step in self._carried(guards)]
            truths = [truth for _, truth in guards]
            copy = core.Read(copy.span, copy.array, copy.indices, False, tuple(zip(conditions, truths, strict=True)))
        return self.draft.build.keep(copy)
