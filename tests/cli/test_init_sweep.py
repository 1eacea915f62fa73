"""`nnfit init --sweep`: a sweep file beside a new spec, or of one that is there, and what it is not for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, Ended

Run = Callable[..., Ended]


@pytest.fixture
def flowers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with iris.csv, in which the command is."""
    shutil.copy(ROOT / "datasets/iris.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_beside_a_new_spec_lies_a_sweep_of_it_that_runs(run: Run, flowers: Path) -> None:
    done = run("init", "iris.csv", "--target", "species", "-o", "iris.yaml", "--sweep")
    assert (done.code, done.out) == (0, "")
    assert done.err.endswith(
        "wrote iris.yaml, and .nnfit.schema.json beside it, for editors; try: nnfit check iris.yaml\n"
        "wrote iris.sweep.yaml, a sweep of 20 trials; try: nnfit check iris.sweep.yaml, "
        "then nnfit sweep iris.sweep.yaml\n"
    )
    alone = run("init", "iris.csv", "--target", "species", "-o", "other.yaml")
    assert alone.code == 0
    assert Path("other.yaml").read_bytes() == Path("iris.yaml").read_bytes()
    done = run("check", "iris.sweep.yaml")
    assert done.code == 0
    assert "20 points, 3 seeds each" in done.out
    text = Path("iris.sweep.yaml").read_text()
    Path("iris.sweep.yaml").write_text(text.replace("trials: 20", "trials: 2"))
    base = Path("iris.yaml").read_text()
    Path("iris.yaml").write_text(base.replace("epochs: ", "epochs: 2 # "))
    done = run("sweep", "iris.sweep.yaml")
    assert done.code == 0
    assert Path("iris.sweep/best.npz").is_file()
    assert run("train", "iris.sweep.yaml").code == 3


def test_of_a_spec_that_is_there_a_sweep_is_printed_or_written(run: Run, flowers: Path) -> None:
    run("init", "iris.csv", "--target", "species", "-o", "iris.yaml", "--sweep")
    before = Path("iris.yaml").read_bytes()
    done = run("init", "--sweep", "iris.yaml")
    assert done.code == 0
    assert done.err == ""
    assert "\nspec: iris.yaml\n" in done.out
    done = run("init", "iris.yaml", "--sweep", "-o", "rates.yaml")
    assert (done.code, done.out) == (0, "")
    assert done.err == (
        "wrote rates.yaml, a sweep of 20 trials; try: nnfit check rates.yaml, then nnfit sweep rates.yaml\n"
    )
    assert Path("rates.yaml").read_text() == Path("iris.sweep.yaml").read_text().replace(
        "iris.sweep.yaml", "rates.yaml"
    )
    assert Path("iris.yaml").read_bytes() == before


def test_nothing_that_is_there_is_replaced_unless_forced(run: Run, flowers: Path) -> None:
    Path("iris.sweep.yaml").write_text("mine")
    words = ("init", "iris.csv", "--target", "species", "-o", "iris.yaml", "--sweep")
    done = run(*words)
    assert (done.code, done.err) == (
        7,
        "nnfit: iris.sweep.yaml: exists already; choose another name, or replace it with --force\n",
    )
    assert not Path("iris.yaml").exists()
    assert run(*words, "--force").code == 0
    done = run("init", "iris.yaml", "--sweep", "-o", "iris.sweep.yaml")
    assert "iris.sweep.yaml: exists already" in done.err
    assert run("init", "iris.yaml", "--sweep", "-o", "iris.sweep.yaml", "--force").code == 0
    done = run("init", "iris.yaml", "--sweep", "-o", "iris.yaml", "--force")
    assert (done.code, done.err) == (7, "nnfit: iris.yaml: cannot be written: is also an input\n")


@pytest.mark.parametrize(
    "words",
    [
        *(("--target", "species"), ("--task", "classification"), ("--time", "3"), ("--separator", ";")),
        *(("--decimal", ","), ("--encoding", "utf-8"), ("--quick",)),
    ],
)
def test_options_that_a_spec_answers_are_refused_by_name(run: Run, flowers: Path, words: tuple[str, ...]) -> None:
    done = run("init", "iris.yaml", "--sweep", *words)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"nnfit: {words[0]}: is of no use: iris.yaml says it already; leave it out\n"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("iris.csv",), 2, "nnfit: --target: is missing; name the column to predict\n"),
        (("iris.csv", "--sweep"), 2, "nnfit: --target: is missing; name the column to predict\n"),
        (("iris.csv", "--target", "species", "--sweep"), 2, "which has to be in a file; give -o SPEC\n"),
        (("iris.csv", "--target", "species", "--sweep", "-o", "/dev/stdout"), 2, "has to be in a file; give -o SPEC\n"),
        (("none.yaml", "--sweep"), 3, "nnfit: none.yaml: cannot be read: No such file or directory\n"),
        (("sweep.yaml", "--sweep"), 3, "nnfit: sweep.yaml:1:1: this is a sweep file, and no spec; train it by"),
        (("spec.yaml", "--sweep"), 3, "nnfit: spec.yaml:1:1: training: holds no rows out, and a sweep compares"),
        (("-", "--sweep"), 2, "nnfit: DATA must be a file here, since the spec names it\n"),
    ],
)
def test_what_no_sweep_can_be_proposed_for_is_told(
    run: Run, flowers: Path, words: tuple[str, ...], code: int, told: str
) -> None:
    Path("sweep.yaml").write_text("spec: spec.yaml\nparameters: {}\n")
    Path("spec.yaml").write_text(
        "data: {train: iris.csv, target: species}\nnetwork: {layers: [{size: auto, activation: softmax}]}\n"
    )
    before = {path.name for path in flowers.iterdir()}
    done = run("init", *words)
    assert (done.code, done.out) == (code, "")
    assert told in done.err
    assert {path.name for path in flowers.iterdir()} == before


def test_a_table_too_small_to_hold_rows_out_has_no_sweep_and_no_spec_is_left(run: Run, flowers: Path) -> None:
    Path("few.csv").write_text("a,b\n1,2\n2,5\n3,7\n")
    done = run("init", "few.csv", "--target", "b", "-o", "few.yaml", "--sweep")
    assert done.code == 3
    assert "holds no rows out" in done.err
    assert "data.validation" in done.err
    assert not Path("few.yaml").exists()
    assert not Path("few.sweep.yaml").exists()
