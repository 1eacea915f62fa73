"""Sweeps of every kind as a page gets them, made up: scores that follow known rules, and noise."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from nnfit.model.aggregates import Curves
from nnfit.report.swept import Parameter, Sweep
from nnfit.scoring.selection import Scores

RATE, DECAY = "training.optimizer.learning_rate", "training.optimizer.weight_decay"
SIZE, SECOND, ACTIVATION = "network.layers.0.size", "network.layers.1.size", "network.layers.0.activation"
LAYERS = [
    [{"size": 8, "activation": "relu"}, {"size": "auto", "activation": "softmax"}],
    [{"size": 8, "activation": "relu"}, {"size": 8, "activation": "relu"}, {"size": "auto", "activation": "softmax"}],
    [{"size": 64, "activation": "tanh"}, {"size": "auto", "activation": "softmax"}],
]
SCRIPT = "<script>alert(1)</script>"
HOSTILE = f"{SCRIPT} \"'`]]><!-- \u202e$x^2$ \\frac{{1}}{{2}} \x1b[31m" + "ab" * 300


def table(parameters: list[Parameter], values: list[list[Any]], score: np.ndarray, **more: Any) -> pd.DataFrame:
    """Trials as trials.csv has them."""
    n = len(score)
    columns: dict[str, Any] = {"trial": range(1, n + 1)}
    columns |= {each.path: pd.Series(own, dtype=object) for each, own in zip(parameters, values, strict=True)}
    columns |= {"log_loss": score, "epochs": 200, "seconds": 1.25, "status": "done", "message": ""} | more
    return pd.DataFrame(columns)


def rates(n: int, rng: np.random.Generator) -> list[float]:
    """Learning rates, drawn evenly in their logarithm."""
    return [float(each) for each in 10 ** rng.uniform(-4, 0, n)]


def loss(rate: Any, size: Any = 16, noise: Any = 0.0) -> np.ndarray:
    """A score with its best at a rate of 0.02, which more neurons make better."""
    return np.asarray(0.25 + 0.12 * np.log10(np.array(rate) / 0.02) ** 2 + 0.5 / np.array(size) + noise)


def sweep(parameters: list[Parameter], trials: pd.DataFrame, **more: Any) -> Sweep:
    """A sweep of a log-loss."""
    text = "spec: base.yaml\nsearch: {method: random, trials: 60, seed: 0}\nparameters:\n  …\n"
    options: dict[str, Any] = {"method": "random", "rows": "30 validation rows", "text": text} | more
    return Sweep("sweep.yaml", "log_loss", False, tuple(parameters), trials, **options)


def of_rows(score: np.ndarray, n: int = 150, sd: float = 0.3, seed: int = 0) -> Scores:
    """Scores of single rows whose means are the given ones."""
    noise = np.random.default_rng(seed).normal(size=(len(score), n)) * sd
    return Scores(np.asarray(score)[:, None] + noise - noise.mean(axis=1, keepdims=True), np.ones(n))


def curves(numbers: list[int]) -> dict[int, Curves]:
    """Learning curves of some trials."""
    epochs = np.unique(np.geomspace(1, 200, 40).astype(int))

    def cost(end: float, slow: int) -> np.ndarray:
        return np.asarray(end + np.exp(-epochs / (100 * end + slow))[None])

    return {
        k: Curves(tuple(map(int, epochs)), cost(0.2, 9 * i), cost(0.3, 9 * i), (), 1) for i, k in enumerate(numbers)
    }


def one() -> Sweep:
    """One parameter, logarithmic, with trials that diverged at large rates."""
    rng = np.random.default_rng(0)
    rate = rates(40, rng)
    score = loss(rate, noise=0.01 * rng.normal(size=40))
    bad = np.array(rate) > 0.5
    score[np.array(rate) > 0.3] *= 30
    status = np.where(bad, "diverged", "done")
    message = np.where(bad, "the cost is not finite in epoch 3", "")
    score[bad] = np.nan
    own = [Parameter(RATE, log=True)]
    return sweep(own, table(own, [rate], score, status=status, message=message), curves=curves([3, 7, 12]))


def two() -> Sweep:
    """Two ranges that interact, with scores of rows and test rows."""
    rng = np.random.default_rng(1)
    rate, decay = rates(60, rng), [float(each) for each in 10 ** rng.uniform(-6, -1, 60)]
    score = loss(rate, noise=0.01 * rng.normal(size=60)) + 0.02 * (np.log10(rate) + 2) * (np.log10(decay) + 3)
    score -= score.min() - 0.2
    own = [Parameter(RATE, log=True), Parameter(DECAY, log=True)]
    best = np.argsort(score)[:5] + 1
    return sweep(own, table(own, [rate, decay], score), scores=of_rows(score, sd=0.1), scored=tuple(range(1, 61)),
                 curves=curves(best.tolist()), test={"log_loss": 0.23, "accuracy": 0.9}, test_rows=40,
                 interval=(0.18, 0.29), best_text="data:\n  train: flowers.csv\n")  # fmt: skip


def eight() -> Sweep:
    """Eight parameters of all kinds, of which three matter; repeats; two failed."""
    rng = np.random.default_rng(2)
    n = 120
    rate, size = rates(n, rng), rng.choice([8, 16, 32, 64], n)
    own = [Parameter(RATE, log=True), Parameter(SIZE, (8, 16, 32, 64)), Parameter(SECOND, (8, 16)),
           Parameter(ACTIVATION, ("relu", "tanh", "logistic")), Parameter(DECAY, (0, 1e-4, 1e-2)),
           Parameter("training.batch_size", (16, 32, "full")), Parameter("training.clip"),
           Parameter("data.columns.mass.scale", ("standard", "robust", "none"))]  # fmt: skip
    drawn = [rng.choice(np.array(each.values, dtype=object), n).tolist() for each in own[2:6]]
    clip = rng.uniform(0.5, 5, n).tolist()
    scale = rng.choice(["standard", "robust", "none"], n).tolist()
    score = loss(rate, size, 0.02 * rng.normal(size=n)) + 0.1 * np.array([each == "logistic" for each in drawn[1]])
    status, message = np.full(n, "done", object), np.full(n, "", object)
    status[[4, 9]], message[[4, 9]] = "failed", "data/mass.csv: no such file"
    score[[4, 9]] = np.nan
    columns = [rate, size.tolist(), *drawn, clip, scale]
    trials = table(own, columns, score, sd=0.02 + 0.01 * rng.random(n), status=status, message=message)
    return sweep(own, trials, repeat=5, redrawn=0.25, planned=200, curves=curves([1, 2, 3, 6, 7, 8, 10]))


def categories() -> Sweep:
    """One parameter with twelve values, the higher the better."""
    rng = np.random.default_rng(3)
    names = [f"activation number {k}" for k in range(12)]
    values = [name for name in names for _ in range(6)]
    own = [Parameter(ACTIVATION, tuple(names))]
    score = 0.7 + 0.02 * np.repeat(np.arange(12), 6) % 0.17 + 0.02 * rng.normal(size=72)
    trials = table(own, [values], score).rename(columns={"log_loss": "accuracy"})
    return Sweep("kinds.yaml", "accuracy", True, tuple(own), trials, "grid", rows="30 validation rows")


def three() -> Sweep:
    """Three trials only."""
    own = [Parameter(RATE, (0.001, 0.01, 0.1))]
    return sweep(own, table(own, [[0.001, 0.01, 0.1]], np.array([0.5, 0.31, 0.33])), method="grid")


def many() -> Sweep:
    """Five hundred trials on a grid of lists, of nothing but noise but for the rate; the rows of the top alone."""
    rng = np.random.default_rng(4)
    own = [
        Parameter(RATE, (1e-3, 1e-2, 1e-1, 1.0)),
        Parameter(SIZE, (8, 16, 32, 64, 128)),
        Parameter("seed", tuple(range(25))),
    ]
    grid = [(a, b, c) for a in own[0].values for b in own[1].values for c in own[2].values]
    score = loss([float(row[0]) for row in grid], 16, 0.03 * rng.normal(size=500))  # type: ignore[arg-type]
    best = np.argsort(score)[:20]
    return sweep(own, table(own, [list(each) for each in zip(*grid, strict=True)], score), method="grid",
                 scores=of_rows(score[best]), scored=(best + 1).tolist())  # fmt: skip


def failed() -> Sweep:
    """None has a score."""
    own = [Parameter(RATE, (0.001, 0.01, 1000.0))]
    trials = table(own, [[0.001, 0.01, 1000.0]], np.full(3, np.nan), status=["failed", "failed", "diverged"],
                   message=["no such file", "no such file", "the cost is not finite"])  # fmt: skip
    return sweep(own, trials, method="grid")


def hostile() -> Sweep:
    """Names, values, messages that nobody means."""
    rng = np.random.default_rng(5)
    path, other = f"data.columns.{HOSTILE}.scale", "data.columns.עברית.\x00missing"
    values = [HOSTILE, HOSTILE + "2", "עברית העربية", "a\n\x00\x1b[31m\u202eb", "漢字 😀"]
    own = [Parameter(path, tuple(values)), Parameter(other, ("{{ 7 * 7 }}", "$x^2$"))]
    first, second = [values[k % 5] for k in range(30)], [own[1].values[k % 2] for k in range(30)]
    status = ["failed" if k in (3, 4) else HOSTILE if k == 5 else "done" for k in range(30)]
    score = np.where([each == "done" for each in status], 0.3 + 0.1 * rng.random(30), np.nan)
    trials = table(own, [first, second], score, status=status, message=[HOSTILE] * 30)
    trials = trials.rename(columns={"log_loss": HOSTILE})
    return Sweep(HOSTILE, HOSTILE, False, tuple(own), trials, HOSTILE, text=HOSTILE, rows=HOSTILE)


def subtrees() -> Sweep:
    """Whole subtrees as alternatives, and a range of few whole numbers."""
    rng = np.random.default_rng(6)
    own = [Parameter("network.layers", tuple(LAYERS)), Parameter("training.patience")]
    layers, patience = [LAYERS[k % 3] for k in range(48)], rng.integers(2, 6, 48).tolist()
    score = 0.3 + 0.05 * (np.arange(48) % 3) + 0.02 * rng.normal(size=48)
    return sweep(own, table(own, [layers, patience], score), scores=of_rows(score), scored=tuple(range(1, 49)))


def halving() -> Sweep:
    """Successive halving: most trials have the score of few epochs."""
    rng = np.random.default_rng(7)
    rate, size = rates(27, rng), rng.choice([8, 16, 32], 27)
    epochs = np.array([9] * 18 + [27] * 6 + [81] * 3)
    score = loss(rate, size)
    order = np.argsort(-score)
    rate, size = [rate[k] for k in order], size[order]
    score = score[order] + 2.0 / epochs
    own = [Parameter(RATE, log=True), Parameter(SIZE, (8, 16, 32))]
    status = np.where(epochs < 81, "halted", "done")
    return sweep(own, table(own, [rate, size.tolist()], score, epochs=epochs, status=status), method="halving",
                 scores=of_rows(score[24:]), scored=(25, 26, 27))  # fmt: skip


def nothing() -> Sweep:
    """One spec, repeated."""
    trials = table([], [], np.array([0.31]), sd=0.02)
    return sweep([], trials, method="grid", repeat=10, curves=curves([1]))


def none_yet() -> Sweep:
    """Not a trial has run."""
    own = [Parameter(RATE, log=True)]
    return sweep(own, table(own, [[]], np.empty(0)), planned=60)


MAKERS: dict[str, Callable[[], Sweep]] = {
    each.__name__: each
    for each in (one, two, eight, categories, three, many, failed, hostile, subtrees, halving, nothing, none_yet)
}


@cache
def made(name: str) -> Sweep:
    """A sweep of a kind."""
    return MAKERS[name]()
