"""What a training takes of memory, computed before any of it is allocated, and refused where there is less.

    table        the encoded rows of every set, with copies of those kept from members; where these are many, but for
                 what stands beside a number, which is made where they are read
    weights      θ, its gradient, its average, the best so far, and what the optimizer remembers of each parameter
    activations  a and δ of every neuron for a batch, or for the rows whose health is looked at; at the end, in float64,
                 the outputs for every row
    members      what Python holds of each member: its random numbers, rows and metrics

All grow with the members M. The figures leave out what is small or short-lived: what they refuse cannot fit.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from nnfit.config.document import Document
from nnfit.config.document import Path as Keys
from nnfit.config.spec import Spec
from nnfit.core import lbfgs, linear, stopping
from nnfit.core import network as core
from nnfit.core.averaging import NoAverage
from nnfit.core.expansion import stored
from nnfit.core.network import Network
from nnfit.core.optimizers import LBFGS
from nnfit.diagnostics import health
from nnfit.errors import SpecError
from nnfit.model.layout import network_of
from nnfit.storage import npz
from nnfit.words import volume
from nnfit.workers.cores import groups, text
from nnfit.workers.ranks import together

MEMBER = 768  # bytes of a member in Python: its generator and its metrics (measured: 900 to 1,000)


class Need(NamedTuple):
    """Bytes that a training takes, by what takes them."""

    table: int
    weights: int
    activations: int
    members: int


def refuse_beyond(
    document: Document,
    spec: Spec,
    rows: Mapping[str, int],
    kept: int,
    there: int | None = None,
    on_disk: bool = False,
) -> None:
    """A SpecError for a resolved spec that takes more memory than there is, for so many rows of each set.

    Also for one whose weights no model file holds. It stands at the key by which the spec would fit. `kept` is as in
    `needed`; of a table `on_disk` memory has only the order of each member's rows.
    """
    there = memory() if there is None else there

    def of(other: Spec) -> Need:
        found = needed(other, rows, kept)
        orders = 8 * other.network.members * rows["train"] if other.training.resample != "none" else 0
        return found._replace(table=orders) if on_disk else found

    need = of(spec)

    def takes(smaller: Spec) -> int:
        return sum(of(smaller))

    if sum(need) > there:
        figures = ", ".join(f"{volume(part)} for {name}" for name, part in need._asdict().items())
        message = f"the training takes {volume(sum(need))} of memory or more ({figures}), and there are {volume(there)}"
        path, remedy = blamed(spec, need, takes, there)
        raise SpecError(document.problem(path, "too-little-memory", message, remedy))
    if weights(spec) > npz.MAX_BYTES:
        message = f"the weights take {volume(weights(spec))}, and a model file holds {volume(npz.MAX_BYTES)}"
        path, remedy = blamed(spec, need, weights, npz.MAX_BYTES)
        raise SpecError(document.problem(path, "too-large", message, remedy))


def weights(spec: Spec) -> int:
    """The bytes of θ."""
    return spec.network.members * network_of(spec).P * np.dtype(spec.network.dtype).itemsize


def needed(spec: Spec, rows: Mapping[str, int], kept: int) -> Need:
    """What a resolved spec takes for so many rows of each set; `kept` of the inputs are no expansions."""
    network, training = network_of(spec), spec.training
    M, item, n = spec.network.members, np.dtype(spec.network.dtype).itemsize, rows["train"]
    made = kept < network.N[0] and not stored(sum(rows.values()), network.N[0], item)
    width = (kept if made else network.N[0]) + 1 + network.N[-1] + 1  # x, y and w of a row
    whole = isinstance(training.optimizer, LBFGS)
    batch = n if training.batch_size == "full" else min(training.batch_size, n)
    own = {"none": 0, "folds": n, "bootstrap": M * n // 3}[training.resample]  # rows kept from members, copied
    table = sum(rows.values()) * width * item + own * width * item
    table += M * n * 8 if training.resample != "none" else 0  # the numbers of each member's rows
    arrays = 1 + training.optimizer.slots + (not isinstance(training.average, NoAverage))
    arrays += training.early_stopping is not None
    kept = M * network.P * item * arrays
    gradient = M * network.P * (2 * 8 if whole else item)  # of L-BFGS the points, θ and gradient, in float64
    held_out = n if own else rows.get("validation", 0)
    learning = units(network) * item * (in_parts(n, lbfgs.CHUNK) if whole else M * in_parts(n, batch))
    learning += n * (network.N[0] + 1) * item if made and batch == n and not (own or whole) else 0  # x of the batch
    learning += M * units(network, forward=True) * in_parts(held_out, stopping.CHUNK) * item
    scoring = M * network.P * (8 if item < 8 else 0) + M * network.N[-1] * sum(rows.values()) * 8
    scoring += units(network, forward=True) * in_parts(n, core.CHUNK) * 8  # one member after the other
    scoring += min(n, core.CHUNK) * (network.N[0] + 1) * (8 + item) if made else 0
    looking = M * units(network) * min(n, health.ROWS) * item
    beside = of_linear(spec, n) if training.baseline and len(spec.network.layers) > 1 else 0
    if not training.epochs:
        gradient = learning = beside = 0
    return Need(table, kept + gradient, max(learning, looking, max(scoring, beside) - gradient, 0), M * MEMBER)


def of_linear(spec: Spec, n: int) -> int:
    """What the linear model beside a network takes: points and the steps remembered, weights of rows, buffers, A."""
    network = network_of(replace(spec, network=replace(spec.network, layers=spec.network.layers[-1:])))
    M, N = (1 if spec.training.resample == "none" else spec.network.members), network.N[0] + 1
    points = M * network.P * 8 * (2 * linear.HISTORY + 10)
    rows = M * n * np.dtype(spec.network.dtype).itemsize + M * units(network) * in_parts(n, linear.CHUNK) * 8
    passing = 3 * M * network.N[-1] * min(n, linear.CHUNK) * 8  # what a cost makes on its way
    return points + rows + passing + (3 * N * N * 8 if N <= linear.WIDE else 0)


def in_parts(n: int, size: int) -> int:
    """The rows of the buffers that take n rows, so many at a time: those of a whole part, and those of the rest."""
    return n if n <= size else size + n % size


def units(network: Network, forward: bool = False) -> int:
    """How many numbers a pass holds for each row: a, δ and the rooms of the activations, as Pass allocates them."""
    hidden, last = sum(network.N[1:-1]), network.N[-1]
    groups = [group for layer in network.layers for group in layer]
    shared = max(group.sigma.traits.rooms for group in groups) * max(network.N[1:])
    own = 0 if forward else sum(group.size for group in groups if group.sigma.traits.keeps_slope)
    return hidden * (1 if forward else 2) + 2 * last + shared + own


def alternatives(spec: Spec) -> Iterator[tuple[Keys, Spec, str]]:
    """The keys of which smaller values may do, the spec with the least of each, and what would do."""
    training = spec.training
    if spec.network.members > 1:
        yield ("network", "members"), replace(spec, network=replace(spec.network, members=1)), "set fewer members"
    if training.batch_size != 1 and not isinstance(training.optimizer, LBFGS):
        online = replace(spec, training=replace(training, batch_size=1))
        yield ("training", "batch_size"), online, "set a smaller batch_size"
    if isinstance(training.optimizer, LBFGS) and training.optimizer.history > 1:
        short = replace(spec, training=replace(training, optimizer=replace(training.optimizer, history=1)))
        yield ("training", "optimizer", "history"), short, "set a shorter history"


def blamed(spec: Spec, need: Need, takes: Callable[[Spec], int], most: int) -> tuple[Keys, str]:
    """The key to change, and how: one that alone would do; else the largest hidden layer, or the table."""
    for path, smaller, remedy in alternatives(spec):
        if takes(smaller) <= most:
            return path, remedy
    *hidden, _ = network_of(spec).N[1:]
    if not hidden or need.table > need.weights + need.activations:
        return ("data",), "leave columns out with data.ignore, or learn from fewer rows"
    return ("network", "layers", hidden.index(max(hidden)), "size"), "make the layer smaller"


# --- what there is -------------------------------------------------------------------------------------------------


def memory() -> int:
    """The bytes that this process can have at most: of the machine, of its control group, of its own limits.

    Ranks together on a machine have each their part of it.
    """
    whole = min(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), *of_groups(), sys.maxsize)
    found = [whole // together.get()]
    for limit in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        soft, _ = resource.getrlimit(limit)
        found += [soft] if soft != resource.RLIM_INFINITY else []
    return min(found)


def of_groups() -> Iterator[int]:
    """The limits of the control groups that this process is in, of version 2 and of version 1; none elsewhere."""
    for folder, unified in groups("memory"):
        limit = text(folder / ("memory.max" if unified else "memory.limit_in_bytes"))
        if limit.isdecimal():
            yield int(limit)
