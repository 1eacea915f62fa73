"""The command itself: help, version, exit codes, and an output that a failed command leaves as it was."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import nnfit
from nnfit.cli.ending import ending, spared
from nnfit.config.loader import load_spec
from nnfit.fit.prepare import prepare
from nnfit.storage import cache

Run = Callable[..., tuple[int, str, str]]

COMMANDS = ("train", "predict", "evaluate", "compare", "check", "inspect")


@pytest.mark.process
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_the_help_names_every_command_and_loads_neither_numpy_nor_pandas(option: str) -> None:
    code = f"""\
import sys
sys.argv = ["nnfit", "{option}"]
from nnfit.cli.main import main
try:
    main()
except SystemExit as ended:
    print(sorted({{"numpy", "pandas", "pydantic", "yaml"}} & set(sys.modules)), ended.code)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.stdout.splitlines()[-1] == "[] 0"
    for command in COMMANDS:
        assert f"\n  {command} " in ended.stdout
    assert ended.stderr == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run: Run, command: str) -> None:
    for option in ("-h", "--help"):
        ended = run(command, option)
        assert ended.code == 0
        assert ended.out.startswith("Usage: ")
        assert f" {command} [OPTIONS]" in ended.out.splitlines()[0]


def test_the_version_is_that_of_the_package(run: Run) -> None:
    assert run("--version") == (0, f"nnfit {nnfit.__version__}\n", "")


@pytest.mark.process
def test_the_installed_script_is_the_command() -> None:
    script = Path(sys.executable).parent / "nnfit"
    ended = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (0, f"nnfit {nnfit.__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("trian", "flowers.yaml"),
        ("train",),
        ("train", "flowers.yaml", "--epochs", "5"),
        ("train", "flowers.yaml", "--threads", "0"),
        ("train", "flowers.yaml", "--threads", "many"),
        ("predict", "flowers.npz"),
        ("predict", "flowers.npz", "flowers.csv", "--unknown", "ignore"),
        ("evaluate", "flowers.npz", "flowers.csv", "more.csv"),
    ],
)
def test_a_wrong_command_line_exits_with_2_and_says_how_it_goes(
    run: Run, flowers: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(flowers)
    before = sorted(flowers.iterdir())
    ended = run(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.startswith("Usage: ")
    assert "\nError: " in ended.err
    assert sorted(flowers.iterdir()) == before


# what is done to the folder of the flowers, the command, its exit code and its message
FAILURES = {
    "spec": (
        lambda folder: (folder / "flowers.yaml").write_text("data: 3\n"),
        ("train", "flowers.yaml", "-o", "out.npz"),
        3,
        "nnfit: flowers.yaml:1:1: data: expected a mapping, got 3\n"
        "nnfit: flowers.yaml:1:1: the key network is missing (the layers from the input to the output)\n",
    ),
    "bce with tanh": (
        lambda folder: None,
        ("train", "flowers.yaml", "--set", "loss=bce", "--set", "network.layers[1].activation=tanh", "-o", "out.npz"),
        3,
        "nnfit: --set loss=bce: loss: bce cannot follow tanh, whose outputs lie in (−1, 1): it takes log ŷ and "
        "log(1 − ŷ), which exist only for ŷ in (0, 1); use logistic or softmax in the output layer, or another loss\n",
    ),
    "no spec": (
        lambda folder: (folder / "flowers.yaml").unlink(),
        ("train", "flowers.yaml", "-o", "out.npz"),
        3,
        "nnfit: flowers.yaml: cannot be read: No such file or directory\n",
    ),
    "a folder as spec": (
        lambda folder: None,
        ("train", ".", "-o", "out.npz"),
        3,
        "nnfit: .: this is a folder; expected a spec file\n",
    ),
    "the data do not fit the spec": (
        lambda folder: None,
        ("train", "flowers.yaml", "--set", "data.target=zzz", "-o", "out.npz"),
        3,
        'nnfit: --set data.target=zzz: data.target: flowers.csv has no column "zzz"; '
        "it has id, length, colour, species\n",
    ),
    "data": (
        lambda folder: (folder / "flowers.csv").write_text("id,length\n1,2,3\n"),
        ("train", "flowers.yaml", "-o", "out.npz"),
        4,
        "nnfit: flowers.csv:2: 3 cells, but the header has 2 columns; a cell that holds the separator needs quotes\n",
    ),
    "no data": (
        lambda folder: None,
        ("predict", "flowers.npz", "none.csv", "-o", "out.npz"),
        4,
        "nnfit: none.csv: cannot be read: No such file or directory\n",
    ),
    "columns are missing": (
        lambda folder: (folder / "new.csv").write_text("id,species\n1,setosa\n"),
        ("predict", "flowers.npz", "new.csv", "-o", "out.npz"),
        4,
        "nnfit: new.csv:1: columns missing: length, colour\n",
    ),
    "model": (
        lambda folder: (folder / "flowers.npz").write_text("hello"),
        ("predict", "flowers.npz", "flowers.csv", "-o", "out.npz"),
        5,
        None,
    ),
    "no model": (
        lambda folder: None,
        ("evaluate", "none.npz", "flowers.csv"),
        5,
        "nnfit: none.npz: cannot be read: No such file or directory\n",
    ),
    "training": (
        lambda folder: None,
        ("train", "flowers.yaml", "--set", "training.optimizer={name: sgd, learning_rate: 1e38}", "-o", "out.npz"),
        6,
        None,
    ),
    "a folder is missing": (
        lambda folder: None,
        ("train", "flowers.yaml", "-o", "none/out.npz"),
        7,
        None,
    ),
    "a folder as output": (
        lambda folder: (folder / "models").mkdir(),
        ("predict", "flowers.npz", "flowers.csv", "-o", "models"),
        7,
        "nnfit: models: cannot be written: is a folder\n",
    ),
    "a folder for the report is missing": (
        lambda folder: None,
        ("train", "flowers.yaml", "-o", "out.npz", "--json", "none/report.json"),
        7,
        None,
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_command_has_its_exit_code_and_message_and_leaves_the_output(
    run: Run, flower_model: Path, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    change, arguments, code, message = FAILURES[failure]
    folder = flower_model.parent
    monkeypatch.chdir(folder)
    (folder / "out.npz").write_bytes(b"old")
    change(folder)
    files = sorted(folder.rglob("*"))
    ended = run(*arguments)
    assert ended.code == code
    lines = [line for line in ended.err.splitlines(keepends=True) if not line.startswith(("epoch", "warning"))]
    assert all(line.startswith("nnfit: ") for line in lines)
    if message is not None:
        assert "".join(lines) == message
    assert (folder / "out.npz").read_bytes() == b"old"
    assert sorted(folder.rglob("*")) == files


@pytest.mark.process
def test_a_bug_exits_with_1_and_a_traceback(flowers: Path) -> None:
    code = """\
import sys
sys.argv = ["nnfit", "train", "flowers.yaml"]
from nnfit.fit import run as pipeline
from nnfit.cli.main import main
pipeline.initial = None
main()
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=flowers, timeout=60)
    assert ended.returncode == 1
    assert "Traceback (most recent call last):" in ended.stderr


def test_an_error_has_a_traceback_only_with_debug(run: Run, tmp_path: Path) -> None:
    assert "Traceback" not in run("inspect", tmp_path / "none.npz").err
    ended = run("--debug", "inspect", tmp_path / "none.npz")
    assert ended.code == 5
    assert "Traceback" in ended.err
    assert ended.err.endswith("none.npz: cannot be read: No such file or directory\n")


def test_control_characters_in_a_message_are_escaped(run: Run, flowers: Path) -> None:
    (flowers / "flowers.csv").write_text("\x1b[31mred,\x1b[31mred\n1,2\n")
    ended = run("train", flowers / "flowers.yaml")
    assert ended.code == 4
    assert "\x1b" not in ended.err
    assert "\\x1b[31mred" in ended.err


@pytest.mark.process
@pytest.mark.parametrize("command", [("predict", "--proba"), ("evaluate",)], ids=lambda command: command[0])
def test_a_full_disk_behind_standard_output_exits_with_7(flower_model: Path, command: tuple[str, ...]) -> None:
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "nnfit", command[0], flower_model, flower_model.with_suffix(".csv"), *command[1:]],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert "Traceback" not in ended.stderr
    assert ended.returncode == 7


def test_a_full_disk_behind_a_file_exits_with_7(run: Run, flower_model: Path) -> None:
    ended = run("predict", flower_model, flower_model.with_suffix(".csv"), "-o", "/dev/full")
    assert (ended.code, ended.err) == (7, "nnfit: /dev/full: cannot be written: No space left on device\n")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
        pd.errors.ParserError("Error tokenizing data. C error: out of memory"),
    ],
)
def test_want_of_memory_is_told_as_such_whoever_says_it(error: Exception) -> None:
    said = "nnfit: not enough memory for this network or these data"
    assert ending(error) == ([said], 3)
    spec = load_spec(
        {"data": {"train": "t.csv", "target": "y"}, "network": {"layers": [{"size": 1, "activation": "linear"}]}}
    ).spec
    with pytest.raises(type(error)), spared(spec):
        raise error
    assert ending(error) == (
        [f"{said}; less is taken with --threads 1, with fewer members, columns or rows, or with data.storage: disk"],
        3,
    )


def test_who_has_the_rows_on_disk_is_not_sent_there(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,y\n1,2\n2,3\n3,5\n4,4\n")
    base = {"data": {"train": str(tmp_path / "t.csv"), "target": "y", "storage": "disk"}}
    loaded = load_spec({**base, "network": {"layers": [{"size": 1, "activation": "linear"}]}})
    with cache.using(tmp_path / "kept", on=True):
        found = prepare(loaded)
    assert found.on_disk
    auto = replace(loaded.spec, data=replace(loaded.spec.data, storage="auto"))
    for spec in (loaded.spec, auto):
        error = MemoryError()
        with pytest.raises(MemoryError), spared(spec) as known:
            known += [found] * (spec is auto)
            raise error
        assert error.__notes__ == ["less is taken with --threads 1, with fewer members, columns or rows"]


def test_what_only_sounds_like_it_is_told_as_what_it_is() -> None:
    assert ending(ValueError("could not convert string to float: 'out of memory'")) is None
    assert ending(RuntimeError("a bug")) is None
    (line,), code = ending(RuntimeError("can't start new thread")) or ([""], 0)
    assert (line, code) == (
        "nnfit: the system gives no more threads: memory is short, or the limit on processes is reached; "
        "--threads 1 takes the fewest",
        3,
    )
    (line,), code = ending(OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), "data.csv")) or ([""], 0)
    assert (line, code) == ("nnfit: data.csv: cannot be read or written: Cannot allocate memory", 7)
