"""Models with a column of each type, and what their standalone Python files predict beside `nnfit predict`."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nnfit
from nnfit.data.reader import Reader
from nnfit.data.table import from_block
from nnfit.export.python import to_python
from nnfit.model.model import Model

NEAR = 1e-9

Row = Mapping[str, Any]
Predict = Callable[[Row], dict[str, Any]]


def standalone(model: Model) -> Predict:
    """The function of the file, run in a namespace of its own."""
    names: dict[str, Any] = {"__name__": "standalone"}
    exec(compile(to_python(model), "standalone.py", "exec"), names)
    predict: Predict = names["predict"]
    return predict


def of_table(model: Model, data: str, folder: Path) -> dict[str, list[Any]]:
    """What `nnfit predict --proba` says of a CSV, as values."""
    path = folder / "rows.csv"
    path.write_bytes(data.encode(model.dialect.encoding))
    found: dict[str, list[Any]] = {}
    with Reader(str(path), model.dialect) as reader:
        for block in reader.blocks(model.kinds):
            for name, column in model.predictions(from_block(block, reader, model.kinds), proba=True).items():
                found.setdefault(name, []).extend(column.tolist())
    return found


def assert_same(found: Row, expected: Row) -> None:
    """The same names, in the same order; labels are equal, numbers up to rounding."""
    assert list(found) == list(expected)
    for name, value in expected.items():
        if isinstance(value, str):
            assert found[name] == value, name
        else:
            assert found[name] == pytest.approx(value, rel=NEAR, abs=NEAR), name


def assert_predicts(model: Model, data: str, folder: Path) -> None:
    """Every row of a CSV, the same in both."""
    predict, expected = standalone(model), of_table(model, data, folder)
    rows = list(csv.DictReader(io.StringIO(data, newline=""), delimiter=model.dialect.separator))
    assert rows
    for i, row in enumerate(rows):
        assert_same(predict(row), {name: column[i] for name, column in expected.items()})


def table(n: int = 60) -> pd.DataFrame:
    """Rows with a column of each type, targets of two and three classes, real ones and several."""
    rng = np.random.default_rng(7)
    x, u = rng.normal(3, 2, n).round(3), rng.lognormal(0, 2, n).round(4)
    moments = pd.Timestamp("2019-03-01") + pd.to_timedelta(rng.integers(0, 2000, n), "D")
    return pd.DataFrame(
        {
            "x": np.where(np.arange(n) % 9 == 4, np.nan, x),
            "u": u,
            "c": np.array(["red", "blue", "green", "", "rare"], object)[np.minimum(rng.integers(0, 20, n) // 4, 4)],
            "b": np.array(["yes", "no", ""], object)[rng.integers(0, 7, n) % 3],
            "d": np.where(np.arange(n) % 11 == 5, "", moments.strftime("%Y-%m-%d")),
            "two": np.where(x > 3, "high", "low"),
            "three": np.array(["p", "q", "r"], object)[rng.integers(0, 3, n)],
            "y": (2 * x - u).round(3),
            "v": (x + 1).round(3),
            "k": (x > 3).astype(int),
            "l": (u > 1).astype(int),
        }
    )


def trained(target: str | list[str] = "three", frame: pd.DataFrame | None = None, **overrides: Any) -> Model:
    """A small model of some columns of the table; dots of keys are two underscores."""
    data = table() if frame is None else frame
    targets = [target] if isinstance(target, str) else target
    others = {"two", "three", "y", "v", "k", "l"} - set(targets)
    real = targets[0] in ("y", "v")
    last = "linear" if real else "softmax" if target == "three" else "logistic"
    spec = {
        "data": {"target": target, "ignore": sorted(others & set(data.columns)), "columns": {}},
        "network": {"layers": [{"size": 5, "activation": "tanh"}, {"size": "auto", "activation": last}]},
        "training": {
            "epochs": 3,
            "batch_size": 16,
            "baseline": False,
            "optimizer": {"name": "adam", "learning_rate": 0.05},
        },
    }
    said = {key.replace("__", "."): value for key, value in overrides.items()}
    return nnfit.train(spec, data, overrides=said).model


def as_csv(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, lineterminator="\n")


CACHE: list[Model] = []


def every_type() -> Model:
    """One model of each type of column, made once."""
    if not CACHE:
        CACHE.append(trained(data__columns={"x": {"type": "numeric", "degree": 2}}))
    return CACHE[0]


def rich() -> Model:
    """A model with something of everything."""
    columns = {
        "x": {"type": "numeric", "scale": "quantile", "piecewise": 3, "periodic": 2},
        "u": {"type": "numeric", "prefix": "$", "bins": 3, "log1p": True},
    }
    layers = [{"size": 4, "activation": "mish"}, {"size": "auto", "activation": "softmax"}]
    said = {"training__calibration": "temperature", "data__validation": 0.3, "network__members": 2}
    return trained(data__columns=columns, network__layers=layers, **said)
