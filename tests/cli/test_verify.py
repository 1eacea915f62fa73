"""`nnfit verify` trains again and says whether the same bytes come out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


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
    assert "data_sha256" in ended.err or "has other contents" in ended.err


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
