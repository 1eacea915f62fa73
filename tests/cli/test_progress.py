"""Long work on a terminal has a bar with its name and the time left; elsewhere it says a line now and then."""

from __future__ import annotations

import io
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from nnfit.cli import log, progress, screen
from nnfit.cli.log import Log
from nnfit.cli.progress import Begun, Shown, State, draw, line_of, state
from nnfit.errors import Problem
from nnfit.fit.run import Progress
from nnfit.progress import Phase, phase, tracked

Run = Callable[..., Any]
CLEAR, ABOVE = "\r\x1b[2K", "\x1b[1A\x1b[2K"
COLOUR = re.compile(r"\x1b\[[0-9;]*(3[0-7]|38|9[0-7])[0-9;]*m")
MARKS = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    """Standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


# --- what is shown, at times that the test says --------------------------------------------------------------------


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread looks at the work: the test does."""
    monkeypatch.setattr(progress, "TICK", 3600.0)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)


@contextmanager
def shown_on(stream: io.StringIO) -> Iterator[io.StringIO]:
    """What is under way in the block is shown there."""
    kept, sys.stderr = sys.stderr, stream
    try:
        with progress.shown():
            yield stream
    finally:
        sys.stderr = kept


def look(after: float) -> None:
    """What the thread does, so many seconds from now."""
    progress.current.look(time.monotonic() + after)


def test_a_bar_comes_when_work_lasts_and_goes_with_it(still: None) -> None:
    with shown_on(Terminal()) as terminal:
        with phase("reading my.csv", 4) as now:
            look(0.4)
            assert terminal.getvalue() == ""
            now.step()
            look(0.6)
            shown = MARKS.sub("", terminal.getvalue())
            assert shown.startswith(f"{CLEAR}reading my.csv 1/4  25% 0:00:02 ━━━━━━━━━━")
            assert COLOUR.search(terminal.getvalue())
        assert terminal.getvalue().endswith(f"━{CLEAR}") or terminal.getvalue().endswith(f"m{CLEAR}")
        written = len(terminal.getvalue())
        look(9)
        assert len(terminal.getvalue()) == written


def test_what_lies_within_a_phase_moves_its_bar_and_has_none(still: None) -> None:
    with shown_on(Terminal()) as terminal:
        for _ in tracked(range(2), "outer"):
            for _ in tracked(range(4), "inner"):
                look(1)
    shown = MARKS.sub("", terminal.getvalue())
    assert "inner" not in shown
    assert re.findall(r"outer \d/2 +(\d+)%", shown) == ["0", "12", "25", "38", "50", "62", "75", "88"]


def test_a_warning_stands_above_the_bar(still: None) -> None:
    with shown_on(Terminal()) as terminal, phase("work", 2):
        look(1)
        screen.warn(Problem("x", "beware"))
        assert terminal.getvalue().endswith(f"{CLEAR}warning: beware\n")
        look(1)
        assert MARKS.sub("", terminal.getvalue()).rpartition("\n")[2].startswith(f"{CLEAR}work 0/2")


def test_quietly_there_is_neither_bar_nor_line(still: None) -> None:
    with shown_on(Terminal()) as terminal, phase("work", 2):
        look(1)
        progress.hush()
        assert terminal.getvalue().endswith(CLEAR)
        written = len(terminal.getvalue())
        look(100)
    assert len(terminal.getvalue()) == written


@pytest.mark.parametrize(("kind", "term"), [(Terminal, "dumb"), (io.StringIO, "xterm")])
def test_on_a_dumb_terminal_and_in_a_pipe_there_are_lines_and_no_marks(
    still: None, monkeypatch: pytest.MonkeyPatch, kind: type[io.StringIO], term: str
) -> None:
    monkeypatch.setenv("TERM", term)
    with shown_on(kind()) as stream, phase("reading my.csv", 1_000_000) as now:
        look(4.9)
        assert stream.getvalue() == ""
        now.reach(250_000)
        look(6)
        assert stream.getvalue() == "reading my.csv … 25 %, 0:00:18 left\n"
        look(9)  # the next comes twice as long after the last line
        assert stream.getvalue().count("\n") == 1
        look(11)
        assert stream.getvalue().count("\n") == 2
        screen.note("other words")
        look(19)
        assert stream.getvalue().count("\n") == 3
    with shown_on(stream), phase("work"):
        look(6)
        assert stream.getvalue().splitlines()[3:] == ["work …"]


@pytest.mark.parametrize("kind", [Terminal, io.StringIO])
@pytest.mark.parametrize("quiet", [False, True])
def test_a_log_has_the_lines_in_any_case(
    still: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: type[io.StringIO], quiet: bool
) -> None:
    monkeypatch.setattr(log, "current", Log(tmp_path / "l.log"))
    with shown_on(kind()):
        if quiet:
            progress.hush()
        with phase("reading standard input") as now:
            now.reach(12_000)
            look(6)
    assert log.current.waiting == ["reading standard input … 12,000 rows"]


def test_what_was_done_before_does_not_count_for_the_time_left() -> None:
    resumed = [Begun(Phase("epoch", 100, 60), 0.0, 50)]
    assert state(resumed, 10.0) == State("epoch", "60/100", 0.6, pytest.approx(40.0))
    assert state([Begun(Phase("epoch", 100, 50), 0.0, 50)], 10.0).left is None
    assert line_of(state(resumed, 10.0)) == "epoch … 60 %, 0:00:40 left"
    assert line_of(state([Begun(Phase("looking", None), 0.0, 0)], 10.0)) == "looking …"


@pytest.mark.parametrize("width", [8, 20, 30, 40, 80, 200])
@pytest.mark.parametrize(
    "now",
    [
        State("reading 漢字漢字漢字漢字漢字漢字.csv [bold]:smile:", "", 0.43, 72),
        State("epoch", "12/60", 0.2, None),
        State("reading standard input", "120,000 rows", None, None),
        State("x" * 300, "", 1.0, 1e12),
    ],
    ids=["wide letters", "epochs", "rows", "a long name"],
)
def test_a_bar_is_one_line_however_narrow_the_terminal(now: State, width: int) -> None:
    file = io.StringIO()
    draw(Console(file=file, width=width, force_terminal=True, markup=False, emoji=False, highlight=False), now)
    shown = MARKS.sub("", file.getvalue())
    assert "\n" not in shown
    assert 0 < cell_len(shown) < width
    assert shown[:2] == now.name[:2] or width == 8
    if now.share is not None and width >= 20:
        assert f"{now.share:4.0%}" in shown
    if "漢" in now.name and width == 200:
        assert now.name in shown


def test_names_from_files_are_harmless_in_a_bar(still: None) -> None:
    with shown_on(Terminal()) as terminal, phase("reading \x1b[31mred\u202e\n.csv", 2):
        look(1)
    shown = MARKS.sub("", terminal.getvalue())
    assert shown.replace(CLEAR, "").startswith(r"reading \x1b[31mred\u202e\n.csv 0/2")
    assert "\x1b[31m" not in terminal.getvalue().split("red")[0]


def test_ten_times_a_second_at_most_the_bar_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "DELAY", 0.0)
    drawn: list[State] = []
    monkeypatch.setattr(Shown, "drawn", lambda self, now, above: drawn.append(now) or now.name)
    with shown_on(Terminal()):
        start, steps = time.monotonic(), 0
        with phase("busy", 1e9) as now:
            while time.monotonic() < start + 0.55:
                now.step()
                steps += 1
    assert steps > 10_000
    assert 1 <= len(drawn) <= 6
    assert not [thread for thread in threading.enumerate() if thread.name == "progress"]


def test_a_terminal_that_goes_away_ends_the_bar_and_not_the_work(still: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(Terminal):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(progress, "TICK", 0.01)
    monkeypatch.setattr(progress, "DELAY", 0.0)
    with shown_on(Gone()), phase("work", 2):
        thread = progress.current.thread
        assert thread is not None
        thread.join(5)
        assert not thread.is_alive()


def test_a_signal_before_there_is_anybody_to_look_is_that_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: threading.Thread) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt), shown_on(Terminal()), phase("work", 2):
        pass


@pytest.mark.parametrize(
    ("total", "lines"), [(0, 0), (1, 1), (7, 7), (20, 20), (30, 16), (100, 21), (1000, 21), (4321, 10)]
)
def test_about_twenty_lines_tell_of_the_epochs(capsys: pytest.CaptureFixture[str], total: int, lines: int) -> None:
    epochs = (Progress(i, np.array([1 / i]), None) for i in range(1, total + 1))
    assert len(list(progress.watch(epochs, total, quiet=False))) == total
    found = capsys.readouterr()
    assert found.out == ""
    assert len(found.err.splitlines()) == lines
    if total:
        assert found.err.splitlines()[-1].startswith(f"epoch {total}/{total}  cost ")


# --- the phases of every command -----------------------------------------------------------------------------------


@pytest.fixture
def outermost(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the phases that would have a bar, in their order, those of a name in a row once."""
    names: list[str] = []
    real = Shown.begin

    def begin(self: Shown, phase: Phase) -> None:
        if not self.under_way and phase.name not in names[-1:]:
            names.append(phase.name)
        real(self, phase)

    monkeypatch.setattr(Shown, "begin", begin)
    return names


PREPARED = [
    *("reading flowers.csv", "drawing rows", "fitting the encoding", "looking for identifiers", "looking for leaks"),
    *("encoding", "joining the inputs", "comparing rows", "starting the training"),
]
SCORED = [
    *("predicting every set", "averaging the members", "scoring every set", "scoring the prior"),
    "predicting by the prior",
]
TRAINED = [
    *(*PREPARED, "epoch", *SCORED, "linear model", *SCORED),
    *("profile of the predictions", "bootstrap of the intervals", "comparing with the linear model"),
]
PHASES: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "train": (("flowers.yaml",), TRAINED),
    "verify": (("flowers.npz",), ["reading flowers.npz", *TRAINED]),
    "check": (("flowers.yaml",), [*PREPARED, "checking the gradients"]),
    "inspect": (("flowers.npz",), ["reading flowers.npz"]),
    "predict": (("flowers.npz", "flowers.csv", "-o", "out.csv"), ["reading flowers.npz", "predicting flowers.csv"]),
    "evaluate": (
        ("flowers.npz", "new.csv"),
        [
            *("reading flowers.npz", "reading new.csv", "encoding", "joining the inputs", "predicting"),
            *("scoring every member", "computing the metrics", "comparing with flowers.csv", "drawing rows"),
            *("comparing rows", "bootstrap of the intervals"),
        ],
    ),
    "explain": (
        ("flowers.npz", "new.csv"),
        [
            *("reading flowers.npz", "reading new.csv", "encoding", "joining the inputs"),
            *(
                "comparing with flowers.csv",
                "drawing rows",
                "comparing rows",
                "predicting",
                "importance of the columns",
            ),
        ],
    ),
    "init": (
        ("flowers.csv", "--target", "species"),
        [
            *("finding the encoding of flowers.csv", "reading flowers.csv", "finding the decimal mark"),
            *("reading flowers.csv", "recognising the columns", "looking at the columns"),
        ],
    ),
}


@pytest.mark.parametrize("command", PHASES)
def test_every_long_part_of_a_command_has_its_name(
    run: Run, flower_model: Path, monkeypatch: pytest.MonkeyPatch, outermost: list[str], command: str
) -> None:
    monkeypatch.chdir(flower_model.parent)
    rows = Path("flowers.csv").read_text().splitlines(keepends=True)
    Path("new.csv").write_text("".join(rows[:30]))
    arguments, phases = PHASES[command]
    ended = run(command, *arguments)
    assert ended.code == 0
    assert outermost == phases
    assert "…" not in ended.err  # nothing of it lasted


def test_a_pipe_is_counted_in_rows(
    run: Run, flower_model: Path, monkeypatch: pytest.MonkeyPatch, outermost: list[str]
) -> None:
    reached: list[tuple[str, float | None, float]] = []
    real = Shown.end

    def end(self: Shown, phase: Phase) -> None:
        reached.append((phase.name, phase.total, phase.done))
        real(self, phase)

    monkeypatch.setattr(Shown, "end", end)
    ended = run("predict", flower_model, "-", stdin=(flower_model.parent / "flowers.csv").read_text())
    assert ended.code == 0
    assert ("predicting standard input", None, 60) in reached


# --- in a process of its own ---------------------------------------------------------------------------------------

# As `nnfit`, but every phase is looked at when it has just begun, and is taken to last a while by then.
PATIENT = """\
import sys, time
from nnfit.cli import progress
real = progress.Shown.begin

def begin(self, phase):
    real(self, phase)
    with self.lock:
        self.look(time.monotonic() + 1)

progress.Shown.begin = begin
sys.argv[0] = "nnfit"
from nnfit.__main__ import run
run()
"""


def started(folder: Path, *command: str, **environment: str) -> tuple[subprocess.Popen[bytes], int]:
    """A command whose output is a terminal, and that terminal's other end."""
    ours, theirs = pty.openpty()
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        stdout=theirs,
        stderr=theirs,
        env={**kept, "TERM": "xterm-256color", **environment},
    )
    os.close(theirs)
    return process, ours


def written_to(ours: int) -> Iterator[str]:
    """What comes to a terminal, until the process is gone and its end of the terminal with it."""
    try:
        while data := os.read(ours, 65536):
            yield data.decode("utf-8", "replace")
    except OSError:
        pass
    finally:
        os.close(ours)


def on_a_terminal(folder: Path, *command: str, **environment: str) -> str:
    """What a command writes to a terminal."""
    process, ours = started(folder, *command, **environment)
    written = "".join(written_to(ours))
    assert process.wait(timeout=30) == 0
    return written


@pytest.mark.process
def test_on_a_terminal_every_phase_has_its_bar_and_leaves_nothing_of_it(flowers: Path) -> None:
    bright = on_a_terminal(flowers, "-c", PATIENT, "train", "flowers.yaml")
    assert COLOUR.search(bright)
    texts = re.findall(r"\r\x1b\[2K([a-z][^\r\n]*)\r", MARKS.sub("", bright))
    names = [re.sub(r"( \d+/\d+)?( +\d+%.*)?$", "", text) for text in texts]
    assert [name for name, before in zip(names, ["", *names], strict=False) if name != before] == TRAINED
    after = MARKS.sub("", bright.rpartition(CLEAR)[2])
    assert "Metrics, beside a trivial predictor" in after
    assert "model written to" in after
    assert "\x1b[?25l" not in bright  # the cursor is never hidden


@pytest.mark.process
def test_no_color_is_honoured(flowers: Path) -> None:
    plain = on_a_terminal(flowers, "-c", PATIENT, "train", "flowers.yaml", NO_COLOR="1")
    assert not COLOUR.search(plain)
    assert f"{CLEAR}epoch 0/30" in MARKS.sub("", plain)
    assert "model written to" in plain


@pytest.mark.process
def test_rows_that_are_written_to_a_terminal_have_no_bar_between_them(flower_model: Path) -> None:
    written = on_a_terminal(flower_model.parent, "-c", PATIENT, "predict", "flowers.npz", "flowers.csv")
    assert "\x1b" not in written
    assert len(written.splitlines()) == 61


@pytest.mark.process
@pytest.mark.parametrize("command", ["train", "evaluate", "init"])
def test_a_pipe_gets_plain_lines(flower_model: Path, command: str) -> None:
    arguments, _ = PHASES[command]
    (flower_model.parent / "new.csv").write_bytes((flower_model.parent / "flowers.csv").read_bytes())
    code = PATIENT.replace("+ 1)", "+ 6)")
    ended = subprocess.run(
        [sys.executable, "-c", code, command, *arguments], cwd=flower_model.parent, capture_output=True, timeout=30
    )
    assert ended.returncode == 0
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", ended.stdout + ended.stderr)
    lines = ended.stderr.decode().splitlines()
    assert any(re.match(r"(reading|finding the encoding of) \w+\.csv … ", line) for line in lines)
    assert b" \xe2\x80\xa6 0 %" not in ended.stdout


@pytest.mark.process
def test_an_interrupt_takes_the_bar_away_and_leaves_the_terminal_as_it_was(flowers: Path) -> None:
    process, ours = started(flowers, "-m", "nnfit", "train", "flowers.yaml", "--set", "training.epochs=9000")
    written, asked = "", False
    for text in written_to(ours):
        written += text
        if not asked and f"{CLEAR}epoch " in MARKS.sub("", written):
            asked = True
            process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    assert asked, "no bar came by itself"
    assert "nnfit: interrupted; " in MARKS.sub("", written).rpartition(CLEAR)[2]
    assert "\x1b[?25l" not in written
