"""Whatever ends a command, at whatever moment, its outputs are the old ones or the new ones, never torn.

The kills at random moments are seeded. NNFIT_FUZZ multiplies their number:
NNFIT_FUZZ=10 pytest tests/storage/test_torn.py kills 200 commands.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Ended

pytestmark = pytest.mark.process

ROOT = Path(__file__).parent.parent.parent
BLOCK = 1 << 16  # bytes of a table that are read at once
KILLS = int(20 * float(os.environ.get("NNFIT_FUZZ", "1")))


@pytest.fixture(scope="module")
def obey() -> Iterator[Callable[..., list[Ended]]]:
    """Run commands in children of one process; see forks.py."""
    command = [sys.executable, str(ROOT / "tests/forks.py")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdin is not None
    assert process.stdout is not None
    orders, answers = process.stdin, process.stdout

    def obey(*commands: list[Any], **order: Any) -> list[Ended]:
        order["commands"] = [[str(argument) for argument in command] for command in commands]
        order["block"] = BLOCK
        orders.write(json.dumps(order) + "\n")
        orders.flush()
        return [Ended(code, str(seconds), err) for code, err, seconds in json.loads(answers.readline())]

    yield obey
    process.communicate(timeout=30)


@pytest.fixture
def commands(flower_model: Path) -> dict[str, list[Any]]:
    """A command for each way to write a file: several at once, a stream, and a text."""
    folder = flower_model.parent
    rows = [f"{i:0400},{i % 90 / 10},{('red', 'blue')[i % 2]}\n" for i in range(750)]  # five blocks
    (folder / "long.csv").write_text("id,length,colour\n" + "".join(rows))
    (folder / "out").mkdir()
    out = folder / "out"
    return {
        "train": [
            *("train", folder / "flowers.yaml", "-o", out / "new.npz", "--set", "training.epochs=3", "--quiet"),
            *("--json", out / "new.json", "--depfile", out / "new.d"),
        ],
        "predict": ["predict", flower_model, folder / "long.csv", "--proba", "-o", out / "new.npz"],
        "init": ["init", folder / "flowers.csv", "--target", "species", "-o", out / "new.npz", "--force"],
    }


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder; the one number of a report that differs from run to run is made the same."""
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name, data in found.items():
        if name.endswith(".json") and data != b"old":
            found[name] = json.dumps(json.loads(data) | {"seconds": 0}).encode()
    return found


def start_over(folder: Path, names: Any) -> None:
    """An old file for each output, and nothing else."""
    for path in folder.iterdir():
        path.unlink()
    for name in names:
        (folder / name).write_bytes(b"old")


@pytest.mark.parametrize("name", ["train", "predict", "init"])
@pytest.mark.parametrize("sticky", ["", "+"])
def test_wherever_the_system_fails_outputs_are_old_or_new(
    commands: dict[str, list[Any]], obey: Callable[..., list[Ended]], tmp_path: Path, name: str, sticky: str
) -> None:
    out = tmp_path / "out"
    assert obey(commands[name])[0].code == 0
    new = contents(out)
    failures = dict.fromkeys(("open", "write", "fsync", "replace"), 0)
    for step in failures:
        for number in range(1, 50):
            error, text = [("ENOSPC", "No space left on device"), ("EIO", "Input/output error")][number % 2]
            start_over(out, new)
            [ended] = obey(commands[name], fault=f"{step}:{number}{sticky}:{error}")
            found = contents(out)
            kept = found.pop("new.checkpoint.npz", None)  # a training that is not written is not lost
            assert (kept is not None) == ("the trained network is kept in" in ended.err)
            assert found.keys() == new.keys()
            if ended.code == 0:
                assert found == new
                break
            failures[step] += 1
            assert ended.code == 7
            assert len([line for line in ended.err.splitlines() if "warning" not in line]) == 1
            assert ended.err.endswith(f": {text}\n")
            placed = {path for path in found if found[path] != b"old"}
            assert all(found[path] == new[path] for path in placed)
            # Outputs take their places together, unless it is the taking that fails; the first is the last.
            assert not placed or step == "replace" or (placed == set(new) and "power failure" in ended.err)
            assert "new.npz" not in placed or placed == set(new)
    n = len(new)
    assert failures["open"] == failures["fsync"] == 2 * n  # each file, and its folder
    assert failures["replace"] == n
    assert failures["write"] >= 3 if name == "predict" else failures["write"] == n


def test_the_environment_makes_a_step_fail(
    flowers: Path, spawn: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    (flowers / "new.yaml").write_bytes(b"old")
    before = sorted(flowers.iterdir())
    arguments = ("init", "flowers.csv", "--target", "species", "-o", "new.yaml", "--force")
    monkeypatch.setenv("NNFIT_FAULT", "write:1")
    ended = spawn(*arguments, cwd=flowers)
    assert ended == (7, "", "nnfit: new.yaml: cannot be written: No space left on device\n")
    assert (flowers / "new.yaml").read_bytes() == b"old"
    assert sorted(flowers.iterdir()) == before
    monkeypatch.setenv("NNFIT_FAULT", "write:3")
    assert spawn(*arguments, cwd=flowers).code == 0


@pytest.mark.parametrize("name", ["train", "predict", "init"])
def test_killed_before_any_step_outputs_are_old_or_new_and_the_next_run_sweeps(
    commands: dict[str, list[Any]], obey: Callable[..., list[Ended]], tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    assert obey(commands[name])[0].code == 0
    new = contents(out)
    left = 0
    for number in range(1, 100):
        start_over(out, new)
        [ended] = obey(commands[name], die=number)
        found = contents(out)
        if ended.code == 0:
            break
        assert ended.code == -9
        assert all(found[path] in (b"old", new[path]) for path in new)
        left += len(found) - len(new)
        assert obey(commands[name])[0].code == 0
        assert contents(out) == new
    assert ended.code == 0
    assert number > 6 * len(new)
    assert left > 0


@pytest.mark.parametrize("name", ["train", "predict"])
def test_killed_at_a_random_moment_outputs_are_old_or_new(
    commands: dict[str, list[Any]], obey: Callable[..., list[Ended]], tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    for _ in range(2):  # the first is slower
        [ended] = obey(commands[name])
        assert ended.code == 0
    seconds = float(ended.out)
    new = contents(out)
    start_over(out, new)
    rng = random.Random(name)
    seen = {"killed": 0, "old": 0, "new": 0, "left": 0}
    for _ in range(10 * KILLS):  # a run may end before its moment comes
        if seen["killed"] == KILLS // 2:
            break
        [ended] = obey(commands[name], kill=1.1 * seconds * rng.random())
        found = contents(out)
        assert all(found[path] in (b"old", new[path]) for path in new)
        assert ended.code == -9 or (ended.code == 0 and found == new)
        seen["killed"] += ended.code == -9
        seen["new" if found["new.npz"] == new["new.npz"] else "old"] += 1
        seen["left"] += len(found) > len(new)
        for path in new:
            (out / path).write_bytes(b"old")
    print(f"{name}: {seen}, a whole run takes {seconds:.3f} s")
    assert seen["killed"] == KILLS // 2
    assert obey(commands[name])[0].code == 0
    assert contents(out) == new


@pytest.mark.parametrize("name", ["train", "predict", "init"])
def test_a_file_too_large_leaves_the_old_one(
    commands: dict[str, list[Any]], obey: Callable[..., list[Ended]], tmp_path: Path, name: str
) -> None:
    # As `ulimit -f` does it: the system takes the first bytes and refuses the rest.
    out = tmp_path / "out"
    assert obey(commands[name])[0].code == 0
    new = contents(out)
    start_over(out, new)
    limit = min(600, min(map(len, new.values())) - 1)
    [ended] = obey(commands[name], limit=limit)
    assert (ended.code, ended.err.count("\n")) == (7, 1)
    assert ended.err.endswith(": cannot be written: File too large\n")
    assert contents(out) == dict.fromkeys(new, b"old")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB, of which 40 are taken."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system can be mounted here")
    (folder / "taken").write_bytes(bytes(40 << 10))
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("name", ["train", "predict"])
def test_a_full_disk_leaves_the_old_file(
    commands: dict[str, list[Any]], obey: Callable[..., list[Ended]], small_disk: Path, tmp_path: Path, name: str
) -> None:
    (small_disk / "new.npz").write_bytes(b"old")
    layers = "[{size: 9000, activation: relu}, {size: auto, activation: softmax}]"
    larger = ["--set", f"network.layers={layers}"] if name == "train" else []
    command = [small_disk / "new.npz" if Path(argument).name == "new.npz" else argument for argument in commands[name]]
    [ended] = obey([*command, *larger])
    assert (ended.code, ended.err) == (
        7,
        f"nnfit: {small_disk / 'new.npz'}: cannot be written: No space left on device\n",
    )
    assert {path.name for path in small_disk.iterdir()} == {"taken", "new.npz"}
    assert (small_disk / "new.npz").read_bytes() == b"old"
    assert not contents(tmp_path / "out")  # nor are the outputs written that have room elsewhere


@pytest.mark.parametrize("name", ["train", "predict", "init"])
def test_a_folder_that_is_not_writable_leaves_the_old_file(
    commands: dict[str, list[Any]], tmp_path: Path, name: str
) -> None:
    command = [sys.executable, "-m", "nnfit", *map(str, commands[name])]
    if os.geteuid() == 0:  # a superuser may write anywhere, unless that is taken away
        if not shutil.which("setpriv"):
            pytest.skip("the superuser may write to any folder")
        command = ["setpriv", "--bounding-set=-dac_override", *command]
    out = tmp_path / "out"
    (out / "new.npz").write_bytes(b"old")
    out.chmod(0o555)
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    finally:
        out.chmod(0o755)
    assert ended.stderr == f"nnfit: {out / 'new.npz'}: cannot be written: the folder {out} is not writable\n"
    assert ended.returncode == 7
    assert contents(out) == {"new.npz": b"old"}


def test_of_eight_writers_to_one_file_the_last_has_it_whole(
    commands: dict[str, list[Any]], obey: Callable[..., list[Ended]], tmp_path: Path
) -> None:
    path = tmp_path / "out/new.npz"
    several = [[*commands["predict"], *["--keep", "id"] * (k % 2)] for k in range(8)]
    whole = set()
    for command in several:
        assert obey(command)[0].code == 0
        whole.add(path.read_bytes())
    assert len(whole) == 2
    for _ in range(3):
        ended = obey(*several)
        assert [code for code, _, _ in ended] == [0] * 8
        assert list(path.parent.iterdir()) == [path]
        assert path.read_bytes() in whole


def test_of_eight_trainings_to_one_file_at_once_all_but_one_are_told(
    commands: dict[str, list[Any]], obey: Callable[..., list[Ended]], tmp_path: Path
) -> None:
    path, models = tmp_path / "out/new.npz", set()
    alone = ["--set", "training.baseline=false", "--set", "training.epochs=2000"]  # so that they meet
    several = [[*commands["train"][:-4], *alone, "--set", f"seed={seed}"] for seed in range(8)]
    for command in several:
        assert obey(command)[0].code == 0
        models.add(path.read_bytes())
    assert len(models) == 8
    told = f"nnfit: {path}: another run of nnfit is writing it; wait for its end, or name another output\n"
    refused = 0
    for _ in range(3):
        ended = obey(*several)
        found = [(code, told in err) for code, _, err in ended]
        assert set(found) <= {(0, False), (7, True)}
        assert (0, False) in found
        refused += found.count((7, True))
        assert list(path.parent.iterdir()) == [path]
        assert path.read_bytes() in models
    assert refused > 3
