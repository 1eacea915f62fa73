"""The folder in which nnfit keeps what it would otherwise make again: the user's alone, and bounded in size."""

from __future__ import annotations

import os
from contextvars import ContextVar
from pathlib import Path

# The folder that was named in place of the usual one.
named: ContextVar[Path | None] = ContextVar("named", default=None)


def usual() -> Path:
    """Where caches of the user lie: `nnfit` in $XDG_CACHE_HOME, or in ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path.home() / ".cache") / "nnfit"


def place() -> Path:
    """The folder that is asked for, there or not."""
    return named.get() or usual()


def folder() -> Path:
    """The folder; where there is none it is made, for its owner alone. An OSError if it cannot be."""
    found = place()
    found.mkdir(mode=0o700, parents=True, exist_ok=True)
    return found
