"""Paths that are no table: what cannot be read as text, line by line, from the beginning, is refused for what it is."""

from __future__ import annotations

import bz2
import io
import lzma
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Train = Callable[..., Any]

PLAIN = "x,y\n1,a\n2,b\n"


def zipped() -> bytes:
    with zipfile.ZipFile(memory := io.BytesIO(), "w") as archive:
        archive.writestr(zipfile.ZipInfo("data.csv"), PLAIN)
    return memory.getvalue()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (bz2.compress(PLAIN.encode()), "a bzip2 file, and no table that nnfit reads"),
        (lzma.compress(PLAIN.encode()), "an xz file, and no table that nnfit reads"),
        (zipped(), "a zip archive, and no table"),
    ],
    ids=["bzip2", "xz", "zip"],
)
def test_a_compressed_file_is_refused_with_its_kind(train: Train, data: bytes, what: str) -> None:
    assert train(data) == (4, "", f"nnfit: data.csv: is {what}; unpack it, and name the table in it\n")


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        (
            "https://example.org/data.csv",
            4,
            "https://example.org/data.csv: cannot be read: No such file or directory; a URL is not read: download the "
            "file first; spec.yaml:1:8: data.train names it",
        ),
        ("none.csv", 4, "none.csv: cannot be read: No such file or directory; spec.yaml:1:8: data.train names it"),
        (
            "folder",
            4,
            "folder: is a folder; name a file in it, or several by a glob, FOLDER/*.csv or FOLDER/*.parquet; "
            "spec.yaml:1:8: data.train names it",
        ),
        (
            "pipe",
            4,
            "pipe: is not a regular file; copy it to one, or pipe it to predict or evaluate, as -; spec.yaml:1:8: "
            "data.train names it",
        ),
        (
            "'-'",
            3,
            "spec.yaml:1:8: data.train: training reads files, and not standard input; save the table, and name the "
            "file",
        ),
    ],
)
def test_only_regular_files_are_read(run: Run, train: Train, name: str, code: int, expected: str) -> None:
    Path("folder").mkdir()
    os.mkfifo("pipe")
    Path("spec.yaml").write_text(
        f"data: {{train: {name}, target: y}}\nnetwork: {{layers: [{{size: 1, activation: logistic}}]}}\n"
    )
    assert run("train", "spec.yaml") == (code, "", f"nnfit: {expected}\n")
