"""The walk: every numeric key of the schema, and every column, with values that nobody means.

Each is refused with its place, by an exit code from 3 to 5, or goes the whole way: trained (or diverged), saved,
loaded, predicted, its record strict JSON, no warning of NumPy on the way. What `check` accepts, training
does not refuse. NNFIT_FUZZ multiplies the number of pairs: NNFIT_FUZZ=20 pytest tests/test_walk.py is a long run.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from typing import Any

import numpy as np
import pytest
from walk import CELLS, LARGEST, REAL, SPEC, TEXTS, TINY, VALUES, Key, numeric_keys, pairs, table, went

from nnfit.config.loader import load_spec
from nnfit.errors import SpecError

# Tables of a few rows have values outside of the range of fewer, and holes of their own.
pytestmark = pytest.mark.filterwarnings("ignore::nnfit.NnfitWarning")

KEYS = numeric_keys()
PARTS = 8  # that the keys are walked in, so that processes can share them
PAIRS = int(50 * float(os.environ.get("NNFIT_FUZZ", "1")))
SCALES = ("standard", "robust", "clipped", "minmax", "quantile", "none")


def walked(cases: list[tuple[dict[str, Any], Any, dict[str, Any]]]) -> Counter[str]:
    """How many of the cases, (overrides, table, spec), ended how; a failure says which it was."""
    found: Counter[str] = Counter()
    for overrides, data, spec in cases:
        start = time.process_time()
        try:
            found[went(overrides, data, spec)] += 1
        except Exception as error:
            raise AssertionError(f"{overrides}: {error!r}") from error
        assert time.process_time() - start < 5, overrides
    return found


def test_the_walk_knows_every_key_that_takes_a_number() -> None:
    paths = {key.path for key in KEYS}
    assert {
        *("seed", "data.validation", "network.members", "network.input", "network.layers.1.size"),
        *("network.layers.1.activation.k", "network.layers.1.activation.0.size", "data.columns.x.missing"),
        *("training.optimizer.history", "training.schedule.every", "training.class_weight.a", "training.threshold"),
        *("training.early_stopping.min_delta", "training.checkpoint.every", "network.initialization.weights.sd"),
    } <= paths
    assert len(KEYS) >= 96
    assert (len(VALUES), len(TEXTS)) == (28, 28)  # 2,688 cases and as many texts, as docs/trust.md has it


@pytest.mark.parametrize("part", range(PARTS))
def test_a_number_alone_is_refused_with_its_place_or_works_to_the_end(part: int) -> None:
    data, keys = table(), KEYS[part::PARTS]
    found = walked([(key.said(value), data, SPEC) for key in keys for value in VALUES])
    assert found.total() == len(keys) * len(VALUES)
    assert found["trained"] > found.total() / 20
    assert found["wrong-value"] > found.total() / 3


@pytest.mark.parametrize("part", range(PARTS))
def test_a_text_of_set_is_a_number_or_is_refused_with_the_option(part: int) -> None:
    for key in KEYS[part::PARTS]:
        around = [f"{path}={json.dumps(value)}" for path, value in key.around.items()]
        for text in TEXTS:
            option = f"{key.path}={text}"
            try:
                load_spec(SPEC, [*around, option], ["train"])
            except SpecError as error:
                assert "--set " in str(error) or error.code == "layer-size", option
                assert len(str(error)) < 1000, option


@pytest.mark.parametrize("seed", range(6))
def test_two_numbers_together_are_refused_with_their_place_or_work_to_the_end(seed: int) -> None:
    data = table()
    cases = [({**a.said(x), **b.said(y)}, data, SPEC) for a, x, b, y in pairs(PAIRS, seed)]
    found = walked(cases)
    assert found.total() == PAIRS
    assert found["trained"] > PAIRS / 5


def with_cells(column: str, a: float, b: float) -> Any:
    data = table()
    data[column] = np.where(np.arange(len(data)) % 2, a, b)
    return data


@pytest.mark.parametrize("scale", SCALES)
def test_inputs_of_any_size_are_refused_with_their_cell_or_work_to_the_end(scale: str) -> None:
    said = {"data.columns.x.type": "numeric", "data.columns.x.scale": scale}
    cases = [({**said, "network.dtype": "float64"}, with_cells("x", a, b), SPEC) for a in CELLS for b in CELLS]
    found = walked(cases)
    assert set(found) <= {"trained", "overflow", "diverged"}
    assert found["overflow"] >= 20 or scale == "none"  # nothing is fitted to ±1.8e308
    assert found["trained"] >= 7


@pytest.mark.parametrize("scale", ["standard", "none"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_targets_of_any_size_are_refused_with_their_cell_or_work_to_the_end(scale: str, dtype: str) -> None:
    said = {"data.columns.r.scale": scale, "network.dtype": dtype}
    found = walked([(said, with_cells("r", a, b), REAL) for a in CELLS for b in CELLS])
    assert set(found) <= {"trained", "overflow", "diverged"}
    assert found["overflow"] >= 20


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"training.class_weight.a": 1e300},
        {"training.class_weight.a": TINY},
        {"training.resample": "folds"},
        {"training.threshold": {"maximize": "f1"}, "training.weighted_metrics": True},
    ],
    ids=str,
)
def test_weights_of_any_size_are_refused_with_their_cell_or_work_to_the_end(more: dict[str, Any]) -> None:
    spec = {**SPEC, "data": {**SPEC["data"], "ignore": ["r"], "weight": "w"}}
    cells = (0.0, TINY, 1e150, LARGEST)
    found = walked([(more, with_cells("w", a, b), spec) for a in cells for b in cells])
    assert set(found) <= {"trained", "wrong-weight", "zero-weights"}
    assert found["wrong-weight"] == 1  # those that are all 0
    assert found["trained"] >= 8


def test_a_key_walked_alone_is_refused_at_its_own_place() -> None:
    key = next(key for key in KEYS if key.path == "training.schedule.every")
    assert key == Key("training.schedule.every", {"training.schedule": {"name": "step"}})
    with pytest.raises(SpecError) as caught:
        load_spec(SPEC, key.said(float("nan")), ["train"])
    assert str(caught.value).startswith("overrides: training.schedule.every: expected a number above 0 and below 1")
