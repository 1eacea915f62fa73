"""A training whose rows are expanded where they are read leaves the bytes of one whose table is stored whole."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nnfit
from nnfit.config.loader import load_spec
from nnfit.core import expansion
from nnfit.core.expansion import Expanded
from nnfit.data.frames import from_frame
from nnfit.explain.contributions import contributions
from nnfit.explain.dependence import dependence
from nnfit.explain.importance import importance
from nnfit.explain.rows import rows_of
from nnfit.fit import checkpoint, prepare
from nnfit.fit.resources import needed
from nnfit.fit.train import begin

SPEC: dict[str, Any] = {
    "data": {
        "target": "y",
        "columns": {
            "x": {"type": "numeric", "piecewise": 6, "periodic": 2, "amplitude": 0.4},
            "z": {"type": "numeric", "degree": 2, "piecewise": 16},
            "k": {"type": "numeric", "scale": "none", "periodic": 3},
        },
    },
    "network": {
        "members": 3,
        "layers": [{"size": 7, "activation": "relu"}, {"size": "auto", "activation": "logistic"}],
        "initialization": {"data_driven": True},
    },
    "training": {"epochs": 3, "batch_size": 32},
}
EARLY = {"training.early_stopping": {"patience": 2}}
FULL = {"training.batch_size": "full"}
LBFGS = {"training.optimizer": "lbfgs", **FULL}


def frame(n: int = 300, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, n))
    data = pd.DataFrame({"x": x, "z": np.where(rng.random(n) < 0.1, np.nan, z), "k": rng.integers(0, 5, n)})
    data["word"] = np.array(["red", "green", "blue"])[rng.integers(0, 3, n)]
    data["y"] = np.where(np.sin(3 * x) + z + rng.normal(size=n) / 5 > 0, "yes", "no")
    data.loc[n - 40 :] = data.loc[:39].to_numpy()  # some rows are there twice
    return data.astype({"x": float, "z": float, "k": int})


def made_when_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expansion, "STORED", 0)


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        FULL,
        LBFGS,
        {"training.resample": "folds", **EARLY},
        {"training.resample": "folds", **FULL},
        {"training.resample": "folds", **LBFGS},
        {"training.resample": "bootstrap", "network.dtype": "float64"},
        {"data.validation": 0.3, **EARLY, "training.early_stopping.monitor": "accuracy"},
        {"data.test": 0.3, "network.members": 1, "data.validation": 0.2},
    ],
    ids=str,
)
def test_every_training_leaves_the_same_model_and_says_the_same(
    overrides: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = nnfit.train(SPEC, frame(), overrides=overrides)
    made_when_read(monkeypatch)
    made = nnfit.train(SPEC, frame(), overrides=overrides)
    assert made.model.to_bytes() == stored.model.to_bytes()
    assert made.warnings == stored.warnings
    pd.testing.assert_frame_equal(made.history, stored.history)


def test_no_set_of_rows_is_stored_whole_and_rows_kept_from_members_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    made_when_read(monkeypatch)
    overrides = {"training.resample": "folds", "data.validation": 0.2, "data.test": 0.2}
    run = begin(load_spec(SPEC, overrides, ["train"]), {"train": frame()}).run
    assert run.held_out is not None
    tables = [rows.examples.X for rows in run.prepared.sets.values()] + [run.held_out.X]
    for X in tables:
        assert isinstance(X, Expanded)
        assert X.kept.shape[-1] == 1 + 1 + 3 + 1 + 3  # ones; x; z, z² and where it is missing; k; three words
        assert X.shape[-1] == X.kept.shape[-1] + 6 + 4 + 16 + 6


def test_rows_that_are_there_twice_are_found_among_them(monkeypatch: pytest.MonkeyPatch) -> None:
    overrides = {"training.resample": "folds", "data.test": 0.3}
    stored = nnfit.train(SPEC, frame(), overrides=overrides).warnings
    made_when_read(monkeypatch)
    found = nnfit.train(SPEC, frame(), overrides=overrides).warnings
    assert [problem.code for problem in found].count("repeated-rows") == 2
    assert found == stored


def test_a_training_goes_on_from_a_checkpoint_of_either_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overrides = {"training.resample": "folds", **EARLY}
    loaded = load_spec(SPEC, overrides, ["train"])
    whole = nnfit.train(SPEC, frame(), overrides=overrides).model.to_bytes()
    path = tmp_path / "training.npz"

    def stopped() -> None:
        trainer = begin(loaded, {"train": frame()})
        next(trainer.epochs())
        path.write_bytes(checkpoint.to_bytes(trainer.run, trainer.blas_threads))

    stopped()
    made_when_read(monkeypatch)
    assert nnfit.train(SPEC, frame(), overrides=overrides, resume=path).model.to_bytes() == whole
    stopped()
    monkeypatch.undo()
    assert nnfit.train(SPEC, frame(), overrides=overrides, resume=path).model.to_bytes() == whole


def test_a_model_says_the_same_of_rows_that_are_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    data = frame(seed=1)
    data[["x", "z"]] = data[["x", "z"]].clip(-1.5, 1.5)
    model = nnfit.train(SPEC, frame(), overrides={"training.resample": "folds"}).model

    def said() -> list[Any]:
        table = from_frame(data, model.dialect, model.labelled_kinds)
        rows = rows_of(model, table)
        found = importance(rows, repeats=1)
        return [
            model.predict(data).to_csv(),
            model.evaluate(data),
            contributions(model, table, [1, 5]),
            found.columns,
            found.repeats,
            *(dependence(rows, name).mean for name in ("x", "z", "k", "word")),
        ]

    stored = said()
    made_when_read(monkeypatch)
    for one, other in zip(said(), stored, strict=True):
        np.testing.assert_equal(one, other)


@pytest.mark.process
@pytest.mark.parametrize("overrides", [EARLY, LBFGS, FULL], ids=str)
def test_workers_expand_the_rows_that_they_share(overrides: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    overrides = {"training.resample": "none" if overrides is FULL else "folds", **overrides}
    stored = nnfit.train(SPEC, frame(), overrides=overrides).model.to_bytes()
    made_when_read(monkeypatch)
    monkeypatch.setattr("nnfit.fit.share.GAIN", 1e9)  # however short the training is
    assert nnfit.train(SPEC, frame(), overrides=overrides, threads=2).model.to_bytes() == stored


@pytest.mark.parametrize("overrides", [{}, {"training.resample": "folds", **EARLY}, FULL], ids=str)
def test_the_estimate_of_memory_knows_what_is_stored_and_what_is_not(
    overrides: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    estimates: list[int] = []
    monkeypatch.setattr(prepare, "refuse_beyond", lambda _, *of, on_disk: estimates.append(sum(needed(*of))))
    spec = {**SPEC, "training": {**SPEC["training"], "baseline": False}}
    spec["data"] = {**SPEC["data"], "columns": {name: {"type": "numeric", "piecewise": 200} for name in "xz"}}
    data = frame(12_000)[["x", "z", "y"]].fillna(0)
    overrides = {"network.members": 2, "network.layers.0.size": 2, **overrides}
    for limit in (expansion.STORED, 0):
        monkeypatch.setattr(expansion, "STORED", limit)
        nnfit.train(spec, data, overrides=overrides)
        tracemalloc.start()
        nnfit.train(spec, data, overrides=overrides)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert 0.6 * peak < estimates[-1] <= peak
    assert (estimates[-1] < estimates[0] / 3) == (overrides.get("training.batch_size") != "full")
