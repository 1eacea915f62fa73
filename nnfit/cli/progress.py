"""Long work as a person sees it: on a terminal a bar with its name and the time left, elsewhere a line now and then.

A thread of its own looks ten times a second at the phase that is under way, and draws: the work is not held up by it,
and a bar stands there too while a single step takes long. Nothing is hidden or redirected, so that whatever ends the
process leaves the terminal as it was, but for that line.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol

from nnfit.cli import log
from nnfit.progress import Phase, listener
from nnfit.words import plain

if TYPE_CHECKING:
    from rich.console import Console

    from nnfit.fit.run import Progress

LINES = 20  # about as many lines as a training prints
PATIENCE = 5.0  # seconds without a line, at most (an epoch may take longer)
DELAY = 0.5  # seconds before a bar comes: one that flashes is noise
TICK = 0.1  # seconds between two looks
CLEAR, ABOVE = "\r\x1b[2K", "\x1b[1A\x1b[2K"  # a terminal clears the line that it is in, and the one above
BAR, LEAST = 40, 4  # columns of a bar, at most and at least
NARROW = 15  # columns of the name, which the time left does not take from it
FEW = 10_000  # steps that are shown as a count, too; of more the share says enough


class Begun(NamedTuple):
    """A phase that is under way: when it began, and how much was done then."""

    phase: Phase
    time: float
    first: float


class State(NamedTuple):
    """What is shown of a phase: its name, how many steps of how many, the share that is done, and the seconds left."""

    name: str
    steps: str
    share: float | None
    left: float | None


class Board(Protocol):
    """What stands above the bar of a phase, in a line each, and the seconds that it takes yet, where they are known."""

    def lines(self, now: float) -> Iterable[str]:
        """The lines, plain, of any length."""

    def left(self, now: float) -> float | None:
        """The seconds that are left."""


class Shown:
    """What stands on standard error of the work under way: a bar in the last line, or nothing."""

    def __init__(self) -> None:
        self.terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self.quiet = False
        self.lock = threading.RLock()
        self.over = threading.Event()
        self.thread: threading.Thread | None = None
        self.under_way: list[Begun] = []
        self.patience = PATIENCE
        self.said = time.monotonic()
        self.bar = 0  # the lines at the end that it takes, with what stands above it
        self.board: Board | None = None
        self.console: Console | None = None

    # --- what a listener is told -----------------------------------------------------------------------------------

    def begin(self, phase: Phase) -> None:
        """A phase begins; the outermost is shown."""
        with self.lock:
            now = time.monotonic()
            if not self.under_way:
                self.patience, self.said = PATIENCE, now
            self.under_way.append(Begun(phase, now, phase.done))
            if self.thread is None:
                self.thread = threading.Thread(target=self.watch, name="progress", daemon=True)
                self.thread.start()

    def end(self, phase: Phase) -> None:
        """A phase ends, wherever it lies: one of a generator may end late."""
        with self.lock:
            self.under_way = [begun for begun in self.under_way if begun.phase is not phase]
            if not self.under_way:
                self.erase()
                self.board = None

    # --- what is shown ---------------------------------------------------------------------------------------------

    def watch(self) -> None:
        """Look at the work again and again, until all is over."""
        while not self.over.wait(TICK):
            with self.lock:
                try:
                    self.look(time.monotonic())
                except OSError:  # the terminal is gone: the command will notice where it matters
                    return

    def look(self, now: float) -> None:
        """Draw the bar anew, or say a line, if it is time for one."""
        if not self.under_way:
            return
        if now - self.said > self.patience and not (self.terminal and not log.current):
            self.said, self.patience = now, 2 * self.patience
            text = line_of(self.state(now))
            if self.terminal or self.quiet:
                log.current.line(text)
            else:
                note(text)
        if self.terminal and not self.quiet and now - self.under_way[0].time >= DELAY:
            above = [] if self.board is None else list(self.board.lines(now))
            text = self.drawn(self.state(now), above)
            sys.stderr.write(f"{CLEAR}{ABOVE * (self.bar - 1)}{text}")
            sys.stderr.flush()
            self.bar = 1 + text.count("\n")

    def state(self, now: float) -> State:
        """What is shown of what is under way; with a board, trials alone count, and it knows the time that is left."""
        if self.board is None:
            return state(self.under_way, now)
        return state(self.under_way[:1], now)._replace(left=self.board.left(now))

    def drawn(self, now: State, above: Sequence[str] = ()) -> str:
        """Lines and a bar below, for the size that the terminal has now, with the marks of its colours."""
        from rich.console import Console
        from rich.text import Text

        if self.console is None:
            self.console = Console(stderr=True, markup=False, emoji=False, highlight=False)
        with self.console.capture() as captured:
            for line in above[: max(0, self.console.height - 2)]:
                text = Text(line)
                text.truncate(max(1, self.console.width - 1), overflow="ellipsis")
                self.console.print(text, no_wrap=True, overflow="crop")
            draw(self.console, now)
        return captured.get()

    def erase(self) -> None:
        """Take the bar away, if there is one: something else is to be written in its line."""
        if self.bar:
            sys.stderr.write(f"{CLEAR}{ABOVE * (self.bar - 1)}")
            sys.stderr.flush()
            self.bar = 0


current = Shown()  # that of this process; nobody tells it anything before `shown`


@contextmanager
def shown() -> Iterator[None]:
    """Show the phases of the block as they pass."""
    global current
    mine = current = Shown()
    token = listener.set(mine)
    try:
        yield
    finally:
        listener.reset(token)
        mine.over.set()
        with mine.lock:
            mine.under_way.clear()
            mine.erase()
        if mine.thread is not None and mine.thread.is_alive():  # a signal may have come before it was started
            mine.thread.join(1.0)


def above(board: Board) -> None:
    """Show this above the bar of the next phase, as long as it lasts."""
    with current.lock:
        current.board = board


def hush() -> None:
    """Show nothing from now on; a log keeps its lines."""
    with current.lock:
        current.erase()
        current.quiet = True


def note(text: str) -> None:
    """A line on standard error, above a bar if there is one, and in the log."""
    with current.lock:
        current.erase()
        print(text, file=sys.stderr)
        log.current.line(text)
        current.said = time.monotonic()


def watch(epochs: Iterator[Progress], total: int, quiet: bool) -> Iterator[Progress]:
    """The epochs, and a line of them now and then; quietly these stand in the log alone."""
    every = step_of(total)
    last = time.monotonic()
    for epoch in epochs:
        now = time.monotonic()
        if epoch.number in (1, total) or epoch.number % every == 0 or now - last > PATIENCE:
            last = now
            (log.current.line if quiet else note)(line(epoch, total))
        yield epoch


def step_of(total: int) -> int:
    """1, 2, 5, 10, 20, 50, … so that about LINES lines are printed."""
    step = 1
    while total > LINES * step:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return step


def line(epoch: Progress, total: int) -> str:
    """One epoch: its training cost, before each update, and the validation cost; of several members the mean."""
    text = f"epoch {epoch.number:>{len(str(total))}}/{total}  cost {epoch.cost:.6f}"
    return text if epoch.validation is None else f"{text}  validation {epoch.validation:.6f}"


# --- a phase in words, and as a bar --------------------------------------------------------------------------------


def state(under_way: list[Begun], now: float) -> State:
    """What is to be shown of the outermost phase; what lies within it is a part of its next step."""
    outer, begun, first = under_way[0]
    if not outer.total:
        return State(plain(outer.name), f"{outer.done:,.0f} rows" if outer.done else "", None, None)
    share = 0.0
    for phase, *_ in reversed(under_way):
        if phase.total:
            share = min(1.0, (phase.done + share) / phase.total)
    new = share - first / outer.total
    left = (now - begun) * (1 - share) / new if new > 0 else None
    steps = f"{outer.done:.0f}/{outer.total:.0f}" if outer.total < FEW else ""
    return State(plain(outer.name), steps, share, left)


def line_of(now: State) -> str:
    """A phase as a line: `reading my.csv … 43 %, 0:01:12 left`."""
    rest = [] if now.share is None else [f"{now.share:.0%}".replace("%", " %")]
    rest = rest or [now.steps] * bool(now.steps)
    rest += [] if now.left is None else [f"{clock(now.left)} left"]
    return f"{now.name} … {', '.join(rest)}".rstrip()


def clock(seconds: float) -> str:
    """A time as hours, minutes and seconds: `0:01:12`."""
    whole = min(round(seconds), 359_999_999)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def draw(console: Console, now: State) -> None:
    """Name, share, time left and bar, in one line of the terminal: where it is narrow without the bar, or the time.

    The last column stays free, where a terminal would begin a new line; the bar comes last, for in one colour it has no
    end.
    """
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    width = max(1, console.width - 1)
    name = Text(" ".join(filter(None, (now.name, now.steps))))
    share, left = Text(), Text()
    if now.share is not None:
        share.append(f" {now.share:4.0%}", style="progress.percentage")
        left.append(f" {'-:--:--' if now.left is None else clock(now.left)}", style="progress.remaining")
    room = min(BAR, width - sum(part.cell_len for part in (name, share, left)) - 1)
    if width < NARROW + share.cell_len + left.cell_len:
        left = Text()
    name.truncate(max(1, width - share.cell_len - left.cell_len), overflow="ellipsis")
    console.print(Text.assemble(name, share, left), end="", no_wrap=True, overflow="crop")
    if now.share is not None and room >= LEAST:
        console.print(end=" ")
        console.print(ProgressBar(total=1.0, completed=now.share, width=room), end="")
