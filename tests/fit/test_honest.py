"""On noise no printed score is better than that of fresh rows: benchmarks/honest.py, which docs/trust.md quotes."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from nnfit.scoring.metrics import MONITORS

SEEDS = 20


@pytest.fixture(scope="module")
def honest(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("honest", root / "benchmarks/honest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("watched", MONITORS)
@pytest.mark.parametrize("n", [60, 200, 1_000])
@pytest.mark.parametrize("held_out", ["out_of_fold", "out_of_bag", "validation"])
def test_on_noise_a_printed_score_is_not_better_than_that_of_fresh_rows(
    honest: ModuleType, held_out: str, n: int, watched: str
) -> None:
    each = [honest.found(watched, n, seed, held_out) for seed in range(SEEDS)]
    for metric in honest.shown(watched, held_out):
        gap, error = honest.lead(each, metric)
        assert gap <= 3 * error, f"{metric}: {gap:+.4f} ± {error:.4f}"


@pytest.mark.slow
@pytest.mark.parametrize("n", [60, 200, 1_000])
@pytest.mark.parametrize(
    "more",
    [
        {"training.schedule": {"name": "plateau", "patience": 3}},
        {"training.calibration": "temperature"},
        {"training.threshold": {"maximize": "accuracy"}},
    ],
    ids=["plateau", "temperature", "threshold"],
)
def test_nor_is_it_with_whatever_else_looks_at_the_rows_held_out(
    honest: ModuleType, n: int, more: dict[str, object]
) -> None:
    each = [honest.found("loss", n, seed, "out_of_fold", more) for seed in range(SEEDS)]
    for metric in honest.shown("loss", "out_of_fold"):
        gap, error = honest.lead(each, metric)
        assert gap <= 3 * error, f"{metric}: {gap:+.4f} ± {error:.4f}"
