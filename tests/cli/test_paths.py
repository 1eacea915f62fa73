"""Every kind of path for every option that names a file: none hangs, is a bug, or replaces what is no regular file."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import nnfit

Run = Callable[..., Any]

FAST = ("--set", "training.epochs=1", "--set", "training.baseline=false", "--quiet")

# A path, and the exit codes with which an output of that name ends: 0 where it is written.
OUTPUTS: dict[str, tuple[str, set[int]]] = {
    "nothing": ("", {2, 3}),
    "standard output": ("-", {2, 3}),
    "this folder": (".", {7}),
    "this folder, too": ("./", {7}),
    "the folder above": ("..", {7}),
    "the root": ("/", {7}),
    "a folder": ("folder", {7}),
    "a folder with its slash": ("folder/", {7}),
    "a folder that is not there": ("none/", {7}),
    "a file in it": ("none/out.npz", {7}),
    "a dot in it": ("none/.", {7}),
    "a file as a folder": ("file.npz/out.npz", {7}),
    "a file with a slash": ("file.npz/", {7}),
    "a link to a folder": ("to-folder", {7}),
    "a link to a link that leads back": ("loop", {7}),
    "a link to itself": ("itself.npz", {7}),
    "through a link to itself": ("itself.npz/out.npz", {7}),
    "a link into a folder that is not there": ("astray.npz", {7}),
    "a pipe that nobody reads": ("pipe", {7}),
    "a link to it": ("to-pipe", {7}),
    "a socket": ("socket", {7}),
    "a device": ("/dev/null", {0}),
    "a device that is full": ("/dev/full", {7}),
    "a stream that is closed": ("/dev/fd/987", {7}),
    "a byte 0": ("a\0b.npz", {7, 3}),
    "a long name": ("n" * 300 + ".npz", {7}),
    "a long path": ("n/" * 3000 + "out.npz", {7}),
    "the spec": ("flowers.yaml", {7}),
    "the data": ("flowers.csv", {7}),
    "a link to the data": ("to-data.npz", {7}),
    "the data by another way": ("folder/../flowers.csv", {7}),
    "a file": ("file.npz", {0}),
    "a link to a file": ("to-file.npz", {0}),
    "a link to nothing": ("dangling.npz", {0}),
    "a new file": ("new.npz", {0}),
    "by another way": ("folder/../new.npz", {0}),
    "of any letters": ("übung 1.npz", {0}),
    "of lines": ("a\nb\x1b[31m.npz", {0}),
    "of no letters": ("\udcff.npz", {0}),
    "of an option": ("--x.npz", {0}),
}
SPECIAL = {
    "checkpoint": {"a device": {7}, "nothing": {3}, "standard output": {0}, "of no letters": {3}},
    "output": {"of no letters": {3}},
    "--log": {"a file": {0}},
}


@pytest.fixture
def here(flower_model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with something of every kind."""
    folder = flower_model.parent / "here"
    folder.mkdir()
    for path in folder.parent.glob("flowers.*"):
        path.rename(folder / path.name)
    monkeypatch.chdir(folder)
    (folder / "folder").mkdir()
    (folder / "file.npz").write_bytes(b"old")
    os.mkfifo("pipe")
    for name, target in (
        *(("to-folder", "folder"), ("loop", "back"), ("back", "loop"), ("itself.npz", "itself.npz")),
        *(("to-pipe", "pipe"), ("astray.npz", "none/out.npz"), ("to-data.npz", "flowers.csv")),
        *(("to-file.npz", "file.npz"), ("dangling.npz", "made.npz")),
    ):
        Path(name).symlink_to(target)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        yield folder


def contents(folder: Path) -> dict[str, Any]:
    """What lies in a folder and below: the kind of everything, and where a link leads or what a file holds."""
    found: dict[str, Any] = {}
    for path in folder.rglob("*"):
        mode = stat.S_IFMT(path.lstat().st_mode)
        held = path.readlink() if path.is_symlink() else path.read_bytes() if stat.S_ISREG(mode) else None
        found[str(path.relative_to(folder))] = (mode, held)
    return found


@pytest.fixture
def in_time() -> Iterator[None]:
    """What waits for ever fails."""

    def late(number: int, frame: Any) -> None:
        raise TimeoutError("it waits")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, 30)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def written(option: str, text: str) -> tuple[Any, ...]:
    """The command in which an option names an output."""
    if option in ("output", "checkpoint"):
        quoted = '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text) + '"'
        key = option if option == "output" else "training.checkpoint"
        value = quoted if option == "output" else f"{{every: 1, path: {quoted}}}"
        return ("train", "flowers.yaml", "--set", f"{key}={value}", *FAST)
    command, _, name = option.partition(" ")
    if command == "predict":
        return ("predict", "flowers.npz", "flowers.csv", name, text)
    if command == "init":
        return ("init", "flowers.csv", "--target", "species", "--force", name, text)
    model = () if name in ("-o", "--output") else ("-o", "model.npz")
    return ("train", "flowers.yaml", *model, name, text, *FAST)


OPTIONS = (
    *("train -o", "train --output", "train --json", "train --history", "train --depfile", "train --log"),
    *("output", "checkpoint", "predict -o", "init -o"),
)


@pytest.mark.parametrize("option", OPTIONS)
def test_an_output_of_any_kind_is_written_or_refused_and_nothing_else_is_replaced(
    run: Run, here: Path, in_time: None, option: str
) -> None:
    before = contents(here)
    for kind, (text, expected) in OUTPUTS.items():
        codes = SPECIAL.get(option.rpartition(" ")[2], {}).get(kind, expected)
        if option == "predict -o" and kind == "the spec":
            codes = {0}  # no input of a prediction
        if option == "init -o" and kind == "the spec":
            codes = {0}
        ended = run(*written(option, text))
        told = [line for line in ended.err.splitlines() if line.startswith("nnfit: ")]
        assert ended.code in codes, (kind, ended)
        assert "Traceback" not in ended.err, kind
        assert len(told) == (ended.code != 0), (kind, ended)
        assert not told or re.match("nnfit: .*[a-z]", told[0]), (kind, ended)
        now = contents(here)
        assert not [name for name in now if name.endswith(".tmp")], kind
        changed = {name for name in before if now.get(name) != before[name]}
        if ended.code:
            assert changed <= {"model.checkpoint.npz"}, (kind, changed)
            assert now.keys() - before.keys() <= {"model.npz", "model.checkpoint.npz", "flowers.checkpoint.npz"}, kind
        assert all(stat.S_ISREG(before[name][0]) for name in changed), (kind, changed)
        assert not changed & {"flowers.csv"}, kind
        for name in now.keys() - before.keys():
            (here / name).unlink()
        for name in changed:
            (here / name).write_bytes(before[name][1])


INPUTS = {
    "train SPEC": (3, "flowers.yaml", ("train", "{}", *FAST, "-o", "out.npz")),
    "check SPEC": (3, "flowers.yaml", ("check", "{}")),
    "verify --spec": (3, "flowers.yaml", ("verify", "flowers.npz", "--spec", "{}")),
    "predict MODEL": (5, "flowers.npz", ("predict", "{}", "flowers.csv", "-o", "out.csv")),
    "evaluate MODEL": (5, "flowers.npz", ("evaluate", "{}", "flowers.csv")),
    "compare MODEL": (5, "flowers.npz", ("compare", "flowers.npz", "{}", "--data", "flowers.csv")),
    "inspect MODEL": (5, "flowers.npz", ("inspect", "{}")),
    "verify MODEL": (5, "flowers.npz", ("verify", "{}")),
    "predict DATA": (4, "flowers.csv", ("predict", "flowers.npz", "{}", "-o", "out.csv")),
    "evaluate DATA": (4, "flowers.csv", ("evaluate", "flowers.npz", "{}")),
    "compare DATA": (4, "flowers.csv", ("compare", "flowers.npz", "flowers.npz", "--data", "{}")),
    "init DATA": (4, "flowers.csv", ("init", "{}", "--target", "species", "-o", "out.yaml")),
}
DATA = ("-", "flowers.yaml", "flowers.csv", "to-data.npz", "folder/../flowers.csv")
NO_INPUT = ["/dev/zero", *(text for text, codes in OUTPUTS.values() if 0 not in codes and text not in DATA)]


def test_the_walk_is_of_so_many_paths() -> None:
    assert (len(OPTIONS) * len(OUTPUTS), len(INPUTS) * len(NO_INPUT)) == (400, 312)


@pytest.mark.parametrize("option", INPUTS)
def test_an_input_of_any_kind_is_read_or_refused_as_what_it_was_to_be(
    run: Run, here: Path, in_time: None, option: str
) -> None:
    code, right, command = INPUTS[option]
    before = contents(here)
    for text in NO_INPUT:
        if text == right:
            continue
        ended = run(*(part.format(text) for part in command))
        assert ended.code in (code, 2), (text, ended)
        assert "Traceback" not in ended.err + ended.out
        assert contents(here) == before
    ended = run(*(part.format(f"folder/../{right}") for part in command))
    assert ended.code == 0, ended


def test_a_path_is_told_and_recorded_without_detours(run: Run, here: Path) -> None:
    ended = run(
        "train", "flowers.yaml", *FAST[:-1], "-o", "folder/../folder/./../out.npz", "--json", "folder/../r.json"
    )
    assert ended.out.endswith("; model written to out.npz\n")
    assert '"model": "out.npz"' in (here / "r.json").read_text()
    (here / "folder/there.yaml").write_text((here / "flowers.yaml").read_text() + "output: ../out.npz\n")
    (here / "folder/flowers.csv").symlink_to("../flowers.csv")
    ended = run("train", "folder/there.yaml", *FAST[:-1], "--depfile", "folder/../out.d")
    assert ended.out.endswith("; model written to out.npz\n")
    assert (here / "out.d").read_text().startswith("out.npz: folder/there.yaml folder/flowers.csv\n")


def test_a_path_through_a_folder_that_is_a_link_stays_as_it_is(run: Run, here: Path) -> None:
    (here / "folder/deep").mkdir()
    (here / "short").symlink_to("folder/deep")
    ended = run("train", "flowers.yaml", *FAST[:-1], "-o", "short/../out.npz", "--depfile", "out.d")
    assert ended.out.endswith("; model written to short/../out.npz\n")
    assert (here / "folder/out.npz").exists()
    assert not (here / "out.npz").exists()
    assert (here / "out.d").read_text().startswith("short/../out.npz: ")


@pytest.mark.parametrize(("name", "remedy"), [("iris.foo", "iris.npz"), ("iris", "iris.npz"), ("a.b.NPZ", "a.b.npz")])
def test_a_model_by_another_ending_is_refused_with_the_reason_and_the_remedy(
    run: Run, here: Path, name: str, remedy: str
) -> None:
    before = contents(here)
    reason = "a model is a NumPy .npz file, and only that ending says so to whoever finds it"
    ended = run("train", "flowers.yaml", "-o", name)
    assert ended == (2, "", f"nnfit: -o {name}: {reason}; write -o {remedy}\n")
    ended = run("train", "flowers.yaml", "--set", f"output={name}")
    assert ended == (3, "", f"nnfit: --set output={name}: output: {reason}; write {remedy}\n")
    assert contents(here) == before


def test_the_checkpoint_of_a_model_without_a_folder_lies_beside_the_spec(run: Run, here: Path) -> None:
    ended = run(
        "train", "flowers.yaml", *FAST, "-o", "/dev/null", "--set", "training.checkpoint={every: 1}", "--resume"
    )
    assert ended.code == 0
    assert ended.err == "there is no checkpoint flowers.checkpoint.npz; starting at the beginning\n"
    assert not Path("/dev/null.checkpoint.npz").exists()


def test_a_pipe_that_somebody_reads_gets_all_of_it(run: Run, here: Path) -> None:
    reading = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run("train", "flowers.yaml", *FAST, "-o", "out.npz", "--history", "pipe").code == 0
        assert os.read(reading, 1000).startswith(b"epoch,cost,validation\n1,")
        assert os.read(reading, 1000) == b""  # and then its end
    finally:
        os.close(reading)
    assert nnfit.load("out.npz").classes


def test_a_reader_that_goes_away_is_an_error_and_leaves_no_temporary_file(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nnfit.fit import train

    reading = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    finished = train.finished

    def gone(*arguments: Any) -> Any:
        os.close(reading)
        return finished(*arguments)

    monkeypatch.setattr(train, "finished", gone)
    ended = run("train", "flowers.yaml", *FAST, "-o", "out.npz", "--history", "pipe")
    assert ended.code == 7
    assert ended.err.splitlines()[-1] == "nnfit: pipe: cannot be written: nobody reads from this pipe"
    assert sorted(path.name for path in here.glob("*out*")) == ["out.checkpoint.npz"]


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("predict E flowers.csv", "MODEL"),
        ("predict flowers.npz E", "DATA"),
        ("init E --target species", "DATA"),
        ("evaluate flowers.npz E", "DATA"),
        ("report flowers.npz E", "MODEL"),
        ("report flowers.npz --data E", "--data"),
        ("check flowers.yaml E", "SPEC"),
        ("train E", "SPEC"),
        ("verify flowers.npz --spec E", "--spec"),
        ("plot curves E -o a.png", "MODEL"),
        ("predict flowers.npz flowers.csv -o E", "-o"),
    ],
)
def test_an_empty_name_is_said_to_be_empty(run: Any, words: str, place: str) -> None:
    ended = run(*("" if word == "E" else word for word in words.split()))
    assert (ended.code, ended.err) == (2, f"nnfit: {place} '': the name is empty; name a file\n")
