"""`mpirun -n N nnfit train`: one training by several processes, as a user meets it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Ended

from nnfit.cli import ranks
from nnfit.workers.ranks import VARIABLES

SPEC = """\
data: {train: data.csv, target: y, validation: 0.3, test: 0.2}
network:
  layers: [{size: 6, activation: tanh}, {size: auto, activation: softmax}]
  dtype: float64
training:
  epochs: 6
  batch_size: 8
  dropout: 0.2
  optimizer: {name: adam, learning_rate: 0.02}
  early_stopping: {patience: 20}
"""
CSV = "x,z,y\n" + "".join(f"{i % 7},{i * i % 5},{'abc'[i * i % 11 % 3]}\n" for i in range(99))
LONG = ("--set", "training.epochs=1000000", "--set", "training.early_stopping=null")
MANY = {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"}

beside = Path(sys.executable).parent / "mpirun"
MPIRUN = str(beside) if beside.exists() else shutil.which("mpirun")
real = [
    pytest.mark.process,
    pytest.mark.skipif(importlib.util.find_spec("mpi4py") is None, reason="mpi4py is not installed"),
    pytest.mark.skipif(MPIRUN is None, reason="there is no mpirun: pip install mpich"),
]


def by_several(test: Callable[..., None]) -> Callable[..., None]:
    """A test that starts mpirun, where there is one."""
    for mark in real:
        test = mark(test)
    return test


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "data.csv").write_text(CSV)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words(count: int, *command: str, patch: str = "") -> list[str]:
    """What starts so many processes of nnfit, each after a `patch`, to which `rank` is its number."""
    assert MPIRUN is not None
    said = subprocess.run([MPIRUN, "--version"], capture_output=True, text=True).stdout
    options = ["--allow-run-as-root", "--oversubscribe"] if "Open MPI" in said or "prte" in said else []
    first = "from nnfit.workers.ranks import started; rank = started().number"
    code = f"{first}\n{patch}\nfrom nnfit.__main__ import run; run()"
    return [MPIRUN, *options, "-n", str(count), sys.executable, "-c", code, *command]


def run_by(count: int, *command: str, patch: str = "") -> Ended:
    ended = subprocess.run(words(count, *command, patch=patch), capture_output=True, text=True, timeout=60)
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def started_by(count: int, *command: str, patch: str = "") -> tuple[subprocess.Popen[str], list[int]]:
    """A training under way: mpirun, and the processes of its ranks."""
    patch = f"import os, pathlib; pathlib.Path(f'pid.{{rank}}').write_text(str(os.getpid()))\n{patch}"
    process = subprocess.Popen(
        words(count, "train", "spec.yaml", *LONG, *command, patch=patch),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch"):
            break
    return process, [int(Path(f"pid.{rank}").read_text()) for rank in range(count)]


def alive(pid: int) -> bool:
    """Whether a process still does something."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def told(err: str) -> list[str]:
    """What nnfit says on standard error, beside the epochs: MPI has something to say of an end, too."""
    return [line for line in err.splitlines() if line.startswith("nnfit: ")]


def weights(path: str) -> list[np.ndarray]:
    with np.load(path) as arrays:
        return [arrays[name] for name in arrays.files if name.startswith("theta_")]


@by_several
def test_several_processes_come_to_the_weights_of_one_and_the_first_alone_speaks(run: Any) -> None:
    alone = run("train", "spec.yaml", "-o", "one.npz")
    several = run_by(2, "train", "spec.yaml", "-o", "two.npz", "--log", "two.log")
    assert (alone.code, several.code) == (0, 0)
    for mine, its in zip(weights("one.npz"), weights("two.npz"), strict=True):
        np.testing.assert_allclose(its, mine, rtol=1e-9, atol=1e-12)
    assert several.out.count("model written to two.npz") == 1
    assert [line for line in several.err.splitlines() if line.startswith("epoch")] == [
        line for line in alone.err.splitlines() if line.startswith("epoch")
    ]
    assert Path("two.log").read_text().count("ended with exit code 0") == 1
    again = run_by(2, "train", "spec.yaml", "-o", "again.npz", "--quiet")
    assert again.code == 0
    assert Path("again.npz").read_bytes() == Path("two.npz").read_bytes()
    inspected = run("inspect", "two.npz")
    assert "ranks 2" in inspected.out
    verified = run_by(2, "verify", "two.npz")
    assert (verified.code, verified.err.count("nnfit")) == (0, 0)
    assert verified.out.count("two.npz: trained again, the same") == 1
    data = Path("data.csv").read_text()
    verified = run_by(2, "verify", "two.npz", "--spec", "-")
    assert (verified.code, len(told(verified.err))) == (2, 1)
    assert "mpirun gives standard input to one of its processes alone" in verified.err
    Path("data.csv").write_text(data.replace("0,0,a", "1,0,a"))
    verified = run_by(2, "verify", "two.npz")
    assert verified.code == 5
    assert len(told(verified.err)) == 1
    assert "other bytes came out: the data file has other contents" in verified.err


@by_several
@pytest.mark.parametrize("cache", ["--cache=kept", "--no-cache"])
def test_the_first_on_a_machine_encodes_the_rows_and_the_others_have_them_from_the_cache(cache: str) -> None:
    patch = """
from pathlib import Path
from nnfit.fit import kept, prepare
kept.LEAST = 1
encoded = prepare.encoded_sets
def told(*arguments):
    Path(f"encoded.{rank}").touch()
    return encoded(*arguments)
prepare.encoded_sets = told
"""
    assert run_by(3, "train", "spec.yaml", "-o", "first.npz", "--quiet", cache, patch=patch).code == 0
    caching = cache != "--no-cache"
    assert sorted(path.suffix for path in Path().glob("encoded.*")) == ([".0"] if caching else [".0", ".1", ".2"])
    assert len([*Path().glob("kept/*")]) == caching
    assert run_by(3, "train", "spec.yaml", "-o", "second.npz", "--quiet", cache, patch=patch).code == 0
    assert Path("first.npz").read_bytes() == Path("second.npz").read_bytes()


@by_several
@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (("gone.yaml",), 3, "nnfit: gone.yaml: cannot be read: No such file or directory"),
        (("spec.yaml", "-o", "nowhere/m.npz"), 7, "nnfit: nowhere/m.npz: cannot be written: there is no folder "),
        (("-",), 2, "mpirun gives standard input to one of its processes alone"),
    ],
)
def test_bad_input_is_told_once(command: tuple[str, ...], code: int, message: str) -> None:
    ended = run_by(2, "train", *command)
    assert ended.code == code
    assert len(told(ended.err)) == 1
    assert message in told(ended.err)[0]


@by_several
def test_all_end_by_a_divergence_and_it_is_told_once() -> None:
    sgd = "training.optimizer={name: sgd, learning_rate: 1e200}"
    ended = run_by(2, "train", "spec.yaml", "--set", sgd, "--set", "network.layers.0.activation=linear")
    assert ended.code == 6
    assert len(told(ended.err)) == 1
    assert "training diverged in epoch 1" in told(ended.err)[0]
    assert not Path("spec.npz").exists()


@by_several
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_to_one_rank_or_to_all_stops_them_at_one_step(number: signal.Signals, code: int) -> None:
    process, pids = started_by(2)
    begun = time.monotonic()
    for pid in pids if number == signal.SIGINT else pids[1:]:
        os.kill(pid, number)
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - begun < 5
    assert process.returncode == code
    assert len(told(err)) == 1
    assert "epochs are done; go on with mpirun -n 2 nnfit train spec.yaml --set" in told(err)[0]
    assert not Path("spec.npz").exists()
    with np.load("spec.checkpoint.npz") as arrays:
        assert f": {'terminated' if code == 143 else 'interrupted'}; {len(arrays['history_cost'])} of " in told(err)[0]


SLOW = """
import time
from nnfit.storage import files
write = files.write
def slow(*files):
    time.sleep(1)
    write(*files)
files.write = slow
"""


@by_several
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_signal_that_comes_to_one_rank_after_all_have_agreed_changes_nothing(order: tuple[int, int]) -> None:
    process, pids = started_by(2, patch=SLOW)
    begun = time.monotonic()
    for rank in order:
        os.kill(pids[rank], signal.SIGTERM)
        time.sleep(0.3)
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - begun < 5
    assert process.returncode == 143
    assert len(told(err)) == 1
    assert "nnfit: terminated; " in told(err)[0]
    assert Path("spec.checkpoint.npz").exists()


@by_several
def test_what_two_have_begun_one_goes_on_with(run: Any) -> None:
    whole = run("train", "spec.yaml", "-o", "whole.npz", "--quiet")
    assert whole.code == 0
    kept = ("--set", "training.checkpoint={every: 2, path: kept.npz}")
    full = "--set", "output=/dev/full"  # the model cannot be written, and so the trained network is kept
    begun = run_by(2, "train", "spec.yaml", *kept, *full, "--quiet")
    assert begun.code == 7
    resumed = run("train", "spec.yaml", *kept, "-o", "one.npz", "--resume")
    assert resumed.code == 0
    assert "ranks was 2 and is 1; the model may differ in its last digits" in resumed.err
    for mine, its in zip(weights("whole.npz"), weights("one.npz"), strict=True):
        np.testing.assert_allclose(its, mine, rtol=1e-9, atol=1e-12)


@by_several
def test_a_rank_that_is_killed_ends_all_and_leaves_no_half_file(here: Path) -> None:
    (here / "spec.npz").write_bytes(b"old")
    process, pids = started_by(2)
    begun = time.monotonic()
    os.kill(pids[1], signal.SIGKILL)
    process.communicate(timeout=30)
    assert time.monotonic() - begun < 10
    assert process.returncode != 0
    while any(map(alive, pids)):
        assert time.monotonic() - begun < 10
        time.sleep(0.05)
    assert (here / "spec.npz").read_bytes() == b"old"
    left = {path.name for path in here.iterdir()}
    assert left == {"spec.yaml", "data.csv", "spec.npz", "pid.0", "pid.1"}


FAILS = """
from nnfit.core import training
descend = training.Together.descend
def failing(self, piece, done, t, *more):
    if rank == 1 and t > 3:
        raise MemoryError
    return descend(self, piece, done, t, *more)
training.Together.descend = failing
from nnfit.workers import mpi
mpi.PATIENCE = 0.5
"""
CANNOT = """
from nnfit.fit import train
prepare = train.prepare
def failing(*arguments):
    if rank == 1:
        raise MemoryError
    return prepare(*arguments)
train.prepare = failing
"""
OTHER = """
import os
if rank == 1:
    os.makedirs('other')
    text = open('data.csv').read().replace('0,0,a', '1,0,a')
    open('other/data.csv', 'w').write(text)
    open('other/spec.yaml', 'w').write(open('spec.yaml').read())
    os.chdir('other')
"""
APART = """
from nnfit.core import training
descend = training.Together.descend
def differing(self, *arguments):
    t = descend(self, *arguments)
    self.state.theta[0, 0] += rank * 1e-12
    return t
training.Together.descend = differing
"""


@by_several
@pytest.mark.parametrize(
    ("patch", "code", "message"),
    [
        (FAILS, 3, "nnfit: not enough memory"),
        (CANNOT, 3, "nnfit: rank 1: not enough memory"),
        (OTHER, 2, "nnfit: rank 1 would train something else than rank 0: the train file has other contents"),
        (
            APART,
            6,
            "nnfit: the ranks have come to different weights after epoch 1; start them on processors of one kind",
        ),
    ],
)
def test_what_happens_in_one_rank_ends_all_with_its_code(patch: str, code: int, message: str) -> None:
    begun = time.monotonic()
    ended = run_by(2, "train", "spec.yaml", patch=patch)
    assert time.monotonic() - begun < 15
    assert ended.code == code
    assert [line for line in told(ended.err) if line.startswith(message)]
    assert len(told(ended.err)) == 1
    assert not Path("spec.npz").exists()


ELSEWHERE = """
import sys
if rank == 1:
    sys.argv += ["--cache", "/nowhere/at/all"]
"""


@by_several
def test_what_one_rank_alone_cannot_have_ends_all() -> None:
    ended = run_by(2, "train", "spec.yaml", patch=ELSEWHERE)
    assert ended.code == 7
    assert len(told(ended.err)) == 1
    assert "/nowhere/at/all: cannot be the folder of the cache: there is no folder /nowhere/at" in told(ended.err)[0]


@by_several
def test_a_rank_that_waits_for_one_that_never_comes_is_ended_by_a_signal() -> None:
    gone = "import os\nif rank == 1: os._exit(0)"
    process = subprocess.Popen(words(2, "train", "spec.yaml", patch=gone), stderr=subprocess.PIPE, text=True)
    time.sleep(2)
    begun = time.monotonic()
    process.terminate()
    process.communicate(timeout=30)
    assert time.monotonic() - begun < 5


TURNS = """
import time
from pathlib import Path
from nnfit.fit import kept, train
from nnfit.workers import mpi
kept.LEAST = 1
begin = mpi.World.__init__
def of_two_machines(self, comm, meeting, place=0, together=1):
    begin(self, comm, meeting, rank % 2, 2)
mpi.World.__init__ = of_two_machines
prepare = train.prepare
def told(*arguments):
    begun = time.monotonic()
    Path(f"begun.{rank}").write_text(str(begun))
    time.sleep(SLOW)
    found = prepare(*arguments)
    Path(f"over.{rank}").write_text(str(time.monotonic()))
    return found
train.prepare = told
"""


@by_several
def test_the_first_has_its_turn_and_then_one_on_each_machine_and_then_all_others() -> None:
    ended = run_by(4, "train", "spec.yaml", "--cache", "kept", "--quiet", patch=TURNS.replace("SLOW", "0.3"))
    assert (ended.code, told(ended.err)) == (0, [])
    begun, over = ([float(Path(f"{name}.{k}").read_text()) for k in range(4)] for name in ("begun", "over"))
    assert over[0] < begun[2] < over[2] < min(begun[1], begun[3])
    ended = run_by(4, "train", "spec.yaml", "--no-cache", "--quiet", patch=TURNS.replace("SLOW", "2"))
    begun, over = ([float(Path(f"{name}.{k}").read_text()) for k in range(4)] for name in ("begun", "over"))
    assert (ended.code, max(begun) < min(over)) == (0, True)


@by_several
@pytest.mark.parametrize("to_all", [True, False])
def test_a_signal_while_ranks_wait_for_their_turn_ends_all_and_is_told_once(to_all: bool) -> None:
    patch = f"import os, pathlib; pathlib.Path(f'pid.{{rank}}').write_text(str(os.getpid()))\n{TURNS}"
    process = subprocess.Popen(
        words(3, "train", "spec.yaml", "--cache", "kept", patch=patch.replace("SLOW", "4" if to_all else "1")),
        stderr=subprocess.PIPE,
        text=True,
    )
    while not Path("begun.0").exists() or not all(Path(f"pid.{k}").exists() for k in range(3)):
        time.sleep(0.05)
    time.sleep(0.5)
    begun = time.monotonic()
    for k in range(3) if to_all else (2,):
        os.kill(int(Path(f"pid.{k}").read_text()), signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - begun < 4
    assert process.returncode == 143
    assert len(told(err)) == 1
    assert "terminated" in told(err)[0]


@by_several
def test_ranks_with_other_options_for_the_cache_train_all_the_same() -> None:
    patch = "import sys\nif rank == 1: sys.argv += ['--no-cache']"
    ended = run_by(2, "train", "spec.yaml", "--quiet", patch=patch)
    assert (ended.code, told(ended.err)) == (0, [])


TOLD = """
from nnfit.cli import train as command
from nnfit.fit import share, train
from nnfit.workers.threads import threads
def telling(room, name, value):
    whole = getattr(room, name)
    def told(*arguments):
        with open(f"told.{rank}", "a") as file:
            print(name, value(arguments), file=file)
        return whole(*arguments)
    setattr(room, name, told)
telling(command, "keep", lambda arguments: arguments[0].run.state.epochs)
telling(train, "finished", lambda arguments: threads.get())
telling(share, "shares", lambda arguments: arguments[1])
"""


@by_several
def test_the_first_alone_keeps_and_scores_with_its_threads_and_members_are_trained_in_one() -> None:
    keeping = "--set", "training.checkpoint={every: 2, path: kept.npz}", "--set", "network.members=3"
    assert run_by(2, "train", "spec.yaml", *keeping, "--threads", "3", "--quiet", patch=TOLD).code == 0
    assert Path("told.0").read_text().splitlines() == ["shares 1", "keep 2", "keep 4", "keep 6", "finished 3"]
    assert Path("told.1").read_text().splitlines() == ["shares 1"]


SCORES = """
import os, signal
from nnfit.fit import train
finished = train.finished
def stopped(*arguments):
    os.kill(os.getpid(), signal.SIGTERM)
    return finished(*arguments)
train.finished = stopped
"""


@by_several
def test_a_signal_to_the_first_while_it_scores_keeps_the_trained_network(here: Path) -> None:
    ended = run_by(2, "train", "spec.yaml", patch=SCORES)
    assert ended.code == 143
    assert len(told(ended.err)) == 1
    assert (
        "nnfit: terminated; the trained network is kept in spec.checkpoint.npz; go on with mpirun" in told(ended.err)[0]
    )
    assert not (here / "spec.npz").exists()


def test_without_mpi4py_the_first_names_what_installs_it(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    for name, value in MANY.items():
        monkeypatch.setenv(name, value)
    ended = run("train", "spec.yaml")
    assert ended.code == 2
    assert ended.err == "nnfit: a training by several processes needs mpi4py; pip install 'nnfit[mpi]'\n"


def test_the_others_are_silent_and_leave_the_first_a_moment(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    left: list[Callable[[], object]] = []
    lingered: list[float] = []
    monkeypatch.setattr(ranks.atexit, "register", left.append)
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "0")
    ranks.hush(["train", "spec.yaml"], lingered.append)
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "1")
    ranks.hush(["predict", "train"], lingered.append)
    assert not left
    ranks.hush(["--debug", "train", "spec.yaml"], lingered.append)
    assert sys.stdout is sys.stderr
    print("said by the second")
    assert capfd.readouterr() == ("", "")
    left[0]()
    assert lingered == [ranks.MOMENT]


def test_a_model_of_several_is_not_verified_by_one_and_the_user_is_told_what_would_do(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranks.Alone, "count", 3)
    assert run("train", "spec.yaml", "--quiet").code == 0
    monkeypatch.setattr(ranks.Alone, "count", 1)
    ended = run("verify", "spec.npz")
    assert ended.code == 5
    assert ended.err == (
        "nnfit: spec.npz: was trained by 3 ranks, and this is 1 rank, which adds up in another order; "
        "mpirun -n 3 nnfit verify trains it again\n"
    )


@pytest.mark.parametrize("number", ["0", "1"])
def test_what_a_rank_has_started_is_told_that_it_is_none(
    run: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], number: str
) -> None:
    read, write = os.pipe()
    os.close(read)
    os.close(write)
    for name, value in {"PMI_RANK": number, "PMI_SIZE": "2", "PMI_FD": str(write)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    ranks.hush(["train", "spec.yaml"])
    print("said by what any rank has started")
    assert capfd.readouterr().out
    ended = run("train", "spec.yaml")
    assert ended.code == 2
    assert "a process of mpirun -n 2 has started this one" in ended.err
    assert "env -u PMI_RANK -u PMI_SIZE nnfit" in ended.err
    for name in ("PMI_RANK", "PMI_SIZE"):
        monkeypatch.delenv(name)
    assert run("train", "spec.yaml", "--quiet").code == 0


@by_several
def test_variables_that_were_left_over_are_told_by_whoever_has_them() -> None:
    environment = {**os.environ, "PMI_RANK": "1", "PMI_SIZE": "2"}
    call = [sys.executable, "-m", "nnfit", "train", "spec.yaml"]
    ended = subprocess.run(call, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert len(told(ended.stderr)) == 1
    assert "where there is no mpirun, env -u PMI_RANK -u PMI_SIZE nnfit trains alone" in ended.stderr


def test_ranks_do_not_share_a_sweep(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("sweep.yaml").write_text("base: spec.yaml\nparameters: {seed: [1, 2]}\nmetric: log_loss\n")
    for name, value in MANY.items():
        monkeypatch.setenv(name, value)
    ended = run("sweep", "sweep.yaml")
    assert ended.code == 2
    assert "mpirun has started 2 processes, which do not share a sweep; start it once, with --jobs" in ended.err
    assert not Path("sweep").exists()
    for k in (1, 2):  # as tasks of a job array may be started
        ended = run("sweep", "sweep.yaml", "--shard", f"{k}/2", "--set", "training.epochs=1")
        assert "mpirun" not in ended.err


def test_other_commands_do_not_look_at_mpi(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("train", "spec.yaml", "--quiet").code == 0
    for name, value in MANY.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    assert run("predict", "spec.npz", "data.csv").code == 0
    assert run("inspect", "spec.npz").code == 0


def test_a_process_that_mpirun_has_not_started_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for pair in VARIABLES:
        for name in pair:
            monkeypatch.delenv(name, raising=False)
    with ranks.joined(None) as joined:
        assert (joined.first, joined.count) == (True, 1)
