"""How many cores this process may use: those it is bound to, as far as its control group lets it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def available() -> int:
    """The cores that this process may keep busy, at least 1."""
    return max(1, min([bound(), *(math.ceil(quota) for quota in quotas())]))


def bound() -> int:
    """The cores that this process is bound to, be it let to keep them busy or not."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def quotas() -> Iterator[float]:
    """The cores' worth of time that each control group of this process gets; none where there is no limit."""
    for folder, unified in groups("cpu"):
        if unified:
            words = text(folder / "cpu.max").split()
            quota, period = words if len(words) == 2 else ("", "")
        else:
            quota, period = text(folder / "cpu.cfs_quota_us"), text(folder / "cpu.cfs_period_us")
        if quota.isdecimal() and period.isdecimal() and int(quota) and int(period):
            yield int(quota) / int(period)


def groups(controller: str) -> Iterator[tuple[Path, bool]]:
    """The folders of the control groups that this process is in, and whether each is of version 2; none elsewhere."""
    for line in text(Path("/proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        inside = Path(path.lstrip("/"))
        for folder in (inside, *inside.parents):
            if not controllers:
                yield CGROUP / folder, True
            elif controller in controllers.split(","):
                yield CGROUP / controller / folder, False


def text(file: Path) -> str:
    """What stands in a file of the system; nothing if it cannot be read."""
    try:
        return file.read_text().strip()
    except (OSError, ValueError):
        return ""
