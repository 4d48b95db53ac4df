"""Whole random programs: signatures, definitions, bindings, the returned value, and inputs for the call."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np

from tests.random_programs import AXES, IGNORED, NAMES, Array, Drawn, Scope, Writer

NUMERIC = {"real", "positive", "mask"}
GROUP_SHAPES = ((), (2,), (3,), (1, 2), (2, 2), (0,))


def draw_program(rng: random.Random) -> Drawn:
    """One program."""
    return _Program(Writer(rng, exact=rng.randrange(100) < 30)).drawn()


class _Program:
    def __init__(self, writer: Writer) -> None:
        self.w, self.rng = writer, writer.rng
        self.w.free_names = self.rng.sample(NAMES, len(NAMES))
        self.sizes: dict[str, int] = {}
        self.group: tuple[int, ...] = ()
        self.signature: list[str] = []
        self.inputs: dict[str, Any] = {}
        self.lines: list[str] = []
        self.ties = self.w.exact or self.w.chance(25)

    def drawn(self) -> Drawn:
        self._axes()
        signature = self._signature()
        if self.w.chance(35):
            self._definitions()
        for _ in range(self.rng.randrange(4)):
            self._statement()
        body = "\n".join(f"    {line}" for line in [*self.lines, f"return {self._result()}"])
        text = "\n".join([*self.w.definitions, f"loss f({signature}):\n{body}"]) + "\n"
        return Drawn(text, self.inputs, self.w.exact)

    # ------------------------------------------------------------ signature and inputs

    def _axes(self) -> None:
        count = self.rng.choice([1, 1, 2, 2, 2, 3])
        self.w.axes = self.rng.sample(AXES, count)
        if self.w.chance(12):
            self.w.axes[0] = ".."
        if self.w.chance(12):
            self.w.axes[-1] = self.rng.choice(["2", "4"])
        self.w.axes = list(dict.fromkeys(self.w.axes))
        self.group = self.rng.choice(GROUP_SHAPES)
        for axis in self.w.axes:
            self.sizes[axis] = int(axis) if axis.isdigit() else self.rng.choice([2, 3, 2, 3, 2, 3, 1, 4, 0])
        self.sizes[".."] = math.prod(self.group)
        self.w.empty = {a for a, n in self.sizes.items() if n == 0}
        self.w.free_names = [n for n in self.w.free_names if n not in self.w.axes]

    def _signature(self) -> str:
        w = self.w
        predictions = [self._tensor("prediction") for _ in range(self.rng.choice([1, 1, 2, 2, 3]))]
        data = [self._data() for _ in range(self.rng.choice([0, 1, 1, 2, 2, 3]))]
        data.sort(key=lambda d: "=" in d.split("]")[-1].replace(">=", "").replace("<=", ""))
        hypers = [self._hyper() for _ in range(self.rng.choice([0, 0, 1, 1, 2]))]
        text = ", ".join(predictions)
        if data:
            text += " | " + ", ".join(data)
        if hypers:
            text += "; " + ", ".join(hypers)
        used = {a for array in w.arrays for a in array.axes}
        w.axes = [a for a in w.axes if a in used or a.isdigit()]
        return text

    def _shape(self, axes: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(n for a in axes for n in (self.group if a == ".." else (self.sizes[a],)))

    def _pick_axes(self, least: int = 0) -> tuple[str, ...]:
        count = min(len(self.w.axes), max(least, self.rng.choice([0, 1, 1, 1, 2, 2, 2, 3])))
        axes = self.rng.sample(self.w.axes, count)
        if count == 2 and self.w.chance(6) and axes[0] != "..":
            axes[1] = axes[0]
        return tuple(axes)

    def _entry(self, low: int = -192, high: int = 192) -> float:
        """A multiple of 1/64; of 1/2 where ties are wanted."""
        if self.ties:
            return self.rng.randrange(math.ceil(max(low, -64) / 32), min(high, 64) // 32 + 1) / 2
        return self.rng.randrange(low, high + 1) / 64

    def _values(self, axes: tuple[str, ...], entry: Any) -> Any:
        shape = self._shape(axes)
        return np.array([entry() for _ in range(math.prod(shape))], dtype=np.float64).reshape(shape)

    def _add(self, array: Array, values: Any) -> str:
        self.w.arrays.append(array)
        self.inputs[array.name] = values
        return array.name + (f"[{', '.join(array.axes)}]" if array.axes else "")

    def _tensor(self, role: str) -> str:
        axes = self._pick_axes(least=0 if role == "learn" else 1)
        positive = self.w.chance(15)
        array = Array(self.w.name(), axes, "positive" if positive else "real", plain=role != "data", role=role)
        entry = (lambda: self._entry(32, 192)) if positive else self._entry
        return self._add(array, self._values(axes, entry)) + (" > 0" if positive else "")

    def _data(self) -> str:
        roll = self.rng.randrange(100)
        targets = [a for a in self.w.axes if a != ".." and not a.isdigit() and self.sizes[a] > 0 and self._carried(a)]
        if roll < 30 and targets:
            return self._labels(self.rng.choice(targets))
        if roll < 55:
            axes = self._pick_axes(least=1)
            kept = self.rng.choice([50, 50, 80, 0])
            name = self._add(Array(self.w.name(), axes, "mask"), self._values(axes, lambda: int(self.w.chance(kept))))
            return f"{name} in {{0, 1}}"
        if roll < 65:
            axes = self._pick_axes(least=1)
            if all(self._carried(a) for a in axes):
                values = self._values(axes, lambda: self._entry(0, 128))
                array = Array(self.w.name(), axes, "positive")
                text = self._add(array, values) + " >= 0 = 1"
                if self.w.chance(40):
                    del self.inputs[array.name]
                return text
        return self._tensor("data")

    def _carried(self, axis: str) -> bool:
        return axis.isdigit() or any(axis in a.axes for a in self.w.arrays if a.name in self.inputs)

    def _labels(self, target: str) -> str:
        axes = self._pick_axes()
        ignores = self.w.chance(35)

        def entry() -> int:
            return IGNORED if ignores and self.w.chance(40) else self.rng.randrange(self.sizes[target])

        array = Array(self.w.name(), axes, "label", target, ignores)
        return self._add(array, self._values(axes, entry)) + f" in {target}" + (f" or {{{IGNORED}}}" if ignores else "")

    def _hyper(self) -> str:
        roll = self.rng.randrange(100)
        if roll < 30:
            axes = self._pick_axes() if all(self._carried(a) for a in self.w.axes) else ()
            array = Array(self.w.name(), axes, "real", plain=True, role="learn")
            text = "learn " + self._add(array, self._values(axes, self._entry)) + " = 0.5"
            if self.w.chance(25):
                del self.inputs[array.name]
            return text
        positive = roll < 65
        value = self._entry(32, 128) if positive else self._entry()
        array = Array(self.w.name(), (), "positive" if positive else "real", plain=True, role="hyper")
        self.w.arrays.append(array)
        if self.w.chance(60):
            self.inputs[array.name] = value
        default = self.rng.choice(["1", "2", "0.5"] if positive else ["0", "1", "-0.5", "2"])
        return f"{array.name}{' > 0' if positive else ''} = {default}"

    # ------------------------------------------------------------ definitions

    def _definitions(self) -> None:
        for make in self.rng.sample([self._scalar_def, self._tensor_def, self._mapped_def, self._loss], 1):
            make()

    def _inner(self, arrays: list[Array], axes: list[str]) -> Writer:
        """A writer for the body of a definition: it sees the arguments of that only."""
        return Writer(self.rng, self.w.exact, arrays, axes, free_names=[])

    def _scalar_def(self) -> None:
        inner = self._inner([Array("r", ()), Array("s", ()), Array("lam", (), "positive")], [])
        self.w.definitions.append(f"def rho(r, s; lam > 0 = 1) = {inner.expr(Scope(), 3)}\n")
        self.w.calls.append(
            lambda scope, d: (
                f"rho({self.w.expr(scope, d)}, {self.w.leaf(scope)}" + self.rng.choice(["", "; 2", "; lam = 0.5"]) + ")"
            )
        )

    def _tensor_def(self) -> None:
        inner = self._inner([Array("x", ("a1", "q1")), Array("y", ("b1", "q1"))], ["q1"])
        scope = Scope((("a1", "a1"), ("b1", "b1")))
        body = inner.using("a1", scope, 2)
        self.w.definitions.append(f"def gram(x[a1, q1], y[b1, q1])[a1, b1] = sum[q1](x*y) + 0.5*({body})\n")

        def call(scope: Scope, depth: int) -> str | None:
            pairs = [
                (x, y)
                for x in self.w.arrays
                for y in self.w.arrays
                if len(x.axes) == len(y.axes) == 2 and x.axes[1] == y.axes[1] and {x.kind, y.kind} <= NUMERIC
            ]
            if not pairs:
                return None
            x, y = self.rng.choice(pairs)
            at = [self.w.position(x.axes[0], scope), self.w.position(y.axes[0], scope)]
            return None if None in at else f"gram({x.name}, {y.name})[{at[0]}, {at[1]}]"

        self.w.calls.append(call)

    def _mapped_def(self) -> None:
        inner = self._inner([Array("x", ("q1",))], ["q1"])
        body = inner.using("q1", Scope((("q1", "q1"),)), 2)
        self.w.definitions.append(
            f"def unit(x[q1])[q1]:\n    m = {inner.reduction(Scope(), 1)}\n    return ({body}) + m\n"
        )

        def call(scope: Scope, depth: int) -> str | None:
            arrays = [a for a in self.w.arrays if a.axes and a.kind in ("real", "positive") and ".." not in a.axes]
            if not arrays:
                return None
            array = self.rng.choice(arrays)
            over = self.rng.randrange(len(array.axes))
            at = [":" if k == over else self.w.position(a, scope) for k, a in enumerate(array.axes)]
            place = self.w.position(array.axes[over], scope)
            if place is None or None in at:
                return None
            return f"unit({array.name}[{', '.join(str(p) for p in at)}])[{place}]"

        self.w.calls.append(call)

    def _loss(self) -> None:
        inner = self._inner([Array("p", ("q1",)), Array("t", ("q1",)), Array("lam", (), "positive")], ["q1"])
        element = inner.using("q1", Scope((("q1", "q1"),)), 2)
        whole = self.rng.choice(["sum[q1]", "mean[q1 where t > 0]"]) if not self.w.exact else "sum[q1]"
        result = f"{whole}({element} + p*t)"
        self.w.definitions.append(f"loss base(p[q1] | t[q1]; lam > 0 = 1):\n    return {result}\n")

        def call(scope: Scope, depth: int) -> str | None:
            pairs = [
                (x, y)
                for x in self.w.arrays
                for y in self.w.arrays
                if x.axes == y.axes and len(x.axes) == 1 and {x.kind, y.kind} <= NUMERIC
            ]
            if not pairs:
                return None
            x, y = self.rng.choice(pairs)
            return f"base({x.name} | {y.name}{self.rng.choice(['', '; lam = 2', '; 0.5'])})"

        self.w.calls.append(call)

    # ------------------------------------------------------------ bindings

    def _statement(self) -> None:
        makers = [self._elementwise, self._elementwise, self._term, self._term, self._condition, self._best]
        makers += [self._differences, self._window, self._unpacked, self._bins, self._prediction, self._counted]
        self.rng.choice(makers)()

    def _bind(self, line: str, array: Array) -> None:
        self.lines.append(line)
        self.w.arrays.append(array)

    def _scope(self) -> tuple[str, tuple[str, ...], Scope]:
        """Indices of a binding as text, its axes, and the scope inside."""
        axes = tuple(a for a in self._pick_axes(least=1))
        axes = tuple(dict.fromkeys(axes))
        pairs, texts = [], []
        for axis in axes:
            if axis.isdigit() or (axis != ".." and self.w.chance(30)):
                v = self.w.fresh_variable(Scope(tuple(pairs)))
                pairs.append((v, axis))
                texts.append(f"{v} in {axis}")
            else:
                pairs.append((axis, axis))
                texts.append(axis)
        return ", ".join(texts), axes, Scope(tuple(pairs))

    def _elementwise(self) -> None:
        if not self.w.axes:
            return
        indices, axes, scope = self._scope()
        name = self.w.name()
        self._bind(f"{name}[{indices}] = {self.w.expr(scope, 2)}", Array(name, axes))

    def _term(self) -> None:
        name = self.w.name()
        self._bind(f"{name} = {self.w.expr(Scope(), 3)}", Array(name, ()))

    def _condition(self) -> None:
        if not self.w.axes:
            return
        indices, axes, scope = self._scope()
        name = self.w.name()
        self._bind(f"{name}[{indices}] = {self.w.condition(scope, 2)}", Array(name, axes, "condition"))

    def _best(self) -> None:
        """The position of an extreme along one axis."""
        axes = [a for a in self.w.axes if a != ".."]
        if not axes:
            return
        axis = self.rng.choice(axes)
        others = [a for a in self.w.axes if a not in (axis, "..") and not a.isdigit()][: self.rng.randrange(2)]
        scope = Scope(tuple((a, a) for a in others))
        v = self.w.fresh_variable(scope)
        inner = scope.bind([(v, axis)])
        where = f" where {v} != 0" if self.w.chance(20) else ""
        name = self.w.name()
        indices = f"[{', '.join(others)}]" if others else ""
        body = self.w.using(v, inner, 1)
        op = self.rng.choice(["argmax", "argmin"])
        self._bind(f"{name}{indices} = {op}[{v} in {axis}{where}]({body})",
                   Array(name, tuple(others), "position", axis))  # fmt: skip

    def _counted(self) -> None:
        """A position that is counted: how many elements before this one are kept."""
        masks = [a for a in self.w.arrays if a.kind == "mask" and len(a.axes) == 1 and a.axes[0] in AXES]
        if not masks:
            return
        mask = self.rng.choice(masks)
        axis, name = mask.axes[0], self.w.name()
        line = f"{name}[i in {axis}] = count[j in {axis} where j < i and {mask.name}[j] == 1]"
        if {"i", "j"} & {axis, name}:
            return
        self._bind(line, Array(name, (axis,), "position", axis))

    def _vectors(self) -> list[Array]:
        return [a for a in self.w.arrays if len(a.axes) == 1 and a.axes[0] in AXES and a.kind in ("real", "positive")]

    def _differences(self) -> None:
        """A binding over inner positions."""
        vectors = self._vectors()
        if not vectors:
            return
        x, name = self.rng.choice(vectors).name, self.w.name()
        v = self.w.fresh_variable(Scope())
        body = self.rng.choice(
            [
                f"{x}[{v}+1] - {x}[{v}]",
                f"{x}[{v}+1] - 2*{x}[{v}] + {x}[{v}-1]",
                f"{x}[{v}-1]*{x}[{v}]",
                f"{x}[2*{v}]*{x}[2*{v}+1]",
                f"{x}[{v}+1]*{v} + {x}[{v}]",
            ]
        )
        self.lines.append(f"{name}[{v}] = {body}")
        self._summed(name)

    def _summed(self, name: str) -> None:
        """A term that reduces a binding over an interval."""
        term, v = self.w.name(), self.w.fresh_variable(Scope())
        op = "sum" if self.w.exact else self.rng.choice(["sum", "mean", "logsumexp", "norm", "max"])
        body = self.w.expr(Scope(((v, name + "'"),)), 1)
        where = f" where {v} != 1" if self.w.chance(20) else ""
        self._bind(f"{term} = {op}[{v}{where}](({body})*{name}[{v}] + {name}[{v}]^2)", Array(term, ()))

    def _window(self) -> None:
        vectors = self._vectors()
        if len(vectors) < 2:
            return
        x, w = self.rng.sample(vectors, 2)
        name = self.w.name()
        shift = self.rng.choice(["p+u", "p+u-1", "2*p+u", "p+2*u", "p-u", "3*p+u+1"])
        self.lines.append(f"{name}[p] = sum[u]({w.name}[u]*{x.name}[{shift}])")
        self._summed(name)

    def _unpacked(self) -> None:
        arrays = [a for a in self.w.arrays if len(a.axes) == 2 and a.axes[1] == "4" and a.kind == "real"]
        arrays += [a for a in self.w.arrays if a.axes == ("4",) and a.kind == "real"]
        if not arrays:
            return
        array = self.rng.choice(arrays)
        names = [self.w.name() for _ in range(4)]
        index = f"{array.axes[0]}, :" if len(array.axes) == 2 else ":"
        if len(array.axes) == 2 and array.axes[0].isdigit():
            return
        self.lines.append(f"{', '.join(names)} = {array.name}[{index}]")
        self.w.arrays += [Array(n, array.axes[:-1]) for n in names]

    def _bins(self) -> None:
        name = self.w.name()
        self.lines.append(f"{name}[b in 3] = {self.w.leaf(Scope())} + 0.5*b")
        self.w.arrays.append(Array(name, ("3",)))
        if "3" not in self.w.axes:
            self.w.axes.append("3")
            self.sizes["3"] = 3

    def _prediction(self) -> None:
        plain = [a for a in self.w.arrays if a.plain]
        everything, self.w.arrays = self.w.arrays, plain
        name = self.w.name()
        if self.w.axes and self.w.chance(60):
            axes = tuple(a for a in self.w.axes if any(a in p.axes for p in plain) and not a.isdigit())[:1]
            line = (
                f"predict {name}{f'[{axes[0]}]' if axes else ''} = {self.w.expr(Scope(tuple((a, a) for a in axes)), 2)}"
            )
        else:
            axes = ()
            line = f"predict {name} = {self.w.expr(Scope(), 2)}"
        self.w.arrays = everything
        self._bind(line, Array(name, axes, plain=True))

    # ------------------------------------------------------------ the value

    def _result(self) -> str:
        w = self.w
        roll = self.rng.randrange(100)
        if roll < 55 and w.axes:
            pairs, binders = w.new_variables(Scope())
            scope = Scope(tuple(pairs))
            where, granted = w.where(scope, 1, 45)
            body = w.expr(scope.grant(granted), 3)
            for v, _ in pairs:
                body = f"({body})*({w.using(v, scope.grant(granted), 0)})"
            return f"{self.rng.choice(['sum', 'sum' if w.exact else 'mean'])}[{binders}{where}]({body})"
        if roll < 75 and w.axes:
            axes = tuple(dict.fromkeys(a for a in self._pick_axes(least=1) if not a.isdigit()))
            body = w.expr(Scope(tuple((a, a) for a in axes)), 3)
            for axis in axes:
                body = f"({body}) + {w.using(axis, Scope(tuple((a, a) for a in axes)), 0)}"
            return body
        return f"{w.expr(Scope(), 4)} + {w.reduction(Scope(), 2) if w.axes else w.leaf(Scope())}"
