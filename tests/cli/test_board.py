"""What stands above the bar of a sweep: the best so far, what is being trained, and the time that is left, honestly."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from rich.cells import cell_len

from nnfit.cli import progress
from nnfit.cli.board import MOST, Board, named
from nnfit.progress import phase
from nnfit.sweeps import at_work
from nnfit.sweeps.running import Outcome
from nnfit.sweeps.trials import Trial

from .test_progress import ABOVE, CLEAR, COLOUR, MARKS, Terminal, look, shown_on, still

__all__ = ["still"]  # a fixture


def trials(numbers: Sequence[int]) -> list[Trial]:
    """Trials with these numbers, whose hashes are their numbers."""
    return [Trial(n, 0, {}, None, (), str(n), Path()) for n in numbers]


def ended(board: Board, numbers: Sequence[int], seconds: float) -> None:
    """These trials are over, after so many seconds each."""
    for n in numbers:
        board.ended(Outcome(str(n), "done", seconds=seconds))


@pytest.fixture
def board() -> Iterator[Board]:
    """Forty trials of the same size, none of which is over, from the second 100 on."""
    found = Board()
    found.start({str(n): 1.0 for n in range(1, 41)})
    found.begun = 100.0
    return found


def test_the_time_left_is_unknown_until_a_trial_is_over(board: Board) -> None:
    board.handed_out({"a": trials(range(1, 11))}, 1)
    assert board.left(100.0) is None
    assert board.left(500.0) is None
    ended(board, range(1, 11), 2.0)
    assert board.left(120.0) == pytest.approx(60.0)


def test_what_is_under_way_counts_by_the_time_it_has_had(board: Board) -> None:
    """Two workers with ten trials each: when the first is done, the second nearly is, and half is left."""
    groups = {"a": trials(range(1, 11)), "b": trials(range(11, 21)), "c": trials(range(21, 31))}
    board.handed_out(groups, 2)
    board.working(100.0)
    ended(board, range(1, 11), 2.0)
    del groups["a"]
    assert board.left(120.0) == pytest.approx(20.0, rel=0.1)
    assert [len(own.trials) for own in board.working(120.0)] == [10, 10]


def test_the_last_takes_as_long_as_it_takes_alone(board: Board) -> None:
    ended(board, range(1, 31), 2.0)
    groups = {"a": trials(range(31, 41))}
    board.handed_out(groups, 2)
    assert board.left(130.0) == pytest.approx(20.0)
    assert board.left(140.0) == pytest.approx(10.0)


def test_large_networks_count_for_more_than_small_ones() -> None:
    board = Board()
    board.start({"1": 1.0, "2": 1.0, "3": 8.0})
    board.begun = 0.0
    ended(board, [1, 2], 3.0)
    assert board.left(6.0) == pytest.approx(24.0)


def test_it_says_what_each_worker_has_and_for_how_long(board: Board) -> None:
    board.handed_out({"a": trials([3]), "b": trials(range(11, 19)), "c": trials([9])}, 2)
    board.working(100.0)
    board.best = "log_loss 0.5000, trial 4: learning_rate 0.01"
    assert list(board.lines(171.0)) == [
        "best     log_loss 0.5000, trial 4: learning_rate 0.01",
        "running  0:01:11  trial 3",
        "         0:01:11  8 trainings in one array, trials 11 to 18",
    ]
    assert named(trials([9, 2, 5, 4, 3, 11])) == "6 trainings in one array, trials 2, 3, 4, 5, …"
    assert named(trials([2, 2, 2])) == "3 trainings in one array, trial 2"


def test_of_many_workers_some_are_shown(board: Board) -> None:
    board.handed_out({n: trials([n]) for n in range(1, 31)}, 20)
    lines = list(board.lines(100.0))
    assert len(lines) == MOST + 2
    assert lines[-1].strip() == f"and {20 - MOST} more groups"


def test_who_hands_out_tells_the_watcher_and_nobody_else(board: Board) -> None:
    at_work.tell({"a": trials([1])}, 1)
    assert board.working(100.0) == []
    with at_work.watched_by(board.handed_out):
        at_work.tell({"a": trials([1])}, 1)
    assert len(board.working(100.0)) == 1


# --- on a terminal ---------------------------------------------------------------------------------------------------


def test_it_stands_above_the_bar_and_goes_with_it(still: None, board: Board) -> None:
    board.handed_out({"a": trials([3]), "b": trials([4])}, 2)
    with shown_on(Terminal()) as terminal:
        progress.above(board)
        with phase("trials", 40):
            look(1)
            first = MARKS.sub("", terminal.getvalue())
            assert first.startswith(
                f"{CLEAR}best     no trial has a score yet\nrunning  0:00:00  trial 3\n         0:00:00"
            )
            assert first.split("\n")[3].startswith("trials 0/40   0% -:--:-- ━━━━")
            look(2)
            second = MARKS.sub("", terminal.getvalue())[len(first) :]
            assert second.startswith(f"{CLEAR}{ABOVE * 3}best     no trial")
            progress.note("trial 3 failed")
            third = MARKS.sub("", terminal.getvalue())[len(first + second) :]
            assert third == f"{CLEAR}{ABOVE * 3}trial 3 failed\n"
            look(3)
        assert terminal.getvalue().endswith(f"{CLEAR}{ABOVE * 3}")
        with phase("the best model", 2):
            look(1)
        assert MARKS.sub("", terminal.getvalue()).split(CLEAR)[-2].startswith("the best model 0/2")


@pytest.mark.parametrize(("columns", "lines"), [("100", "24"), ("40", "24"), ("12", "24"), ("8", "24"), ("60", "3")])
def test_it_fits_terminals_of_any_size(
    still: None, board: Board, monkeypatch: pytest.MonkeyPatch, columns: str, lines: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("LINES", lines)
    board.best = "log_loss 0.1, trial 1: kind 漢字漢字漢字漢字漢字漢字漢字漢字"
    board.handed_out({n: trials([n, n + 1]) for n in range(1, 9)}, 8)
    with shown_on(Terminal()) as terminal:
        progress.above(board)
        with phase("trials", 40):
            look(1)
            shown = MARKS.sub("", terminal.getvalue()).removeprefix(CLEAR).split("\n")
    assert all(cell_len(line) < int(columns) for line in shown)
    assert len(shown) < int(lines)


def test_names_from_files_cannot_draw(still: None, board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    board.best = "log_loss 0.1, trial 1: [red]x\x1b[2J\n"
    with shown_on(Terminal()) as terminal:
        progress.above(board)
        with phase("trials", 40):
            look(1)
    shown = terminal.getvalue()
    assert r"[red]x\x1b[2J\n" in shown
    assert "\x1b[2J" not in shown
    assert not COLOUR.search(shown)


def test_in_a_pipe_there_are_lines_as_before_with_the_honest_time(still: None, board: Board) -> None:
    with shown_on(io.StringIO()) as pipe:
        progress.above(board)
        with phase("trials, best log_loss 0.1 of trial 3", 40) as now:
            look(1)
            assert pipe.getvalue() == ""
            now.step(10)
            board.begun = time.monotonic() - 20
            ended(board, range(1, 11), 2.0)
            look(6)
    assert re.fullmatch(r"trials, best log_loss 0.1 of trial 3 … 25 %, 0:01:\d\d left\n", pipe.getvalue())
