"""A test that starts a process or sends a signal says so, and the quick ones can be told from the others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

ACTS: dict[str, Callable[[], object]] = {
    "subprocess": lambda: subprocess.run([sys.executable, "--version"]),
    "shell": lambda: os.system("true"),
    "fork": lambda: os.fork() or os._exit(0),
    "kill": lambda: os.kill(os.getpid(), 0),
    "signal": lambda: signal.raise_signal(0),
}


@pytest.mark.parametrize("act", ACTS)
def test_without_the_marker_a_test_neither_starts_a_process_nor_sends_a_signal(act: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"needs @pytest\.mark\.process"):
        ACTS[act]()


@pytest.mark.process
@pytest.mark.parametrize("act", sorted(ACTS.keys() - {"fork"}))
def test_with_the_marker_it_may(act: str) -> None:
    ACTS[act]()
