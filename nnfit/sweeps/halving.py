"""Successive halving: all points for a few epochs, the best share of them for some more, and so on to the last.

A rung is over before the next begins, and what goes on follows from the scores alone: it is the same whoever trains,
in whatever order, and however often it is stopped (Jamieson and Talwalkar 2016).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from nnfit.sweeps.keys import Search
from nnfit.sweeps.running import HALTED, Outcome

SPENT = 3  # of the epochs of all points, halving takes one in so many
STEPS = 1000  # lengths of the first rung that are looked at


class Rung(NamedTuple):
    """One of several: its number, from 1, and how many there are; the epochs that it ends after, and those before it.

    `points` of the sweep are in it, fewer where some have diverged.
    """

    number: int
    of: int
    epochs: int
    before: int
    points: int

    @property
    def last(self) -> bool:
        """Whether its trainings are whole."""
        return self.number == self.of

    @property
    def key(self) -> int:
        """What its outcomes are kept under: its epochs, 0 of whole trainings, which those of any sweep are."""
        return 0 if self.last else self.epochs

    @property
    def name(self) -> str:
        """What it is called where people see it; nothing where there is but one."""
        return f"rung {self.number} of {self.of}" if self.of > 1 else ""


def rungs(search: Search, points: int, epochs: int) -> tuple[Rung, ...]:
    """The rungs of so many points, to trainings of so many epochs; one of all where the search drops none."""
    if search.method != "halving":
        return (Rung(1, 1, epochs, 0, points),)
    return climbing(search.epochs or first(search.factor, points, epochs), search.factor, points, epochs)


def climbing(reach: int, factor: int, points: int, epochs: int) -> tuple[Rung, ...]:
    """The rungs from a first of so many epochs.

    A rung has `factor` times the epochs of the one before; what would come within √factor of the last is the last.
    One point alone is compared with none, and goes to the end at once.
    """
    found: list[tuple[int, int]] = []  # epochs and points
    while points > 1 and reach * math.sqrt(factor) < epochs:
        found.append((reach, points))
        reach, points = reach * factor, share(points, factor)
    found.append((epochs, points))
    before = [0, *(reach for reach, _ in found)]
    return tuple(Rung(k, len(found), reach, before[k - 1], n) for k, (reach, n) in enumerate(found, 1))


def first(factor: int, points: int, epochs: int) -> int:
    """The epochs of the first rung, where the sweep does not say: the most for which halving takes a third of all.

    Early scores tell little, so they are taken as late as that allows. Of few points, of which no first rung is cheap
    enough, it is epochs / (2 factor).
    """
    most = epochs // SPENT
    for reach in range(most, 0, -max(1, most // STEPS)):
        if SPENT * total(climbing(reach, factor, points, epochs)) <= points * epochs:
            return reach
    return max(1, epochs // (2 * factor))


def share(points: int, factor: int) -> int:
    """How many of some points go on."""
    return -(-points // factor)


def onward(scores: Mapping[int, float | None], factor: int, higher: bool) -> frozenset[int]:
    """The numbers of the points that go on, of those of a rung: the best, of equal ones that with the lower number.

    One without a score does not.
    """
    sign = -1 if higher else 1
    ranked = sorted((sign * score, number) for number, score in scores.items() if score is not None)
    return frozenset(number for _, number in ranked[: share(len(scores), factor)])


def known(of_rungs: Mapping[int, Outcome], rung: Rung) -> Outcome | None:
    """The outcome of a training at a rung, from those that are known of it, by the `key` of their rungs.

    What had ended by itself on an earlier rung has on this one, too; so has a whole training of fewer epochs.
    """
    own = of_rungs.get(rung.key)
    if own is not None and own.final:
        return own
    for key in sorted(of_rungs):
        found = of_rungs[key]
        early = 0 < key <= rung.epochs or (found.status == "done" and found.epochs < rung.epochs)
        if early and found.final and found.status != HALTED:
            return found
    return own


def total(found: tuple[Rung, ...]) -> int:
    """The epochs of all points together."""
    return sum(rung.points * (rung.epochs - rung.before) for rung in found)
