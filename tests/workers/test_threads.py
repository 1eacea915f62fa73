"""The same function of many things in several threads gives what it gives in one."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from nnfit.progress import listener
from nnfit.workers import cores
from nnfit.workers.threads import spread, threads, working


@pytest.fixture(params=[1, 2, 5])
def count(request: pytest.FixtureRequest):
    token = threads.set(request.param)
    yield request.param
    threads.reset(token)


def test_results_come_in_the_order_of_the_things(count: int) -> None:
    def slow_first(i: int) -> int:
        time.sleep(0.01 if i == 0 else 0)
        return i * i

    assert list(spread(slow_first, range(20))) == [i * i for i in range(20)]


def test_several_threads_compute_at_once() -> None:
    token = threads.set(2)
    meeting = threading.Barrier(2, timeout=10)
    assert sorted(spread(lambda _: meeting.wait(), range(2))) == [0, 1]
    threads.reset(token)


def test_only_so_many_are_begun_ahead(count: int) -> None:
    begun: list[int] = []
    results = spread(lambda i: begun.append(i), range(1000))
    next(results)
    results.close()  # type: ignore[attr-defined]
    time.sleep(0.05)
    assert len(begun) <= 2 * count + 2


def test_an_error_is_that_of_the_first_thing(count: int) -> None:
    def fails(i: int) -> int:
        if i >= 3:
            raise ValueError(i)
        return i

    found = []
    with pytest.raises(ValueError, match=r"^3$"):
        for each in spread(fails, range(10)):
            found.append(each)
    assert found == [0, 1, 2]


def test_so_many_work_in_a_block_of_one_thread_and_not_elsewhere() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def seen(count: int) -> list[int]:
        with working(count):
            meeting.wait()
            inside = threads.get()
            meeting.wait()
        return [inside, threads.get()]

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(seen, (2, 3))) == [[2, 1], [3, 1]]
    with pytest.raises(ValueError, match=r"^4$"), working(4):
        raise ValueError(threads.get())
    assert threads.get() == 1


def test_nothing_is_spread_twice_and_no_phase_is_told_from_a_thread() -> None:
    token = threads.set(3)
    told = listener.set(object())  # type: ignore[arg-type]
    assert list(spread(lambda _: (threads.get(), listener.get()), range(3))) == [(1, None)] * 3
    listener.reset(told)
    threads.reset(token)


def test_the_cores_are_those_that_a_process_is_bound_to_and_its_group_pays_for(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _: set(range(6)))
    monkeypatch.setattr(cores, "CGROUP", tmp_path)
    assert cores.available() == 6
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert cores.available() == 6
    (tmp_path / "cpu.max").write_text("250000 100000\n")
    assert cores.available() == 3
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert cores.available() == 3
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("20000\n")
    groups = "0::/\n3:cpu,cpuacct:/\n"
    monkeypatch.setattr(cores, "text", lambda file, read=cores.text: groups if file.name == "cgroup" else read(file))
    assert cores.available() == 1
