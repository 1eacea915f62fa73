"""What the traps share: a small spec, and training on a table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SPEC = """\
data: {train: data.csv, target: y%s}
network: {layers: [{size: auto, activation: %s}]}
training: {epochs: 0, batch_size: full}
"""


@pytest.fixture
def train(run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Training on a data.csv; whatever is wrong with it, no model is written."""
    monkeypatch.chdir(tmp_path)

    def train(data: str | bytes, more: str = "", output: str = "logistic") -> Any:
        Path("data.csv").write_bytes(data if isinstance(data, bytes) else data.encode())
        Path("spec.yaml").write_text(SPEC % (f", {more}" if more else "", output))
        ended = run("train", "spec.yaml", "-o", "m.npz", "--quiet")
        assert ended.out == ""
        assert Path("m.npz").exists() == (ended.code == 0)
        return ended

    return train
