"""Functions that every emitted NumPy module carries: their text is copied into it, so they use nothing but NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np


def _dtypes(*values: Any) -> tuple[Any, Any]:
    """The dtype to compute in and the dtype of scalar results: float32 for half precision, NumPy's promotion else.

    Python numbers take the dtype of the arrays.
    """
    given = [np.asarray(v).dtype for v in values if v is not None and type(v) not in (int, float, bool)]
    floats = [dtype for dtype in given if dtype.kind == "f"]
    dt = np.result_type(*floats) if floats else np.dtype(np.float64)
    return (np.dtype(np.float32), np.dtype(np.float32)) if dt.itemsize < 4 else (dt, dt)


def _array(name: str, value: Any) -> Any:
    """The argument as an array of numbers."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        got = f"dtype {array.dtype}" if array.ndim else repr(value)
        raise TypeError(f"{name} must hold real numbers, got {got}")
    return array


def _whole_numbers(name: str, array: Any) -> Any:
    """The array, whose values have to be whole; looked at in blocks that stay in the cache."""
    if array.dtype.kind == "f":
        flat = array.reshape(-1)
        with np.errstate(invalid="ignore"):
            for start in range(0, flat.size, 65536):
                block = flat[start : start + 65536]
                if np.add.reduce(block - np.floor(block)) != 0:  # no term is below 0; NaN for infinities
                    at = np.argwhere(array - np.floor(array))[0]
                    where = f" at {_place(at)}" if at.size else ""
                    raise ValueError(f"{name} must hold whole numbers, got {array[tuple(at)]}{where}")
    return array


def _positions(name: str, array: Any) -> Any:
    """Labels as whole numbers."""
    return _whole_numbers(name, array).astype(np.intp)


def _place(at: Any) -> str:
    return f"position [{', '.join(str(int(k)) for k in at)}]"


def _ranked(name: str, array: Any, axes: str, rank: int) -> None:
    """The argument has the axes that the signature gives it."""
    if array.ndim == rank:
        return
    if rank == 0:
        raise ValueError(f"{name} is a scalar (declared without axes), but got shape {array.shape}")
    count = "1 axis" if rank == 1 else f"{rank} axes"
    raise ValueError(f"{name} is declared {name}[{axes}], so it has {count}, but got shape {array.shape}")


def _size(axis: str, *sizes: tuple[str, int | None]) -> int:
    """The one size that all arguments give an axis; None for an argument that was left out."""
    given = [(name, size) for name, size in sizes if size is not None]
    if not given:
        raise ValueError(f"{sizes[0][0]} gives the size of axis {axis}, so it is needed")
    first, wanted = given[0]
    for name, size in given[1:]:
        if size != wanted:
            raise ValueError(f"axis {axis} has size {wanted} in {first} but {size} in {name}")
    return wanted


def _fixed(name: str, array: Any, axes: str, axis: int, wanted: int) -> None:
    if array.shape[axis] != wanted:
        raise ValueError(f"{name} is declared {name}[{axes}], but got shape {array.shape}")


def _at_least(name: str, array: Any, axes: str, rank: int) -> None:
    if array.ndim < rank:
        count = "1 axis" if rank == 1 else f"{rank} axes"
        raise ValueError(f"{name} is declared {name}[{axes}], so it has at least {count}, but got shape {array.shape}")


def _group(**shapes: tuple[int, ...] | None) -> tuple[int, ...]:
    """The one shape that all arguments give to `..`."""
    given = [(name, shape) for name, shape in shapes.items() if shape is not None]
    first, wanted = given[0]
    for name, shape in given[1:]:
        if shape != wanted:
            raise ValueError(f"the axes .. have shape {wanted} in {first} but {shape} in {name}")
    return wanted


def _flattened(array: Any, before: int, after: int) -> Any:
    """The array with the axes `..` as one."""
    shape = array.shape
    middle = int(np.prod(shape[before : array.ndim - after], dtype=np.int64))
    return array.reshape((*shape[:before], middle, *shape[array.ndim - after :]))


def _equal_sizes(left: int, right: int, message: str) -> None:
    if left != right:
        raise ValueError(f"{message}, of sizes {left} and {right}")


def _require(holds: bool, name: str, domain: str, value: float) -> None:
    if not holds:
        raise ValueError(f"{name} must be {domain}, got {value}")


def _hyper(name: str, value: Any) -> float:
    """A hyperparameter as a Python number."""
    if type(value) is float or type(value) is int:
        return float(value)
    number = np.asarray(value)
    if number.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be a number, got {value!r}")
    if number.ndim:
        raise ValueError(f"{name} is a scalar (declared without axes), but got shape {number.shape}")
    return float(number)


def _within(name: str, domain: str, array: Any, valid: Any) -> None:
    """Every element lies in its domain; otherwise says which does not."""
    if not np.all(valid):
        at = np.argwhere(~np.atleast_1d(valid))[0]
        value = np.atleast_1d(array)[tuple(at)]
        where = f" at {_place(at)}" if np.ndim(array) else ""
        raise ValueError(f"{name} must be {domain}, got {value}{where}")


def _readable(name: str, axis: str, outside: Any, position: Any, size: int) -> None:
    """No read that is used leaves its axis."""
    if np.any(outside):
        wrong = np.broadcast_to(position, np.shape(outside))[outside] if np.ndim(outside) else np.asarray(position)
        raise IndexError(f"{name} is read at {np.ravel(wrong)[0]}, outside of {axis} with size {size}")


def _nonempty(array: Any, *axes: int) -> Any:
    """The array, or zeros with a position on each of these axes: clipped positions are read where nothing uses them."""
    if all(array.shape[k] for k in axes):
        return array
    return np.zeros([max(size, 1) if k in axes else size for k, size in enumerate(array.shape)], array.dtype)


def _first(best: Any, array: Any, axis: int) -> Any:
    """The first position of the best along an axis: np.argmax or np.argmin; -1 along an axis of length 0."""
    if array.shape[axis] == 0:
        return np.full(np.delete(array.shape, axis), -1)
    return best(array, axis=axis)


def _not_of_nothing(name: str, outside: Any) -> None:
    """There is something to take the best of, wherever its position is used."""
    if np.any(outside):
        op = name.partition("_")[0]
        raise ValueError(f"{op} has nothing to take the position of the best of: no position is left")


def _count(kept: Any, shape: tuple[int, ...]) -> int:
    """How many elements the mask keeps."""
    if kept is None:
        return int(np.prod(shape, dtype=np.int64))
    return int(np.count_nonzero(np.broadcast_to(kept, shape)))


def _seed(dt: Any, kept: Any, shape: tuple[int, ...], reduction: str) -> Any:
    """The weight of each element in the reduced value."""
    weight = 1.0 / max(_count(kept, shape), 1) if reduction == "mean" else 1.0
    return np.broadcast_to(dt.type(weight), shape)


def _reduced(dt: Any, element: Any, kept: Any, shape: tuple[int, ...], reduction: str) -> Any:
    """The elements that the mask keeps, as they are ("none": 0 where left out), their sum or their mean."""
    if kept is not None:
        element = np.where(kept, element, 0)
    element = np.broadcast_to(element, shape)
    if reduction == "none":
        return np.array(element, dtype=dt)
    if reduction == "sum":
        return np.sum(element, dtype=dt)
    if reduction == "mean":
        return np.sum(element, dtype=dt) / dt.type(max(_count(kept, shape), 1))
    raise ValueError(f'reduction must be "mean", "sum" or "none", got {reduction!r}')


def _like(value: Any) -> Any:
    """An argument as it was given, for the shape and dtype of its gradient; None for a number or one left out."""
    return None if value is None or type(value) in (int, float, bool) else np.asarray(value)


def _as_gradient(value: Any, like: Any, shape: tuple[int, ...]) -> Any:
    """A gradient in the shape and dtype of its argument (floating; the default float for whole numbers)."""
    dt = like.dtype if like is not None and like.dtype.kind == "f" else value.dtype
    gradient = np.array(np.broadcast_to(value, shape), dtype=dt)
    return gradient[()] if like is None else gradient.reshape(like.shape)[()]


def _names(wrt: Any, known: tuple[str, ...]) -> tuple[str, ...]:
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    for name in names:
        if name not in known:
            raise ValueError(f"wrt must be among {', '.join(known)}, got {name!r}")
    return names


def _shifted(sums: Any, axis: int) -> Any:
    """Running sums without the element itself."""
    zero = np.zeros_like(np.take(sums, [0], axis)) if sums.shape[axis] else sums
    return np.concatenate([zero, np.delete(sums, -1, axis)], axis) if sums.shape[axis] else sums


def _directions(names: tuple[str, ...], wrt: Any, vector: Any) -> dict[str, Any]:
    """The vector for each name of `wrt`."""
    vectors = (vector,) if isinstance(wrt, str) else tuple(vector)
    if len(vectors) != len(names):
        raise ValueError(f"wrt names {len(names)} arguments, so vector must hold as many, got {len(vectors)}")
    return dict(zip(names, vectors, strict=True))


def _direction(name: str, given: dict[str, Any], array: Any, like: Any, dt: Any) -> Any:
    """The vector for one argument, in its shape; 0 where none is given."""
    if name not in given:
        return np.zeros(np.shape(array), dt)[()]
    vector = np.asarray(given[name])
    wanted = np.shape(array) if like is None else like.shape
    if vector.shape != wanted:
        raise ValueError(f"the vector for {name} must have shape {wanted}, got {vector.shape}")
    return vector.astype(dt).reshape(np.shape(array))[()]


def _others(parts: Any, total: Any, axes: int) -> Any:
    """The sums of parts over the last axes without those that are 1, where a total is below 2; elsewhere total - 1.

    Parts are at most 1, and one of them is 1: where the rest counts, all of its digits do.
    """
    others = np.asarray(total - 1)
    certain = total < 2
    if np.any(certain):
        chosen = parts[certain]
        others[certain] = np.sum(chosen - np.trunc(chosen), axis=tuple(range(-axes, 0)))
    return others[()]


def _placed(otherwise: Any, then: Any, position: Any, axis: int) -> Any:
    """`otherwise`, but `then` at one position of an axis for each place on the other axes, if it is on the axis.

    `position` and `then` have axes of length 1 in place of that axis and of those that they do not depend on.
    """
    size = otherwise.shape[axis]
    places = tuple(1 if k == axis % otherwise.ndim else s for k, s in enumerate(otherwise.shape))
    position, then = np.broadcast_to(position, places), np.broadcast_to(then, places)
    inside = (position >= 0) & (position < size)
    if size and not inside.all():
        position = np.where(inside, position, 0)
        then = np.where(inside, then, np.take_along_axis(otherwise, position, axis))
    if size:
        np.put_along_axis(otherwise, position, then, axis)
    return otherwise
