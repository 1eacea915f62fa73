"""A name in a folder is had by one at a time, without a trace, and for no longer than its process lives."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nnfit.errors import OutputError
from nnfit.storage import files, locks

Run = Callable[..., Any]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these locks are those of Linux")


def has(path: Path) -> bool:
    """Whether a file can be had."""
    try:
        with files.claimed([path]):
            return True
    except OutputError:
        return False


def test_a_file_is_had_by_one_at_a_time_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with files.claimed([None, path]):
        assert not has(path)
        assert has(tmp_path / "other")
        assert list(tmp_path.iterdir()) == []
    assert has(path)


def test_the_message_names_the_file_and_says_what_would_do(tmp_path: Path) -> None:
    path = tmp_path / "out"
    expected = f"{path}: another run of nnfit is writing it; wait for its end, or name another output"
    with files.claimed([path]), pytest.raises(OutputError) as caught, files.claimed([tmp_path / "more", path]):
        pass
    assert str(caught.value) == expected
    assert has(tmp_path / "more")


def test_the_lock_is_on_the_file_that_is_replaced_whatever_leads_to_it(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder/real")
    (tmp_path / "short").symlink_to("folder")
    with files.claimed([tmp_path / "link"]):
        for path in ("folder/real", "short/real", "folder/../folder/real", "link"):
            assert not has(tmp_path / path)
        assert has(tmp_path / "real")


def test_writing_reading_and_syncing_the_folder_do_not_end_it(tmp_path: Path) -> None:
    with files.claimed([tmp_path / "out"]):
        files.write((tmp_path / "out", b"new"))
        os.close(os.open(tmp_path, os.O_RDONLY))
        assert not has(tmp_path / "out")


def test_the_library_and_other_writers_do_not_ask(tmp_path: Path) -> None:
    with files.claimed([tmp_path / "out"]):
        files.write((tmp_path / "out", b"new"))


def test_where_there_are_no_such_locks_the_work_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*arguments: Any) -> bytes:
        raise OSError(37, "No locks available")

    with files.claimed([tmp_path / "out"]), monkeypatch.context() as patch:
        patch.setattr(fcntl, "fcntl", none)
        assert has(tmp_path / "out")
    with files.claimed([tmp_path / "out"]):
        monkeypatch.setattr(locks.sys, "platform", "darwin")
        assert has(tmp_path / "out")


def test_a_device_is_for_all() -> None:
    with files.claimed([Path(os.devnull)]):
        assert has(Path(os.devnull))


@pytest.mark.process
def test_two_who_want_it_at_once_do_not_both_have_it(tmp_path: Path) -> None:
    code = """\
import sys, time
from pathlib import Path
from nnfit.errors import OutputError
from nnfit.storage import files
print(flush=True)
sys.stdin.readline()
try:
    with files.claimed([Path("out")]):
        with open("had", "x"):
            pass
        time.sleep(1)
except OutputError:
    pass
"""
    # The second who had it would find the file of the first, and end with an error.
    environment = os.environ | {"PYTHONPATH": str(Path(files.__file__).parent.parent.parent)}
    several = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        for _ in range(4)
    ]
    for process in several:  # all have loaded what they need
        assert process.stdout is not None
        process.stdout.readline()
    for process in several:
        assert process.stdin is not None
        process.stdin.write(b"\n")
    for process in several:
        process.communicate(timeout=60)
    assert [process.returncode for process in several] == [0] * 4
    assert [path.name for path in tmp_path.iterdir()] == ["had"]


TRAIN = ("train", "flowers.yaml", "--set", "training.epochs=100000000", "--quiet", "-o")


@pytest.fixture
def training(flowers: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A training in a process of its own that has claimed all of its outputs."""
    monkeypatch.chdir(flowers)
    outputs = ("--json", "r.json", "--history", "h.csv", "--depfile", "d.d", "--log", "l.log")
    words = ("--set", "training.checkpoint={every: 100000, path: c.npz}")
    process = subprocess.Popen(
        [sys.executable, "-m", "nnfit", *TRAIN, "out.npz", *outputs, *words], stdout=subprocess.DEVNULL
    )
    for _ in range(3000):
        if (flowers / "l.log").exists() and " cost " in (flowers / "l.log").read_text():
            break
        time.sleep(0.01)
    yield process
    process.kill()
    process.wait()


@pytest.mark.process
def test_a_second_training_to_any_of_its_outputs_is_told_and_goes_on_after_a_kill(
    run: Run, flowers: Path, training: Any
) -> None:
    (flowers / "there").symlink_to(".")
    short = ("train", "flowers.yaml", "--set", "training.epochs=2", "--quiet")
    for words in (
        *(("-o", "out.npz"), ("-o", "there/out.npz"), ("-o", "b.npz", "--json", "r.json")),
        *(
            ("-o", "b.npz", "--history", "h.csv"),
            ("-o", "b.npz", "--depfile", "d.d"),
            ("-o", "b.npz", "--log", "l.log"),
        ),
        ("-o", "c.npz"),
    ):
        ended = run(*short, *words)
        message = "another run of nnfit is writing it; wait for its end, or name another output"
        assert ended == (7, "", f"nnfit: {words[-1]}: {message}\n")
    assert run(*short, "-o", "other.npz").code == 0
    assert training.poll() is None
    training.kill()
    training.wait()
    assert run(*short, "-o", "out.npz", "--json", "r.json", "--history", "h.csv", "--log", "l.log").code == 0
    left = {path.name for path in flowers.iterdir()} - {"flowers.yaml", "flowers.csv", "there", "c.npz"}
    assert left == {"out.npz", "r.json", "h.csv", "l.log", "other.npz"}
