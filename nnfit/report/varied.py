"""What the parameters of a sweep do to its score: which matter, each alone, and the two that matter most together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from nnfit.report import figures
from nnfit.report.parts import Cells, Section, Shown, percent, table
from nnfit.report.svg import svg
from nnfit.report.swept import Axis, Sweep
from nnfit.scoring.effects import Effect, effects, interaction
from nnfit.words import count, plain, short

PICTURES = 12  # parameters that are drawn, those that matter most
ENDS = 0.05  # of a range, at each end, at which the best may be cut short
VALUE = 300  # letters of a value in a table


class Mattered(NamedTuple):
    """The parameters, those that matter most first, what the first of them add, and how many trials tell of it."""

    axes: tuple[Axis, ...]
    effects: tuple[Effect, ...]
    both: Effect | None
    n: int
    at_ends: tuple[Axis, ...] = ()

    def sentences(self) -> Iterator[str]:
        """Which parameters matter, for the headline."""
        if not self.axes:
            return
        clear = [(self.axes[k], each) for k, each in enumerate(self.effects) if each.clear]
        if not clear:
            alone = len(self.axes) == 1
            which = (
                f"{short(self.axes[0].name)} makes a difference"
                if alone
                else "any of the parameters makes a difference"
            )
            yield f"Whether {which}, {count(self.n, 'trial')} cannot tell."
            return
        (own, each), *others = clear
        then = "".join(f", then {short(other.name)} ({percent(less.share)})" for other, less in others[:3])
        yield f"What matters most is {short(own.name)}: it explains {percent(each.share)} of how the trials rank{then}."


def mattered(sweep: Sweep) -> Mattered:
    """Which parameters matter, asked of all trials that ran: one that diverged is a bad one."""
    some = np.isfinite(sweep.ranks)
    ranks, codes = sweep.ranks[some], [each.codes[some] for each in sweep.axes]
    found = effects(ranks, codes)
    first = [each.of for each in found]
    order = first + [k for k in range(len(codes)) if k not in first]
    axes = tuple(sweep.axes[k] for k in order)
    both = interaction(ranks, codes, (order[0], order[1])) if len(order) > 1 else None
    clear = [axes[k] for k, each in enumerate(found) if each.clear]
    return Mattered(axes, found, both, int(some.sum()), tuple(each for each in clear if at_end(sweep, each)))


def at_end(sweep: Sweep, own: Axis) -> bool:
    """Whether the best has the first or last of three numbers or more, or one at the end of a range."""
    if not sweep.order:
        return False
    k = sweep.order[0]
    if not len(own.edges):
        numbers = all(each.replace(".", "", 1).replace("e-", "", 1).isdigit() for each in own.texts)
        return numbers and len(own.texts) > 2 and own.codes[k] in (0, len(own.texts) - 1)
    x = np.log(own.x) if own.log else own.x
    place = (x[k] - x.min()) / (x.max() - x.min())
    return bool(min(place, 1 - place) < ENDS)


def parameters(sweep: Sweep, found: Mattered) -> Section | None:
    """The score against each parameter, and what each explains."""
    if not found.axes or not np.isfinite(sweep.score).any():
        return None
    told = [
        "How much a parameter matters is how much it explains of the variance of the trials' ranks (1 is the best), "
        "beyond the parameters before it, and beyond what as many values would explain by chance. The column chance "
        "says how often a parameter that does nothing would explain as much: above 5 % it may be nothing.",
    ]
    if sweep.halted.any():
        told.append(
            "Trials that were halted rank behind those that went further, by the scores of fewer epochs: a value that "
            "starts slowly looks worse here than it may be in the end. Pictures, medians and means have these scores, "
            "too; the best of a value is of trials that went to the end."
        )
    if not found.effects:
        told.append(f"Here none explains anything: {count(found.n, 'trial')} are too few, or it does not matter.")
    left = len(found.axes) - PICTURES
    if left > 0:
        told.append(f"The first {PICTURES} are drawn, {left} left out.")
    rows: list[tuple[object, ...]] = []
    for k, own in enumerate(found.axes):
        each = found.effects[k] if k < len(found.effects) else None
        chance = "" if each is None else "< 1 %" if each.chance < 0.01 else percent(each.chance)
        rows.append(
            (short(own.path), len(own.levels), percent(each.share) if each is not None else "nothing more", chance)
        )
    rest = 1 - sum(each.share for each in found.effects)
    rows.append(("interactions, and chance", None, percent(max(rest, 0.0)), ""))
    cells = table("What explains how the trials rank", ("parameter", "values or parts", "explains", "chance"), rows)
    alone = len(found.axes) == 1
    shown = [of_axis(sweep, own, k, alone) for k, own in enumerate(found.axes[:PICTURES], 1)]
    return Section("parameters", "What matters", tuple(told), cells=(cells,), shown=tuple(shown))


def of_axis(sweep: Sweep, own: Axis, k: int, alone: bool) -> Shown:
    """The picture of one parameter, and its numbers; `alone` if there is no other."""
    picture = svg(figures.against(sweep, own), f"against-{k}", f"{sweep.metric} against {own.path}")
    return Shown(f"against-{k}", short(own.path), "", picture, (levels(sweep, own),), whole=alone)


def levels(sweep: Sweep, own: Axis) -> Cells:
    """The trials of each value, or of each part of a range."""
    some = np.isfinite(sweep.ranks)
    middle = figures.medians(sweep, own)
    rows: list[tuple[object, ...]] = []
    for k, name in enumerate(own.levels):
        chosen = some & (own.codes == k)
        score, done = sweep.score[chosen & sweep.has_score], sweep.score[chosen & sweep.done]
        best = (done.max() if sweep.higher else done.min()) if len(done) else np.nan
        whole = plain(own.texts[k])[:VALUE] if own.texts else name
        label = f"{name.split(':')[0]}: {whole}" if own.texts and name != own.texts[k] else whole
        rows.append((label, int(chosen.sum()), float(best), float(middle[k]),
                     float(score.mean()) if len(score) else np.nan, int((chosen & sweep.diverged).sum())))  # fmt: skip
    header = (
        "value" if own.texts else "from, to",
        "trials",
        best_of(sweep),
        "median",
        "mean of those scored",
        "diverged",
    )
    return table(f"By {short(own.path)}", header, rows, folded=True)


def best_of(sweep: Sweep) -> str:
    """What the column of the best is called: scores of fewer epochs compare with none of all."""
    return "best at the end" if sweep.halted.any() else "best"


def together(sweep: Sweep, found: Mattered) -> Section | None:
    """The two parameters that matter most, at once."""
    if len(found.axes) < 2 or not np.isfinite(sweep.score).any():
        return None
    first, second = found.axes[:2]
    told = [f"{short(first.path)} and {short(second.path)} are the two that explain most."]
    clear = [each.clear for each in found.effects[:2]]
    if clear != [True, True]:
        doubtful = "what the second explains" if clear[:1] == [True] else "what they explain"
        told = [
            f"{short(first.path)} and {short(second.path)} come first in the table above; {doubtful} may be chance."
        ]
    if found.both is None:
        told.append(f"Whether what one does depends on the other, {count(found.n, 'trial')} cannot tell.")
    elif found.both.clear:
        told.append(
            f"They interact: both together explain {percent(found.both.share)} more of how the trials rank than the "
            "sum of what each does. That may be that the best value of one depends on the other, or that each "
            "matters less where the other is bad already: the picture tells."
        )
    else:
        told.append("That what one does depends on the other is not seen in these trials beyond chance.")
    middle, n, best = of_cells(sweep, first, second)
    if len(first.edges) and len(second.edges):
        figure = figures.plane(sweep, first, second)
        words = "Each trial where its values put it."
    else:
        figure = figures.cells(sweep, first, second, middle, n)
        words = "The median score of the trials in each cell, the better the bluer."
    rows = [
        (first.levels[a], second.levels[b], int(n[a, b]), float(best[a, b]), float(middle[a, b]))
        for a, b in np.ndindex(n.shape)
        if n[a, b]
    ]
    cells = table(
        "Both at once", (short(first.name), short(second.name), "trials", best_of(sweep), "median"), rows, folded=True
    )
    picture = svg(figure, "together", f"{sweep.metric} by {first.path} and {second.path}")
    return Section(
        "together", "Two at once", tuple(told), shown=(Shown("together", "", words, picture, (cells,), whole=True),)
    )


def of_cells(sweep: Sweep, first: Axis, second: Axis) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The median score, the number of trials and the best score in each cell of two parameters, (A, B) each."""
    A, B = len(first.levels), len(second.levels)
    both = first._replace(codes=first.codes * B + second.codes, labels=tuple(map(str, range(A * B))), edges=np.empty(0))
    some = np.isfinite(sweep.ranks)
    n = np.bincount(both.codes[some], minlength=A * B)
    best = np.full(A * B, np.nan)
    (np.fmax if sweep.higher else np.fmin).at(best, both.codes[sweep.done], sweep.score[sweep.done])
    return figures.medians(sweep, both).reshape(A, B), n.reshape(A, B), best.reshape(A, B)
