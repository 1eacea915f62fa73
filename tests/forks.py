"""Commands in children of one process that has loaded nnfit already, so that hundreds of them can be killed.

`python tests/forks.py` reads one JSON object per line: `commands`, each a list of arguments, all started at once, and
what befalls them: `fault` (as NNFIT_FAULT), `die` (SIGKILL before the N-th step of writing), `kill` (SIGKILL after so
many seconds), `limit` (the largest file, in bytes), `block` (the bytes of a table read at once). It answers with one
list of [exit code, standard error, seconds] per line; a code below 0 is the signal that ended the child.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from typing import IO, Any

from nnfit.workers.blas import set_blas_threads

set_blas_threads()

from built import warm  # noqa: E402

from nnfit.cli.main import main  # noqa: E402
from nnfit.data import reader  # noqa: E402
from nnfit.storage import files  # noqa: E402


def dying(number: int) -> Any:
    """A fault that ends the process before the step of that number, whatever the step."""
    count = 0

    def fault(step: str) -> None:
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return fault


def child(command: list[str], order: dict[str, Any], err: IO[bytes]) -> None:
    """Run one command as its own process would, and end."""
    code: Any = 99
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 1)
        os.dup2(err.fileno(), 2)
        if "fault" in order:
            files.fault = files.failing(order["fault"])
        if "die" in order:
            files.fault = dying(order["die"])
        if "block" in order:
            reader.BLOCK = order["block"]
        if "limit" in order:
            resource.setrlimit(resource.RLIMIT_FSIZE, (order["limit"], order["limit"]))
        sys.argv = ["nnfit", *command]
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def obey(order: dict[str, Any]) -> list[tuple[int, str, float]]:
    """Start the commands, kill them if so ordered, and wait for all."""
    start = time.perf_counter()
    started = []
    for command in order["commands"]:
        err = tempfile.TemporaryFile()  # noqa: SIM115
        process = os.fork()
        if not process:
            child(command, order, err)
        started.append((process, err))
    if "kill" in order:
        time.sleep(order["kill"])
        for process, _ in started:
            os.kill(process, signal.SIGKILL)
    ended = []
    for process, err in started:
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        with err:
            err.seek(0)
            ended.append((status, err.read().decode(), time.perf_counter() - start))
    return ended


if __name__ == "__main__":
    warm()
    for line in sys.stdin:
        print(json.dumps(obey(json.loads(line))), flush=True)
