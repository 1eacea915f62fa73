"""What a shell is told when somebody presses the key that completes, by the protocol of each, and in a real bash."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nnfit.cli.completion import ASKED, files
from nnfit.report.kinds import KINDS

Run = Callable[..., Any]
Tell = Callable[..., list[str]]

HERE = Path(sys.executable).parent
ENVIRONMENT = {"PATH": f"{HERE}:/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2]), "LC_ALL": "C.UTF-8"}


@pytest.fixture
def tell(run: Run, flowers: Path, monkeypatch: pytest.MonkeyPatch) -> Tell:
    """What bash is told about the last of some words, in the folder of the flowers."""
    monkeypatch.chdir(flowers)
    monkeypatch.setenv("_NNFIT_COMPLETE", "complete_bash")

    def tell(*words: str) -> list[str]:
        monkeypatch.setenv("COMP_WORDS", "\n".join(["nnfit", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        ended = run()
        assert (ended.code, ended.err) == (0, "")
        found: list[str] = ended.out.split("\n")[:-1]
        return [word for word in found if word]

    return tell


@pytest.mark.parametrize(
    "words",
    [
        ("init", "flowers.csv", "--target"),
        ("init", "flowers.csv", "--target", "species", "--target"),
        ("init", "flowers.csv", "--quick", "--target"),
        ("predict", "flowers.npz", "flowers.csv", "--keep"),
    ],
    ids=" ".join,
)
def test_columns_are_those_of_the_header_of_the_table_typed_before(tell: Tell, words: tuple[str, ...]) -> None:
    assert tell(*words, "") == ["id", "length", "colour", "species"]
    assert tell(*words, "s") == ["species"]
    assert tell(*words, "x") == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("t.csv", "größe;a,b;c\n1;2;3\n".encode()),
        ("t.csv", "größe\ta,b\tc\n1\t2\t3\n".encode("cp1252")),
        ("t.csv", '\ufeffgröße,"a,b",c\r\n1,2,3\r\n'.encode()),
        ("t.csv", "größe|a,b|c\n".encode("utf-16")),
        ("t.csv", "größe;a,b;c\n".encode() + "ä;ö;ü\n".encode() * 9001),  # cut within a letter
    ],
    ids=["semicolons", "CP1252", "quotes", "UTF-16", "long"],
)
def test_columns_are_found_however_the_table_is_written(tell: Tell, name: str, data: bytes) -> None:
    Path(name).write_bytes(data)
    assert tell("init", name, "--target", "") == ["größe", "a,b", "c"]


def test_columns_of_a_packed_table_are_found(tell: Tell) -> None:
    import gzip

    Path("t.csv.gz").write_bytes(gzip.compress(b"one,two\n1,2\n"))
    assert tell("init", "t.csv.gz", "--target", "") == ["one", "two"]


def test_columns_of_what_zstandard_packed_and_of_a_glob_are_found(tell: Tell) -> None:
    arrow = pytest.importorskip("pyarrow")
    Path("t.csv.zst").write_bytes(arrow.compress(b"one,two\n1,2\n", codec="zstd", asbytes=True))
    assert tell("init", "t.csv.zst", "--target", "") == ["one", "two"]
    Path("parts").mkdir()
    for name in ("b.csv", "a.csv"):
        Path("parts", name).write_text("three,four\n1,2\n")
    assert tell("init", "'parts/*.csv'", "--target", "") == ["three", "four"]
    assert tell("init", "'none/*.csv'", "--target", "") == []


@pytest.mark.parametrize(
    ("shell", "part"), [("bash", "complete -o default"), ("zsh", "#compdef"), ("fish", "complete --command")]
)
def test_the_script_is_that_of_the_shell_that_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str, part: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    shown = run("--show-completion", shell)
    assert (shown.code, part in shown.out) == (0, True)
    ended = run("--install-completion", shell)
    assert (ended.code, ended.out.startswith(f"{shell} completion installed in {tmp_path}")) == (0, True)
    assert any(path.is_file() and shown.out.strip() in path.read_text() for path in tmp_path.rglob("*"))


def test_a_shell_that_has_no_script_is_refused(run: Run) -> None:
    for option in ("--show-completion", "--install-completion"):
        ended = run(option, "tcsh")
        assert ended.code == 2
        assert ended.err.startswith(f"nnfit: {option} tcsh: there is no script for this shell; name bash, zsh, fish")


def test_columns_of_a_parquet_file_are_those_of_its_schema(tell: Tell) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"one": [1], "two": ["b"]}), "t.parquet")
    assert tell("init", "t.parquet", "--target", "") == ["one", "two"]


def test_a_name_is_one_word_of_the_shell_however_the_word_was_begun(tell: Tell) -> None:
    Path("wine.csv").write_text("fixed acidity,pr[e]x $,it's\n1,2,3\n")
    told = ("init", "wine.csv", "--target")
    assert tell(*told, "") == [r"fixed\ acidity", r"pr\[e\]x\ \$", r"it\'s"]
    assert tell(*told, r"fixed\ a") == [r"fixed\ acidity"]
    assert tell(*told, '"') == ["fixed acidity", r"pr[e]x \$", "it's"]
    assert tell(*told, '"fixed a') == ["fixed acidity"]
    assert tell(*told, "'pr") == ["pr[e]x $"]


def test_keys_are_those_of_the_schema_and_of_the_lists_and_names_in_the_spec(tell: Tell) -> None:
    spec = Path("flowers.yaml").read_text().replace("  test:", '  columns: {length: {}, "a.b": {}}\n  test:')
    Path("flowers.yaml").write_text(spec)
    known = tell("train", "flowers.yaml", "--set", "")
    assert {"seed=", "training.epochs=", "training.optimizer.beta1=", "network.layers.1.activation="} <= set(known)
    assert {"data.columns.length.scale=", r"data.columns.\"a.b\".type="} <= set(known)
    assert "training.optimizer.momentum=" not in known  # of sgd, and the spec says adam
    assert "training.optimizer.momentum=" in tell("check", "none.yaml", "--set", "training.")
    assert len(set(known)) == len(known)


def test_every_key_that_is_completed_is_one_that_set_takes(tell: Tell) -> None:
    from nnfit.config.document import override, parse

    for key in tell("train", "flowers.yaml", "--set", ""):
        override(parse(Path("flowers.yaml").read_bytes(), "flowers.yaml"), f"{key}1")


def test_a_key_alone_comes_with_what_it_may_be(tell: Tell) -> None:
    assert tell("train", "flowers.yaml", "--set", "loss")[:3] == ["loss=", "loss=mse", "loss=rss"]
    assert tell("train", "flowers.yaml", "--set", "training.epo") == ["training.epochs=", "training.epochs=200"]
    baseline = tell("train", "flowers.yaml", "--set", "training.baseline")
    assert baseline == [f"training.baseline={value}" for value in ("", "true", "false")]


def test_models_and_specs_are_files_with_their_ending_and_folders_on_the_way(tell: Tell) -> None:
    for name in ("a.npz", "a.checkpoint.npz", "b.yml", ".hidden.npz", "deep/er/c.npz", "deep/er/c.yaml"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    assert tell("predict", "") == ["a.npz", "deep/"]
    assert tell("compare", "a.npz", "") == ["a.npz", "deep/"]
    assert tell("report", "deep/e") == ["deep/er/c.npz"]
    assert tell("train", "") == ["b.yml", "flowers.yaml", "deep/"]
    assert tell("verify", "a.npz", "--spec", "fl") == ["flowers.yaml"]
    assert tell("inspect", "./") == ["./a.npz", "./deep/"]


def test_folders_that_lead_in_a_circle_are_left(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "a").symlink_to(tmp_path / "a")
    assert files(f"{tmp_path}/", (".npz",)) == []


def test_kinds_of_picture_are_told_and_what_they_draw(tell: Tell) -> None:
    assert tell("plot", "") == list(KINDS)
    assert "relu" in tell("plot", "activations", "r")
    assert tell("plot", "curves", "fl") == []  # a model, and there is none


@pytest.mark.parametrize(
    "words",
    [
        ("init", "none.csv", "--target", ""),
        ("init", "--target", ""),
        ("init", ".", "--target", ""),
        ("init", "-", "--target", ""),
        ("predict", "none/", ""),
        ("predict", "none/"),
        ("train", "flowers.csv", "--set", "nothing"),
        ("train", "\udcff", "--set", "nothing"),
        ("evaluate", "flowers.npz", "flowers.csv", ""),
        ("init", "flo"),  # a table may have any name: the shell's own files
    ],
    ids=repr,
)
def test_where_nothing_is_known_nothing_is_said(tell: Tell, words: tuple[str, ...]) -> None:
    assert tell(*words) == []


def test_a_header_with_control_characters_does_not_reach_the_terminal(tell: Tell) -> None:
    Path("evil.csv").write_text('a\x1b[31m,"b\nc",d\n')
    assert tell("init", "evil.csv", "--target", "") == ["d"]


def test_zsh_and_fish_are_told_what_each_key_means(run: Run, flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(flowers)
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "nnfit train flowers.yaml --set training.ep")
    monkeypatch.setenv("_NNFIT_COMPLETE", "complete_zsh")
    ended = run()
    assert (ended.code, ended.err) == (0, "")
    assert '"training.epochs=":"passes over the training rows' in ended.out
    monkeypatch.setenv("_NNFIT_COMPLETE", "complete_fish")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    assert run().out.startswith("training.epochs=\tpasses over the training rows")


def test_what_is_completed_by_its_metavar_is_completed_in_every_command() -> None:
    from typer.main import get_command

    from nnfit.cli.main import app

    commands: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
    found = {(parameter.metavar or "").strip("[].") for each in commands.values() for parameter in each.params}
    assert set(ASKED) <= found


@pytest.mark.process
@pytest.mark.parametrize(
    ("words", "loaded"),
    [
        (["init", "flowers.csv", "--target", ""], set()),
        (["train", ""], set()),
        (["train", "flowers.yaml", "--set", "tr"], {"numpy", "yaml"}),
    ],
    ids=["columns", "specs", "keys"],
)
def test_it_is_quick_since_it_loads_little(flowers: Path, words: list[str], loaded: set[str]) -> None:
    code = """\
import sys
sys.argv = ["nnfit"]
from nnfit.cli.main import main
try:
    main()
finally:
    print("loaded", *sorted({"numpy", "pandas", "pydantic", "rich", "yaml"} & set(sys.modules)))
"""
    asked = {
        "_NNFIT_COMPLETE": "complete_bash",
        "COMP_WORDS": "\n".join(["nnfit", *words]),
        "COMP_CWORD": str(len(words)),
    }
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=flowers, env=ENVIRONMENT | asked, timeout=60
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    *told, last = ended.stdout.splitlines()
    assert any(told)
    assert set(last.split()[1:]) == loaded


@pytest.mark.process
def test_somebody_at_a_terminal_completes_a_column_with_the_script_that_nnfit_shows(flower_model: Path) -> None:
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(flower_model.parent)
        more = {"TERM": "dumb", "HOME": str(flower_model.parent), "PS1": "> "}
        os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "-i"], ENVIRONMENT | more)
    try:
        os.write(terminal, b'eval "$(nnfit --show-completion)"; echo rea""dy\n')
        shown(terminal, r"ready\r\n> $")
        for typed, whole in (
            ("nnfit init flowers.csv --target sp", "species "),
            ("nnfit train flowers.yaml --set training.epo", "training.epochs="),
            ("nnfit predict ", "flowers.npz "),
            ("nnfit predict flowers.npz flowers.c", "flowers.csv "),
        ):
            os.write(terminal, f"{typed}\t".encode())
            shown(terminal, re.escape(whole))
            os.write(terminal, b"\x15")  # the line is given up
    finally:
        os.kill(process, 9)
        os.waitpid(process, 0)
        os.close(terminal)


def shown(terminal: int, pattern: str) -> None:
    """Wait until a terminal shows something."""
    text, end = "", time.monotonic() + 60
    while not re.search(pattern, text):
        assert time.monotonic() < end, text
        if select.select([terminal], [], [], 1)[0]:
            text += os.read(terminal, 1 << 16).decode("utf-8", "replace").replace("\x07", "")
