"""The headline in words: what a model predicts, how well on rows it did not learn from, and what to doubt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nnfit.diagnostics.health import Health, stuck
from nnfit.errors import Problem
from nnfit.fit.advice import of_finding
from nnfit.fit.baseline import doubts as of_baseline
from nnfit.model.described import number, shown_metrics
from nnfit.model.learnt import HONEST
from nnfit.model.model import Model
from nnfit.report.parts import Cells, Doubt, Section, percent, table
from nnfit.report.told import LOUD, Metrics, Told
from nnfit.scoring.intervals import level
from nnfit.words import count, listed, short, sizes

FEW = 50  # rows below which an interval is too wide to decide much
MEANING = {
    "loss": "what training made small, in its own units",
    "accuracy": "share of rows whose predicted class is the true one",
    "log_loss": "mean of −ln p of the true class: the smaller, the better the probabilities",
    "f1_macro": "mean over the classes of the harmonic mean of precision and recall",
    "roc_auc": "chance that a row of the class gets a higher probability than one of another",
    "rmse": "root of the mean squared error, in the target's unit",
    "mae": "mean absolute error, in the target's unit",
    "r2": "share of the target's variance that the predictions explain; 0 is what its mean would reach",
}


def headline(model: Model, told: Told | None, warnings: Iterable[Problem] = ()) -> Section:
    """The first section of a page."""
    text = (what(model), *(sentences(model, told) if told is not None else [NOTHING]))
    found = tuple(dict.fromkeys(doubtful(model, told, warnings)))
    return Section("headline", "In short", text, found, () if told is None else (measures(told, prior_of(model)),))


NOTHING = "How well is not known: the model was saved without metrics. Give a table with its target by --data."


def what(model: Model) -> str:
    """What is predicted, from what, by what."""
    target, M = model.target, len(model.theta)
    names, columns = listed(target.columns), count(len(model.features), "column")
    kinds = {
        "regression": f"{names}, a number" if len(target.columns) == 1 else f"the numbers {names}",
        "multilabel": f"{names}, each 0 or 1",
    }
    thing = kinds.get(target.task, f"{names}, one of {len(target.classes)} classes")
    neurons = f"{sizes(model.network.N)} neurons"
    network = f"a network of {neurons}" if M == 1 else f"{M} networks of {neurons}"
    average = ", whose outputs are averaged" if M > 1 else ""
    return f"Predicts {thing}, from {columns} by {network}{average}."


def sentences(model: Model, told: Told) -> Iterator[str]:
    """How well, with the interval, beside those that know less."""
    first, second = ("rmse", "r2") if model.target.task == "regression" else ("accuracy", "log_loss")
    if told.metrics.get(first) is not None:
        yield f"On {told.words}, {claim(model, told, first)}"
    if told.metrics.get(second) is not None:
        yield claim(model, told, second)
    yield from others(model, told, first)
    yield from verdicts(model)


def claim(model: Model, told: Told, metric: str) -> str:
    """A metric as a sentence, with its interval and those of the prior and of the linear model."""
    value, ends = told.metrics[metric], told.intervals.get(metric)
    between = (
        f" (95 % interval {shown(metric, ends[0])} to {shown(metric, ends[1])})" if ends and None not in ends else ""
    )
    of, over = (", the mean over the targets,", " and over the targets") if len(model.target.columns) > 1 else ("", "")
    if metric == "r2" and value < 0:
        return f"That is worse than the mean of these rows: R²{of} = {shown('', value)}{between}."
    text = {
        "accuracy": f"the predicted class{of} is right in {shown(metric, value)}{between}",
        "log_loss": f"Its log-loss, the mean of −ln p of the true class{over}, is {shown(metric, value)}{between}",
        "rmse": f"its typical error (root mean square){of} is {shown(metric, value)}{between}",
        "r2": f"It explains {shown(metric, value)} of the target's variance{of}{between}",
    }[metric]
    less = [f"{prior_of(model)} alone: {shown(metric, told.trivial[metric])}"] if known(told.trivial, metric) else []
    less += (
        [f"a linear model: {shown(metric, told.linear[metric])}"] if told.linear and known(told.linear, metric) else []
    )
    return f"{text}. {capital(', '.join(less))}." if less and metric != "r2" else f"{text}."


def prior_of(model: Model) -> str:
    """What is known without any input."""
    return "the class frequencies" if model.classes else "the mean of the training rows"


def shown(metric: str, value: float) -> str:
    """A metric in a sentence: shares in percent."""
    text = percent(value) if metric in ("accuracy", "r2") else number(value)
    return text.replace("-", "−")


def known(metrics: Metrics, metric: str) -> bool:
    """Whether a set of rows has a metric."""
    return metrics.get(metric) is not None


def others(model: Model, told: Told, metric: str) -> Iterator[str]:
    """The same metric of the other rows that the model did not learn from."""
    metrics, rows = model.record.get("metrics", {}), model.record.get("rows", {})
    found = [
        f"{shown(metric, metrics[name][metric])} on {count(int(rows.get(name, 0)), name.replace('_', '-') + ' row')}"
        for name in HONEST
        if name in metrics and metrics[name] != told.metrics and known(metrics[name], metric)
    ]
    if found:
        yield f"Its training has also measured {metric.upper() if metric == 'rmse' else metric}: {', '.join(found)}."


def verdicts(model: Model) -> Iterator[str]:
    """Whether it is better than those that know less by more than chance, as training has compared them."""
    found = model.record.get("compared")
    if not isinstance(found, dict):
        return
    words = {
        "better": "better than {}",
        "worse": "worse than {}",
        "level": "no more apart from {} than by chance",
        "equal": "equal to {}",
    }
    names = {"trivial": prior_of(model), "linear": "the linear model"}
    told_of = [
        words[found[key]["verdict"]].format(name)
        for key, name in names.items()
        if isinstance(found.get(key), dict) and found[key].get("verdict") in words
    ]
    if told_of:
        rows = str(found.get("rows", "")).replace("_", "-")
        yield f"When it was trained, row by row on its {rows} rows, it was {' and '.join(told_of)}."


def measures(told: Told, prior: str) -> Cells:
    """The metrics with what they mean."""
    sets = [told.metrics, told.trivial, *([told.linear] if told.linear else [])]
    less = [prior, *["linear model"] * bool(told.linear)]
    header = ["metric", "this model", f"{level(told.n)} interval", *less, "what it is"]
    rows = []
    for name in shown_metrics([dict(each) for each in sets]):
        ends = told.intervals.get(name)
        between = f"{number(ends[0])} to {number(ends[1])}" if ends and ends[0] is not None else ""
        others = [number(each.get(name)) for each in sets[1:]]
        rows.append([name, number(told.metrics.get(name)), between, *others, MEANING.get(name, "")])
    return table(f"Metrics on {told.words}", header, rows)


def doubtful(model: Model, told: Told | None, warnings: Iterable[Problem]) -> Iterator[Doubt]:
    """What a reader should be careful about."""
    if told is not None:
        if told.honest is False and not told.doubts:
            message = "The model has learnt from all of these rows: they say nothing of how well it does on new ones"
            yield Doubt(message, "Train with data.test, or training.resample: folds", loud=True)
        if told.honest is None:
            yield Doubt(
                "Whether the model has learnt from these rows is not known: the training file is not found as it was",
                "",
            )
        yield from map(doubt_of, told.doubts)
        if 0 < told.n < FEW:
            yield Doubt(f"So few rows ({told.n}) leave wide intervals: another such sample may say otherwise", "")
    if "compared" in model.record:
        yield from map(doubt_of, of_baseline(model))
    seen = model.aggregates
    if seen is not None:
        yield from of_health(model, seen.health)
    yield from map(doubt_of, warnings)


def of_health(model: Model, health: Health) -> Iterator[Doubt]:
    """The layers of which many units do not learn."""
    return (doubt_of(of_finding(finding, model.spec.training.optimizer)) for finding in stuck(health))


def doubt_of(problem: Problem) -> Doubt:
    """A warning as the page tells it."""
    return Doubt(capital(problem.message), capital(problem.remedy), problem.code in LOUD)


def capital(text: str) -> str:
    """A sentence that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def title_of(model: Model) -> str:
    """The title of a page: what is predicted."""
    return f"A model of {', '.join(map(short, model.target.columns[:3]))}" + ", …" * (len(model.target.columns) > 3)
