"""Workers change nothing; threads of matrix products and batches the last digits of a model, and no prediction."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Configs, Ended
from model_files import loaded
from numpy.typing import NDArray

from nnfit.config.loader import load_spec
from nnfit.core import network
from nnfit.data import reader
from nnfit.data.table import Table, read_table
from nnfit.errors import NnfitError, Problem
from nnfit.fit.prepare import Prepared, prepare
from nnfit.model.model import Model
from nnfit.workers.threads import threads

ROOT = Path(__file__).parent.parent.parent
CONFIGS = sorted(path.stem for path in (ROOT / "configs").glob("*.yaml"))
AGREEMENT = {"float32": 1e-5, "float64": 1e-9}  # relative, across numbers of BLAS threads
# Products of small batches are taken by one thread, however many there are; those of a full batch are shared out.
FULL = ("training.batch_size=full", "training.epochs=10")
FOLDS = ("training.epochs=3", "training.resample=folds", "network.members=3", "data.validation=null")
EXPANDED = (
    *("training.epochs=6", "training.resample=folds", "training.early_stopping={patience: 3}", "network.members=3"),
    "data.validation=null",
    "data.columns={sepal_length: {piecewise: 8, periodic: 3, amplitude: 0.5}, petal_width: {piecewise: 4}}",
    "network.initialization={data_driven: true, bias: 0, output_gain: 0.1}",
)

Run = Callable[..., Ended]
Columns = dict[str, NDArray[np.generic]]
Train = Callable[[Prepared], Model]


@pytest.fixture
def by_command(tmp_path: Path, spawn: Callable[..., Ended]) -> Callable[..., bytes]:
    """The model of a config, from a process of its own in which matrix products have so many threads."""

    def by_command(config: str, threads: int, overrides: tuple[str, ...] = ()) -> bytes:
        options = [word for override in overrides for word in ("--set", override)]
        path = tmp_path / "by_command.npz"
        spec = ROOT / "configs" / f"{config}.yaml"
        ended = spawn("train", spec, "-o", path, "--blas-threads", threads, "--quiet", *options)
        assert ended.code == 0, ended.err
        data = path.read_bytes()
        path.unlink()  # so that the next command must write it
        return data

    return by_command


def table(config: str, model: Model) -> Table:
    return read_table(str(ROOT / "datasets" / f"{config}.csv"), model.dialect, model.kinds, others=False)


def agree(one: Columns, other: Columns, tolerance: float) -> None:
    """Labels are the same, numbers to the tolerance, relative to each."""
    assert list(one) == list(other)
    for name, column in one.items():
        if column.dtype == object:
            assert column.tolist() == other[name].tolist()
        else:
            np.testing.assert_allclose(column, other[name], rtol=tolerance, atol=0)


@pytest.mark.process
@pytest.mark.parametrize(
    ("config", "overrides"),
    [
        *((config, ()) for config in CONFIGS),
        ("digits", FULL),
        ("digits", (*FULL, "network.dtype=float64")),
        ("iris", EXPANDED),
    ],
)
def test_two_threads_predict_what_one_does(
    configs: Configs, train: Train, by_command: Callable[..., bytes], config: str, overrides: tuple[str, ...]
) -> None:
    spec = ROOT / "configs" / f"{config}.yaml"
    one = train(prepare(load_spec(spec, list(overrides)))) if overrides else configs[config].model
    two = loaded(by_command(config, 2, overrides))
    assert [each.record["blas_threads"] for each in (one, two)] == [1, 2]
    rows = table(config, one)
    agree(one.predictions(rows, proba=True), two.predictions(rows, proba=True), AGREEMENT[one.spec.network.dtype])


@pytest.mark.process
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("config", "overrides"), [("iris", ()), ("digits", FULL)])
def test_the_same_command_gives_the_same_bytes(
    by_command: Callable[..., bytes], config: str, overrides: tuple[str, ...], threads: int
) -> None:
    assert by_command(config, threads, overrides) == by_command(config, threads, overrides)


@pytest.mark.parametrize(("config", "overrides"), [("iris", ()), ("digits", FOLDS), ("iris", EXPANDED)])
def test_any_number_of_workers_gives_the_same_bytes(
    run: Run, tmp_path: Path, config: str, overrides: tuple[str, ...]
) -> None:
    options = [word for override in overrides for word in ("--set", override)]
    found, path = set(), tmp_path / "m.npz"
    for workers in ([], ["--threads", 1], ["--threads", 2], ["--threads", 3], ["--threads", 8]):
        ended = run("train", ROOT / "configs" / f"{config}.yaml", "-o", path, "--quiet", *workers, *options)
        assert ended.code == 0, ended.err
        found.add(path.read_bytes())
    assert len(found) == 1
    assert "threads" not in loaded(found.pop()).record


WORKERS = ("train", "verify", "predict", "evaluate", "report", "explain", "compare", "plot")


def test_a_command_computes_with_as_many_workers_as_it_says_and_by_default_with_all_cores(
    run: Run, flower_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(flower_model.parent)
    monkeypatch.setattr("nnfit.cli.threads.available", lambda: 5)
    seen: list[int] = []
    for name in ("nnfit.load", "nnfit.model.loading.load", "nnfit.config.loader.load_spec"):
        monkeypatch.setattr(name, lambda *_: stop(seen.append(threads.get())))
    files, table = ("flowers.npz", "flowers.csv"), ("--data", "flowers.csv")
    commands = {
        "train": ("flowers.yaml",),
        **dict.fromkeys(("predict", "evaluate", "explain", "trace"), files),
        **dict.fromkeys(("verify", "report", "inspect"), files[:1]),
        "compare": ("flowers.npz", "flowers.npz", *table),
        "plot": ("calibration", "flowers.npz", "-o", "o.png"),
        "check": ("flowers.yaml",),
    }
    for name, words in commands.items():
        run(name, *words)
        assert seen == [5], name
        seen.clear()
        if name in WORKERS:
            run(name, *words, "--threads", 3)
            assert seen == [3], name
            seen.clear()
        else:
            assert "No such option: --threads" in run(name, *words, "--threads", 3).err
    assert threads.get() == 1
    assert set(WORKERS) <= set(commands)


def stop(_: None) -> None:
    raise NnfitError(Problem("enough", "enough"))


@pytest.mark.parametrize("config", CONFIGS)
def test_a_prediction_is_the_same_in_a_batch_of_any_size(
    configs: Configs, monkeypatch: pytest.MonkeyPatch, config: str
) -> None:
    model = configs[config].model
    rows = table(config, model)
    whole = model.predictions(rows, proba=True)
    for chunk in (1, 3, 16, 100):
        monkeypatch.setattr(network, "CHUNK", chunk)
        agree(model.predictions(rows, proba=True), whole, 1e-9)


def columns(text: str) -> Columns:
    """A CSV of predictions: labels, and numbers where all are."""
    header, *rows = csv.reader(io.StringIO(text))
    found: Columns = {}
    for name, cells in zip(header, zip(*rows, strict=True), strict=True):
        try:
            found[name] = np.array(cells, np.float64)
        except ValueError:
            found[name] = np.array(cells, object)
    return found


@pytest.mark.parametrize("config", ["digits", "penguins", "diabetes"])
def test_a_file_is_predicted_the_same_in_blocks_and_in_parts(
    configs: Configs, run: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str
) -> None:
    configs[config].model.save(tmp_path / "m.npz")
    data = ROOT / "datasets" / f"{config}.csv"
    options = () if config == "diabetes" else ("--proba",)
    whole = columns(run("predict", tmp_path / "m.npz", data, *options).out)
    for block in (999, 20_000):
        monkeypatch.setattr(reader, "BLOCK", block)
        agree(columns(run("predict", tmp_path / "m.npz", data, *options).out), whole, 1e-9)
    header, *lines = data.read_text().splitlines(keepends=True)
    printed = []
    for first, end in ((0, 1), (1, 50), (50, None)):
        (tmp_path / "part.csv").write_text("".join([header, *lines[first:end]]))
        printed.append(run("predict", tmp_path / "m.npz", tmp_path / "part.csv", *options).out)
    parts = printed[0] + "".join(text.partition("\n")[2] for text in printed[1:])
    agree(columns(parts), whole, 1e-9)
