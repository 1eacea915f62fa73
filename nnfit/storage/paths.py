"""What a path is before anything is opened: its shortest spelling, whether it names a file, and what lies there."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Literal

Kind = Literal["nothing", "file", "folder", "stream", "device", "block device", "pipe", "socket"]


def direct(path: Path) -> Path:
    """The path without detours, `models` for `specs/../models`, where that is the same place.

    Where it is not, because a folder on the way is a symbolic link, or is not there, the path stays as it is.
    """
    short = Path(os.path.normpath(path))
    try:
        same = short.parent.samefile(path.parent) if short.name == path.name else short.samefile(path)
    except (OSError, ValueError):
        return path
    return short if same else path


def is_of_folder(text: str) -> bool:
    """Whether a path, as it was given, can only be that of a folder, be it there or not: `models/`, `.`, `a/..`."""
    return text.split("/")[-1] in ("", ".", "..")


def stream(path: Path) -> int | None:
    """The number of the stream of this process that a path names (/dev/stdout), or None."""
    found = re.fullmatch(r"/dev/(stdout|stderr|fd/(\d+))", os.path.normpath(path))
    return (int(found[2]) if found[2] else {"stdout": 1, "stderr": 2}[found[1]]) if found else None


def kind(path: Path) -> Kind:
    """What lies where a path leads, symbolic links followed; a link to what is not there leads to nothing.

    An OSError or ValueError says that it can lead nowhere: a loop of links, a file as a folder, a name too long, NUL.
    """
    if stream(path) is not None:
        return "stream"
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 (pathlib has its own idea of a path that holds NUL)
    except FileNotFoundError:
        return "nothing"
    kinds: dict[int, Kind] = {
        stat.S_IFREG: "file",
        stat.S_IFDIR: "folder",
        stat.S_IFCHR: "device",
        stat.S_IFBLK: "block device",
        stat.S_IFIFO: "pipe",
        stat.S_IFSOCK: "socket",
    }
    return kinds[stat.S_IFMT(mode)]


def what(path: Path) -> Kind | None:
    """What lies where a path leads, or None where it can lead nowhere."""
    try:
        return kind(path)
    except (OSError, ValueError):
        return None
