"""Paths that are no table: what cannot be read as text, line by line, from the beginning, is refused for what it is."""

from __future__ import annotations

import bz2
import gzip
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
    ("data", "place", "remedy"),
    [
        (gzip.compress(PLAIN.encode()), "1: the byte 0x8b at offset 1", "this is a gzip file: unpack it first"),
        (bz2.compress(PLAIN.encode()), "1: the byte 0xda at offset 10", "this is a bzip2 file: unpack it first"),
        (lzma.compress(PLAIN.encode()), "1: the byte 0xfd at offset 0", "this is an xz file: unpack it first"),
        (
            zipped(),
            "1: the byte 0xa3 at offset 15",
            "this is a zip file or a spreadsheet: unpack it, or save it as CSV, first",
        ),
    ],
    ids=["gzip", "bzip2", "xz", "zip"],
)
def test_a_compressed_file_is_refused_with_its_kind(train: Train, data: bytes, place: str, remedy: str) -> None:
    assert train(data) == (4, "", f"nnfit: data.csv:{place} is not utf-8; {remedy}\n")


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        (
            "https://example.org/data.csv",
            4,
            "https://example.org/data.csv: cannot be read: No such file or directory; a URL is not read: download the "
            "file first",
        ),
        ("none.csv", 4, "none.csv: cannot be read: No such file or directory"),
        ("folder", 4, "folder: is a folder; name a CSV file"),
        ("pipe", 4, "pipe: is not a regular file; copy it to one, or pipe it to predict or evaluate, as -"),
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
