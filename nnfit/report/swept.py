"""What a page of a sweep is made of: its trials as `trials.csv` has them, and what only some sweeps have beside.

Nothing here knows how trials are run: whoever has run them fills a `Sweep`. From it follow what the page draws: the
order of the trials, and each parameter as an axis.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnfit.data.scales import Floats
from nnfit.errors import Problem
from nnfit.model.aggregates import Curves
from nnfit.scoring.effects import Codes, parts
from nnfit.scoring.selection import Scores
from nnfit.words import plain, short

Marks = NDArray[np.bool_]
DONE, HALTED, DIVERGED, FAILED = "done", "halted", "diverged", "failed"
FEW, MANY = 6, 12  # distinct numbers of a range, and of a list, at most, that are shown as values
WIDE = 50  # times the smallest number of a list of many that the largest is, from which on it is drawn by the logarithm
LARGE = 1e250  # a score beyond it is as good as none: an axis has no room for it
LABEL = 24  # letters of a value in a picture, at most
OWN = ("trial", "sd", "epochs", "seconds", "status", "message")  # columns beside the parameters and the metric


class Parameter(NamedTuple):
    """A key that the sweep varies, by its dotted path, and its alternatives in the file's order: none of a range.

    `log` says that a range is drawn from evenly in its logarithm.
    """

    path: str
    values: tuple[object, ...] = ()
    log: bool = False


@dataclass(frozen=True)
class Sweep:
    """A sweep that has run, wholly or in part.

    `trials` has a line per trial and the columns `trial` (from 1), each parameter by its path, the metric by its name
    (the mean over the repeats, on rows not learnt from), `sd` (over the repeats), `epochs`, `seconds`, `status`,
    `message`; of these all but the trial, the parameters, the metric and the status may be missing. A value is what
    YAML gives, or its text. A status is "done", "halted" (by successive halving: its score is one of `epochs` epochs,
    and compares with those of as many alone), "diverged", "failed", or another word for a trial without a score.

    `repeats` (n, R) has the score of each repeat, in the table's order, where it is known; `redrawn` is how many rows a
    repeat holds out by how many it learns from, if each draws its own: 0 where all have the same.

    `best` is the trial of best.yaml, by default the first by its score. `rows` names the rows of the scores in a
    sentence, as `150 validation rows`. `scores` are those of single rows or folds, on the same rows for all trials, and
    `scored` their trials' numbers in that order: give those of every trial that is done, or the optimism is computed
    from their noise instead. `curves` are by trial. `test` are the metrics of the best on the test rows, of which there
    are `test_rows`, and `interval` the 95 % interval of the sweep's metric there.
    """

    name: str  # of the sweep's file
    metric: str
    higher: bool  # whether higher is better
    parameters: tuple[Parameter, ...]
    trials: pd.DataFrame
    method: str = "grid"
    repeat: int = 1
    repeats: Floats | None = None
    redrawn: float = 0.0
    planned: int | None = None  # trials in all, where some are missing yet
    best: int | None = None
    rows: str = "rows that it did not learn from"
    scores: Scores | None = None
    scored: Sequence[int] = ()
    rows_of_another: bool = False  # whether the scores of rows that are kept are of another metric
    fixed: str = "this seed"  # what all scores of rows have in common
    curves: Mapping[int, Curves] = field(default_factory=dict)
    test: Mapping[str, float] = field(default_factory=dict)
    test_rows: int = 0
    test_chose: bool = False  # whether these rows had a say in the choice of the best
    interval: tuple[float, float] | None = None
    text: str = ""  # of the sweep's file
    best_text: str = ""  # of best.yaml
    warnings: tuple[Problem, ...] = ()

    def column(self, name: str, default: object) -> list[object]:
        """A column of the table, or the same for every trial."""
        return list(self.trials[name]) if name in self.trials else [default] * len(self.trials)

    def numbers(self, name: str) -> Floats:
        """A column of numbers, NaN where there is none."""
        found = pd.to_numeric(pd.Series(self.column(name, math.nan), dtype=object), errors="coerce")
        return np.asarray(found, np.float64)

    @cached_property
    def number(self) -> list[int]:
        """The numbers of the trials."""
        return [int(each) for each in self.trials["trial"]]

    @cached_property
    def status(self) -> list[str]:
        """The statuses."""
        return [str(each) for each in self.column("status", "")]

    @cached_property
    def score(self) -> Floats:
        """The scores (n,) of trials that are done or halted; NaN of others."""
        found = self.numbers(self.metric)
        known = np.array([status in (DONE, HALTED) for status in self.status], bool)
        return np.asarray(np.where(known & (np.abs(found) < LARGE), found, np.nan), np.float64)

    @cached_property
    def has_score(self) -> Marks:
        """Whether a trial (n,) has a score."""
        found: Marks = np.isfinite(self.score)
        return found

    @cached_property
    def done(self) -> Marks:
        """Whether a trial (n,) has a score that compares with those of the others that have."""
        found: Marks = self.has_score & np.array([status == DONE for status in self.status], bool)
        return found

    @cached_property
    def halted(self) -> Marks:
        """Whether a trial (n,) was halted, with the score of fewer epochs."""
        return self.has_score & ~self.done

    @cached_property
    def diverged(self) -> Marks:
        """Whether a trial (n,) diverged."""
        return np.array([status == DIVERGED for status in self.status], bool)

    @cached_property
    def ranks(self) -> Floats:
        """The place of every trial (n,), 1 the best, ties in the middle, NaN of those that failed or did not run.

        First those that are done by their score, then those halted by their epochs and score, at last the diverged.
        """
        loss = -self.score if self.higher else self.score
        epochs = np.where(self.halted, np.nan_to_num(self.numbers("epochs")), np.inf)
        known = np.flatnonzero(np.isfinite(self.score) | self.diverged)
        keys = [(bool(self.diverged[k]), -epochs[k], 0.0 if self.diverged[k] else loss[k]) for k in known]
        place = {key: k for k, key in enumerate(sorted(set(keys)))}
        found = np.full(len(loss), np.nan)
        found[known] = pd.Series([place[key] for key in keys], dtype=float).rank()
        return found

    @cached_property
    def order(self) -> list[int]:
        """The places in the table of the trials that are done, the best first."""
        found = [int(k) for k in np.lexsort((np.array(self.number), self.ranks)) if self.done[k]]
        first = [k for k in found if self.number[k] == self.best]
        return first + [k for k in found if k not in first]

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """The parameters that have several values among the trials."""
        names = tails([each.path for each in self.parameters])
        found = [
            axis(each, name, self.column(each.path, None)) for each, name in zip(self.parameters, names, strict=True)
        ]
        return tuple(each for each in found if each.codes.max(initial=0) > 0)


class Axis(NamedTuple):
    """A parameter as pictures have it: where each trial stands (n,), and which of its levels it has.

    The levels are the values, `labels`, in their order, or the parts of a range between `edges`.
    """

    path: str
    name: str
    x: Floats
    codes: Codes
    labels: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()  # the values, uncut
    edges: Floats = np.empty(0)
    log: bool = False

    @property
    def levels(self) -> tuple[str, ...]:
        """The names of the levels."""
        if self.labels:
            return self.labels
        return tuple(f"{a:.3g} to {b:.3g}" for a, b in zip(self.edges, self.edges[1:], strict=False))

    def told(self, k: int) -> str:
        """The value of a trial."""
        return self.labels[self.codes[k]] if self.labels else f"{self.x[k]:.4g}"


def axis(parameter: Parameter, name: str, values: Sequence[object]) -> Axis:
    """A parameter as an axis: a range of numbers as it is, anything else by its values."""
    numbers = [number(each) for each in values]
    known = [each for each in numbers if each is not None]
    if len(known) == len(values) and len(set(known)) > (MANY if parameter.values else FEW):
        x = np.array(known, np.float64)
        codes, edges = parts(x)
        log = parameter.log or (bool(parameter.values) and min(known) * WIDE < max(known))
        return Axis(parameter.path, name, x, codes, edges=edges, log=log and min(known) > 0)
    texts = [text(each) for each in values]
    places = {text(each): k for k, each in enumerate(parameter.values)}
    ascending = len(known) == len(values)
    seen = sorted(set(zip(numbers, texts, strict=True))) if ascending else zip(numbers, texts, strict=True)
    order = sorted(dict.fromkeys(each for _, each in seen), key=lambda each: places.get(each, len(places)))
    place = {each: k for k, each in enumerate(order)}
    codes = np.array([place[each] for each in texts], np.int64)
    whole = dict(zip(texts, values, strict=True))
    return Axis(
        parameter.path, name, codes.astype(np.float64), codes, labels([whole[each] for each in order]), tuple(order)
    )


def number(value: object) -> float | None:
    """A finite number, of NumPy's and of text too; None of anything else, truth values among it."""
    if isinstance(value, bool | np.bool_):
        return None
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def text(value: object) -> str:
    """A value as one line: numbers in their shortest form, subtrees as YAML in one line."""
    value, found = subtree(value), number(value)
    if found is not None:
        return f"{found:.10g}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{plain(str(key))}: {text(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(text, value)) + "]"
    if value is None or isinstance(value, bool | np.bool_):
        return {"None": "null"}.get(str(value), str(value).lower())
    return plain(str(value))


def subtree(value: object) -> object:
    """What the text of a subtree stands for, as trials.csv has it; anything else as it is."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def brief(value: object) -> str:
    """A value in a sentence: numbers with four digits, subtrees without their keys, what is long cut."""
    value, found = subtree(value), number(value)
    if found is not None:
        return f"{found:.4g}"
    return short(bare(value))


def bare(value: object) -> str:
    """A subtree by its values alone, as `16 relu, auto softmax` of two layers."""
    if isinstance(value, Mapping):
        return " ".join(map(bare, value.values()))
    if isinstance(value, list | tuple):
        return ", ".join(map(bare, value))
    return text(value)


def labels(values: Sequence[object]) -> tuple[str, ...]:
    """The values as pictures name them: as they are, or with a letter before where they are too long, or alike."""
    found = [
        bare(subtree(each)) if isinstance(subtree(each), Mapping | list | tuple) else text(each) for each in values
    ]
    if all(len(each) <= LABEL for each in found) and len(set(found)) == len(found):
        return tuple(found)
    return tuple(f"{letter(k)}: {each}" for k, each in enumerate(found))


def letter(k: int) -> str:
    """A, B, …, Z, AA, AB, …"""
    return (letter(k // 26 - 1) if k >= 26 else "") + chr(65 + k % 26)


def tails(paths: Sequence[str]) -> list[str]:
    """The shortest ends of dotted paths that tell them apart, none of which begins with a number."""

    def ends(path: str) -> list[str]:
        keys = path.split(".")
        return [".".join(keys[k:]) for k in range(len(keys) - 1, -1, -1)]

    every = [ends(path) for path in paths]
    found = []
    for own in every:
        others = [other for each in every if each is not own for other in each]
        found.append(next((each for each in own if each not in others and not each[:1].isdigit()), own[-1]))
    return found
