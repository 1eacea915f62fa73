"""Tables that are written block by block: what fails on the way leaves nothing behind that would write later."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnfit.data import writing
from nnfit.data.writing import form_of, write
from nnfit.errors import DataError, Problem, UsageError

NAMES = ("o.parquet", "o.arrow", "o.csv.gz", "o.csv.zst")


@pytest.fixture
def ignored(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What Python tells of exceptions that nobody can catch."""
    told: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda found: told.append(found.exc_value))
    return told


def failing(error: BaseException) -> Iterator[dict[str, Any]]:
    for k in range(4):
        yield {"x": np.random.default_rng(k).random(20_000), "c": np.array(["a", "b"] * 10_000, object)}
    raise error


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("error", [DataError(Problem("x", "y")), KeyboardInterrupt()], ids=["error", "signal"])
def test_an_error_behind_the_first_blocks_is_the_only_one(
    tmp_path: Path, ignored: list[Any], name: str, error: BaseException
) -> None:
    with pytest.raises(type(error)) as caught, (tmp_path / name).open("wb", buffering=0) as file:
        write(failing(error), form_of(name), file.write)
    assert caught.value is error
    del caught
    gc.collect()
    assert ignored == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("o.parquet.gz", "a file is not written as .parquet.gz; name it .parquet, which is packed in itself"),
        ("o.Arrow.zst", "a file is not written as .arrow.zst; name it .arrow, which is packed in itself"),
        ("o.csv.bz2", "a file is not written as .bz2; name it .csv.gz or .csv.zst"),
        ("o.zip", "a file is not written as .zip; name it .csv.gz or .csv.zst"),
    ],
)
def test_what_would_not_be_what_its_name_says_is_not_written(name: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        form_of(name)
    assert str(caught.value) == f"{name}: {expected}"


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_is_told_once(monkeypatch: pytest.MonkeyPatch, ignored: list[Any], name: str) -> None:
    monkeypatch.setattr(writing, "GROUP", 1)
    room, refused = 20, 0

    def take(data: bytes) -> None:
        nonlocal room, refused
        room -= len(data)
        if room < 0:
            refused += 1
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write(failing(AssertionError()), form_of(name), take)
    gc.collect()
    assert (refused, ignored) == (1, [])
