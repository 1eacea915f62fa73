"""Does `nnfit compare` tell apart what is the same, and find what is better?

Forty trainings that differ in their seed alone, on rows that none has learnt from: each of the 780 pairs, taken by
itself, is compared as `nnfit compare` does it. Of every metric that the screen shows, the share of the pairs that are
told apart, and in brackets the share whose interval over the rows leaves out 0; `any`: told apart in one of them.
Then the same against trainings of the same spec that learnt from an eighth of the rows: the share found to be better.

    python benchmarks/compare.py                      tables of the repository, and two that are drawn
    python benchmarks/compare.py --seeds 10           a quick look
    python benchmarks/compare.py --tables FOLDER      other tables: every CSV in FOLDER that has the target column

Half of each table is held out, of the drawn ones 2,000 rows.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import yaml

import nnfit
from nnfit.data.frames import read_frame
from nnfit.data.target import truth
from nnfit.scoring.pairs import LEVEL, Paired, Said, scored, told

ROOT = Path(__file__).parent.parent
SHOWN = ("accuracy", "log_loss", "f1_macro", "roc_auc", "rmse", "mae", "r2")
STOPPING = {"training.epochs": 200, "training.early_stopping": {"patience": 20}}
WAYS: dict[str, dict[str, Any]] = {
    "one network": {"network.members": 1},
    "stopped early": {"network.members": 1, "data.validation": 0.2, **STOPPING},
    "8 members": {"network.members": 8},
    "8 in folds": {"network.members": 8, "training.resample": "folds", **STOPPING},
    "5 bootstraps": {"network.members": 5, "training.resample": "bootstrap", **STOPPING},
}
SPEC: dict[str, Any] = {
    "data": {"target": "y"},
    "network": {"layers": [{"size": 32, "activation": "relu"}, {"size": "auto", "activation": "linear"}]},
    "training": {"epochs": 60, "batch_size": 32, "optimizer": {"name": "adam", "learning_rate": 0.003}},
}


class Rows(NamedTuple):
    """A spec, and the rows to learn from and to compare on."""

    name: str
    spec: dict[str, Any]
    train: pd.DataFrame
    test: pd.DataFrame


def halves(name: str, spec: dict[str, Any], table: pd.DataFrame) -> Rows:
    """A table, half of it held out."""
    test = table.sample(frac=0.5, random_state=0)
    spec["training"]["baseline"] = False
    return Rows(name, spec, table.drop(test.index), test)


def of_config(name: str) -> Rows:
    """A spec of configs/ without its splits."""
    spec = yaml.safe_load((ROOT / f"configs/{name}.yaml").read_text())
    data = spec.pop("data")
    spec["data"] = {key: data[key] for key in ("target", "ignore", "columns") if key in data}
    spec.pop("output", None)
    return halves(name, spec, pd.read_csv(ROOT / f"datasets/{name}.csv", keep_default_na=False, na_values=[""]))


def of_file(path: Path, target: str) -> Rows | None:
    """A table of a folder, if it has the target; few different values are classes."""
    table = pd.read_csv(path).rename(columns={target: "y"})
    if "y" not in table:
        return None
    if table["y"].dtype.kind not in "iuf" or table["y"].nunique() <= 5:
        return halves(path.stem, of_classes(table["y"].nunique()), table.assign(y=table["y"].astype(str)))
    return halves(path.stem, with_output("linear"), table)


def drawn(n: int, seed: int, real: bool) -> pd.DataFrame:
    """Eight columns, of which four say something of the target, and as much noise."""
    rng = np.random.default_rng([seed, n])
    X = rng.normal(size=(n, 8))
    f = np.sin(1.5 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.5 * X[:, 3] ** 2 - 0.5
    y = f + rng.normal(size=n) if real else np.where(rng.random(n) < 1 / (1 + np.exp(-2 * f)), "b", "a")
    return pd.DataFrame(X, columns=[f"x{k}" for k in range(8)]).assign(y=y)


def with_output(activation: str) -> dict[str, Any]:
    """SPEC with an output."""
    layers = [SPEC["network"]["layers"][0], {"size": "auto", "activation": activation}]
    return {**SPEC, "network": {"layers": layers}, "training": {**SPEC["training"], "baseline": False}}


def of_classes(K: int) -> dict[str, Any]:
    """SPEC for so many classes."""
    return with_output("logistic" if K == 2 else "softmax")


def said(rows: Rows, table: pd.DataFrame, way: str, seed: int) -> Said:
    """What a network trained on a table says of the rows held out."""
    model = nnfit.train(rows.spec, table, overrides={**WAYS[way], "seed": seed}).model
    test = read_frame(rows.test, model.dialect, model.labelled_kinds, others=False)
    apart = model.spec.training.resample != "none"
    return Said(model.target, model.outputs(test, "zero"), truth(model.target, test), apart)


def shares(pairs: Iterable[tuple[Paired, ...]], word: str | None = None) -> dict[str, str]:
    """Of each metric shown the share of the pairs with a word, if it is any, or with that one; and by the interval."""
    found = [{each.metric: each for each in pair if each.metric in SHOWN} for pair in pairs]
    cells, any_word = {}, np.zeros(len(found), bool)
    for name in found[0]:
        each = [pair[name] for pair in found]
        by_word = np.array([one.word != LEVEL if word is None else one.word == word for one in each])
        by_rows = np.array([one.low is not None and not one.low <= 0 <= one.high for one in each])
        any_word |= by_word
        cells[name] = f"{by_word.mean():.3f} ({by_rows.mean():.2f})"
    return {"any": f"{any_word.mean():.3f}", **cells}


def lines(rows: Rows, seeds: int, ways: Iterable[str]) -> Iterator[str]:
    """Two lines for each way to train."""
    few = rows.train.sample(frac=1 / 8, random_state=0)
    for way in ways:
        own, worse = ([said(rows, table, way, seed) for seed in range(seeds)] for table in (rows.train, few))
        found = scored([*own, *worse])
        same = [told(pair, found[pair[0]], found[pair[1]]) for pair in combinations(range(seeds), 2)]
        better = [told((k, seeds + k), found[k], found[seeds + k]) for k in range(seeds)]
        for text, cells in (("seeds alone", shares(same)), ("of an eighth", shares(better, "better"))):
            shown = "  ".join(f"{name} {cell}" for name, cell in cells.items())
            yield f"{rows.name:<16} {len(rows.test):>5}  {way:<14} {text:<13} {shown}"


def main() -> None:
    """Print the lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--only", metavar="TABLE", help="the table of this name alone")
    parser.add_argument("--tables", type=Path, metavar="FOLDER")
    parser.add_argument("--target", default="target")
    options = parser.parse_args()
    warnings.simplefilter("ignore", nnfit.NnfitWarning)
    if options.tables:
        each = [of_file(path, options.target) for path in sorted(options.tables.glob("*.csv"))]
    else:
        each = [of_config(name) for name in ("breast_cancer", "diabetes", "digits")]
        each += [
            Rows("drawn classes", with_output("logistic"), drawn(1000, 1, False), drawn(2000, 2, False)),
            Rows("drawn numbers", with_output("linear"), drawn(1000, 1, True), drawn(2000, 2, True)),
        ]
    print("share of the pairs told apart, and (whose interval over the rows leaves out 0)")
    for rows in (one for one in each if one and options.only in (None, one.name)):
        for line in lines(rows, options.seeds, options.ways):
            print(line, flush=True)


if __name__ == "__main__":
    main()
