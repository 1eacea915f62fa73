"""`nnfit cache` tells what is kept of encoded rows; --cache says where, --no-cache keeps none."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nnfit.cli import cache as cli
from nnfit.fit import kept, prepare
from nnfit.storage import cache as storage

Run = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(kept, "LEAST", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "nnfit"


def test_what_lies_in_the_cache_is_told_and_can_be_removed(flowers: Path, folder: Path, run: Run) -> None:
    assert run("cache").out == f"{folder}: 0 tables, 0 bytes of at most 20.0 GB\n"
    assert not folder.exists()
    assert run("train", flowers / "flowers.yaml").code == 0
    (path,) = folder.iterdir()
    size = path.stat().st_size
    told = run("cache").out.splitlines()
    assert told[0] == f"{folder}: 1 table, {size / 1000:.1f} kB of at most 20.0 GB"
    assert told[1].endswith(f"Z  {flowers / 'flowers.csv'}")
    found = json.loads(run("cache", "--json").out)
    (entry,) = found["entries"]
    assert (found["folder"], found["bytes"], found["bound"]) == (str(folder), size, 20 * 10**9)
    assert entry["data"] == {"train": [str(flowers / "flowers.csv")]}
    assert entry["rows"] == {"train": 45, "test": 15}
    assert run("cache", "--clear").out.startswith(f"{folder}: 1 table, {size / 1000:.1f} kB removed\n")
    assert list(folder.iterdir()) == []


def test_a_folder_may_be_named_and_nothing_kept(flowers: Path, folder: Path, run: Run) -> None:
    spec, other = flowers / "flowers.yaml", flowers / "other"
    assert run("train", spec, "--no-cache").code == 0
    assert not folder.exists()
    assert run("train", spec, "--cache", other).code == 0
    assert len(list(other.iterdir())) == 1
    assert run("cache", "--cache", other).out.startswith(f"{other}: 1 table, ")
    assert not folder.exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [("flowers.csv", "is no folder"), ("none/other", "there is no folder {}/none")],
)
def test_a_folder_that_cannot_be_one_is_told_before_any_work(
    name: str, reason: str, flowers: Path, folder: Path, run: Run
) -> None:
    ended = run("train", flowers / "flowers.yaml", "--cache", flowers / name)
    assert ended.code == 7
    said = f"cannot be the folder of the cache: {reason.format(flowers)}; name another folder"
    assert ended.err == f"nnfit: {flowers / name}: {said}\n"
    assert not (flowers / "flowers.npz").exists()


def test_what_a_killed_run_has_left_goes_when_the_cache_is_looked_at(
    flowers: Path, folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("train", flowers / "flowers.yaml")
    (path,) = folder.iterdir()
    (folder / f".{path.name[:50]}.{'0' * 16}.tmp").write_bytes(b"half of it")
    (folder / f"{'0' * 32}-{'1' * 32}.rows").mkdir()  # which is no entry
    assert run("cache").out.startswith(f"{folder}: 1 table, ")
    assert sorted(file.suffix for file in folder.iterdir()) == [".rows", ".rows"]
    assert run("cache", "--clear").code == 0


def test_a_file_is_no_folder(flowers: Path, folder: Path, run: Run) -> None:
    ended = run("cache", "--cache", flowers / "flowers.csv")
    assert (ended.code, ended.out) == (7, "")
    assert "cannot be the folder of the cache: is no folder" in ended.err


def test_an_empty_name_is_none(flowers: Path, folder: Path, run: Run) -> None:
    for command in (("train", flowers / "flowers.yaml"), ("cache",)):
        ended = run(*command, "--cache", "")
        assert ended.code == 2
        assert ended.err == "nnfit: --cache: names no folder; name one, or leave --cache out for the usual one\n"


def test_entries_of_a_folder_that_is_read_only_are_used(
    flowers: Path, folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, named = flowers / "flowers.yaml", flowers / "kept"
    assert run("train", spec, "--cache", named, "-o", flowers / "one.npz").code == 0
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != named and access(path, mode))
    monkeypatch.setattr(prepare, "read_table", None)
    assert run("train", spec, "--cache", named, "-o", flowers / "two.npz").code == 0
    assert (flowers / "one.npz").read_bytes() == (flowers / "two.npz").read_bytes()


def test_verify_makes_all_anew(flowers: Path, folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(flowers)
    assert run("train", "flowers.yaml").code == 0
    read: list[str] = []
    read_table = prepare.read_table

    def counted(files: Any, *more: Any, **keys: Any) -> Any:
        read.append(files.name)
        return read_table(files, *more, **keys)

    monkeypatch.setattr(prepare, "read_table", counted)
    assert run("train", "flowers.yaml").code == 0
    assert read == []
    assert run("verify", "flowers.npz").code == 0
    assert read == ["flowers.csv"]


def test_an_entry_that_is_none_is_told_as_such(flowers: Path, folder: Path, run: Run) -> None:
    run("train", flowers / "flowers.yaml")
    (path,) = folder.iterdir()
    path.write_bytes(b"something else, which is long enough to be an entry")
    assert run("cache").out.endswith("Z  not to be read\n")
    assert json.loads(run("cache", "--json").out)["entries"][0]["rows"] == {}


def test_who_has_no_home_folder_is_told_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> None:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", unknown)
    said = "this user has no home folder; name a folder with --cache FOLDER"
    for command in (("cache",), ("cache", "--clear"), ("cache", "--json")):
        ended = run(*command)
        assert (ended.code, ended.err) == (7, f"nnfit: ~/.cache: {said}\n")


def test_a_bound_that_is_none_is_told_before_anything_is_removed(
    flowers: Path, folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("train", flowers / "flowers.yaml")
    monkeypatch.setenv("NNFIT_CACHE_GB", "much")
    assert run("cache", "--clear").code == 2
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("when", [3e11, -1e12])
def test_an_entry_may_be_of_any_time(when: float, flowers: Path, folder: Path, run: Run) -> None:
    """A clock may go wrong, and some file systems keep what it says."""
    run("train", flowers / "flowers.yaml")
    (kept,) = storage.entries()
    assert cli.day(kept._replace(used=when)) == "at no time"
    assert cli.day(kept._replace(used=0.0)) == "1970-01-01 00:00Z"
