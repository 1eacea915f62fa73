"""What a sweep file says against itself, whatever spec it is of: its search, its ranges and its lists."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from nnfit.config.document import Document, parts
from nnfit.errors import Problem, SpecError
from nnfit.sweeps import space
from nnfit.sweeps.keys import Keys, Range
from nnfit.sweeps.space import Values
from nnfit.words import count

MOST_TRIALS = 100_000


def of_search(document: Document, keys: Keys, parameters: Mapping[str, Values]) -> Iterator[Problem]:
    """What the search says against itself."""
    method, drawn = keys.search.method, keys.search.drawn
    if method == "random" and keys.search.trials is None:
        remedy = "add trials: 60"
        yield document.problem(("search",), "missing-key", "random draws without end", remedy)
    if method == "grid" and keys.search.trials is not None:
        message, remedy = "a grid has as many trials as its values make", "remove it, or set method: random"
        yield document.problem(("search", "trials"), "no-effect", message, remedy)
    n = space.count(parameters, keys.search) * keys.repeat
    if n > MOST_TRIALS:
        message = f"these are {count(n, 'trial')}, and more than {MOST_TRIALS:,} are refused"
        at, remedy = (
            (("search", "trials"), "give fewer trials")
            if drawn
            else (("parameters",), "give fewer values, or draw some of them: search: {method: random, trials: 60}")
        )
        if keys.repeat > 1 and n > MOST_TRIALS * keys.repeat:
            remedy += f"; each is trained {keys.repeat} times"
        elif keys.repeat > 1:
            at, remedy = ("repeat",), "repeat fewer times"
        yield document.problem(at, "too-large", message, remedy)


def of_halving(document: Document, keys: Keys, parameters: Mapping[str, Values]) -> Iterator[Problem]:
    """What only successive halving has, or has not."""
    if keys.search.method != "halving":
        for name in ("factor", "epochs"):
            if name in document.value.get("search", {}):
                message, remedy = f"{keys.search.method} drops no trial on its way", "remove it, or set method: halving"
                yield document.problem(("search", name), "no-effect", message, remedy)
        return
    for key in parameters:
        path = path_of(key)
        if path in (("training",), ("training", "epochs")):
            message = "halving gives trials more and more epochs up to training.epochs, which are the same for all"
            remedy = "set training.epochs in the spec" if len(path) > 1 else "name the keys of training one by one"
            yield document.problem(("parameters", key), "no-parameter", message, remedy)


def path_of(key: str) -> tuple[str, ...]:
    """The parts of a key; none of what is no key, which is told elsewhere."""
    try:
        return tuple(parts(key, ""))
    except SpecError:
        return ()


def of_ranges(document: Document, keys: Keys, parameters: Mapping[str, Values]) -> Iterator[Problem]:
    """What ranges say against themselves, and against the search."""
    for key, values in parameters.items():
        if not isinstance(values, Range):
            continue
        at = ("parameters", key)
        if values.min >= values.max:
            message = f"max {values.max:g} is not above min {values.min:g}"
            yield document.problem((*at, "max"), "wrong-value", message, "write the greater one as max")
        if values.scale == "log" and values.min <= 0:
            message = f"a logarithm has no value at {values.min:g}"
            yield document.problem((*at, "min"), "wrong-value", message, "begin above 0, or set scale: linear")
        if values.scale == "log" and values.step is not None:
            message = "steps are even, and on a scale of logarithms they are not"
            yield document.problem((*at, "step"), "no-effect", message, "give a list of values")
        elif not keys.search.drawn and values.step is None:
            message, remedy = "a grid has no value of a range without steps", "add step, give a list, or draw at random"
            yield document.problem(at, "missing-key", message, remedy)
        if values.type == "integer":
            for name in ("min", "max", "step"):
                value = getattr(values, name)
                if value is not None and value != math.floor(value):
                    message = f"expected a whole number, got {value:g}"
                    yield document.problem((*at, name), "wrong-value", message, "or set type: number")


def of_lists(document: Document, parameters: Mapping[str, Values]) -> Iterator[Problem]:
    """The values that stand twice in a list, each a trial that would be counted twice."""
    for key, values in parameters.items():
        before: dict[str, int] = {}
        for i, value in enumerate(values if isinstance(values, list) else ()):
            earlier = before.setdefault(alike(value), i)
            if earlier != i:
                message = f"value {i + 1} of the list is the same as value {earlier + 1}"
                yield document.problem(("parameters", key, i), "given-twice", message, "give each once")


def alike(value: Any) -> str:
    """A text that is the same for values that are: 1 and 1.0 are, and keys in another order."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict):
        return f"{{{','.join(sorted(f'{json.dumps(key)}:{alike(part)}' for key, part in value.items()))}}}"
    if isinstance(value, list):
        return f"[{','.join(map(alike, value))}]"
    return json.dumps(value, default=repr)
