"""Models and rows to be explained, each of a spec and a table that are written in the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_files import RICH, RICH_CSV

from nnfit.data.table import read_table
from nnfit.explain.rows import Rows, rows_of
from nnfit.model.model import Model


class Told:
    """A spec and a CSV as a model, and the rows of the CSV."""

    def __init__(self, trained: Callable[..., Model], folder: Path) -> None:
        self.trained, self.folder = trained, folder

    def __call__(self, spec: str, csv: str, *overrides: str, **of_rows: Any) -> Rows:
        """The rows, with a model that is trained on them."""
        return self.rows(self.trained(spec, csv, *overrides), csv, **of_rows)

    def rows(self, model: Model, csv: str, **of_rows: Any) -> Rows:
        """The rows of a CSV for a model that is there."""
        path = self.folder / "data.csv"
        path.write_text(csv, encoding="utf-8")
        table = read_table(str(path), model.dialect, model.labelled_kinds, others=False)
        return rows_of(model, table, **of_rows)


@pytest.fixture
def told(trained: Callable[..., Model], tmp_path: Path) -> Told:
    """Rows of a spec and its data.csv, with the model that is trained on them."""
    return Told(trained, tmp_path)


@pytest.fixture
def rich_rows(told: Told) -> Rows:
    """Rows with a column of every type, of a model with two members and three classes."""
    return told(RICH, RICH_CSV)


REAL = """\
data: {train: data.csv, target: [u, v]}
network: {layers: [{size: 4, activation: tanh}, {size: auto, activation: linear}], members: 3, dtype: float64}
training: {epochs: 20, optimizer: {name: adam, learning_rate: 0.05}}
"""
LABELS = """\
data: {train: data.csv, target: [u, v]}
loss: bce
network: {layers: [{size: auto, activation: logistic}], dtype: float64}
training: {epochs: 20, optimizer: {name: adam, learning_rate: 0.05}}
"""
BINARY = """\
data: {train: data.csv, target: y, weight: w}
network: {layers: [{size: 3, activation: tanh}, {size: auto, activation: logistic}], dtype: float64}
training: {epochs: 20, weighted_metrics: true, optimizer: {name: adam, learning_rate: 0.05}}
"""


def real_csv(n: int = 60, seed: int = 0) -> str:
    """Two real targets, the second in small units, of three columns of which the third says nothing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    u, v = 100 * x[:, 0] + rng.normal(size=n), 0.01 * x[:, 1] + 0.001 * rng.normal(size=n)
    return "a,b,c,u,v\n" + "".join(
        f"{a:.6f},{b:.6f},{c:.6f},{u_i:.6f},{v_i:.6f}\n" for (a, b, c), u_i, v_i in zip(x, u, v, strict=True)
    )


def labels_csv(n: int = 60) -> str:
    """Two 0/1 targets, one of each column."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, 2))
    return "a,b,u,v\n" + "".join(f"{a:.6f},{b:.6f},{int(a > 0)},{int(b > 0.5)}\n" for a, b in x)


def binary_csv(n: int = 60) -> str:
    """Two classes that a number tells apart, and weights."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(n, 2))
    return "a,b,w,y\n" + "".join(
        f"{a:.6f},{b:.6f},{i % 4},{'no' if a + b < rng.normal() else 'yes'}\n" for i, (a, b) in enumerate(x)
    )
