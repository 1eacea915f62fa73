"""A sweep beside GridSearchCV(MLPClassifier), whole processes on all cores: 48 trials × 5 folds of a 10-32-3 network.

    python benchmarks/grid_search.py [EPOCHS [ROWS [--alone]]]

12 learning rates × 4 penalties, Adam, minibatches of 32, rectifiers, every epoch trained. `nnfit sweep` gives a table,
the model trained on the best, and the report; GridSearchCV with n_jobs=-1 its results and the refitted best. Both read
the same CSV in a process of their own. A round of one epoch each is what start and report take. With `--alone` also the
sweep whose trials are not packed. Needs nnfit[bench].
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from packing import write

SWEEP = """
spec: base.yaml
parameters:
  training.optimizer.learning_rate: {rates}
  training.optimizer.weight_decay: {decays}
"""
SPEC = """
data: {{train: data.csv, target: y}}
network: {{layers: [{{size: 32, activation: relu}}, {{size: auto, activation: softmax}}], members: 5}}
training: {{epochs: {epochs}, batch_size: 32, resample: folds, optimizer: adamw}}
"""
OTHERS = """
import sys
import pandas as pd
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

table = pd.read_csv("data.csv")
network = MLPClassifier((32,), batch_size=32, max_iter={epochs}, tol=0, n_iter_no_change=10**9, random_state=0)
grid = {{"mlpclassifier__learning_rate_init": {rates}, "mlpclassifier__alpha": {decays}}}
folds = StratifiedKFold(5, shuffle=True, random_state=0)
search = GridSearchCV(make_pipeline(StandardScaler(), network), grid, scoring="neg_log_loss", cv=folds, n_jobs=-1)
search.fit(table.drop(columns="y"), table["y"])
print(search.best_params_, -search.best_score_)
"""
RATES = [float(f"{rate:.3g}") for rate in np.geomspace(1e-4, 1e-2, 12)]
DECAYS = [0.0001, 0.001, 0.01, 0.1]
UNPACKED = """
import sys
from nnfit.fit import packing
packing.best_size = lambda prepared: 1
from nnfit.cli.main import main
main()
"""
ONE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


def seconds(folder: Path, *command: str) -> float:
    """How long a process takes that has the folder to itself."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=os.environ | ONE, check=True, capture_output=True, text=True)
    took = time.perf_counter() - start
    print(f"  {took:7.2f} s  {done.stdout.strip().splitlines()[-1][:100]}", flush=True)
    return took


def by_nnfit(rows: int, epochs: int, *program: str) -> float:
    """Seconds of the sweep in a new folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "data.csv", rows)
        (folder / "base.yaml").write_text(SPEC.format(epochs=epochs))
        (folder / "sweep.yaml").write_text(SWEEP.format(rates=RATES, decays=DECAYS))
        return seconds(folder, sys.executable, *program, "sweep", "sweep.yaml")


def by_sklearn(rows: int, epochs: int) -> float:
    """Seconds of the search in a new folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "data.csv", rows)
        return seconds(folder, sys.executable, "-c", OTHERS.format(epochs=epochs, rates=RATES, decays=DECAYS))


def main() -> None:
    given = [word for word in sys.argv[1:] if not word.startswith("-")]
    epochs, rows = (int(word) for word in [*given, *["500", "1000"][len(given) :]])
    by_nnfit(rows, 1, "-m", "nnfit")  # what is written when it is first run
    own, own_start = by_nnfit(rows, epochs, "-m", "nnfit"), by_nnfit(rows, 1, "-m", "nnfit")
    other, other_start = by_sklearn(rows, epochs), by_sklearn(rows, 1)
    whole, beyond = other / own, (other - other_start) / (own - own_start)
    print(f"{rows:,} rows, {epochs} epochs: {own:.1f} s, GridSearchCV {other:.1f} s: {whole:.1f} times as long;")
    print(f"beyond what one epoch takes ({own_start:.1f} and {other_start:.1f} s) {beyond:.1f} times")
    if "--alone" in sys.argv:
        apart = by_nnfit(rows, epochs, "-c", UNPACKED)
        print(f"not packed {apart:.1f} s, {apart / own:.1f} times as long")


if __name__ == "__main__":
    main()
