"""`nnfit verify` trains again and says whether the same bytes come out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import nnfit


def test_a_model_is_reproduced(flower_model: Path, run: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(flower_model.parent)
    ended = run("verify", flower_model)
    assert ended.code == 0
    assert "trained again, the same" in ended.out


def test_it_says_what_of_the_spec_differs(flower_model: Path, run: Callable) -> None:
    spec = flower_model.parent / "flowers.yaml"
    (flower_model.parent / "other.yaml").write_text(spec.read_text() + "seed: 7\n")
    ended = run("verify", flower_model, "--spec", flower_model.parent / "other.yaml")
    assert ended.code == 5
    assert "flowers.npz: other bytes came out: seed was 0 and is 7" in ended.err


def test_it_says_that_the_data_differ(flower_model: Path, run: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(flower_model.parent)
    data = next(flower_model.parent.glob("*.csv"))
    lines = data.read_text().splitlines(keepends=True)
    data.write_text("".join([*lines, lines[-1]]))
    ended = run("verify", flower_model)
    assert ended.code == 5
    assert ended.err == f"nnfit: {flower_model}: other bytes came out: the data file has other contents\n"


def test_it_says_that_the_validation_file_differs_and_says_so_once(
    flowers: Path, run: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(flowers)
    (flowers / "more.csv").write_text((flowers / "flowers.csv").read_text())
    words = ("--set", "data.validation=more.csv", "--set", "training.early_stopping={patience: 2}")
    assert run("train", "flowers.yaml", "-o", "m.npz", "--quiet", *words).code == 0
    assert run("verify", "m.npz").code == 0
    text = (flowers / "more.csv").read_text()
    (flowers / "more.csv").write_text(
        text.replace("setosa", "x", 1).replace("virginica", "setosa").replace(",x", ",setosa")
    )
    ended = run("verify", "m.npz")
    assert (ended.code, ended.err) == (
        5,
        "nnfit: m.npz: other bytes came out: the validation file has other contents\n",
    )


def test_data_that_are_not_there_are_looked_for_elsewhere(
    flower_model: Path, run: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    ended = run("verify", flower_model)
    assert ended.code == 4
    assert ended.err == (
        "nnfit: flowers.csv: cannot be read: No such file or directory; the paths in a model are looked for from the "
        "current folder: go to the folder of its spec, or give --spec\n"
    )
    assert run("verify", flower_model, "--spec", flower_model.parent / "flowers.yaml").code == 0


def test_of_many_differences_the_first_are_told(flower_model: Path, run: Callable) -> None:
    other = flower_model.parent / "other.yaml"
    text = (flower_model.parent / "flowers.yaml").read_text()
    other.write_text(text.replace("epochs: 30", "epochs: 2").replace("size: 4", "size: 5") + "seed: 7\noutput: m.npz\n")
    other.write_text(other.read_text().replace("test: 0.25", "test: 0.2").replace("batch_size: 8", "batch_size: 4"))
    ended = run("verify", flower_model, "--spec", other)
    assert ended.code == 5
    (line,) = ended.err.splitlines()
    assert line.startswith(f"nnfit: {flower_model}: other bytes came out: ")
    assert line.count("; ") == 5
    assert line.endswith("; and 2 more differ")


@pytest.mark.process
def test_a_model_of_two_threads_for_matrix_products_is_trained_again_with_two(
    flowers: Path, spawn: Callable, run: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert spawn("train", "flowers.yaml", "-o", "m.npz", "--blas-threads", "2", "--quiet", cwd=flowers).code == 0
    ended = spawn("verify", "m.npz", cwd=flowers)
    assert ended.code == 0, ended.err
    monkeypatch.chdir(flowers)
    ended = run("verify", "m.npz", "--blas-threads", "1")
    assert ended.code == 5
    assert ended.err == "nnfit: m.npz: other bytes came out: blas_threads was 2 and is 1\n"


@pytest.mark.parametrize("option", ["--threads", "--blas-threads"])
@pytest.mark.parametrize("number", [0, 1025])
def test_too_few_threads_and_too_many_are_refused(flower_model: Path, run: Callable, option: str, number: int) -> None:
    ended = run("verify", flower_model, option, number)
    assert ended.code == 2
    assert f"Invalid value for '{option}'" in ended.err


def test_any_number_of_workers_trains_a_model_again(
    flower_model: Path, run: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(flower_model.parent)
    assert run("verify", flower_model, "--threads", 3).code == 0


@pytest.mark.process
def test_the_threads_of_an_old_model_were_those_of_matrix_products(
    flowers: Path, spawn: Callable, run: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0.1.0 recorded them as `threads`; the command trains again with as many, and names what differs as of today."""
    monkeypatch.chdir(flowers)
    assert spawn("train", "flowers.yaml", "-o", "m.npz", "--blas-threads", "2", "--quiet", cwd=flowers).code == 0
    model = nnfit.load("m.npz")
    record = {{"blas_threads": "threads"}.get(key, key): value for key, value in model.record.items()}
    replace(model, record={**record, "seed": 0}).save("old.npz")
    assert nnfit.load("old.npz").record["threads"] == 2
    ended = spawn("verify", "old.npz", cwd=flowers)
    assert ended.code == 5  # the key has another name: nothing else differs
    assert "neither spec, data, versions, BLAS threads nor seed differ" in ended.err
    assert "blas_threads was 2 and is 1" in run("verify", "old.npz", "--blas-threads", 1).err
    assert "BLAS threads 2, seed 0" in run("inspect", "old.npz").out
    assert json.loads(run("inspect", "old.npz", "--json").out)["blas_threads"] == 2


@pytest.mark.parametrize("config", sorted(path.stem for path in Path(__file__).parents[2].glob("configs/*.yaml")))
def test_every_shipped_config_is_reproduced(config: str, tmp_path: Path, root: Path, run: Callable) -> None:
    shutil.copytree(root / "datasets", tmp_path / "datasets")
    (tmp_path / "configs").mkdir()
    (tmp_path / "models").mkdir()
    spec = tmp_path / "configs" / f"{config}.yaml"
    shutil.copy(root / "configs" / f"{config}.yaml", spec)
    short = ("--set", "training.epochs=2")
    assert run("train", str(spec), "-o", str(tmp_path / "m.npz"), "--quiet", *short).code == 0
    spec.write_text(spec.read_text().replace("epochs: ", "epochs: 2  # "))
    assert run("verify", str(tmp_path / "m.npz"), "--spec", str(spec)).code == 0
