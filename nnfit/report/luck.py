"""How much of the score of a sweep's best, and of its lead, may be luck: by rows, by their noise, or by the repeats."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np

from nnfit.data.scales import Floats
from nnfit.report.parts import Cells, percent, table
from nnfit.report.swept import Sweep
from nnfit.scoring.comparison import sure
from nnfit.scoring.selection import FEWEST, RESAMPLES, Scores, Selection, by_noise, noise, selection
from nnfit.words import count, digits

NOT_KNOWN = "How much of its score is luck is not known"
EQUAL = ", if all near it are equally good"
POOLED = 20  # trials, at most, whose noise is pooled: the better half


class Luck(NamedTuple):
    """What is known of the luck of the best, `by` what, in the metric's unit.

    `optimism` is how much better than it is the best looks; by rows an estimate, else the most that chance gives in the
    mean, of `running` trials in the running whose scores have the standard error `error`. `half` (n,) are half the
    widths of the intervals of the difference to the best, all of which together hold 95 times in 100 (Bonferroni): the
    best of many equal trials is far ahead of most. `chosen` (n,), by rows, is the share of resamples in which a trial
    is it.
    """

    by: Literal["rows", "noise", "repeats"]
    optimism: float
    half: Floats
    chosen: Floats | None = None
    running: int = 0
    error: float = math.nan
    groups: int = 0

    def expected(self, sweep: Sweep) -> float:
        """What the best is to be expected to have on new rows."""
        score = float(sweep.score[sweep.order[0]])
        return score - self.optimism if sweep.higher else score + self.optimism


def luck(sweep: Sweep) -> Luck | None:
    """The luck of the best of two trials or more that are done; None where nothing tells of it.

    Of repeats whose rows are known both the rows and the seeds may have chosen: what is told is the greater.
    """
    if len(sweep.order) < 2:
        return None
    better = sweep.order[: max(2, min(POOLED, len(sweep.order) // 2))]
    found = [of_scores(sweep, better), of_repeats(sweep, better) if sweep.repeat > 1 else None]
    return max((each for each in found if each is not None), key=lambda each: each.optimism, default=None)


def of_scores(sweep: Sweep, better: list[int]) -> Luck | None:
    """What the scores of rows say: those of all, drawn again, or the noise of some."""
    scores, places = covered(sweep)
    if scores is not None and len(places) == len(sweep.order) and not sweep.halted.any():
        found = selection(scores, sweep.higher, best=places.index(sweep.order[0]))
        if found is not None:
            return by_rows(sweep, found, places, scores.values.shape[1])
    if scores is not None and scores.values.shape[1] >= FEWEST:
        chosen = [i for i, place in enumerate(places) if place in better]
        s, T, G = noise(scores._replace(values=scores.values[chosen])), len(chosen), scores.values.shape[1]
        if math.isfinite(s):
            return of_error(sweep, s, "noise", (T - 1) * (G - 1), G)
    return None


def of_repeats(sweep: Sweep, better: list[int]) -> Luck | None:
    """What the repeats of the better trials say: those of bad ones spread more.

        s² = (1/R + r) v,   v the variance over the R repeats, r rows held out by rows learnt from

    Repeats that draw their rows from one table share most of them, so that their mean is not as sure as 1/R would have
    it (Nadeau and Bengio 2003). Where the repeats are known one by one, v is without what they do to all trials alike.
    """
    R, sd = sweep.repeat, sweep.numbers("sd")[better]
    v, free = np.nanmean(sd**2) if np.isfinite(sd).any() else math.nan, len(better) * (R - 1)
    if sweep.repeats is not None and np.isfinite(sweep.repeats[better]).all():
        v, free = R * noise(Scores(sweep.repeats[better], np.ones(R))) ** 2, (len(better) - 1) * (R - 1)
    if not math.isfinite(v):
        return None
    return of_error(sweep, math.sqrt(float(v) * (1 / R + sweep.redrawn)), "repeats", free, R)


def covered(sweep: Sweep) -> tuple[Scores | None, list[int]]:
    """The scores of rows of the trials that are done, and the places of these in the table."""
    if sweep.scores is None:
        return None, []
    place = {number: k for k, number in enumerate(sweep.number)}
    finite = np.atleast_1d(np.isfinite(sweep.scores.values).all(axis=1))
    kept = [i for i, each in enumerate(sweep.scored) if finite[i] and each in place and sweep.done[place[each]]]
    places = [place[sweep.scored[i]] for i in kept]
    return sweep.scores._replace(values=sweep.scores.values[kept]), places


def by_rows(sweep: Sweep, found: Selection, places: list[int], G: int) -> Luck:
    """What the resampled rows say."""
    half, chosen = np.full(len(sweep.score), np.nan), np.zeros(len(sweep.score))
    half[places] = sure(G, len(places) - 1) * found.error
    chosen[places] = found.chosen
    return Luck("rows", found.optimism, half, chosen, groups=G)


def of_error(sweep: Sweep, s: float, by: Literal["noise", "repeats"], free: int, G: int) -> Luck:
    """What a standard error of the scores says, of so many degrees of freedom.

    Trials that were halted may have been in the running, too.
    """
    score = np.where(sweep.done, sweep.score, np.nan)
    halted = np.full(int(sweep.halted.sum()), score[sweep.order[0]])
    optimism, running = by_noise(np.r_[score, halted], s, sweep.higher)
    half = np.where(sweep.done, sure(free + 1, len(sweep.order) - 1) * math.sqrt(2) * s, np.nan)
    half[sweep.order[0]] = 0.0
    return Luck(by, optimism, half, None, running, s, G)


def unknown(sweep: Sweep) -> str:
    """The sentence where nothing tells of luck: why, and what would."""
    if sweep.rows_of_another:
        why = "a trial keeps its scores by rows for the metric that it was trained under, and this was another"
        return f"{NOT_KNOWN}: {why}. A new folder would tell, or repeat: 5."
    if sweep.scores is not None:
        return f"{NOT_KNOWN}: the rows are too few. repeat: 5 would tell."
    return f"{NOT_KNOWN}: repeat: 5 would tell, or, in a new folder, a metric that is a mean over rows."


def rounded(sweep: Sweep, found: Luck) -> tuple[str, str]:
    """The optimism to two digits, and what is to be expected to as many decimals: what is known no better than that."""
    size = max(found.optimism, 0.0)
    if size == 0:
        return digits(size), digits(found.expected(sweep))
    size = float(f"{size:.1e}")
    decimals = 1 - math.floor(math.log10(size))
    expected = found.expected(sweep)
    shown = digits(expected) if decimals > 4 else f"{round(expected, decimals):.{max(decimals, 0)}f}"
    return f"{size:.{max(decimals, 0)}f}", shown


def behind(sweep: Sweep) -> Floats:
    """How far each trial (n,) is behind the best."""
    found: Floats = sweep.score - sweep.score[sweep.order[0]]
    return -found if sweep.higher else found


def of_lead(sweep: Sweep, found: Luck | None) -> str:
    """The sentence about the next trial, and whether its distance is more than chance."""
    second = sweep.order[1]
    lead = float(behind(sweep)[second])
    if lead <= 0:
        return f"Trial {sweep.number[second]} scores the same: the first in order is called the best."
    start = f"Trial {sweep.number[second]} is next, {digits(lead)} behind"
    if found is None:
        return f"{start}; whether that is more than chance is not known."
    much = "more" if lead > found.half[second] else "no more"
    if found.chosen is not None:
        other = 1 - float(found.chosen[sweep.order[0]])
        return (
            f"{start}: {much} than the chance of the rows explains. When other such rows are drawn, another trial "
            f"comes first in {percent(other)} of the draws."
        )
    return f"{start}: {much} than the chance of the {'rows' if found.by == 'noise' else drawn(sweep)} explains."


def drawn(sweep: Sweep) -> str:
    """What differs between repeats."""
    return "seeds and splits" if sweep.redrawn else "seeds"


def apart(sweep: Sweep, found: Luck) -> int:
    """How many trials are not told apart from the best."""
    near = behind(sweep) <= found.half
    return int(near[sweep.order[1:]].sum())


def of_optimism(sweep: Sweep, found: Luck) -> str:
    """The sentence about the score of the best."""
    n, (size, expected) = len(sweep.order), rounded(sweep, found)
    if found.by == "rows":
        if found.optimism <= 0:
            return f"That it is the best of {n:,} has not made its score better than it is, as far as these rows tell."
        return (
            f"As the best of {n:,} it looks better than it is, by about {size}: expect about {expected} on new rows, "
            f"with {sweep.fixed}, whose luck is not in it."
        )
    source = "the noise of the rows" if found.by == "noise" else f"the spread over {sweep.repeat} repeats"
    rows = "new rows" if found.by == "noise" or sweep.redrawn else "these rows by other seeds"
    halted = int(sweep.halted.sum())
    among = f"{n:,}, and of {halted:,} that were halted before," if halted else f"{n:,}"
    ends = digits(float(sweep.score[sweep.order[0]])), expected
    return (
        f"As the best of {among} it looks better than it is: by {size} in the mean if all near it are equally good, by "
        f"less if they are not, judged by {source}: expect between {ends[0]} and {ends[1]} on {rows}."
    )


def of_others(sweep: Sweep, found: Luck) -> str:
    """The sentence about how many others may as well be the best."""
    near = apart(sweep, found)
    return f"{count(near, 'trial')} cannot be told apart from the best." if near else ""


def how(sweep: Sweep, found: Luck | None) -> tuple[str, ...]:
    """How that was computed, for who wants to know."""
    if found is None:
        return (unknown(sweep),)
    running = f"the {found.running} trials in the running" if found.running > 1 else "one trial, as no other is near"
    if found.by == "rows":
        return (
            f"The rows (in {found.groups:,} groups, the same for all trials) are drawn with replacement {RESAMPLES:,} "
            "times. Each time the best is chosen on what is drawn and scored on what is not, which had no say; the "
            "mean of these scores is what to expect (Tsamardinos and others 2018). It tells of other rows, and not of "
            f"the luck of {sweep.fixed}.",
        )
    if found.by == "noise":
        source = (
            f"A score has a standard error of {digits(found.error)} from the rows, without what is hard for all trials"
        )
    else:
        source = (
            f"The mean of {sweep.repeat} repeats has a standard error of {digits(found.error)}, from how much they "
            "spread in the better trials"
        )
        if sweep.redrawn:
            source += ", and from how many rows the repeats share (Nadeau and Bengio 2003)"
        else:
            source += ": it tells of other seeds, and not of other rows"
    return (
        f"{source}. If {running} were all equally good, the luckiest would look better by that times the expected "
        "largest of as many normal numbers (Harter 1961). They are not, so this is about the most that chance gives in "
        "the mean.",
    )


def numbers(sweep: Sweep, found: Luck) -> Cells:
    """What is known, as a table."""
    best, second = sweep.order[:2]
    rows: list[tuple[str, object]] = [
        ("score of the best", float(sweep.score[best])),
        ("optimism" + EQUAL * (found.by != "rows"), found.optimism),
        ("to be expected" + EQUAL * (found.by != "rows"), found.expected(sweep)),
        ("lead over the next", float(behind(sweep)[second])),
        ("half of the interval of that lead, 95 % with all others", float(found.half[second])),
        ("trials not told apart from the best", apart(sweep, found)),
    ]
    if found.chosen is not None:
        rows.append(("draws of the rows in which it comes first", percent(float(found.chosen[best]))))
    else:
        rows.append(("trials in the running", found.running))
        rows.append(("standard error of a score", found.error))
    return table(f"The best of {count(len(sweep.order), 'trial')}", ("", sweep.metric), rows)
