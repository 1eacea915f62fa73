"""What killed runs left beside a file is swept by the next run that writes it, and nothing else is."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nnfit.storage import files

LEFT = ".out.0123456789abcdef.tmp"  # the name of a temporary file of `out`
KILLED = """\
import os, pathlib, sys
from nnfit.storage import files
files.fault = lambda step: os.kill(os.getpid(), 9) if step == "fsync" else None
files.write((pathlib.Path(sys.argv[1]), b"half"))
"""


@pytest.mark.process
def test_what_a_killed_run_left_is_swept_by_the_next(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, tmp_path / "out"], timeout=60)
    [left] = tmp_path.iterdir()
    assert left.read_bytes() == b"half"
    files.write((tmp_path / "other", b"new"))
    assert left.exists()
    files.write((tmp_path / "out", b"new"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "out"]


def test_what_a_living_run_writes_is_not_swept(tmp_path: Path) -> None:
    with files.replacing(tmp_path / "out") as first:
        first.write(b"fir")
        files.write((tmp_path / "out", b"second"))
        first.write(b"st")
    assert (tmp_path / "out").read_bytes() == b"first"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["out.0123456789abcdef.tmp", ".out.tmp", ".out.0123.tmp", f"{LEFT}.gz", f".a{LEFT}"])
def test_files_of_other_names_are_not_swept(tmp_path: Path, name: str) -> None:
    (tmp_path / LEFT).write_bytes(b"")
    (tmp_path / name).write_bytes(b"")
    files.write((tmp_path / "out", b"new"))
    assert {path.name for path in tmp_path.iterdir()} == {"out", name}


def test_a_link_or_a_folder_with_the_name_of_a_temporary_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"precious")
    (tmp_path / LEFT).symlink_to(tmp_path / "there")
    (tmp_path / LEFT.replace("0", "f")).mkdir()
    files.write((tmp_path / "out", b"new"))
    assert (tmp_path / "there").read_bytes() == b"precious"
    assert (tmp_path / LEFT).is_symlink()
    assert (tmp_path / "out").read_bytes() == b"new"


@pytest.mark.parametrize("gone", [True, False])
def test_a_temporary_file_swept_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    # Between the making and the lock of a temporary file another run may have taken it for a dead one.
    flock = fcntl.flock
    tries: list[str] = []

    def raced(descriptor: int, how: int) -> None:
        [temporary] = tmp_path.iterdir()
        tries.append(temporary.name)
        if len(tries) == 1:
            if gone:
                temporary.unlink()
            else:
                raise BlockingIOError(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK))
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", raced)
    files.write((tmp_path / "out", b"new"))
    assert len(set(tries)) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").read_bytes() == b"new"


def test_where_nothing_can_be_locked_files_are_written_and_none_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    (tmp_path / LEFT).write_bytes(b"")
    files.write((tmp_path / "out", b"new"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"out": b"new", LEFT: b""}


def test_eight_writers_who_sweep_all_succeed(tmp_path: Path) -> None:
    path = tmp_path / "out"
    failures: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for _ in range(25):
                files.write((path, bytes([number]) * 50_000))
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failures
    data = path.read_bytes()
    assert data == data[:1] * 50_000
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
