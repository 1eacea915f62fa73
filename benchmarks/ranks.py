"""`mpirun -n N nnfit train`: what sums and steps take here, a model fitted to them, and what it says of other networks.

    python benchmarks/ranks.py --mpirun mpirun --ranks 2 4

starts itself by mpirun, with the options that follow `--`. The sums of gradients are timed, beside MPI's Allreduce, and
the steps of a training by one process, by each for itself at the same time, and by all together, epoch by epoch in
turns; of each the least time of many. The model is

    step(N, m) = cost(⌈m / N⌉) + sum(N, S),   S = itemsize · P

with cost as in nnfit/core/cost.py, its four constants fitted to steps by each for itself, and sum of a line through
the sums that were timed; it is held against steps by several that it was not fitted to. For other machines, with the
constants of cost.py,

    sum(N, S) = 2 k ⌈log₂ N⌉ α + 2 (N − 1) / N · S / β + 2 ADD S,   k = ⌈S / ½ MB⌉

or, of few numbers and of two ranks, ⌈log₂ N⌉ α + (N − 1) S / β + N ADD S, with α seconds of a message, and β bytes a
second of a link.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from typing import Any, NamedTuple

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from nnfit.core.activations import ACTIVATIONS
from nnfit.core.batches import Examples
from nnfit.core.cost import PRODUCT, step
from nnfit.core.division import UNDIVIDED, Division
from nnfit.core.initialization import initialize
from nnfit.core.network import Group, Network
from nnfit.core.optimizers import AdamW
from nnfit.core.plan import Plan
from nnfit.core.training import begin, fit
from nnfit.workers import mpi
from nnfit.workers.ranks import started

SIZES = (100, 1_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)  # numbers of a sum
STEPS = 8  # of an epoch
SUMS = 3  # that are timed together
ADD = 2e-10  # seconds of a byte that is copied and added, at each end, more or less
LINKS = {"1 Gb/s": (50e-6, 1.25e8), "10 Gb/s": (20e-6, 1.25e9)}  # α and β, of TCP in a rack


class Case(NamedTuple):
    """A network and a batch."""

    layers: tuple[int, ...]
    m: int

    @property
    def network(self) -> Network:
        *hidden, outputs = self.layers[1:]
        made = [(Group(size, ACTIVATIONS["mish"]()),) for size in hidden]
        return Network(self.layers[0], (*made, (Group(outputs, ACTIVATIONS["softmax"]()),)), "cross_entropy")

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.layers))}, batches of {self.m:,}"


FITTED = tuple(
    Case(layers, m)
    for layers, batches in (((20, 64, 2), (64, 1024)), ((20, 256, 256, 2), (64, 512)), ((784, 512, 256, 10), (64, 256)))
    for m in batches
)
HELD_OUT = (
    Case((20, 64, 2), 4096),
    Case((20, 256, 256, 2), 1024),
    Case((50, 256, 256, 2), 1024),
    Case((784, 512, 256, 10), 1024),
)
TOLD = (
    (20, 64, 2),
    (20, 256, 256, 2),
    (784, 512, 256, 10),
    (200, 1024, 1024, 1024, 10),
)  # of which the tables tell


# --- what a rank does ----------------------------------------------------------------------------------------------


def timed_sums(world: mpi.World, rounds: int) -> dict[str, dict[int, float]]:
    """Seconds of a sum of so many float32, nnfit's and MPI's."""
    from mpi4py import MPI

    found: dict[str, dict[int, float]] = {"sums": {}, "Allreduce": {}}
    sums = mpi.Sums(world, [])
    for size in SIZES:
        values = np.zeros(size, np.float32)
        calls = {"sums": lambda: sums(values), "Allreduce": lambda: world.comm.Allreduce(MPI.IN_PLACE, values)}  # noqa: B023
        for _ in range(20 * rounds):
            for name, call in calls.items():
                world.comm.Barrier()
                begun = time.perf_counter()
                for _ in range(SUMS):
                    call()
                taken = (time.perf_counter() - begun) / SUMS
                found[name][size] = min(found[name].get(size, math.inf), taken)
    return found


class Stamps:
    """What training looks at before each step, and finds nothing in; it keeps the time."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __bool__(self) -> bool:
        self.times.append(time.perf_counter())
        return False

    def least(self) -> float:
        """Seconds from one step to the next within an epoch, at least."""
        return float(np.diff(np.array(self.times).reshape(-1, STEPS), axis=1).min())


def epochs(case: Case, division: Division, rounds: int, stamps: Any) -> Any:
    """A training, epoch by epoch."""
    network, n = case.network, case.m * STEPS
    rng = np.random.default_rng(0)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, network.inputs))]).astype(np.float32)
    Y = np.eye(network.N[-1], dtype=np.float32)[:, rng.integers(network.N[-1], size=n)]
    theta = initialize(network, 1, "float32", [rng])
    plan = Plan(rounds, case.m, AdamW(learning_rate=0.001))
    examples = Examples(X, Y, np.ones((1, 1, n), np.float32))
    return fit(network, begin(theta, plan.optimizer), examples, plan, [0], stop=stamps, division=division)


def timed_steps(world: mpi.World, rounds: int) -> dict[str, list[float]]:
    """Seconds of a step by the first rank while the others sleep, by each for itself at the same time, and by all."""
    found = {}
    for case in (*FITTED, *HELD_OUT):
        stamps = Stamps(), Stamps(), Stamps()
        beside = epochs(case, UNDIVIDED, rounds, stamps[1])
        alone = epochs(case, UNDIVIDED, rounds, stamps[0])
        together = epochs(case, Division(world.number, world.count, mpi.Sums(world, [])), rounds, stamps[2])
        for _ in range(rounds):
            world.meet()
            if not world.number:
                next(alone)
            for training in (beside, together):
                world.meet()
                next(training)
        found[str(case)] = [each.least() for each in stamps] if not world.number else []
    return found


def work(rounds: int) -> None:
    """What mpirun starts: the first rank prints what was timed."""
    rank = started()
    assert rank is not None, "to be started by mpirun"
    world = mpi.joined(rank)
    found = {**timed_sums(world, rounds), "steps": timed_steps(world, rounds)}
    world.meet()
    if not world.number:
        print(json.dumps(found))


# --- the model -----------------------------------------------------------------------------------------------------


def line(sums: dict[int, float]) -> tuple[float, float]:
    """Latency and seconds per byte of the sums, each as true as the others in share."""
    sizes, seconds = np.array([*sums]) * 4.0, np.array([*sums.values()])
    A = np.column_stack([np.ones(len(sizes)), sizes]) / seconds[:, None]
    latency, per_byte = np.linalg.lstsq(A, np.ones(len(sizes)), rcond=None)[0]
    return max(0.0, float(latency)), float(per_byte)


def of_link(N: int, S: float, alpha: float, beta: float) -> float:
    """Seconds of a sum over N machines, each with one such link."""
    messages = math.ceil(math.log2(N)) * math.ceil(S / 4 / mpi.LARGE) * alpha
    if N == 2 or N * S <= mpi.SMALL:
        return messages + (N - 1) * S / beta + ADD * S * N
    return 2 * messages + 2 * (N - 1) / N * S / beta + 2 * ADD * S


def pays_from(layers: tuple[int, ...], N: int, alpha: float, beta: float, gain: float) -> int | None:
    """The least batch, as a power of two, of which a step by N machines takes 1 / gain of that by one."""
    for power in range(4, 21):
        m, network = 2**power, Case(layers, 1).network
        together = step(network, 1, -(-m // N)) + of_link(N, 4.0 * network.P, alpha, beta)
        if step(network, 1, m) >= gain * together:
            return m
    return None


def terms(case: Case, m: int) -> list[float]:
    """What the four constants of cost.py are multiplied by."""
    network = case.network
    return [float(len(network.layers)), float(m * network.P), float(m * sum(network.N[1:])), float(network.P)]


def constants(seconds: dict[str, float]) -> Any:
    """These four, none below 0, with the least squares of what they are off in share."""
    A = np.array([terms(case, case.m) for case in FITTED]) / np.array([seconds[str(case)] for case in FITTED])[:, None]
    best, least = np.zeros(4), math.inf
    for chosen in range(1, 16):
        places = [k for k in range(4) if chosen >> k & 1]
        found = np.zeros(4)
        found[places] = np.linalg.lstsq(A[:, places], np.ones(len(A)), rcond=None)[0]
        off = float(((A @ found - 1) ** 2).sum())
        if (found >= 0).all() and off < least:
            best, least = found, off
    return best


def show(measured: dict[int, dict[str, Any]]) -> None:
    """The tables."""
    for N, found in measured.items():
        print(f"\n{N} ranks: microseconds of a sum of float32, in the order of the ranks, and by MPI's Allreduce")
        for size in SIZES:
            print(f"{size:>10,} {found['sums'][str(size)] * 1e6:>9.1f} {found['Allreduce'][str(size)] * 1e6:>9.1f}")
        latency, per_byte = line({int(size): seconds for size, seconds in found["sums"].items()})
        fitted = constants({name: beside for name, (_, beside, _) in found["steps"].items()})
        call, product, neuron, update = fitted
        print(f"model: a sum {latency * 1e6:.1f} µs + {per_byte * 1e9:.2f} ns per byte; a layer {call * 1e6:.1f} µs,")
        print(f"a product {product * 1e12:.1f} ps, a neuron {neuron * 1e9:.2f} ns, an update {update * 1e9:.2f} ns")
        print(
            "a step in milliseconds: by one, by one beside others, by all, how much sooner than by one; the model, and"
        )
        print("how far it is from that by all")
        for case in (*FITTED, *HELD_OUT):
            one, beside, all_ = found["steps"][str(case)]
            own = float(fitted @ terms(case, -(-case.m // N))) + latency + per_byte * 4 * case.network.P
            mark = "" if case in FITTED else " (of another batch or network)"
            print(
                f"{case!s:>40} {one * 1e3:>8.3f} {beside * 1e3:>8.3f} {all_ * 1e3:>8.3f} {one / all_:>6.2f} "
                f"{own * 1e3:>8.3f} {own / all_ - 1:>+6.0%}{mark}"
            )
    print("\nbatches from which N machines with one core each are as quick as one, and 0.7 N times as quick")
    for layers in TOLD:
        P = Case(layers, 1).network.P
        for link, (alpha, beta) in LINKS.items():
            told = []
            for N in (2, 4, 8, 16):
                least = [pays_from(layers, N, alpha, beta, gain) for gain in (1.0, 0.7 * N)]
                told.append(" / ".join("never" if m is None else f"{m:,}" for m in least))
            print(f"{'-'.join(map(str, layers)):>22} P {P:>9,} {link:>8}: " + "   ".join(told))
    told = [f"{(8 / beta + 8 * ADD) / PRODUCT:,.0f} rows at {link}" for link, (_, beta) in LINKS.items()]
    print(f"\nof wide networks, whatever P, of many ranks: {', '.join(told)}")
    on_paper()


def on_paper() -> None:
    """What 10⁹ rows and 1,000 trainings a day take, by the model."""
    n = 10**9
    encoded, order = n * 21 * 4 / 1e9, n * 8 / 1e9
    print(f"\n10⁹ rows of 20 numbers in float32: {encoded:.0f} GB encoded, {order:.0f} GB for the order of an epoch")
    print("hours of an epoch by N cores at 10 Gb/s, batches of 8,192")
    for layers in TOLD[:2]:
        case = Case(layers, 8192)
        told = []
        for N in (1, 8, 64):
            seconds = step(case.network, 1, -(-case.m // N))
            seconds += of_link(N, 4.0 * case.network.P, *LINKS["10 Gb/s"]) if N > 1 else 0
            told.append(f"{N:>3}: {n / case.m * seconds / 3600:.2f}")
        print(f"{'-'.join(map(str, layers)):>22} " + "   ".join(told))
    print("core-hours of 1,000 trainings, of 8 members for 200 epochs in batches of 256")
    for rows in (1_000, 10_000, 100_000, 1_000_000):
        case = Case((20, 128, 128, 2), 256)
        hours = 1000 * 200 * -(-rows // case.m) * step(case.network, 8, min(rows, case.m)) / 3600
        print(f"{rows:>10,} rows: {hours:>10,.0f} core-hours, {hours / 24:>8,.1f} cores")


def main() -> None:
    """Start the ranks, and show what they say."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--mpirun", default="mpirun")
    parser.add_argument("--ranks", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--repeat", type=int, default=1, help="So often all of it, of which the least counts.")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    words = sys.argv[1:]
    more = words[words.index("--") + 1 :] if "--" in words else []
    options = parser.parse_args(words[: words.index("--")] if "--" in words else words)
    if options.work:
        work(options.rounds)
        return
    measured: dict[int, dict[str, Any]] = {}
    for N in options.ranks * options.repeat:
        command = [options.mpirun, *more, "-n", str(N), sys.executable, __file__, "--work"]
        ended = subprocess.run([*command, "--rounds", str(options.rounds)], stdout=subprocess.PIPE, check=True)
        found = json.loads(ended.stdout.decode().strip().splitlines()[-1])
        measured[N] = least(measured[N], found) if N in measured else found
    show(measured)


def least(one: Any, other: Any) -> Any:
    """The smaller of all numbers of two alike."""
    if isinstance(one, dict):
        return {key: least(value, other[key]) for key, value in one.items()}
    return [min(pair) for pair in zip(one, other, strict=True)] if isinstance(one, list) else min(one, other)


if __name__ == "__main__":
    main()
