"""A spec that others extend, in the current folder, and what its children are or complain of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nnfit.config.loader import load_spec
from nnfit.errors import SpecError

PARENT = """\
data: {train: flowers.csv, target: species, ignore: [id]}
network:
  layers:
    - {size: 4, activation: tanh}
    - {size: auto, activation: softmax}
training:
  epochs: 7
  optimizer: {name: sgd, learning_rate: 0.1, momentum: 0.9}
"""


def child(text: str, name: str = "child.yaml") -> Path:
    """A spec that extends parent.yaml, with more keys."""
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"extends: parent.yaml\n{text}")
    return path


def spec_of(text: str) -> Any:
    return load_spec(child(text)).spec


def complaint(path: Path, *overrides: str) -> str:
    with pytest.raises(SpecError) as caught:
        load_spec(path, overrides)
    return str(caught.value)
