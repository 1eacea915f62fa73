"""A sweep file in, every mistake in it found and told at its place, before anything is trained."""

from __future__ import annotations

import copy
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from nnfit.config import loader
from nnfit.config.document import Document, parts
from nnfit.config.document import Path as Keypath
from nnfit.config.schema import EXTENDS
from nnfit.config.spec import Spec
from nnfit.core.losses import LOSSES
from nnfit.errors import Problem, SpecError, UsageError
from nnfit.scoring.metrics import METRICS
from nnfit.sweeps import space, where
from nnfit.sweeps.halving import Rung, rungs
from nnfit.sweeps.keys import Keys, Range
from nnfit.sweeps.running import held_out
from nnfit.sweeps.sound import of_schema, sound
from nnfit.sweeps.space import Point, Values
from nnfit.sweeps.trials import spec_of, with_values
from nnfit.sweeps.within import of_halving, of_lists, of_ranges, of_search, path_of
from nnfit.words import count, plain, quoted

# Keys that say where a spec writes, and what the metric is of: the same for all trials, or they are not compared.
WRITES = ("output", "training.checkpoint")
ROWS = ("data.train", "data.validation", "data.test", "data.missing_target", "data.split_seed", "training.resample")
TRUTH = ("data.target", "data.weight")
OTHER_ROWS = "it changes the rows that the metric is on, and trials of different rows are not compared"


class Sweep(NamedTuple):
    """A sweep as it was read: what its file says, and the spec it is of, whose paths are relative to `folder`."""

    keys: Keys
    parameters: dict[str, Values]
    document: Document
    base: Document
    folder: Path
    points: list[Point]
    first: Spec  # of the first point

    @property
    def trials(self) -> int:
        """How many trainings it is."""
        return len(self.points) * self.keys.repeat

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The rungs that it is trained in: one, but for successive halving."""
        return rungs(self.keys.search, len(self.points), self.first.training.epochs)


class Placed(NamedTuple):
    """A value of a parameter, and where it stands in the sweep file."""

    at: Keypath
    value: Any


def load_sweep(source: Path | str | Mapping[str, Any] | Document, base: tuple[Document, Path] | None = None) -> Sweep:
    """The sweep of a file, or of a mapping as YAML gives it, whose paths are relative to the current folder.

    A file that is not written yet is given as its document, and so may the spec be, as `base`, with its folder.
    Every mistake in it, and every value of a parameter that its spec would refuse, is listed in one SpecError.
    """
    if isinstance(source, Mapping):
        document, folder = Document(None, loader.plain(source)), Path()
    elif isinstance(source, Document):
        document, folder = source, Path(source.file or "").parent
    elif isinstance(source, str | Path):
        document, folder = loader.parsed(Path(source)), Path(source).parent
    else:
        raise UsageError(Problem("usage", f"a sweep is a path or a mapping, not {type(source).__name__}"))
    if not isinstance(document.value, dict):
        message = "expected a mapping with the keys spec and parameters"
        raise SpecError(document.problem((), "wrong-value", message))
    if {"data", "network", EXTENDS} & set(document.value) and not {"spec", "parameters"} & set(document.value):
        remedy = "train it by nnfit train; nnfit init --sweep proposes a sweep of it"
        raise SpecError(document.problem((), "is-a-spec", "this is a spec, and no sweep file", remedy))
    found = of_schema(document)
    keys, parameters, spec, wrong = sound(document)
    if "search" not in wrong:
        found += [*of_search(document, keys, parameters), *of_halving(document, keys, parameters)]
    found += [*of_ranges(document, keys, parameters), *of_lists(document, parameters)]
    sweep = None
    if base or spec:
        try:
            common, place = base or base_of(document, folder / keys.spec)
        except SpecError as error:
            found += error.problems
        else:
            conditions = of_conditions(document, keys, parameters, common)
            countable = not (found or conditions)
            of_each, fine = of_values(document, common, parameters)
            found += [*conditions, *of_each]
            points, lacking = points_of(document, keys, parameters, common) if countable else ([], [])
            found += lacking
            first = first_of(common, points[0] if points else fine)
            if first is not None:
                sweep = Sweep(keys, parameters, document, common, place, points, first)
                found += [*of_rows(sweep), *of_metric(sweep)]
                found += of_one_rung(sweep) if "search" not in wrong else ()
    if found or sweep is None:
        found = list(dict.fromkeys(found))
        of_base = [problem for problem in found if problem.place.file != document.file]
        own = [problem for problem in found if problem.place.file == document.file]
        raise SpecError(
            *sorted(own, key=lambda problem: (problem.place.line or 0, problem.place.column or 0)), *of_base
        )
    return sweep


def points_of(
    document: Document, keys: Keys, parameters: Mapping[str, Values], base: Document
) -> tuple[list[Point], list[Problem]]:
    """The points that keep what they have to, and what is wrong where not enough do."""
    points = space.points(parameters, keys.search, lambda point: where.keeps(keys.where, point, base.value))
    wanted = (keys.search.trials or 0) if keys.search.drawn else 1
    if len(points) >= wanted:
        return points, []
    message = "no point keeps it" if not points else f"hardly any point keeps it: {len(points)} of {wanted} were found"
    return points, [document.problem(("where",), "no-points", message)]


def of_conditions(document: Document, keys: Keys, parameters: Mapping[str, Values], base: Document) -> list[Problem]:
    """What is wrong with each of the conditions."""
    lists = {key: ends(values) for key, values in parameters.items()}
    written = document.value.get("where")
    return [
        document.problem(("where", i) if isinstance(written, list) else ("where",), "wrong-value", message)
        for i, condition in enumerate(keys.where)
        for message in where.wrong(condition, lists, base.value)
    ]


def ends(values: Values) -> list[Any]:
    """The values of a list; of a range the least and the greatest."""
    if not isinstance(values, Range):
        return values
    return [space.number(values, each) for each in dict.fromkeys((values.min, max(values.min, values.max)))]


def first_of(base: Document, values: Mapping[str, Any]) -> Spec | None:
    """The spec with these values; None where it is refused, which is told elsewhere."""
    try:
        return spec_of(base, values)
    except SpecError:
        return None


def base_of(document: Document, path: Path) -> tuple[Document, Path]:
    """The values of the spec that a sweep is of, and the folder that its paths are relative to."""
    try:
        return loader.read(path)
    except SpecError as error:
        told = (p if p.place.line else document.problem(("spec",), p.code, str(p), p.remedy) for p in error.problems)
        raise SpecError(*told) from None


def of_values(
    document: Document, base: Document, parameters: Mapping[str, Values]
) -> tuple[list[Problem], dict[str, Any]]:
    """What the spec says of each value of each parameter, the others at their first; and values that are fine."""
    found: list[Problem] = []
    usable: dict[str, list[Placed]] = {}
    for key, values in parameters.items():
        problem = of_key(document, key) or of_others(document, key, usable)
        if problem:
            found.append(problem)
            continue
        at: Keypath = ("parameters", key)
        if isinstance(values, Range):
            ends = ("min", "max") if values.min < values.max else ("min",)
            each = [Placed((*at, name), space.number(values, getattr(values, name))) for name in ends]
        else:
            each = [Placed((*at, i), value) for i, value in enumerate(values)]
        first = {name: others[0] for name, others in usable.items()} | {key: each[0]}
        lost = refused(base, first, check=False)  # where the spec has no such place
        if lost:
            found += [problem._replace(place=document.place(at)._replace(key=plain(key))) for problem in lost]
        else:
            usable[key] = each
    first = {key: each[0] for key, each in usable.items()}
    of_first = refused(base, first)
    found += [placed(document, problem, first, "") for problem in of_first]
    if of_first:  # else what is wrong with these would hide what is with others
        first = beside_each_other(base, usable)
    for key, each in usable.items():
        for value in each:
            if value == first.get(key):
                continue
            changed = first | {key: value}
            found += [placed(document, p, changed, key) for p in refused(base, changed) if p not in of_first]
    return list(dict.fromkeys(found)), {key: each.value for key, each in first.items()}


def beside_each_other(base: Document, usable: Mapping[str, Sequence[Placed]]) -> dict[str, Placed]:
    """The first value of each parameter that the spec takes; one without is left out, if no other builds on it."""
    first: dict[str, Placed] = {}
    for key, each in usable.items():
        fine = next((value for value in each if not refused(base, first | {key: value})), None)
        if fine is not None or any(other != key and other.startswith(key) for other in usable):
            first[key] = fine or each[0]
    return first


def of_key(document: Document, key: str) -> Problem | None:
    """What is wrong with the name of a parameter."""
    at = ("parameters", key)
    try:
        path = parts(key, "")
    except SpecError as error:
        return document.problem(at, error.code, error.problems[0].message, error.remedy)
    name = ".".join(path)

    def is_of(keys: Collection[str]) -> bool:
        return any(name == other or name.startswith(f"{other}.") for other in keys)

    if is_of(WRITES) or path[0] == "extends":
        return document.problem(at, "no-parameter", "no score depends on it", "remove it")
    if is_of(ROWS) or name == "data":
        return document.problem(at, "other-rows", OTHER_ROWS, "make one sweep of each")
    if is_of(TRUTH):
        message = "it changes what the metric is of, and trials of different targets or weights are not compared"
        return document.problem(at, "other-rows", message, "make one sweep of each")
    return None


def of_others(document: Document, key: str, before: Collection[str]) -> Problem | None:
    """What is wrong with a parameter beside those before it: it is one of them, or takes away what one has said."""
    for other in before:
        if where.is_part(other, key):
            same = where.is_part(key, other)
            message = f"{quoted(other)} {'is the same key' if same else 'is a part of it, and would be lost'}"
            remedy = "give it once" if same else f"write {quoted(other)} below it"
            return document.problem(("parameters", key), "given-twice", message, remedy)
    return None


def refused(base: Document, values: Mapping[str, Placed], check: bool = True) -> Sequence[Problem]:
    """What the spec is refused for with these values, or by what they cannot be put into it; errors name their keys."""
    try:
        whole = with_values(copy.deepcopy(base), {key: each.value for key, each in values.items()}, list(values))
        if check:
            loader.validate(whole)
    except SpecError as error:
        return error.problems
    return ()


def placed(document: Document, problem: Problem, values: Mapping[str, Placed], varied: str) -> Problem:
    """A problem of a spec at the place of the value that it is of.

    What is wrong elsewhere, by the value of the key that is `varied`, is told there.
    """
    key = problem.place.file if problem.place.file in values else ""
    if key:
        return problem._replace(place=document.place(values[key].at)._replace(key=problem.place.key or plain(key)))
    if not varied:
        return problem
    message = f"with this value, {problem._replace(remedy='')}"
    return problem._replace(message=message, place=document.place(values[varied].at)._replace(key=plain(varied)))


def of_rows(sweep: Sweep) -> Iterator[Problem]:
    """Where the metric of the trials would be on rows learnt from, on others in each, or on none at all."""
    document, first = sweep.document, sweep.first
    if not held_out(first):
        message = "holds no rows out, and a score of rows learnt from says nothing of new ones"
        remedy = "set data.validation: 0.2 in it, or network.members: 5 and training.resample: folds"
        yield document.problem(("spec",), "nothing-held-out", message, remedy)
    if "seed" in sweep.parameters and drawn_by_seed(first):
        remedy = "set data.split_seed in the spec; or write repeat, whose means are compared"
        yield document.problem(("parameters", "seed"), "other-rows", OTHER_ROWS, remedy)
    for key in sweep.parameters:
        if key != "seed" and len({rows_of(sweep, point) for point in of_each_value(sweep, key)}) > 1:
            remedy = "make one sweep of each, or name the keys in it one by one"
            yield document.problem(("parameters", key), "other-rows", OTHER_ROWS, remedy)


def of_metric(sweep: Sweep) -> Iterator[Problem]:
    """A metric of numbers, where the loss is of classes; what only the data say is told when they are read."""
    wanted = sweep.keys.metric
    if wanted in METRICS["regression"] and LOSSES[sweep.first.loss].accepts.high == 1:
        known = ", ".join(METRICS["classification"])
        message, remedy = (
            f"the target has no {wanted}, as its loss {sweep.first.loss} is of classes",
            f"write one of {known}",
        )
        yield sweep.document.problem(("metric",), "wrong-value", message, remedy)


def of_one_rung(sweep: Sweep) -> Iterator[Problem]:
    """Where the first rung of successive halving is said to be the last, too."""
    reach, epochs = sweep.keys.search.epochs, sweep.first.training.epochs
    if sweep.keys.search.method == "halving" and reach is not None and reach >= epochs:
        message = f"the first rung has {count(reach, 'epoch')}, and training.epochs of the spec is {epochs:,}"
        remedy = "give fewer, or leave it out"
        yield sweep.document.problem(("search", "epochs"), "no-effect", message, remedy)


def drawn_by_seed(spec: Spec) -> bool:
    """Whether the seed says which rows the metric is on: a share is drawn, and by no seed of its own."""
    shares = isinstance(spec.data.validation, float) or isinstance(spec.data.test, float)
    return (shares or spec.training.resample == "bootstrap") and spec.data.split_seed is None


def of_each_value(sweep: Sweep, key: str) -> Iterator[Point]:
    """The first point with each value of a key that may say by how many members and how the rows are held out."""
    if path_of(key) in (("network",), ("training",), ("network", "members")):
        yield from {repr(point[key]): sweep.points[0] | {key: point[key]} for point in sweep.points}.values()


def rows_of(sweep: Sweep, point: Point) -> Hashable:
    """What says which rows the metric of a point is on, of what a whole part may change."""
    try:
        spec = spec_of(sweep.base, point)
    except SpecError:  # which its trial is told
        spec = sweep.first
    resample = spec.training.resample
    return resample, spec.network.members if resample == "bootstrap" else 0
