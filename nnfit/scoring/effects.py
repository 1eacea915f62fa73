"""Which parameters of a sweep matter: the variance of the trials' ranks that a small additive model explains.

Scores of trials are skewed: one that nearly diverged would be all of their variance. So it is their ranks that are
explained (Kruskal and Wallis 1952), by a model with one level for each value of a parameter. Parameters enter one after
the other, the one that adds most first, and what each adds is adjusted for its number of levels, so that chance adds
nothing in the mean. Whether it is more than chance is asked of permutations of what is left to explain, over all
parameters that could have entered, and one after another that may be chance may be chance (Freedman and Lane 1983;
Westfall and Young 1993, step down). On a full grid this is the
analysis of variance, and what functional ANOVA computes (Hutter, Hoos and Leyton-Brown 2014), without a forest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.data.scales import Floats

Codes = NDArray[np.int64]
PERMUTATIONS = 400
LEFT = 3  # trials beyond the number of levels, at least
LIKELY = 0.05  # a chance above it is not told apart from none
PARTS = 5  # of a range of numbers
PER_PART = 4  # trials in each, at least


class Effect(NamedTuple):
    """What the parameter at place `of` adds to the explained share of the variance of the ranks.

    `chance` is how often a parameter without any effect would add as much, or one that entered before it.
    """

    of: int
    share: float
    chance: float

    @property
    def clear(self) -> bool:
        """Whether it is more than chance."""
        return self.chance <= LIKELY


class Fit(NamedTuple):
    """An additive model of ranks: an orthonormal basis Q (n, p) of it, and what it leaves of them, (n,)."""

    Q: Floats
    left: Floats
    total: float  # the variance of the ranks

    @property
    def free(self) -> int:
        """Trials beyond the number of levels."""
        return len(self.Q) - int(self.Q.shape[1])

    def gain(self, basis: Floats, left: Floats) -> Floats:
        """What a basis (n, k) orthogonal to Q adds to the adjusted share, of residuals (n, B): (B,).

        RSS/(n − p) before, less RSS/(n − p − k) after, over the variance: both are unbiased for the noise.
        """
        before = (left**2).sum(axis=0)
        after = before - ((basis.T @ left) ** 2).sum(axis=0)
        gain: Floats = (before / self.free - after / (self.free - basis.shape[1])) / self.total
        return gain

    def beyond(self, codes: Codes) -> Floats | None:
        """An orthonormal basis of the levels of some codes, without what Q has; None if too few trials are left."""
        levels = np.zeros((len(codes), int(codes.max()) + 1))
        levels[np.arange(len(codes)), codes] = 1
        size = np.sqrt(levels.sum(axis=0))
        levels = levels[:, size > 0] / size[size > 0]
        levels -= self.Q @ (self.Q.T @ levels)
        if levels.shape[1] > levels.shape[0]:
            return None
        u, d, _ = np.linalg.svd(levels, full_matrices=False)
        basis = u[:, d > 1e-6]
        return basis if basis.shape[1] and self.free - basis.shape[1] >= LEFT else None

    def chance(self, bases: Sequence[Floats], gain: float, rng: np.random.Generator) -> float:
        """How often, of permutations of what is left, the best of some bases adds as much: (1 + hits) / (1 + all)."""
        shuffled = rng.permuted(np.tile(self.left, (PERMUTATIONS, 1)), axis=1).T
        shuffled -= self.Q @ (self.Q.T @ shuffled)
        most = np.max([self.gain(basis, shuffled) * self.left_share(shuffled) for basis in bases], axis=0)
        return float((1 + (most >= gain * (1 - 1e-9)).sum()) / (1 + PERMUTATIONS))

    def left_share(self, shuffled: Floats) -> Floats:
        """What makes permuted residuals, which lose a little to Q, as large as the residuals were."""
        share: Floats = (self.left**2).sum() / np.maximum((shuffled**2).sum(axis=0), 1e-300)
        return share

    def joined(self, basis: Floats) -> Fit:
        """The model with a basis more."""
        return Fit(np.hstack([self.Q, basis]), self.left - basis @ (basis.T @ self.left), self.total)


def start(ranks: Floats) -> Fit | None:
    """The model of the mean alone; None of ranks that are all alike."""
    n = len(ranks)
    left = ranks - ranks.mean() if n else ranks
    if n <= LEFT or not (left**2).sum() > 0:
        return None
    return Fit(np.full((n, 1), n**-0.5), left, float((left**2).sum() / (n - 1)))


def effects(ranks: Floats, codes: Sequence[Codes], seed: int = 0) -> tuple[Effect, ...]:
    """The parameters by what each adds, from the ranks (n,) of the trials and each one's level for each trial, (n,).

    One that adds nothing more is not among them; none at all of fewer trials than levels allow.
    """
    fit, rng, found = start(ranks), np.random.default_rng(seed), list[Effect]()
    while fit is not None and len(found) < len(codes):
        taken = {each.of for each in found}
        bases = {k: basis for k in range(len(codes)) if k not in taken and (basis := fit.beyond(codes[k])) is not None}
        gains = {k: float(fit.gain(basis, fit.left[:, None])[0]) for k, basis in bases.items()}
        best = max(gains, key=gains.__getitem__, default=None)
        if best is None or gains[best] <= 0:
            break
        before = found[-1].chance if found else 0.0  # what comes after one that may be chance may be, too
        chance = fit.chance(list(bases.values()), gains[best], rng)
        found.append(Effect(best, gains[best], max(before, chance)))
        fit = fit.joined(bases[best])
    return tuple(found)


def interaction(ranks: Floats, codes: Sequence[Codes], pair: tuple[int, int], seed: int = 0) -> Effect | None:
    """What the cells of a pair of parameters add to the additive model of all that is in `codes`, of place −1.

    None where the trials are too few for the levels.
    """
    fit = start(ranks)
    for each in codes:
        basis = None if fit is None else fit.beyond(each)
        if fit is not None and basis is not None:
            fit = fit.joined(basis)
    if fit is None:
        return None
    a, b = (codes[k] for k in pair)
    cells = np.unique(a * (int(b.max()) + 1) + b, return_inverse=True)[1]
    basis = fit.beyond(cells)
    if basis is None:
        return None
    gain = float(fit.gain(basis, fit.left[:, None])[0])
    return Effect(-1, gain, fit.chance([basis], gain, np.random.default_rng(seed)))


def parts(values: Floats) -> tuple[Codes, Floats]:
    """The level (n,) of each of some numbers, in parts that hold about as many of them, and the parts' edges.

    PARTS of them, or fewer: so that each has PER_PART numbers.
    """
    k = int(np.clip(len(values) // PER_PART, 2, PARTS))
    edges = np.unique(np.quantile(values, np.linspace(0, 1, k + 1)))
    return np.searchsorted(edges[1:-1], values, side="right").astype(np.int64), edges
