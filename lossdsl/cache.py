"""What compiling gave, kept between processes: the same text is compiled once.

What must hold: an entry is found by a digest of everything that it was made of (`key`), the code of this package and
the version of Python among it, so that it is never out of date, only unused.  It is text, in JSON; nothing in the
folder is unpickled.  Its first line is a digest of the rest: what is cut off, damaged or from elsewhere is taken for
missing, and written anew.  It is written under another name first, so that other processes see all of it or nothing.
Emitted code that is kept here is run when it is read again, as Python runs compiled files, so that folder and files
have to be the user's own, and nobody else's to write to.  Whatever goes wrong with files, compiling goes on without
them.

LOSSDSL_CACHE=0 switches it off, LOSSDSL_CACHE_DIR names the folder.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import stat
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LARGEST = 64 << 20
"""Bytes of all entries together; beyond it, those that were not used for longest are removed."""
LARGEST_ENTRY = 16 << 20
ABANDONED = 3600.0
"""Seconds after which a file that was never given its name belongs to a process that was killed."""
BETWEEN_TRIMS = 100
"""Entries that a process writes before it looks again at how large the folder is."""
TOUCHED_DAILY = 86_400.0

_written = 0


def enabled() -> bool:
    """Whether anything is kept."""
    return os.environ.get("LOSSDSL_CACHE", "") != "0"


def key(*parts: str | bytes) -> str:
    """The name of an entry made of these parts by this version of the package."""
    found = hashlib.sha256(_stamp().encode())
    for part in parts:
        data = part if isinstance(part, bytes) else b"s" + part.encode("utf-8", "surrogatepass")
        found.update(b"%d:" % len(data) + data)  # with its length, so that parts can not run into one another
    return found.hexdigest()


def read(name: str) -> dict[str, Any] | None:
    """The entry of that name, or None."""
    kept = folder()
    if kept is None:
        return None
    try:
        data = _own_file(kept / f"{name}.json")
        digest, _, body = data.partition(b"\n")
        if digest != _digest(name, body):
            return None
        found = json.loads(body)
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def write(name: str, content: Mapping[str, Any]) -> None:
    """Keep an entry; nothing happens where nothing can be written."""
    global _written
    kept = folder()
    if kept is None:
        return
    body = json.dumps(content).encode("ascii")
    if len(body) > LARGEST_ENTRY:
        return
    with contextlib.suppress(OSError):
        if _written % BETWEEN_TRIMS == 0:
            trim(kept)
        _written += 1
        _replace(kept / f"{name}.json", _digest(name, body) + b"\n" + body)


def _digest(name: str, body: bytes) -> bytes:
    """It holds the name too: a copy of another entry is not this one."""
    return hashlib.sha256(name.encode() + b"\n" + body).hexdigest().encode()


def _own_file(path: Path) -> bytes:
    """The contents of an ordinary file of the user's; anything else is an OSError, and is not waited for."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with open(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or not _is_own(found) or found.st_size > 2 * LARGEST_ENTRY:
            raise OSError(f"{path} is not to be trusted")
        if time.time() - found.st_mtime > TOUCHED_DAILY:  # so that what is used stays
            with contextlib.suppress(OSError):
                os.utime(path)
        return file.read()


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_name(f".{os.getpid()}-{threading.get_ident()}-{time.time_ns()}.tmp")
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "wb") as file:
            file.write(data)
        os.replace(fresh, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(fresh)
        raise


def trim(kept: Path) -> None:
    """Remove what was not used for longest until three quarters of the allowed size are left, if it was exceeded."""
    entries: list[tuple[float, int, str]] = []
    with os.scandir(kept) as files:
        for file in files:
            with contextlib.suppress(OSError):  # another process may have removed it
                found = file.stat(follow_symlinks=False)
                if file.name.endswith(".tmp"):
                    if time.time() - found.st_mtime > ABANDONED:
                        os.unlink(file.path)
                elif file.name.endswith(".json"):
                    entries.append((found.st_mtime, found.st_size, file.path))
    total = sum(size for _, size, _ in entries)
    if total <= LARGEST:
        return
    for _, size, path in sorted(entries):
        if total <= LARGEST * 3 // 4:
            break
        with contextlib.suppress(OSError):
            os.unlink(path)
        total -= size


# ---------------------------------------------------------------- folders


def folder() -> Path | None:
    """Where entries are kept; None if it is switched off, or where there is no folder that can be trusted."""
    return private_folder("losses") if enabled() else None


def private_folder(name: str = "") -> Path | None:
    """A folder in that of the package, made if need be; None unless both are the user's own, writable, and nobody else
    can write to them."""
    path = user_folder()
    if path is None:
        return None
    for part in ("", name):
        path = path / part
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = path.lstat()
        except OSError:
            return None
        if not stat.S_ISDIR(found.st_mode) or not _is_own(found) or not os.access(path, os.W_OK):
            return None
    return path


def user_folder() -> Path | None:
    """The folder of this package in the user's cache, whether or not it exists.

    $LOSSDSL_CACHE_DIR; or `lossdsl` in $XDG_CACHE_HOME, or else in what the platform has for it: ~/.cache,
    ~/Library/Caches on macOS, %LOCALAPPDATA% on Windows.  None where there is no home.
    """
    if given := os.environ.get("LOSSDSL_CACHE_DIR"):
        return Path(given).absolute()
    base = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):
        return Path(base) / "lossdsl"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    match sys.platform:
        case "darwin":
            return home / "Library" / "Caches" / "lossdsl"
        case "win32":
            return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "lossdsl"
    return home / ".cache" / "lossdsl"


def _is_own(found: os.stat_result) -> bool:
    """Ours, and nobody else can write to it; where files have no such owners, the user's profile is trusted."""
    if not hasattr(os, "getuid"):
        return True
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


# ---------------------------------------------------------------- versions


@functools.cache
def _stamp() -> str:
    """What made an entry: Python, the version of the package, and its files.

    Of the files, name, size and time of change, as Python does to see that compiled files are out of date: to read them
    takes three times as long, and a release is told by its version.
    """
    import lossdsl

    package = Path(__file__).parent
    folders = [folder for folder in (package, package.parent / "grammar") if folder.is_dir()]
    return "\n".join([sys.version, lossdsl.__version__, *(line for folder in folders for line in _files(folder))])


def _files(folder: Path) -> list[str]:
    """Each file below a folder, apart from compiled ones: its name, size and time of change."""
    found: list[str] = []
    pending = [str(folder)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    status = entry.stat()
                    found.append(f"{entry.path} {status.st_size} {status.st_mtime_ns}")
                elif entry.name != "__pycache__":
                    pending.append(entry.path)
    return sorted(found)
