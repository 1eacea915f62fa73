"""What suits the numbers of a table is chosen by its folds: a proposal is trained in several ways, and judged by rows.

    d_i = Σ_k (ŷ_ki − y_ki)² of another way less that of the usual one, i = 1 … n, each row by a network that has not
    learnt from it;  another way is taken if  mean(d) ≤ −2 se(d),  of several the one with the least mean

se(d) is the larger of sd(d) / √n and of the standard error of the folds' means: all rows of a fold are judged by one
network for each way, and networks that differ in their initial weights alone are further apart than their rows tell.
The squared error of probabilities is Brier's score, which a single network that is too sure of itself does not decide
as it does the log-loss. What is chosen by a score is flattered by it; by how much is measured by choosing without each
fold in turn, and scoring the fold by what the others chose (Varma and Simon 2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nnfit.config.budget import CELL, Fitted, learning
from nnfit.config.document import parse
from nnfit.config.findings import Findings
from nnfit.config.loader import LoadedSpec, load_spec
from nnfit.config.proposal import written
from nnfit.config.recipe import Recipe, recipe, ways
from nnfit.core.batches import Examples
from nnfit.core.parameter import Array
from nnfit.data.scales import Floats
from nnfit.data.seeds import Purpose, generator
from nnfit.errors import TrainingError
from nnfit.fit.prepare import Prepared, prepare
from nnfit.fit.run import epochs, start
from nnfit.fit.scores import outputs_held_out
from nnfit.fit.sets import Dataset
from nnfit.storage import cache

FOLDS = 4  # and so many networks, for each way
LEAST = 2000  # rows, below which folds do not tell which way is better
TRIED = 20_000  # rows at most, drawn
APART = 2.0  # standard errors by which another way must be better than the usual one
TRYING = 60.0  # seconds on one core that trying may take where nobody names a time


class Choice(NamedTuple):
    """Which way was chosen, 0 the usual one; the squared error of it and of the usual one; the rows; the optimism.

    The last is the share by which the squared error of what is chosen is too low for having chosen it.
    """

    way: int
    error: float
    usual: float
    rows: int
    optimism: float


def seconds_to_try(fit: Fitted) -> float | None:
    """About how long one core takes to try; None where there is nothing to choose, or too few rows to choose by."""
    if fit.size.rows < LEAST or fit.recipe.bend is None:
        return None
    shorter, size = quicker(fit), fit.size._replace(rows=min(fit.size.rows, TRIED))
    recipes = [shorter._replace(bend=bend) for bend in ways(fit.recipe.bend)]
    encoding = CELL / 2 * fit.size.rows * sum(size.with_bend(each.bend) for each in recipes)  # and little to score
    return encoding + sum(learning(each, size) for each in recipes)


def time_to_try(fit: Fitted, seconds: float, budget: float | None) -> bool:
    """Whether there is time to try: what a budget leaves beside the training, or TRYING without one."""
    return seconds <= (TRYING if budget is None else budget - fit.seconds)


def quicker(fit: Fitted) -> Recipe:
    """How a way is trained to be judged: by few members, as long as so few rows as are tried would be."""
    few = recipe(min(fit.size.rows, TRIED), fit.size.numbers, classes=False)  # of which only the length counts
    return fit.recipe._replace(members=FOLDS, batch_size=few.batch_size, epochs=few.epochs, patience=few.patience)


def tuned(found: Findings, fit: Fitted, data: Path) -> tuple[Fitted, str]:
    """What is proposed for a file, with what its numbers are expanded to as its folds choose it; and why, in words."""
    assert fit.recipe.bend is not None
    bends, shorter = ways(fit.recipe.bend), fit._replace(recipe=quicker(fit))
    texts = (written(found, shorter.bent(bend), data, Path()).text for bend in bends)
    choice = choose([load_spec(parse(text.encode(), "").value, {"training.baseline": False}) for text in texts])
    rows = f"{choice.rows:,} rows, each by a network that did not learn from it"
    if not choice.way:
        return fit, f"of {len(bends)} ways none was better by more than chance on {rows}"
    luck = f"by {choice.optimism:.1%} or more" if choice.optimism >= 0.0005 else "by no more than shows there"
    error = "squared error" if found.task.classes is None else "Brier score, the squared error of probabilities,"
    why = (
        f"chosen of {len(bends)} ways: in short trainings of single networks its {error} is "
        f"{1 - choice.error / choice.usual:.1%} below that of {bends[0]}, on {rows}; "
        f"having been chosen flatters it {luck}"
    )
    return fit.bent(bends[choice.way]), why


def choose(ways: Sequence[LoadedSpec]) -> Choice:
    """Train every way, the usual one first, and choose; one that diverges is not chosen."""
    errors, fold = zip(*(tried(way, f"way {k} of {len(ways)}") for k, way in enumerate(ways, 1)), strict=True)
    table = np.array(errors)
    way = best(table, fold[0])
    return Choice(way, float(table[way].mean()), float(table[0].mean()), table.shape[1], optimism(table, fold[0]))


def best(errors: Floats, fold: Floats) -> int:
    """The way of least squared error (ways, n), of those that are better than the first by more than chance.

    `fold` (n,) numbers the folds of the rows, of which there are two or more.
    """
    with np.errstate(invalid="ignore"):
        d = errors - errors[0]
        mean, of_rows = d.mean(axis=1), d.std(axis=1) / np.sqrt(d.shape[1])
        folds = np.array([d[:, fold == f].mean(axis=1) for f in np.unique(fold)])
        of_folds = folds.std(axis=0, ddof=1) / np.sqrt(len(folds))
        chance = ~(mean <= -APART * np.maximum(of_rows, of_folds))  # what is no number is no better
    mean[chance] = 0
    return int(np.argmin(mean))


def optimism(errors: Floats, fold: Floats) -> float:
    """The share by which the error of the chosen way is below that of folds by which it was not chosen.

    It is measured with a fold less than the choice has, and so rather too low.
    """
    apparent = errors[best(errors, fold)].mean()
    honest = [errors[best(errors[:, fold != f], fold[fold != f])][fold == f] for f in np.unique(fold)]
    return float(np.concatenate(honest).mean() / apparent - 1) if 0 < apparent < np.inf else 0.0


def tried(way: LoadedSpec, name: str) -> tuple[Floats, Floats]:
    """The squared error of each row, by a network that has not learnt from it, and the row's fold, each (n,).

    Where training diverges it is infinite.
    """
    with cache.using(None, on=False):  # most of the ways are trained once, and a sample of their rows
        prepared = drawn(prepare(way))
    run = start(prepared)
    train = prepared.sets["train"]
    errors, fold = np.full(train.n, np.inf), np.zeros(train.n)
    for k, rows in enumerate(run.kept):
        fold[rows] = k
    try:
        for _ in epochs(run, name=name):
            pass
    except TrainingError:
        return errors, fold
    Y = train.examples.Y.astype(np.float64)
    for y_hat, rows in zip(outputs_held_out(run, np.empty(0)), run.kept, strict=True):
        errors[rows] = ((y_hat - Y[:, rows]) ** 2).sum(axis=0)
    return errors, fold


def drawn(prepared: Prepared) -> Prepared:
    """With at most so many training rows, the same for every way."""
    train = prepared.sets["train"]
    if train.n <= TRIED:
        return prepared
    rows = np.sort(generator(prepared.spec.seed, Purpose.CHOICE).choice(train.n, TRIED, replace=False))
    X, Y, w = train.examples
    few: Array = X[rows]
    return prepared._replace(sets={"train": Dataset(Examples(few, Y[:, rows], w[..., rows]), train.truth[rows])})
