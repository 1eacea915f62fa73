"""The headline in words: what a model predicts, how well on rows it did not learn from, and what to doubt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nnfit.diagnostics.health import stuck
from nnfit.errors import Problem
from nnfit.fit.advice import worded
from nnfit.fit.baseline import doubts as of_baseline
from nnfit.model.described import number, shown_metrics
from nnfit.model.model import Model
from nnfit.report.parts import Cells, Doubt, Section, percent, table
from nnfit.report.told import Told
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
    return Section("headline", "In short", text, found, () if told is None else (measures(told),))


NOTHING = "How well is not known: the model was saved without metrics. Give a table with its target by --data."


def what(model: Model) -> str:
    """What is predicted, from what, by what."""
    target, M = model.target, len(model.theta)
    names, columns = listed(target.columns), count(len(model.features), "column")
    kinds = {
        "regression": f"{names}, a number" if len(target.columns) == 1 else f"the numbers {names}",
        "multilabel": f"{names}, each 0 or 1",
    }
    thing = kinds.get(
        target.task, f"{names}, one of {count(len(target.classes), 'class').replace('classs', 'classes')}"
    )
    network = (
        f"a network of {sizes(model.network.N)} neurons"
        if M == 1
        else f"{M} networks of {sizes(model.network.N)} neurons"
    )
    average = ", whose outputs are averaged" if M > 1 else ""
    return f"Predicts {thing}, from {columns} by {network}{average}."


def sentences(model: Model, told: Told) -> Iterator[str]:
    """How well, with the interval, beside those that know less."""
    names = ("rmse", "r2") if model.target.task == "regression" else ("accuracy", "log_loss")
    first, second = names
    if told.metrics.get(first) is not None:
        yield f"On {told.words}, {claim(model, told, first)}"
    if told.metrics.get(second) is not None:
        yield claim(model, told, second)
    yield from verdicts(model, told)


def claim(model: Model, told: Told, metric: str) -> str:
    """A metric as a sentence, with its interval and those of the prior and of the linear model."""
    shown = percent if metric in ("accuracy", "r2") else number
    value, ends = shown(told.metrics[metric]), told.intervals.get(metric)
    between = f" (95 % interval {shown(ends[0])} to {shown(ends[1])})" if ends and ends[0] is not None else ""
    several = len(model.target.columns) > 1
    of = ", the mean over the targets," * several
    start = {
        "accuracy": f"the predicted class is right in {value}{between}",
        "log_loss": f"Its log-loss, the mean of −ln of the true class's probability, is {value}{between}",
        "rmse": f"its typical error (root mean square){of} is {value}{between}",
        "r2": f"It explains {value} of the target's variance{between}",
    }[metric]
    prior = (
        "the mean of the training rows alone" if model.target.task == "regression" else "the class frequencies alone"
    )
    others = [f"{prior}: {shown(told.trivial[metric])}"] if told.trivial.get(metric) is not None else []
    if told.linear and told.linear.get(metric) is not None:
        others.append(f"a linear model: {shown(told.linear[metric])}")
    beside = ", ".join(others)
    return f"{start}. {beside[:1].upper()}{beside[1:]}." if others and metric != "r2" else f"{start}."


def verdicts(model: Model, told: Told) -> Iterator[str]:
    """Whether it is better than those that know less by more than chance, where training has compared them."""
    found = model.record.get("compared")
    if not isinstance(found, dict) or (told.linear is None and not told.trivial):
        return
    words = {
        "better": "better than {}",
        "worse": "worse than {}",
        "level": "no more apart from {} than by chance",
        "equal": "equal to {}",
    }
    names = {"trivial": "the class frequencies" if model.classes else "the mean", "linear": "the linear model"}
    told_of = [
        words[found[key]["verdict"]].format(name)
        for key, name in names.items()
        if isinstance(found.get(key), dict) and found[key].get("verdict") in words
    ]
    if told_of:
        rows = str(found.get("rows", "")).replace("_", " ")
        yield f"Row by row on the {rows} rows of its training, it is {' and '.join(told_of)}."


def measures(told: Told) -> Cells:
    """The metrics with what they mean."""
    sets = [told.metrics, told.trivial, *([told.linear] if told.linear else [])]
    header = ["metric", "this model", "95 % interval", "prior", *["linear"] * bool(told.linear), "what it is"]
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
            yield Doubt(message, "train with data.test, or training.resample: folds", loud=True)
        if told.honest is None:
            yield Doubt(
                "Whether the model has learnt from these rows is not known: the training file is not found as it was",
                "",
            )
        loud = ("learnt-from", "watched")
        yield from (Doubt(capital(p.message), p.remedy, p.code in loud) for p in told.doubts)
        if 0 < told.n < FEW:
            yield Doubt(
                f"{count(told.n, 'row')} are few: the intervals are wide, and another such sample may say otherwise", ""
            )
    if "compared" in model.record:
        yield from (Doubt(capital(problem.message), problem.remedy) for problem in of_baseline(model))
    seen = model.aggregates
    for finding in stuck(seen.health) if seen is not None else ():
        problem = worded(finding, model.spec.training.optimizer)
        yield Doubt(f"Layer {finding.layer}: {problem.message}", problem.remedy)
    yield from (Doubt(capital(problem.message), problem.remedy) for problem in warnings)


def capital(text: str) -> str:
    """A sentence that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def title_of(model: Model) -> str:
    """The title of a page: what is predicted."""
    return f"A model of {', '.join(map(short, model.target.columns[:3]))}" + ", …" * (len(model.target.columns) > 3)
