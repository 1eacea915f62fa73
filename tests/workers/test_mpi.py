"""Which process this is, sums over all ranks in their order, and meetings: with threads in place of MPI."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import pytest

from nnfit.errors import UsageError
from nnfit.workers import mpi
from nnfit.workers.mpi import Sums, World
from nnfit.workers.ranks import Failure, Rank, cut_off, started

T = TypeVar("T")


class Hub:
    """Where so many threads meet."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.barrier = threading.Barrier(count, timeout=30)
        self.places: list[Any] = [None] * count

    def exchanged(self, number: int, value: Any) -> list[Any]:
        self.places[number] = value
        self.barrier.wait()
        found = list(self.places)
        self.barrier.wait()
        return found


class Comm:
    """What nnfit asks of a communicator, with the meanings that MPI gives it."""

    def __init__(self, hub: Hub, number: int) -> None:
        self.hub, self.number = hub, number

    def Get_rank(self) -> int:
        return self.number

    def Get_size(self) -> int:
        return self.hub.count

    def Allgather(self, mine: np.ndarray, all: np.ndarray) -> None:
        for k, part in enumerate(self.hub.exchanged(self.number, mine.copy())):
            all.reshape(self.hub.count, -1)[k] = part

    def Alltoallv(self, out: Any, back: Any) -> None:
        values, (sizes, starts) = out
        parts = [values[start : start + size].copy() for size, start in zip(sizes, starts, strict=True)]
        room, (sizes, starts) = back
        for k, sent in enumerate(self.hub.exchanged(self.number, parts)):
            room.reshape(-1)[starts[k] : starts[k] + sizes[k]] = sent[self.number]

    def Allgatherv(self, mine: np.ndarray, found: Any) -> None:
        room, (sizes, starts) = found
        for k, part in enumerate(self.hub.exchanged(self.number, mine.copy())):
            room[starts[k] : starts[k] + sizes[k]] = part

    def allgather(self, value: Any) -> list[Any]:
        return self.hub.exchanged(self.number, value)

    def Iallgather(self, mine: np.ndarray, all: np.ndarray) -> Any:
        self.Allgather(mine, all)
        return Request(True)


class Request:
    """One that has ended, or never does."""

    def __init__(self, ended: bool) -> None:
        self.ended = ended

    def Test(self) -> bool:
        return self.ended


def by_all(count: int, work: Callable[[World], T]) -> list[T]:
    """What each of so many ranks comes to."""
    sums, meetings = Hub(count), Hub(count)
    worlds = [World(Comm(sums, k), Comm(meetings, k)) for k in range(count)]
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, worlds))


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        ({}, None),
        ({"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "4"}, Rank(1, 4)),
        ({"PMI_RANK": "0", "PMI_SIZE": "2"}, Rank(0, 2)),
        ({"PMI_RANK": "0", "PMI_SIZE": "1"}, None),
        ({"PMIX_RANK": "2", "SLURM_STEP_NUM_TASKS": "3"}, Rank(2, 3)),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_STEP_NUM_TASKS": "8"}, None),  # a job without PMIx
        ({"PMI_RANK": "x", "PMI_SIZE": "2"}, None),
        ({"PMI_RANK": "5", "PMI_SIZE": "2"}, None),
    ],
)
def test_which_of_several_processes_this_is_says_what_has_started_them(environment: Any, rank: Rank | None) -> None:
    assert started(environment) == rank


def test_who_has_no_connection_to_mpirun_is_no_rank() -> None:
    read, write = os.pipe()
    try:
        assert not cut_off({"PMI_RANK": "0", "PMI_SIZE": "2", "PMI_FD": str(write)})
    finally:
        os.close(read)
        os.close(write)
    closed = {"PMI_RANK": "0", "PMI_SIZE": "2", "PMI_FD": str(write)}
    assert cut_off(closed)
    assert cut_off({**closed, "PMI_FD": "9" * 30})
    assert not cut_off({**closed, "OMPI_COMM_WORLD_RANK": "0"})  # Open MPI within what a rank of MPICH has started
    assert not cut_off({})


@pytest.mark.parametrize("count", [2, 3, 4, 7])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 2, 5, 1000, 5003])
@pytest.mark.parametrize("small", [0, 1 << 30])
def test_a_sum_is_made_in_the_order_of_the_ranks_whichever_way_it_goes(
    monkeypatch: pytest.MonkeyPatch, count: int, dtype: str, size: int, small: int
) -> None:
    monkeypatch.setattr(mpi, "SMALL", small)
    monkeypatch.setattr(mpi, "LARGE", 2000)
    parts = np.random.default_rng(0).lognormal(0, 9, (count, size)).astype(dtype)
    expected = parts[0].copy()
    for part in parts[1:]:
        expected += part

    def work(world: World) -> tuple[bytes, list[int]]:
        values = parts[world.number].copy()
        sums = Sums(world, [])
        sums(values)
        again = parts[world.number].copy()
        sums(again)
        assert again.tobytes() == values.tobytes()
        return values.tobytes(), sums.agreed

    assert by_all(count, work) == [(expected.tobytes(), [])] * count


def test_a_sum_of_what_is_not_contiguous_comes_into_its_place() -> None:
    def work(world: World) -> list[list[float]]:
        whole = np.full((3, 4), float(world.number + 1))
        Sums(world, [])(whole[:, 1:3])
        return whole.tolist()

    first, second = by_all(2, work)
    assert first == [[1, 3, 3, 1]] * 3
    assert second == [[2, 3, 3, 2]] * 3


@pytest.mark.parametrize("small", [0, 1 << 30])
def test_a_signal_to_one_rank_is_known_to_all_after_the_same_sum(monkeypatch: pytest.MonkeyPatch, small: int) -> None:
    monkeypatch.setattr(mpi, "SMALL", small)

    def work(world: World) -> list[list[int]]:
        asked: list[int] = []
        sums, told = Sums(world, asked), []
        for step in range(5):
            if world.number == 2 and step == 3:
                asked.append(15)
            if world.number == 0 and step == 4:
                asked.append(2)
            values = np.full(10, np.nan)
            sums(values)
            told.append(list(sums.agreed))
        return told

    assert by_all(3, work) == [[[], [], [], [15], [15]]] * 3


def test_at_a_meeting_all_hear_of_the_first_that_has_failed() -> None:
    def work(world: World) -> Failure | None:
        assert world.meet() is None
        return world.meet(*((4, [f"nnfit: {world.number}"]) if world.number in (1, 2) else ()))

    assert by_all(3, work) == [Failure(1, 4, ["nnfit: 1"])] * 3


def test_who_has_failed_ends_the_others_if_they_do_not_come(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Gone(Comm):
        def Iallgather(self, mine: np.ndarray, all: np.ndarray) -> Any:
            return Request(False)

        def Abort(self, code: int) -> None:
            raise SystemExit(code)

    slept: list[float] = []
    monkeypatch.setattr(mpi, "PATIENCE", 0.1)
    monkeypatch.setattr(mpi.time, "sleep", slept.append)
    comm = Gone(Hub(2), 1)
    with pytest.raises(SystemExit) as ended:
        World(comm, comm).meet(3, ["nnfit: not enough memory"])
    assert ended.value.code == 3
    assert "nnfit: not enough memory" in capfd.readouterr().err
    assert slept[-1] == mpi.MOMENT  # for mpirun, which drops what it has not read yet


def test_weights_that_differ_by_one_bit_are_seen() -> None:
    def work(world: World) -> tuple[bool, bool]:
        theta = np.ones((2, 3))
        same = world.alike(theta)
        theta[1, 2] = np.nextafter(1, world.number)
        return same, world.alike(theta)

    assert by_all(2, work) == [(True, False)] * 2


@pytest.fixture
def without_mpi4py(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(__import__("sys").modules, "mpi4py", None)
    yield


def test_without_mpi4py_the_error_names_what_installs_it(without_mpi4py: None) -> None:
    with pytest.raises(UsageError, match=r"pip install 'nnfit\[mpi\]'"):
        mpi.joined(Rank(0, 2))
