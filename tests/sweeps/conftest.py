"""What the tests of sweeps share: a small table, a spec that holds folds out, and sweep files of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

BASE = """\
# what all trials share
data:
  train: flowers.csv   # beside this file
  target: kind
network:
  members: 3
  layers:
    - {size: 4, activation: relu}     # hidden
    - {size: auto, activation: softmax}
training:
  epochs: 2
  resample: folds
  optimizer: {name: adam, learning_rate: 0.01}
seed: 0
"""
SWEEP = """\
spec: base.yaml
parameters:
  training.optimizer.learning_rate: [0.001, 0.01]
  network.layers.0.size: [2, 4]
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with flowers.csv, base.yaml and sweep.yaml: four trials of two epochs."""
    rng = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{'rose' if a + b > 0 else 'lily'}" for a, b in rng.normal(size=(30, 2))]
    (tmp_path / "flowers.csv").write_text("\n".join(["width,length,kind", *rows]) + "\n")
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    return tmp_path


@pytest.fixture
def written(place: Path) -> Callable[..., Path]:
    """Write a sweep file, and another base in place of the first if there is one."""

    def written(text: str, base: str = BASE) -> Path:
        (place / "base.yaml").write_text(base)
        (place / "sweep.yaml").write_text(text)
        return place / "sweep.yaml"

    return written
