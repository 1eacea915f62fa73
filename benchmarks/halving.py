"""Whether successive halving finds the best of the whole grid, and what share of its epochs it takes.

    python benchmarks/halving.py FOLDER [--target target] [--only NAME,...] [--points 81] [--epochs N] [--jobs 2]

Of every CSV in FOLDER that has the target column, `nnfit init --quick` makes the spec; a grid of learning rate × size ×
weight decay is trained whole in one folder, and by halving in another. For each table stands which place the best of
halving has among all of the grid, the scores of both, how far they are apart (and how far chance alone would put them,
half of the 95 % interval of the difference over the rows), and the epochs. `--epochs` are those of the first rung, by
default as the sweep has them.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
import time
from pathlib import Path
from typing import Any

from nnfit.workers.blas import set_blas_threads

set_blas_threads()

import numpy as np  # noqa: E402

import nnfit  # noqa: E402
from nnfit.cli.main import app  # noqa: E402
from nnfit.report.from_sweep import scores_of  # noqa: E402
from nnfit.scoring.comparison import sure  # noqa: E402
from nnfit.scoring.selection import selection  # noqa: E402
from nnfit.sweeps.halving import total  # noqa: E402
from nnfit.sweeps.results import Swept  # noqa: E402

SIZES, DECAYS = [16, 64, 128], [0, 0.02, 0.5]


def sweep_of(csv: Path, target: str, folder: Path, points: int) -> dict[str, Any]:
    """The sweep of a table: so many points, a third of which has each size, and each decay."""
    spec = folder / f"{csv.stem}.yaml"
    words = ["init", str(csv.absolute()), "--target", target, "--quick", "-o", str(spec), "--force"]
    with contextlib.redirect_stderr(io.StringIO()):
        app(words, standalone_mode=False)
    rates = np.geomspace(1e-4, 1e-1, points // (len(SIZES) * len(DECAYS)))
    parameters = {
        "training.optimizer.learning_rate": [float(f"{rate:.3g}") for rate in rates],
        "network.layers.0.size": SIZES,
        "training.optimizer.weight_decay": DECAYS,
    }
    return {"spec": str(spec), "parameters": parameters}


def swept(given: dict[str, Any], search: dict[str, Any], folder: Path, jobs: int) -> tuple[Swept, float]:
    """A sweep, and the seconds that it took."""
    begun = time.perf_counter()
    return nnfit.sweep(given | {"search": search}, folder, jobs=jobs), time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", default="target")
    parser.add_argument("--only", default="")
    parser.add_argument("--points", type=int, default=81)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--factor", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--work", type=Path, help="where the sweeps are kept, to be gone on with")
    asked = parser.parse_args()
    wanted = [name for name in asked.only.split(",") if name]
    search = {"method": "halving", "factor": asked.factor} | ({"epochs": asked.epochs} if asked.epochs else {})
    with tempfile.TemporaryDirectory() as name:
        work = asked.work or Path(name)
        work.mkdir(exist_ok=True)
        for csv in sorted(asked.folder.glob("*.csv")):
            with csv.open() as file:
                columns = file.readline().strip().split(",")
            if asked.target not in columns or (wanted and csv.stem not in wanted):
                continue
            given = sweep_of(csv, asked.target, work, asked.points)
            grid, slow = swept(given, {"method": "grid"}, work / f"{csv.stem}-grid", asked.jobs)
            halved, quick = swept(given, search, work / f"{csv.stem}-halving", asked.jobs)
            print(told(csv.stem, grid, halved, slow, quick), flush=True)


def told(name: str, grid: Swept, halved: Swept, slow: float, quick: float) -> str:
    """A line of the table."""
    ranking, best = grid.ranking(), halved.ranking()[0]
    place = next(k for k, row in enumerate(ranking, 1) if row.number == best.number)
    first, score = ranking[0].score, ranking[place - 1].score
    assert score == best.score, "a score of halving is that of the whole training"
    assert first is not None
    assert score is not None
    spent = total(halved.sweep.rungs) / (len(grid.rows) * grid.sweep.first.training.epochs)
    rungs = ", ".join(f"{rung.points} to {rung.epochs}" for rung in halved.sweep.rungs)
    found = "the grid's best" if place == 1 else f"place {place} of {len(ranking)}"
    _, scores = scores_of(grid)
    luck = None if scores is None else selection(scores, grid.higher, best=0)
    chance = "?" if luck is None or scores is None else f"{sure(scores.values.shape[1]) * luck.error[place - 1]:.2g}"
    return (
        f"{name}: {found}; {grid.metric} {score:.5f}, the grid's {first:.5f} "
        f"({abs(score - first):.2g} apart, by chance ±{chance}); "
        f"{spent:.1%} of the epochs ({rungs}); {quick:.0f} s and {slow:.0f} s"
    )


if __name__ == "__main__":
    main()
