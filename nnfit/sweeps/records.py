"""What is finished of a sweep, one line of JSON for each trial, in files of its folder that are only added to.

A line that a killed process left behind half is taken away before the next. A shard has a file of its own; who joins
them reads all, and holds all while it works, so that no trial is run twice.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from nnfit.errors import OutputError, Place, Problem
from nnfit.storage import files
from nnfit.storage.lines import Appending, appending
from nnfit.sweeps.running import HALTED, Outcome
from nnfit.sweeps.trials import hashed

FOLDER, WHOLE, HASHES, STATES = "trials", "trials.jsonl", "hashes.json", "states"
LINE = tuple(name for name in Outcome._fields if name != "state")
STATUSES = ("done", HALTED, "diverged", "failed", "cut")
MOST_SHARDS = 10_000


class Shard(NamedTuple):
    """One of several parts of a sweep, counted from 1."""

    number: int
    of: int

    @property
    def file(self) -> str:
        """Where it writes."""
        return f"shard-{self.number}-of-{self.of}.jsonl"

    def has(self, k: int) -> bool:
        """Whether trial k, from 0, is its to run."""
        return k % self.of == self.number - 1


def read(folder: Path) -> dict[str, dict[int, Outcome]]:
    """The outcomes of every trial that has one, by its hash and its rung; that which is final where there are more."""
    found: dict[str, dict[int, Outcome]] = {}
    inside = folder / FOLDER
    with files.told(inside, "cannot-read", "cannot be read"):
        for path in sorted(inside.glob("*.jsonl")) if inside.is_dir() else []:
            for line in path.read_bytes().split(b"\n"):
                outcome = parsed(line)
                if outcome is not None:
                    add(found, outcome)
    return found


def add(found: dict[str, dict[int, Outcome]], outcome: Outcome) -> None:
    """Add an outcome to those that are known."""
    of_rungs = found.setdefault(outcome.id, {})
    if outcome.rung not in of_rungs or not of_rungs[outcome.rung].final:
        of_rungs[outcome.rung] = outcome


def parsed(line: bytes) -> Outcome | None:
    """The outcome in a line; None of one that is not whole."""
    try:
        given = json.loads(line)
        outcome = Outcome(**{key: value for key, value in given.items() if key in LINE})
        return outcome if sound(outcome) else None
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def sound(outcome: Outcome) -> bool:
    """Whether every part of an outcome that was read is of its kind: who works with it need not ask."""
    by_name = (outcome.metrics, outcome.members, outcome.sha256)
    numbers = [*outcome.metrics.values(), *(x for pair in outcome.members.values() for x in pair)]
    counts = (outcome.epochs, outcome.rows, outcome.rung, outcome.code, *(point[0] for point in outcome.curve))
    sizes = (outcome.seconds, *outcome.groups)
    return (
        all(isinstance(text, str) for text in (outcome.id, outcome.message, *outcome.sha256.values()))
        and outcome.status in STATUSES
        and (outcome.status != HALTED or outcome.rung > 0)
        and all(isinstance(each, dict) for each in by_name)
        and all(len(pair) == 2 for pair in outcome.members.values())
        and all(isinstance(each, list | tuple) for each in (outcome.curve, outcome.groups))
        and all(len(point) in (2, 3) for point in outcome.curve)
        and all(type(each) is int and 0 <= each < 1 << 53 for each in counts)
        and all(is_number(each) for each in sizes)
        and all(each is None or is_number(each) for each in (*numbers, *(x for p in outcome.curve for x in p[1:])))
    )


def is_number(value: object) -> bool:
    """Whether a value is a finite number."""
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def written(outcome: Outcome) -> bytes:
    """A line."""
    given = {key: getattr(outcome, key) for key in LINE if key != "rung" or outcome.rung}
    return (json.dumps(given, separators=(",", ":"), allow_nan=False) + "\n").encode()


def hashes(folder: Path, key: str) -> list[str] | None:
    """The hashes of the trials that an earlier command has left, if they follow from the same."""
    try:
        given = json.loads((folder / FOLDER / HASHES).read_bytes())
        found = given["hashes"]
        return found if given["key"] == sealed(key, found) else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def keep_hashes(folder: Path, key: str, found: Sequence[str]) -> None:
    """Leave the hashes of the trials for the next command."""
    if hashes(folder, key) is None:
        files.write((folder / FOLDER / HASHES, json.dumps({"key": sealed(key, found), "hashes": found}).encode()))


def sealed(key: str, found: Sequence[str]) -> str:
    """A hash of what hashes follow from and of themselves: of such that were changed it is another."""
    return hashed(json.dumps([key, found]))


def place_of(folder: Path, id: str) -> Path:
    """Where the checkpoint of a trial is kept; in one folder for all, to write one would be to look through all."""
    return folder / FOLDER / STATES / id[:2] / f"{id}.npz"


def state(folder: Path, id: str) -> bytes:
    """The checkpoint of a trial, whatever is in it; nothing where there is none that can be read."""
    path = place_of(folder, id)
    with suppress(OSError, MemoryError):
        if path.is_file():  # to read a pipe would be to wait
            return path.read_bytes()
    return b""


def keep_state(folder: Path, outcome: Outcome) -> None:
    """Keep what a trial that was halted goes on from, and of one that is over nothing."""
    path = place_of(folder, outcome.id)
    with files.told(path):
        if not outcome.state:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
    files.write((path, outcome.state))


def drop_states(folder: Path, but: Collection[str] = ()) -> None:
    """Remove the checkpoints of all trials but some, and what a killed process left of one that it wrote."""
    inside = folder / FOLDER / STATES
    for path in [*inside.glob("*/*")]:
        if path.stem not in but and not (but and path.name.startswith(".")):
            with files.told(path):
                path.unlink(missing_ok=True)
    for each in [*inside.glob("*"), inside]:
        with suppress(OSError):
            each.rmdir()


def make(folder: Path) -> None:
    """The folder of a sweep, if it is not there; an OutputError where it cannot be, or is full of something else."""

    def refused(message: str, remedy: str) -> OutputError:
        return OutputError(Problem("cannot-write", message, remedy, Place(str(folder))))

    with files.told(folder):
        if not folder.parent.is_dir():
            there = folder.parent.exists()
            what = f"{folder.parent} is a file" if there else f"there is no folder {folder.parent}"
            raise refused(f"cannot be made: {what}", "name another with -o" if there else "make it first")
        if folder.exists() and not folder.is_dir():
            raise refused("is a file, and a sweep needs a folder", "name another with -o")
        if folder.is_dir() and not (folder / FOLDER).is_dir() and any(folder.iterdir()):
            raise refused("holds other files", "name one with -o that is empty, or not there")
        (folder / FOLDER).mkdir(parents=True, exist_ok=True)


@contextmanager
def held(folder: Path, shard: Shard | None) -> Iterator[Appending]:
    """The file to add lines to, as long as no other process works on the same trials; else an OutputError."""
    inside = folder / FOLDER
    own, whole = inside / (shard.file if shard else WHOLE), inside / WHOLE
    with ExitStack() as stack:
        stack.enter_context(claim(own, folder))
        if shard is None:
            for other in sorted(inside.glob("shard-*.jsonl")):
                stack.enter_context(claim(other, folder))
        else:
            others = [path for path in inside.glob("shard-*.jsonl") if not path.stem.endswith(f"-of-{shard.of}")]
            for path in (whole, *sorted(others)):  # parts of another whole have trials in common with this one
                with claim(path, folder):
                    pass
        yield stack.enter_context(appending(own))


@contextmanager
def claim(path: Path, folder: Path) -> Iterator[None]:
    """Hold one of the files."""
    with ExitStack() as stack:
        try:
            stack.enter_context(files.claimed([path]))
        except OutputError as error:
            if error.code != "in-use":
                raise
            what = "this sweep" if path.name == WHOLE else f"the {path.stem.replace('-', ' ').replace(' of ', '/')}"
            message = f"another process is at work on {what}"
            raise OutputError(Problem("in-use", message, "wait for its end", Place(str(folder)))) from None
        yield
