"""A sweep for a spec: what is worth varying of this one, how far, and how many trials that takes, each with its reason.

A few parameters, since a random search of many finds little in each: the learning rate, the width of the hidden layers,
what keeps the weights small, and dropout where there is more to learn than rows.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from nnfit.config import loader
from nnfit.config.document import Document, parse
from nnfit.config.loader import LoadedSpec
from nnfit.config.proposal import comment, flow, word
from nnfit.config.spec import Spec
from nnfit.core.optimizers import LBFGS
from nnfit.errors import SpecError
from nnfit.fit.prepare import Prepared, prepare
from nnfit.scoring.evaluation import higher, scores
from nnfit.sweeps import cost
from nnfit.sweeps.best import moved
from nnfit.sweeps.reading import Placed, load_sweep, refused
from nnfit.sweeps.running import held_out
from nnfit.sweeps.sweep import plan
from nnfit.words import base as name_of
from nnfit.words import count, plain

RATE, LAYERS = "training.optimizer.learning_rate", "network.layers"
DECAY, L2, DROPOUT = "training.optimizer.weight_decay", "training.l2", "training.dropout"
HIGHEST = {"sgd": 1.0}  # learning rates beyond which a training hardly ever goes well; of the others
HIGH = 0.1
EACH, MOST = 20, 60  # trials for each parameter, and at most: of 60, one is among the best 5 % with a chance of 95 %
LONG = 1800.0  # seconds on one core beyond which fewer trials are proposed
FEWEST = 20
FEW_ROWS, SEEDS = 1000, 3  # rows learnt from below which luck decides so much that each trial is trained with seeds
WIDEST = 1024  # neurons of a layer that is made wider


class Parameter(NamedTuple):
    """A key that is worth varying, its values as the file has them, and why."""

    key: str
    values: Any
    why: str


class Proposal(NamedTuple):
    """The text of a sweep file, how many trials it is, and about how many seconds they take one core."""

    text: str
    trials: int
    seconds: float


def propose(base: Document, folder: Path, file: Path, output: Path) -> Proposal:
    """A sweep of a spec as the file `output`; `base` has the values of the spec, which is or will be `file`.

    Paths of the spec are relative to `folder`. Errors are those of the spec and of its data; a SpecError as well where
    it holds no rows out.
    """
    whole = copy.deepcopy(base)
    spec = loader.validate(whole)
    if not held_out(spec):
        message = "holds no rows out, and a sweep compares its trials on rows that they have not learnt from"
        remedy = "set data.validation: 0.2, or network.members: 5 and training.resample: folds"
        raise SpecError(base.problem(("training",), "nothing-held-out", message, remedy))
    prepared = prepare(LoadedSpec(spec, whole, folder))
    chosen = [each for each in parameters(spec, base, prepared) if fits(base, each)]
    name = moved(file.name, (), file.parent, output.parent)
    repeat = SEEDS if prepared.sets["train"].n < FEW_ROWS and not draws_test(spec) else 1

    def of(trials: int) -> Proposal:
        seconds = 0.0
        for _ in range(2):  # how long it takes stands in it, and is known once it is there
            text = "\n".join(lines(spec, prepared, name, output, chosen, trials, repeat, seconds)) + "\n"
            sweep = load_sweep(parse(text.encode(), str(output)), (base, folder))
            seconds = seconds or cost.seconds(plan(sweep).trials, prepared, 1)
        return Proposal(text, trials, seconds)

    fewest = FEWEST // repeat
    found = of(min(MOST, EACH * len(chosen)) // repeat)
    if found.seconds > LONG and found.trials > fewest:
        found = of(max(fewest, 10 * int(found.trials * LONG / found.seconds / 10)))
    return found


def draws_test(spec: Spec) -> bool:
    """Whether each seed draws test rows of its own: repeats would learn from those of the first."""
    return isinstance(spec.data.test, float) and spec.data.split_seed is None


def words_of(seconds: float) -> str:
    """A time as a person says it."""
    if seconds < 100:
        return f"{float(f'{seconds:.2g}'):g} s"
    return f"{round(seconds / 60)} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def parameters(spec: Spec, base: Document, prepared: Prepared) -> Iterator[Parameter]:
    """What is worth varying, what matters most first."""
    training, optimizer = spec.training, spec.training.optimizer
    if not isinstance(optimizer, LBFGS):
        own = optimizer.learning_rate
        most = max(HIGHEST.get(optimizer.name, HIGH), 3 * own)
        why = f"what matters most: around the {own:g} of the spec, evenly in the logarithm"
        yield Parameter(RATE, between(own / 10, min(10 * own, most)), why)
    yield from widths(spec, base.value["network"]["layers"])
    decay = getattr(optimizer, "weight_decay", None)
    if decay is not None:
        yield shrinking(DECAY, decay, (0, 0.001, 0.01, 0.1), 1.0)
    else:
        yield shrinking(L2, training.l2, (0, 1e-5, 1e-4, 1e-3), 1.0)
    rows, P = prepared.sets["train"].n, prepared.network.P
    if rows < P and len(spec.network.layers) > 1 and not isinstance(optimizer, LBFGS):
        why = f"the network has {P:,} parameters and learns from {count(rows, 'row')}: leaving units out may help"
        yield Parameter(DROPOUT, sorted({0, 0.1, 0.3, training.dropout}), why)


def between(low: float, high: float) -> dict[str, Any]:
    """A range, evenly in the logarithm."""
    return {"min": float(f"{low:.3g}"), "max": float(f"{high:.3g}"), "scale": "log"}


def shrinking(key: str, own: float, usual: tuple[float, ...], most: float) -> Parameter:
    """What keeps weights small: around its value, or from none to much where the spec has none."""
    if own:
        why = f"what keeps the weights small: around the {own:g} of the spec"
        return Parameter(key, between(own / 10, min(10 * own, max(most, 3 * own))), why)
    return Parameter(key, list(usual), "what keeps the weights small: the spec has none")


def widths(spec: Spec, written: list[dict[str, Any]]) -> Iterator[Parameter]:
    """Hidden layers half as wide, as they are, and twice as wide; none of mixed layers, whose parts have sizes."""
    hidden = spec.network.layers[:-1]
    if not hidden or any(isinstance(layer.activation, tuple) for layer in hidden):
        return
    sizes = [int(layer.size) for layer in hidden]
    factors = (0.25, 0.5, 1) if 2 * max(sizes) > WIDEST else (0.5, 1, 2)
    scaled = [[max(1, round(size * factor)) for size in sizes] for factor in factors]
    different = [each for k, each in enumerate(scaled) if each not in scaled[:k]]
    told = {0.25: "a quarter as wide", 0.5: "half as wide", 1: "as wide as in the spec", 2: "twice as wide"}
    why = ", ".join(told[factor] for factor in factors)
    if len(hidden) == 1:
        yield Parameter(f"{LAYERS}.0.size", [each[0] for each in different], f"the hidden layer {why}")
        return
    alternatives = [
        [*({**layer, "size": size} for layer, size in zip(written, each, strict=False)), *written[len(each) :]]
        for each in different
    ]
    yield Parameter(LAYERS, alternatives, f"the hidden layers {why}")


def fits(base: Document, each: Parameter) -> bool:
    """Whether the spec takes the values."""
    values = each.values
    ends = [values["min"], values["max"]] if isinstance(values, dict) else values
    return not any(refused(base, {each.key: Placed((), value)}) for value in ends)


def lines(
    spec: Spec,
    prepared: Prepared,
    name: str,
    output: Path,
    chosen: list[Parameter],
    trials: int,
    repeat: int,
    seconds: float,
) -> Iterator[str]:
    """The file, line by line."""
    known = scores(prepared.target)
    metric = "log_loss" if "log_loss" in known else "rmse"
    side = "higher" if higher(metric) else "lower"
    among = 100 * (1 - 0.95**trials)
    yield f"# Made by nnfit init --sweep for {name_of(name)}."
    about = f"about {words_of(seconds)} on one core, by the sizes"
    each = f", each with {repeat} seeds" * (repeat > 1)
    yield f"# {count(trials, 'trial')}{each}, {about}; nnfit check says how long they take here."
    yield f"# Try it: nnfit check {plain(output.name)}, then nnfit sweep {plain(output.name)}."
    yield f"spec: {word(name)}"
    yield f"# Of {trials} points at random, one is of the best 5 % with a chance of {among:.0f} %; more can be added."
    yield f"search: {{method: random, trials: {trials}, seed: 0}}"
    yield "parameters:"
    for key, values, why in chosen:
        yield f"  # {why}"
        if key == LAYERS:
            yield f"  {key}:"
            yield from (f"    - {flow(each)}" for each in values)
        else:
            yield f"  {key}: {flow(values)}"
    rows = count(prepared.sets["train"].n, "row")
    if repeat > 1:
        yield f"# With {rows} to learn from, luck of the seed and of the rows held out decides much: so each trial has"
        yield f"# {repeat} seeds, whose mean is its score, and a third of the trials take as long."
        yield f"repeat: {repeat}"
    elif prepared.sets["train"].n < FEW_ROWS:
        yield f"# With {rows} to learn from, luck decides much. repeat: {SEEDS} would tell, with a third of the trials"
        yield f"# in the same time, once {name_of(name)} has data.split_seed: else each seed draws other test rows."
    yield comment(f"metric: {metric}", f"on {held_out(spec)} rows, not learnt from; {side} is better")
    if spec.data.test is None:
        yield f"# The best of many looks better than it is: data.test in {name_of(name)} would keep rows for it alone."
        if repeat > 1:
            yield "# With several seeds that is a file, or a share with data.split_seed."
