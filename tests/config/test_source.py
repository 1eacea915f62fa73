"""A spec is read from a regular file or from standard input, and no more of it than a spec can have."""

from __future__ import annotations

import io
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Ended

from nnfit.config.document import MAX_BYTES
from nnfit.config.loader import load_spec
from nnfit.errors import SpecError

Run = Callable[..., Ended]

SPEC = """\
data: {train: t.csv, target: y}
network: {layers: [{size: auto, activation: logistic}]}
training: {epochs: 2, batch_size: full}
"""
CSV = "x,y\n1,a\n2,b\n3,a\n4,b\n5,b\n"
REMEDY = "copy it to one, or pipe it in, as -"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with spec.yaml and t.csv."""
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "t.csv").write_text(CSV)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", ["train", "check"])
@pytest.mark.parametrize("kind", ["device", "pipe", "socket", "link to a device"])
def test_what_is_no_regular_file_is_refused_before_it_is_read(run: Run, folder: Path, command: str, kind: str) -> None:
    name = "/dev/zero" if kind == "device" else "odd"
    if kind == "pipe":
        os.mkfifo(name)
    elif kind == "link to a device":
        Path(name).symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as open_socket:
        if kind == "socket":
            open_socket.bind(name)
        ended = run(command, name)
    assert ended.code == 3
    assert f"{name}: is not a regular file; {REMEDY}" in ended.err + ended.out


def test_no_more_of_a_file_is_read_than_a_spec_can_have(folder: Path) -> None:
    with open("large.yaml", "wb") as file:
        file.truncate(1 << 40)  # a terabyte of nothing, which no memory holds
    with pytest.raises(SpecError, match=r"^large.yaml: a spec of more than 64 KiB is refused"):
        load_spec("large.yaml")


def test_a_spec_from_standard_input_trains_the_same_model(run: Run, folder: Path) -> None:
    assert run("train", "spec.yaml", "-o", "named.npz", "--quiet").code == 0
    assert run("train", "-", "-o", "piped.npz", "--depfile", "m.d", "--quiet", stdin=SPEC).code == 0
    assert Path("piped.npz").read_bytes() == Path("named.npz").read_bytes()
    assert Path("m.d").read_text() == "piped.npz: t.csv\n\nt.csv:\n"
    assert run("train", "-", "--set", "output=by_spec.npz", "--quiet", stdin=SPEC).code == 0
    assert Path("by_spec.npz").exists()
    assert run("check", "-", stdin=SPEC).code == 0


def test_paths_in_a_spec_from_standard_input_are_relative_to_the_current_folder(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "inner").mkdir()
    monkeypatch.chdir(folder / "inner")
    ended = run("train", "-", "-o", "m.npz", "--set", "data.train=../t.csv", "--quiet", stdin=SPEC)
    assert ended.code == 0
    assert (
        run("train", "-", "-o", "m.npz", stdin=SPEC).err
        == "nnfit: t.csv: cannot be read: No such file or directory; standard input:1:8: data.train names it\n"
    )


def test_without_a_name_the_model_of_standard_input_is_not_written(run: Run, folder: Path) -> None:
    before = sorted(folder.iterdir())
    assert run("train", "-", stdin=SPEC) == (
        2,
        "",
        "nnfit: standard input: the model has no name without a spec file; give -o MODEL, or set output in the spec\n",
    )
    assert sorted(folder.iterdir()) == before


def test_a_mistake_in_standard_input_has_its_line(run: Run, folder: Path) -> None:
    ended = run("train", "-", "-o", "m.npz", stdin=SPEC.replace("epochs: 2", "epochs: two"))
    assert ended.code == 3
    assert ended.err.startswith("nnfit: standard input:3:12: training.epochs: expected a whole number of at least 0")


def test_no_more_of_standard_input_is_read_than_a_spec_can_have(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            nonlocal taken
            taken += len(buffer)
            buffer[:] = b"#" * len(buffer)
            return len(buffer)

    taken = 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Endless())))
    with pytest.raises(SpecError, match=r"^standard input: a spec of more than 64 KiB is refused"):
        load_spec("-")
    assert taken < 2 * MAX_BYTES


def test_a_closed_standard_input_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    message = "standard input: is closed; name a spec file, or pipe one in"
    with pytest.raises(SpecError, match=f"^{re.escape(message)}$"):
        load_spec("-")


@pytest.mark.process
def test_with_closed_standard_input_files_are_read_as_ever(flower_model: Path) -> None:
    code = "import os, sys; os.close(0); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    command = [sys.executable, "-c", code, "-m", "nnfit", "predict", "flowers.npz"]
    found = [
        subprocess.run([*command, data], cwd=flower_model.parent, capture_output=True, text=True, timeout=60)
        for data in ("flowers.csv", "-")
    ]
    assert [each.returncode for each in found] == [0, 4]
    assert found[0].stdout.startswith("prediction\n")
    assert found[1].stderr == "nnfit: standard input: is closed; name a file, or pipe one in\n"
