"""`data.split_seed`: the rows stay where they are while `seed` varies, and all else is drawn anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nnfit
from nnfit.data.table import read_table
from nnfit.fit import run as pipeline
from nnfit.fit.cross_fitting import drawn
from nnfit.fit.train import finished
from nnfit.model.split import split

Prepare = Callable[..., Any]

SPEC = """\
data: {train: data.csv, target: y, test: 0.2}
network: {layers: [{size: 4, activation: tanh}, {size: auto, activation: logistic}], members: 3}
training: {epochs: 3, batch_size: 8, resample: folds, threshold: {maximize: f1}, optimizer: {name: adam}}
"""
CSV = "x,z,y\n" + "".join(f"{i},{i * i % 7},{'ab'[i * i % 11 % 2]}\n" for i in range(60))
SETS = "training.resample=none", "data.validation=0.2"


def rows_of(run: pipeline.Run) -> list[bytes]:
    """All that says which row is what."""
    sets = [values.tobytes() for rows in run.prepared.sets.values() for values in rows.examples]
    truth = run.prepared.sets["train"].truth
    return [*sets, *(rows.tobytes() for rows in (*run.rows, *run.kept)), drawn(run.prepared, truth).tobytes()]


@pytest.mark.parametrize("keys", [(), SETS, ("training.resample=bootstrap",)])
def test_rows_stay_and_weights_and_order_vary_with_the_seed(prepared: Prepare, keys: tuple[str, ...]) -> None:
    one, other, without = (
        pipeline.start(prepared(SPEC, CSV, *keys, f"seed={seed}", *split))
        for seed, split in ((1, ["data.split_seed=5"]), (2, ["data.split_seed=5"]), (2, []))
    )
    assert rows_of(one) == rows_of(other) != rows_of(without)
    assert one.state.theta.tobytes() != other.state.theta.tobytes() == without.state.theta.tobytes()


@pytest.mark.parametrize("keys", [(), SETS])
def test_without_it_the_seed_is_that_of_the_rows_too(prepared: Prepare, keys: tuple[str, ...]) -> None:
    found = []
    for keys_of_split in ([], ["data.split_seed=4"], ["data.split_seed=0"]):
        run = pipeline.start(prepared(SPEC, CSV, *keys, "seed=4", *keys_of_split))
        for _ in pipeline.epochs(run):
            pass
        model = finished(run, 1)
        found.append((model.theta.tobytes(), model.metrics, model.target))
    assert found[0] == found[1] != found[2]


def test_a_model_knows_which_rows_it_has_learnt_from(tmp_path: Path, prepared: Prepare) -> None:
    prepared(SPEC, CSV)  # which writes the files
    found = nnfit.train(tmp_path / "spec.yaml", overrides={"seed": 3, "data.split_seed": 8}).model
    assert found.spec.data.split_seed == 8
    whole = read_table(str(tmp_path / "data.csv"), found.dialect, found.kinds | found.target.kinds)
    rows = split(found.spec, whole, stratified=True)["test"]
    lines = CSV.splitlines()
    (tmp_path / "held_out.csv").write_text("\n".join([lines[0], *(lines[1 + row] for row in rows)]) + "\n")
    assert found.evaluation(read_table(str(tmp_path / "held_out.csv"), found.dialect, found.kinds)).learnt == {
        "train": 0,
        "test": 12,
    }
