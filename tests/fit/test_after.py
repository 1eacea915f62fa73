"""What comes after the last epoch is spread over threads: any number gives the same bytes and numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nnfit.config.loader import load_spec
from nnfit.data.frames import read_frame
from nnfit.explain.importance import importance
from nnfit.explain.rows import rows_of
from nnfit.fit.train import Trainer, begin
from nnfit.model.compare import compare
from nnfit.workers.threads import threads

COUNTS = (1, 2, 5)
TRAINING = {"epochs": 2, "resample": "folds", "early_stopping": {"patience": 2}}
SPECS: dict[str, dict[str, Any]] = {
    "classes": {
        "target": "kind",
        "loss": "cross_entropy",
        "ends": "softmax",
        "training": {**TRAINING, "calibration": "temperature"},
    },
    "two": {
        "target": "two",
        "loss": "bce",
        "ends": "logistic",
        "training": {**TRAINING, "threshold": {"maximize": "f1"}},
    },
    "real": {"target": ["y", "z"], "loss": "mse", "ends": "linear", "training": {"epochs": 2, "resample": "bootstrap"}},
}


def frame(n: int = 260) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n, 3)), rng.normal(size=(n, 2))
    named = {f"x{i}": x for i, x in enumerate(X.T)}
    kind = np.array(["a", "b", "c"])[np.digitize(X[:, 0] + y[:, 0], [-1, 1])]
    return pd.DataFrame(
        {**named, "kind": kind, "two": np.where(X[:, 1] > y[:, 1], "yes", "no"), "y": y[:, 0], "z": X[:, 2]}
    )


def ended(name: str) -> Trainer:
    """A training whose epochs are over."""
    of = SPECS[name]
    spec = {
        "data": {"train": "t.csv", "target": of["target"], "features": ["x0", "x1", "x2"], "test": 0.2},
        "network": {
            "layers": [{"size": 6, "activation": "tanh"}, {"size": "auto", "activation": of["ends"]}],
            "members": 5,
        },
        "loss": of["loss"],
        "training": of["training"],
    }
    trainer = begin(load_spec(spec, (), ["train"]), {"train": frame()})
    for _ in trainer.epochs():
        pass
    return trainer


def with_threads(count: int, work: Callable[[], Any]) -> Any:
    token = threads.set(count)
    try:
        return work()
    finally:
        threads.reset(token)


@pytest.mark.parametrize("name", SPECS)
def test_a_model_and_what_is_asked_of_it_are_the_same_for_any_number_of_threads(name: str) -> None:
    def everything() -> tuple[bytes, str]:
        model = ended(name).result().model
        table = read_frame(frame(), model.dialect, model.labelled_kinds, others=False)
        found = model.evaluation(table)
        told = [found.metrics, model.intervals(found), compare([model, model], [table, table], ["a", "b"]).differences]
        matters = [
            value.tolist() if isinstance(value, np.ndarray) else value for value in importance(rows_of(model, table))
        ]
        return model.to_bytes(), json.dumps([told, matters])

    first, *others = [with_threads(count, everything) for count in COUNTS]
    for other in others:
        assert other == first
