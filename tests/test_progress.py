"""Long work says how far it is, to whoever listens, and is silent where nobody does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import nnfit
from nnfit.core import network
from nnfit.core.network import CHUNK
from nnfit.progress import Phase, listener, phase, tracked


class Heard:
    """A listener that keeps every phase, with how many lie around it, and knows which are under way."""

    def __init__(self) -> None:
        self.phases: list[tuple[int, Phase]] = []
        self.under_way: list[Phase] = []

    def begin(self, phase: Phase) -> None:
        self.phases.append((len(self.under_way), phase))
        self.under_way.append(phase)

    def end(self, phase: Phase) -> None:
        self.under_way.remove(phase)

    @property
    def outer(self) -> list[str]:
        """The names of the phases that lie in no other, those of a name in a row once."""
        names = [phase.name for depth, phase in self.phases if not depth]
        return [name for name, before in zip(names, ["", *names], strict=False) if name != before]


@pytest.fixture
def heard() -> Iterator[Heard]:
    """What is told during the test."""
    mine = Heard()
    token = listener.set(mine)
    yield mine
    listener.reset(token)


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[Phase]:
    """The phase of every call that says how far one is."""
    calls: list[Phase] = []
    real = Phase.reach

    def reach(self: Phase, done: float) -> None:
        calls.append(self)
        real(self, done)

    monkeypatch.setattr(Phase, "reach", reach)
    return calls


# --- a phase -------------------------------------------------------------------------------------------------------


def test_a_phase_is_told_from_its_beginning_to_its_end_and_counts_what_is_done(heard: Heard) -> None:
    with phase("outer", 10, done=4) as outer:
        assert heard.under_way == [outer]
        assert (outer.name, outer.total, outer.done) == ("outer", 10, 4)
        for i in tracked([7, 8, 9], "inner"):
            inner = heard.under_way[1]
            assert (inner.name, inner.total, inner.done) == ("inner", 3, i - 7)
        outer.step(2)
        assert outer.done == 6
        outer.reach(10)
    assert (outer.done, inner.done, heard.under_way) == (10, 3, [])


def test_a_phase_ends_where_an_error_or_a_break_leaves_it(heard: Heard) -> None:
    with pytest.raises(ZeroDivisionError), phase("error"):
        print(1 / 0)
    for _ in tracked(range(5), "break"):
        break
    assert heard.under_way == []
    assert heard.outer == ["error", "break"]


def test_a_generator_has_no_total_unless_one_is_given(heard: Heard) -> None:
    assert list(tracked(iter("abc"), "unknown")) == list(tracked(iter("abc"), "given", 3)) == ["a", "b", "c"]
    assert [(found.total, found.done) for _, found in heard.phases] == [(None, 3), (3, 3)]


def test_another_thread_tells_nobody(heard: Heard) -> None:
    thread = threading.Thread(target=lambda: list(tracked(range(3), "elsewhere")))
    thread.start()
    thread.join()
    assert heard.phases == []


# --- what a training tells -----------------------------------------------------------------------------------------

EVERYTHING = """\
data: {train: data.csv, target: y, test: 0.25}
network: {members: 3, layers: [{size: 4, activation: relu}, {size: 1, activation: logistic}]}
loss: bce
training: {epochs: 4, batch_size: 16, resample: folds, early_stopping: {patience: 9}, calibration: temperature,
  threshold: {maximize: f1}, optimizer: {name: adam, learning_rate: 0.01}}
"""
SCORED = [
    *("predicting every set", "averaging the members", "drawing folds", "fitting the temperature"),
    *("scoring every set", "scoring the prior", "scoring every member", "predicting by the prior"),
]


def table(n: int) -> str:
    rng = np.random.default_rng(5)
    rows = zip(*rng.normal(size=(2, n)), rng.integers(2, size=n), strict=True)
    return "p,q,c,y\n" + "".join(f"{a:.4f},{b:.4f},{'rst'[i % 3]},{c}\n" for i, (a, b, c) in enumerate(rows))


def everything(folder: Path, n: int = 80) -> Path:
    (folder / "data.csv").write_text(table(n))
    (folder / "spec.yaml").write_text(EVERYTHING)
    return folder / "spec.yaml"


def test_a_training_with_folds_a_baseline_and_a_temperature_tells_every_phase_in_its_order(
    heard: Heard, tmp_path: Path
) -> None:
    nnfit.train(everything(tmp_path))
    assert heard.outer == [
        *("reading data.csv", "drawing rows", "fitting the encoding", "looking for identifiers", "looking for leaks"),
        *("encoding", "joining the inputs", "comparing rows"),
        *("starting the training", "epoch", *SCORED),
        *("linear model", *SCORED),
        *("profile of the predictions", "bootstrap of the intervals", "comparing with the linear model"),
    ]
    assert heard.under_way == []
    totals = {found.name: (found.total, found.done) for _, found in heard.phases}
    size = (tmp_path / "data.csv").stat().st_size
    assert totals["reading data.csv"] == (size, size)
    assert totals["epoch"] == (4, 4)
    assert totals["linear model"] == (9, 9)  # digits of the cost
    assert totals["encoding"] == (3, 3)
    assert totals["predicting every set"] == (2, 2)
    assert totals["scoring every set"] == (3, 3)  # rows out of fold, too
    assert [name for name, (total, done) in totals.items() if total not in (done, None)] == []


def test_a_model_file_that_is_read_is_a_phase_of_its_name(heard: Heard, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    nnfit.train(everything(tmp_path)).model.save(path)
    heard.phases.clear()
    nnfit.load(path)
    assert heard.outer == ["reading model.npz"]


def test_training_gives_the_same_bytes_whoever_listens(tmp_path: Path) -> None:
    spec = everything(tmp_path)
    alone = nnfit.train(spec).model.to_bytes()
    token = listener.set(Heard())
    try:
        assert nnfit.train(spec).model.to_bytes() == alone
    finally:
        listener.reset(token)


def test_the_library_alone_prints_nothing_and_starts_no_thread(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    nnfit.train(everything(tmp_path))
    assert capfd.readouterr() == ("", "")
    assert not [thread for thread in threading.enumerate() if thread.name == "progress"]


def test_work_is_counted_block_by_block_and_never_row_by_row(
    reached: list[Phase], trained: Callable[..., nnfit.Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "CHUNKS", 1)  # of a piece
    calls, chunks = {}, {}
    for n in (200, 10_200):
        reached.clear()
        trained(EVERYTHING, table(n), "training.epochs=1")
        calls[n], chunks[n] = len(reached), sum(found.name == "predicting" for found in reached)
    # Training and test rows are predicted in chunks, by three members of the network and of the linear model.
    assert 6 * (10_000 // CHUNK) <= chunks[10_200] - chunks[200] <= 6 * (10_000 // CHUNK + 2)
    assert calls[10_200] - calls[200] < 10_000 / 20
