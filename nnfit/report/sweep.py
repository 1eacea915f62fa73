"""The page of a sweep: its best, how much of that may be chance, what mattered, and every trial that went wrong."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from nnfit.progress import tracked
from nnfit.report import figures
from nnfit.report.headline import MEANING, doubt_of
from nnfit.report.leading import leading
from nnfit.report.luck import Luck, drawn, how, luck, numbers, of_lead, of_optimism, of_others
from nnfit.report.page import html
from nnfit.report.parts import Cells, Doubt, Page, Section, Shown, table
from nnfit.report.svg import svg
from nnfit.report.swept import DIVERGED, DONE, FAILED, HALTED, Parameter, Sweep, brief, tails, text
from nnfit.report.varied import Mattered, mattered, parameters, together
from nnfit.words import base, count, digits, plain, short

__all__ = ["Parameter", "Sweep", "page_bytes", "page_of"]

CURVES = 6  # trials whose learning curves are drawn
WRONG = 100  # trials of the table of what went wrong
MESSAGE = 300  # letters of a message
WORDS = {DONE: "done", HALTED: "halted after fewer epochs", DIVERGED: "diverged", FAILED: "failed"}


def page_bytes(sweep: Sweep) -> bytes:
    """The HTML file: the same sweep gives the same bytes. A UsageError where the extra `report` is missing."""
    return html(page_of(sweep))


def page_of(sweep: Sweep) -> Page:
    """The page."""
    chance, found = luck(sweep), mattered(sweep)
    builders: tuple[Callable[[], Section | None], ...] = (
        lambda: headline(sweep, chance, found),
        lambda: leading(sweep, chance),
        lambda: by_chance(sweep, chance),
        lambda: parameters(sweep, found),
        lambda: parallel(sweep, found),
        lambda: together(sweep, found),
        lambda: learning(sweep),
        lambda: wrong(sweep),
        lambda: making(sweep),
    )
    sections = [build() for build in tracked(builders, "sections of the report")]
    named = count(len(sweep.parameters), "parameter") if sweep.parameters else "one spec, repeated"
    trials = f"{count(len(sweep.trials), 'trial')}, {named}"
    return Page(f"A sweep: {base(sweep.name)}", trials, tuple(each for each in sections if each is not None))


# --- in short ------------------------------------------------------------------------------------------------------


def headline(sweep: Sweep, chance: Luck | None, found: Mattered) -> Section:
    """What came out, in sentences for somebody who has not seen the sweep."""
    told = [ran(sweep)]
    if sweep.order:
        told += best(sweep)
        if len(sweep.order) > 1:
            told.append(of_lead(sweep, chance))
        if chance is not None:
            told.append(of_optimism(sweep, chance))
        told += tested(sweep)
        told += found.sentences()
    elif len(sweep.trials):
        told.append("There is no best: no trial has a score that compares.")
    cells = (values(sweep),) if sweep.order and sweep.axes else ()
    return Section("headline", "In short", tuple(told), tuple(doubts(sweep, chance, found)), cells)


def ran(sweep: Sweep) -> str:
    """How many trials there are, and what became of them."""
    n = len(sweep.trials)
    of = f" of {sweep.planned:,} planned" if sweep.planned is not None and sweep.planned > n else ""
    each = f", each {sweep.repeat} times with other {drawn(sweep)}" * (sweep.repeat > 1)
    if not n:
        return "No trial has run yet."
    if not sweep.parameters:
        return f"One spec was trained{f' {sweep.repeat} times, with other {drawn(sweep)}' * (sweep.repeat > 1)}."
    kinds = Counter(sweep.status)
    became = [f"{k:,} {WORDS.get(status, short(status))}" for status, k in sorted(kinds.items(), key=rank)]
    kind = {"grid": "on a grid", "random": "drawn at random", "halving": "by successive halving"}.get(
        sweep.method, "run"
    )
    over = count(len(sweep.parameters), "parameter")
    return f"{count(n, 'trial')}{of}, {kind} over {over}{each}: {', '.join(became)}."


def rank(item: tuple[str, int]) -> tuple[int, str]:
    """The order in which statuses are told."""
    known = list(WORDS)
    return (known.index(item[0]) if item[0] in known else len(known)), item[0]


def best(sweep: Sweep) -> Iterator[str]:
    """The best trial, its score, and what the score is."""
    k = sweep.order[0]
    names, given = tails([each.path for each in sweep.parameters]), sweep.parameters
    with_ = [f"{short(name)} {brief(sweep.trials[each.path].iloc[k])}" for name, each in zip(names, given, strict=True)]
    more = f" and {count(len(with_) - 6, 'other')}" if len(with_) > 6 else ""
    chosen = f", with {', '.join(with_[:6])}{more}" if with_ else ""
    sd = float(sweep.numbers("sd")[k])
    over = (
        f", the mean of {sweep.repeat} repeats (standard deviation {digits(sd)})"
        if sweep.repeat > 1 and sd == sd
        else ""
    )
    way = "the higher, the better" if sweep.higher else "the lower, the better"
    score = f"{short(sweep.metric)} on {sweep.rows} is {digits(float(sweep.score[k]))}{over}; {way}"
    yield f"The best is trial {sweep.number[k]}{chosen}." if sweep.parameters else f"Its {score}."
    if sweep.parameters:
        yield f"Its {score}."
    if sweep.metric in MEANING:
        yield f"{short(sweep.metric)}: {MEANING[sweep.metric]}."


def tested(sweep: Sweep) -> Iterator[str]:
    """The score on the test rows."""
    value = sweep.test.get(sweep.metric)
    if value is None:
        return
    between = f" (95 % interval {digits(sweep.interval[0])} to {digits(sweep.interval[1])})" if sweep.interval else ""
    rows = count(sweep.test_rows, "test row") if sweep.test_rows else "the test rows"
    if sweep.test_chose:
        yield (
            f"On {rows} its {short(sweep.metric)} is {digits(float(value))}{between}: not of new rows, as they were "
            "drawn by the first seed alone, and the others have learnt from them or were scored by them."
        )
        return
    yield (
        f"On {rows}, which chose nothing and were looked at once, by the best alone, its {short(sweep.metric)} is "
        f"{digits(float(value))}{between}: the number to quote."
    )


def values(sweep: Sweep) -> Cells:
    """The best's value of each parameter."""
    k = sweep.order[0]
    rows = [(short(each.path), plain(text(sweep.trials[each.path].iloc[k]))[:MESSAGE]) for each in sweep.parameters]
    return table(f"Trial {sweep.number[k]}, the best", ("parameter", "value"), rows)


def doubts(sweep: Sweep, chance: Luck | None, found: Mattered) -> Iterator[Doubt]:
    """What a reader should be careful about."""
    n = len(sweep.trials)
    if sweep.planned is not None and sweep.planned > n:
        yield Doubt(
            f"{count(sweep.planned - n, 'trial')} of {sweep.planned:,} have not run yet",
            "The same command runs what is missing",
        )
    failed = sum(status == FAILED for status in sweep.status)
    if failed:
        yield Doubt(
            f"{count(failed, 'trial')} failed, and say nothing of their values", "What went wrong is listed below"
        )
    if len(sweep.order) > 1 and not sweep.test:
        yield Doubt(
            "The score of the best has chosen it, so it is too good by chance, and there are no test rows to ask",
            "Give data.test in the spec",
        )
    if len(sweep.order) > 1 and chance is None:
        yield Doubt("How much of the differences is luck is not known", "Set repeat: 5 in the sweep")
    elif chance is not None and (others := of_others(sweep, chance)):
        yield Doubt(others.removesuffix("."), "Prefer the smallest or quickest of these")
    for own in found.at_ends:
        yield Doubt(
            f"The best {short(own.name)}, {own.told(sweep.order[0])}, is at the end of what was tried",
            "Better values may lie beyond: widen the range",
        )
    yield from map(doubt_of, sweep.warnings)


# --- chance, and all at once ------------------------------------------------------------------------------------------


def by_chance(sweep: Sweep, chance: Luck | None) -> Section | None:
    """How much of it the choice has made."""
    if len(sweep.order) < 2:
        return None
    told = [
        "Many trials are scored on the same rows, and the best is kept: a part of its score is that these rows suited "
        "it. So the best of many scores worse on new rows, the more so the more trials there were."
    ]
    if chance is not None:
        told.append(of_optimism(sweep, chance))
    told += how(sweep, chance)
    told += tested(sweep)
    return Section(
        "chance", "How much is chance", tuple(told), cells=(numbers(sweep, chance),) if chance is not None else ()
    )


def parallel(sweep: Sweep, found: Mattered) -> Section | None:
    """All parameters at once."""
    axes = found.axes[:8]
    if len(axes) < 2 or not np.isfinite(sweep.score).any():
        return None
    told = "Each line is a trial: follow it from value to value to its score, the better the higher up."
    left = len(found.axes) - len(axes)
    if left:
        told += f" The {len(axes)} parameters that matter most are shown, {left} left out."
    order = sorted(axes, key=lambda each: [own.path for own in sweep.axes].index(each.path))
    picture = svg(figures.parallel(sweep, order), "parallel", "A line for each trial through its values to its score")
    return Section("parallel", "All at once", (told,), shown=(Shown("parallel", "", "", picture, whole=True),))


def learning(sweep: Sweep) -> Section | None:
    """The learning curves of the best."""
    places = [k for k in sweep.order if sweep.number[k] in sweep.curves and sweep.curves[sweep.number[k]].epochs][
        :CURVES
    ]
    if not places:
        return None
    found = {f"trial {sweep.number[k]}": sweep.curves[sweep.number[k]] for k in places}
    told = "The cost epoch by epoch of the best trials" if len(found) > 1 else "The cost epoch by epoch"
    told += ", by the first of their seeds" * (sweep.repeat > 1)
    told += ": dashed in the rows learnt from, whole in those held out." if len(found) > 1 else "."
    rows = [
        (name, each.epochs[-1], last(each.cost), None if each.validation is None else last(each.validation))
        for name, each in found.items()
    ]
    cells = table(
        "Cost at the last epoch, the mean over members", ("", "epoch", "learnt from", "held out"), rows, folded=True
    )
    picture = svg(figures.curves(found), "curves", "Learning curves of the best trials")
    return Section(
        "learning", "Learning curves", (told,), shown=(Shown("curves", "", "", picture, (cells,), whole=True),)
    )


def last(cost: np.ndarray) -> float | None:
    """The mean of the members' last costs, if it is a number."""
    found = float(np.mean(cost[:, -1]))
    return found if math.isfinite(found) else None


# --- what went wrong, and how it was made --------------------------------------------------------------------------


def wrong(sweep: Sweep) -> Section | None:
    """The trials without a score, with their messages."""
    places = [k for k in range(len(sweep.trials)) if not np.isfinite(sweep.score[k])]
    if not places:
        return None
    messages = [str(each) if each is not None and each == each else "" for each in sweep.column("message", "")]
    said = Counter((sweep.status[k], messages[k]) for k in places)
    told = [f"{count(len(places), 'trial')} of {len(sweep.trials):,} have no score."]
    if sweep.diverged.any():
        told.append("To have diverged is a result: its values are too bold. To have failed says nothing of the values.")
    if len(places) > WRONG:
        told.append(f"The first {WRONG} are listed; trials.csv has all.")
    header = ["trial", *(short(each.name) for each in sweep.axes), "status", "message"]
    rows = [
        [
            sweep.number[k],
            *(short(each.told(k)) for each in sweep.axes),
            short(sweep.status[k]),
            plain(messages[k][:MESSAGE]),
        ]
        for k in places[:WRONG]
    ]
    common = [(short(status), plain(message[:MESSAGE]), n) for (status, message), n in said.most_common(10)]
    listed = table("Trials without a score", header, rows, sortable=True)
    cells = [listed._replace(words=(*listed.words[:-1], True))]
    if 2 * len(said) < len(places):
        cells.insert(0, table("What they say", ("status", "message", "trials"), common))
    return Section("wrong", "What went wrong", tuple(told), cells=tuple(cells))


def making(sweep: Sweep) -> Section:
    """The sweep's file, the spec of the best, counts and time."""
    seconds = sweep.numbers("seconds")
    kinds = Counter(sweep.status)
    rows: list[tuple[str, object]] = [
        ("search", short(sweep.method)),
        ("metric", f"{short(sweep.metric)}, {'higher' if sweep.higher else 'lower'} is better"),
        ("repeats of each trial", str(sweep.repeat)),
        *((f"trials {WORDS.get(status, short(status))}", f"{k:,}") for status, k in sorted(kinds.items(), key=rank)),
    ]
    if np.isfinite(seconds).any():
        rows.append(("seconds of all trials together", f"{np.nansum(seconds):,.1f}"))
    code = [("The sweep's file", sweep.text.rstrip())] * bool(sweep.text)
    code += [("best.yaml, the spec of the best", sweep.best_text.rstrip())] * bool(sweep.best_text)
    told = "Every trial stands in trials.csv, in full precision. The same file and data give the same table."
    return Section(
        "making", "How it was made", (told,), cells=(table("Record", ("", ""), rows),), code=tuple(code), folded=True
    )
