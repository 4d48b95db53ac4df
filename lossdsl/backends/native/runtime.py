"""Functions that every emitted native module carries: they compile its C text, keep the result, and call it.

Their text is copied into the module, so they use NumPy and the standard library only.
"""

from __future__ import annotations

import contextvars
import ctypes
import functools
import hashlib
import math
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import warnings
from typing import Any

import numpy as np

_FLAGS = (
    "-std=gnu11", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-fwrapv",
    "-fopenmp-simd", "-fPIC", "-shared", "-pthread",
)  # fmt: skip
"""Nothing here lets the compiler reorder arithmetic or forget NaNs and infinities, as -ffast-math would."""

_LARGE = 1 << 18
"""Matrix products of more terms than this are left to NumPy."""

_threads: contextvars.ContextVar[int | None] = contextvars.ContextVar("threads", default=None)
"""How many threads a call may use; None: those of LOSSDSL_THREADS, or as many as there are processors, at most 8."""


def _thread_count() -> int:
    chosen = _threads.get()
    return _default_threads() if chosen is None else chosen


@functools.cache
def _default_threads() -> int:
    given = os.environ.get("LOSSDSL_THREADS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, 8)


@functools.cache
def _compiler() -> tuple[str, str] | None:
    """The C compiler and what it says of itself; None, with a warning, where there is none.

    CC names another one than `cc`; LOSSDSL_NATIVE=0 asks for the NumPy code.
    """
    if os.environ.get("LOSSDSL_NATIVE") == "0" or os.name != "posix":
        return None
    names = [os.environ["CC"]] if os.environ.get("CC") else ["cc", "gcc", "clang"]
    for name in names:
        path = shutil.which(name)
        if path is not None:
            try:
                told = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=True)
            except (OSError, subprocess.SubprocessError):
                continue
            return path, told.stdout
    warnings.warn("no C compiler was found: the NumPy code runs instead", RuntimeWarning, stacklevel=2)
    return None


@functools.cache
def _processor() -> str:
    """What -march=native depends on."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            lines = [line for line in file if line.startswith(("flags", "Features", "model name", "CPU part"))]
        return platform.machine() + "".join(dict.fromkeys(lines))
    except OSError:
        return f"{platform.machine()} {platform.processor()}"


def _is_private(path: str) -> bool:
    """Whether a file or folder is ours, and nobody else can write to it."""
    found = os.lstat(path)
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


@functools.cache
def _folder() -> str:
    """Where compiled code is kept: in the user's cache, or for this process only, if that can not be trusted."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    base = base if os.path.isabs(base) else os.path.join(os.path.expanduser("~"), ".cache")
    folder = os.path.join(base, "lossdsl", "native")
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if _is_private(folder) and _is_private(os.path.dirname(folder)) and os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return str(_folder_of_the_process().name)


@functools.cache
def _folder_of_the_process() -> Any:
    """A folder that ends with the process."""
    return tempfile.TemporaryDirectory(prefix="lossdsl-")


def _compiled(source: str, program: str, single: bool) -> str | None:
    """The path of the library with one function of a C text, compiled if it is not in the cache; None if it can not be.

    Written under another name first, so that other processes see all of it or nothing.
    """
    compiler = _compiler()
    if compiler is None:
        return None
    path, told = compiler
    flags = [*_FLAGS, f"-DPROGRAM_{program}", *(["-DSINGLE"] if single else [])]
    digest = hashlib.sha256("\0".join([source, told, _processor(), *flags]).encode()).hexdigest()[:32]
    folder = _folder()
    library = os.path.join(folder, f"{digest}.so")
    if os.path.exists(library) and _is_private(library):
        return library
    handle, fresh = tempfile.mkstemp(suffix=".so", dir=folder)
    os.close(handle)
    try:
        # some compilers do not know -march=native for their processor
        for tried in (flags, [flag for flag in flags if flag != "-march=native"]):
            command = [path, *tried, "-x", "c", "-", "-o", fresh, "-lm"]
            done = subprocess.run(command, input=source, capture_output=True, text=True, timeout=600)
            if done.returncode == 0:
                break
        else:
            warnings.warn(f"the C compiler failed, the NumPy code runs instead: {done.stderr}", RuntimeWarning, 2)
            return None
        os.chmod(fresh, 0o700)
        os.replace(fresh, library)
    except (OSError, subprocess.SubprocessError) as problem:
        warnings.warn(f"the C code was not compiled, the NumPy code runs instead: {problem}", RuntimeWarning, 2)
        return None
    finally:
        if os.path.exists(fresh):
            os.unlink(fresh)
    return library


@functools.cache
def _loaded(source: str, program: str, single: bool) -> Any:
    """The function `run` of a program; None where it can not be had."""
    library = _compiled(source, program, single)
    if library is None:
        return None
    try:
        run = ctypes.CDLL(library).run
    except OSError as problem:
        warnings.warn(f"the compiled code was not loaded, the NumPy code runs instead: {problem}", RuntimeWarning, 2)
        return None
    run.restype = ctypes.c_int64
    run.argtypes = [ctypes.c_void_p] * 4 + [ctypes.c_int64] * 2
    return run


class _Buffers:
    """Memory of results that the caller has let go of: the pages of a fresh array cost more than most losses.

    At most 256 MB are kept; arrays below 1 MB, and all of them where LOSSDSL_NATIVE_BUFFERS=0, are fresh.
    """

    smallest, largest = 1 << 20, 1 << 28

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.kept: list[Any] = []
        self.enabled = os.environ.get("LOSSDSL_NATIVE_BUFFERS") != "0"

    def array(self, shape: tuple[int, ...], dt: Any) -> Any:
        """An array with any content; nobody else has a reference to its memory."""
        size = math.prod(shape) * dt.itemsize
        if size < self.smallest or size > self.largest or not self.enabled:
            return np.empty(shape, dt)
        with self.lock:
            for k in range(len(self.kept)):
                block = self.kept[k]
                # the list, `block` and the argument of getrefcount; views of the block have it for their base
                if block.nbytes == size and sys.getrefcount(block) == 3:
                    self.kept.append(self.kept.pop(k))
                    return block.view(dt).reshape(shape)
            block = np.empty(size, np.uint8)
            self.kept.append(block)
            while sum(old.nbytes for old in self.kept) > self.largest:
                del self.kept[0]
            return block.view(dt).reshape(shape)


_buffers = _Buffers()


def _computed(
    source: str,
    program: str,
    dt: Any,
    reduction: str | None,
    sizes: tuple[int, ...],
    numbers: tuple[float, ...],
    arrays: tuple[Any, ...],
    shapes: dict[str, tuple[int, ...]],
    products: tuple[int, ...],
) -> dict[str, Any] | None:
    """The results of a program as arrays of the given shapes; None where the NumPy code has to compute or to explain.

    The arrays are of `dt`, or whole numbers; any strides.  `products` are numbers of terms of matrix products.
    """
    if max(products, default=0) > _LARGE or dt.char not in "fd" or reduction not in (None, "none", "sum", "mean"):
        return None
    each = "_each" if reduction == "none" and "" in shapes else ""
    run = _loaded(source, program + each, dt.char == "f")
    if run is None:
        return None
    given = [np.ascontiguousarray(a, dtype=np.int64 if a.dtype.kind == "i" else dt) for a in map(np.asarray, arrays)]
    results = {name: _buffers.array(shape, dt) for name, shape in shapes.items()}
    status = run(
        (ctypes.c_int64 * (len(sizes) + 1))(*sizes),
        (ctypes.c_double * (len(numbers) + 1))(*numbers),
        (ctypes.c_void_p * (len(given) + 1))(*(a.__array_interface__["data"][0] for a in given)),
        (ctypes.c_void_p * (len(results) + 1))(*(a.__array_interface__["data"][0] for a in results.values())),
        0 if reduction == "none" else 2 if reduction == "mean" else 1,
        _thread_count(),
    )
    return None if status else results


def _program(name: str, asked: tuple[str, ...], shapes: dict[str, tuple[int, ...]]) -> str:
    """The program for one name of `wrt`, or the one for all; `shapes` keeps what it computes."""
    if len(asked) != 1:
        return name
    known = [key for key in shapes if key]
    number = known.index(asked[0])
    for key in known:
        if key != asked[0]:
            del shapes[key]
    return f"{name}_{number}"


def _shaped(found: dict[str, Any], asked: tuple[str, ...], likes: dict[str, Any]) -> tuple[Any, ...]:
    """Gradients in the shapes and dtypes of the arguments (floating; the default float for whole numbers)."""
    shaped = []
    for name in asked:
        value, like = found[name], likes[name]
        if like is not None:
            value = value.astype(like.dtype if like.dtype.kind == "f" else value.dtype, copy=False).reshape(like.shape)
        shaped.append(value[()])
    return tuple(shaped)
