"""Several models side by side: their metrics, what is different between them, and whether that is more than chance."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nnfit.config.build import dump
from nnfit.errors import Problem
from nnfit.model.compare import Comparison
from nnfit.model.described import shown_metrics
from nnfit.model.model import Model
from nnfit.report.headline import capital, what
from nnfit.report.network import learning
from nnfit.report.parts import Cells, Doubt, Page, Section, table
from nnfit.report.told import LOUD, of_training
from nnfit.words import base, count, digits, short, sizes

DIFFERENCES = 40  # keys of the specs that differ


def page_of(models: Mapping[str, Model], found: Comparison | None, file: str = "") -> Page:
    """The page of several models; with a comparison, on the rows of that file."""
    sections = [short_of(models, found, file), *([pairs(models, found)] if found is not None else [])]
    curves = learning(models)
    sections += [*([curves] if curves is not None else []), differing(models)]
    return Page(f"{len(models)} models", ", ".join(map(short, models)), tuple(sections))


def short_of(models: Mapping[str, Model], found: Comparison | None, file: str) -> Section:
    """What each predicts, and the metrics side by side."""
    text = tuple(f"{short(name)}: {what(model)}" for name, model in models.items())
    if found is not None:
        cells = [beside(models, found.metrics, f"Metrics on {count(found.rows, 'row')} of {base(file)}")]
        doubts = [doubt_of(problem) for problem in found.warnings]
        unknown = [name for name, counts in zip(models, found.learnt, strict=True) if counts is None]
        if unknown:
            which = ", ".join(map(short, unknown))
            message = f"Whether these rows were learnt from is not known of {which}: the training file is not found"
            doubts.append(Doubt(message, ""))
    else:
        told = [of_training(model) for model in models.values()]
        metrics = [dict(each.metrics) if each is not None else {} for each in told]
        rows = [each.words if each is not None else "not known" for each in told]
        cells = [beside(models, metrics, "Metrics of each model on rows of its own", rows)]
        doubts = [Doubt(apart(models, rows), "Give the rows of one table by --data to compare in pairs")]
    return Section("headline", "In short", text, tuple(doubts), tuple(cells))


def doubt_of(problem: Problem) -> Doubt:
    """What is to be said of the rows, with the models that it is said of."""
    of = f"{problem.place.key}: " if problem.place.key else ""
    return Doubt(f"{of}{problem.message}", capital(problem.remedy), problem.code in LOUD)


def apart(models: Mapping[str, Model], rows: Sequence[str]) -> str:
    """What is to be known of scores that were taken apart."""
    files = {model.record.get("data_sha256") for model in models.values()}
    if len(files) == 1 and len(set(rows)) == 1 and None not in files:
        return "Each was scored when it was trained, on rows of the same table, and not row by row beside the other"
    return "These are not the same rows: what differs may be the rows and not the models"


def beside(
    models: Mapping[str, Model], metrics: Sequence[Mapping[str, Any]], caption: str, rows: Sequence[str] = ()
) -> Cells:
    """The metrics of each model, a line each."""
    names = shown_metrics([dict(each) for each in metrics])
    body = [
        [short(name), sizes(model.network.N), *(each.get(metric) for metric in names), *([rows[k]] if rows else [])]
        for k, ((name, model), each) in enumerate(zip(models.items(), metrics, strict=True))
    ]
    return table(caption, ["model", "neurons", *names, *["rows"] * bool(rows)], body, sortable=True)


def pairs(models: Mapping[str, Model], found: Comparison) -> Section:
    """The differences in pairs of models, with their intervals."""
    names = [short(name) for name in models]
    rows = [
        (
            names[each.models[0]],
            names[each.models[1]],
            each.metric,
            each.difference,
            "" if each.low is None or each.high is None else f"{digits(each.low)} to {digits(each.high)}",
            each.word,
        )
        for each in found.differences
    ]
    text = (
        "The first less the second, row by row on the same rows, with the 95 % interval of that difference over "
        "samples of such rows.",
        "The word asks for more than that interval: for what another seed, or the luck of many pairs, would not bring.",
    )
    header = ("first", "second", "metric", "difference", "95 % interval", "the first is")
    return Section("pairs", "In pairs", text, cells=(table("Differences", header, rows, sortable=True),))


def differing(models: Mapping[str, Model]) -> Section:
    """The keys in which the specs differ."""
    each = [dict(flat(dump(model.spec))) for model in models.values()]
    keys = [
        key
        for key in dict.fromkeys(key for spec in each for key in spec)
        if len({spec.get(key, "") for spec in each}) > 1
    ]
    rows = [[key, *(short(spec.get(key, "")) for spec in each)] for key in keys[:DIFFERENCES]]
    text = (
        f"{count(len(keys), 'key')} of the resolved specs differ"
        + f", of which the first {DIFFERENCES} are shown" * (len(keys) > DIFFERENCES)
    )
    return Section(
        "specs",
        "What is different",
        (f"{text}.",),
        cells=(table("Keys that differ", ["key", *map(short, models)], rows),),
    )


def flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The leaves of a spec by their dotted path, each as JSON."""
    if isinstance(value, dict | list) and value:
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from flat(part, f"{path}.{short(str(key))}" if path else short(str(key)))
    else:
        yield path, json.dumps(value, ensure_ascii=False)
