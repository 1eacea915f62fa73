"""The second training of a table has its rows from the cache, and leaves the same bytes; what is no whole entry is
made anew."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nnfit
from nnfit.config.loader import load_spec
from nnfit.errors import DataError, OutputError, UsageError
from nnfit.fit import kept, prepare
from nnfit.fit.prepare import Prepared
from nnfit.fit.train import begin
from nnfit.storage import cache, files, json_text

LAYERS = [{"size": 5, "activation": "tanh"}, {"size": "auto", "activation": "softmax"}]
REAL = {"data.target": "r", "data.ignore": ["kind", "a", "b"], "network.layers.1.activation": "linear", "loss": "mse"}
SEVERAL = {"data.target": ["a", "b"], "data.ignore": ["kind", "r"], "network.layers.1.activation": "logistic"}


def frame(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    x, z = rng.normal(size=(2, n))
    table = pd.DataFrame({"x": x.round(6), "z": np.where(rng.random(n) < 0.1, np.nan, z**3).round(6)})
    table["colour"] = rng.choice(["red", "green", "blue", ""], n)
    table.loc[n // 2, "colour"] = "violet"
    table["day"] = [f"2024-{1 + k % 12:02}-{1 + k % 28:02}" for k in range(n)]
    table["kind"] = np.where(x + np.nan_to_num(table["z"]) > 0, "p", "q")
    table.loc[3, "kind"] = ""
    table["r"], table["a"], table["b"] = (2 * x).round(3), (x > 0).astype(int), (z > 0).astype(int)
    table["one"] = 1
    table.loc[n - 30 :] = table.loc[:29].to_numpy()
    return table


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache that takes tables of any size."""
    monkeypatch.setattr(kept, "LEAST", 0)
    with cache.using(tmp_path / "cache", on=True):
        yield tmp_path / "cache"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    frame().to_csv(path, index=False)
    return path


def spec(table: Path, **keys: Any) -> dict[str, Any]:
    data = {"train": str(table), "target": "kind", "ignore": ["r", "a", "b"], "missing_target": "drop", **keys}
    return {"data": data, "network": {"layers": LAYERS}, "training": {"epochs": 2, "batch_size": 64}}


def train(spec: dict[str, Any], **overrides: Any) -> nnfit.Result:
    return nnfit.train(spec, overrides=overrides)


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From when it is called on, no table is read."""

    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail("the table is read")

    return lambda: monkeypatch.setattr(prepare, "read_table", refuse)


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"data.test": 0.2, "training.class_weight": "balanced"},
        {"network.members": 3, "training.resample": "folds", "training.early_stopping": {"patience": 2}},
        {"data.validation": 0.2, "data.columns.x.piecewise": 4, "data.columns.z.bins": 3, "network.dtype": "float64"},
        {**REAL, "data.columns.x.scale": "quantile", "training.clamp": True, "network.layers.1.activation": "tanh"},
        {**SEVERAL, "data.columns.colour.min_count": 5},
        {"data.storage": "disk", "data.test": 0.2},
        {"data.columns.x.periodic": 2, "training.batch_size": "full", "training.optimizer": "lbfgs"},
    ],
    ids=str,
)
def test_the_second_training_is_the_first_without_reading(
    overrides: dict[str, Any], table: Path, folder: Path, unread: Callable[[], None]
) -> None:
    with cache.using(None, on=False):
        alone = train(spec(table), **overrides)
    first = train(spec(table), **overrides)
    assert len(list(folder.glob("*.rows"))) == 1
    unread()
    second = train(spec(table), **overrides)
    on_disk = train(spec(table), **{**overrides, "data.storage": "disk"})
    assert [each.model.to_bytes() == alone.model.to_bytes() for each in (first, second, on_disk)] == [True] * 3
    assert [each.warnings == alone.warnings for each in (first, second, on_disk)] == [True] * 3
    assert second.model.features == alone.model.features


@pytest.mark.process
def test_workers_see_the_same_file(table: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nnfit.fit import share

    monkeypatch.setattr(share, "START", -1e6)
    found = [
        nnfit.train(spec(table), overrides={"network.members": 2}, threads=threads).model.to_bytes()
        for threads in (1, 2, 2)
    ]
    assert len(set(found)) == 1


def test_tables_of_several_files_are_known_by_all_of_them(
    table: Path, folder: Path, unread: Callable[[], None]
) -> None:
    for k in range(3):
        frame()[k * 100 : (k + 1) * 100].to_csv(table.with_name(f"part{k}.csv"), index=False)
    frame()[300:].to_csv(table.with_name("test.csv"), index=False)
    several = spec(table.with_name("part*.csv"), test=str(table.with_name("test.csv")))
    first = train(several)
    unread()
    second = train(several)
    assert second.model.to_bytes() == first.model.to_bytes()
    assert second.warnings == first.warnings


def test_how_the_network_is_trained_is_no_part_of_an_entry(
    table: Path, folder: Path, unread: Callable[[], None]
) -> None:
    begin(load_spec(spec(table)))
    unread()
    for key, value in {
        "training.epochs": 3,
        "training.batch_size": 7,
        "training.optimizer": {"name": "sgd", "learning_rate": 0.1},
        "network.layers.0.size": 9,
        "network.members": 2,
        "seed": 3,  # no rows are drawn
        "output": "m.npz",
    }.items():
        begin(load_spec(spec(table), {key: value}))
    assert len(list(folder.glob("*.rows"))) == 1


@pytest.mark.parametrize(
    "overrides",
    [
        {"data.columns.x.scale": "robust"},
        {"data.ignore": ["r", "a", "b", "x"]},
        {"data.test": 0.1},
        {"data.missing": ["red"]},
        {"network.dtype": "float64"},
        {"network.layers.1.activation": "logistic"},
        {"training.class_weight": "balanced"},
        {"training.threshold": 0.4},
        {
            "training.resample": "bootstrap",
            "network.members": 2,
        },  # whose warning of rows that are there twice needs them
    ],
    ids=str,
)
def test_what_the_rows_depend_on_makes_another_entry(overrides: dict[str, Any], table: Path, folder: Path) -> None:
    begin(load_spec(spec(table)))
    with cache.using(None, on=False):
        alone = begin(load_spec(spec(table), overrides))
    found = begin(load_spec(spec(table), overrides))
    assert len(list(folder.glob("*.rows"))) == 2
    assert same(found.prepared, alone.prepared)


def test_so_does_the_seed_where_rows_are_drawn(table: Path, folder: Path) -> None:
    for k, seed in enumerate((0, 1, 2), 1):
        drawn = begin(load_spec(spec(table), {"data.validation": 0.2, "data.split_seed": seed})).prepared
        assert len(list(folder.glob("*.rows"))) == k
        with cache.using(None, on=False):
            alone = begin(load_spec(spec(table), {"data.validation": 0.2, "data.split_seed": seed})).prepared
        assert same(drawn, alone)


def test_so_does_the_end_of_a_name_that_says_how_cells_are_separated(table: Path, folder: Path) -> None:
    tabs = table.with_suffix(".tsv")
    frame().to_csv(tabs, index=False, sep="\t")
    train(spec(tabs))
    with pytest.raises(DataError, match="one column only"):
        train(spec(tabs.rename(table)))


def same(one: Prepared, other: Prepared) -> bool:
    arrays = [[array for rows in each.sets.values() for array in (*rows.examples, rows.truth)] for each in (one, other)]
    return one.features == other.features and all(map(np.array_equal, *arrays))


def test_a_table_that_has_changed_is_read_though_its_time_and_size_say_nothing(table: Path, folder: Path) -> None:
    train(spec(table))
    state = table.stat()
    text = table.read_text()
    table.write_text(text.replace("green", "black"))
    os.utime(table, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert table.stat().st_size == state.st_size
    found = train(spec(table))
    with cache.using(None, on=False):
        assert found.model.to_bytes() == train(spec(table)).model.to_bytes()
    assert "black" in str(found.model.features)


def test_a_table_that_was_moved_is_known_and_told_by_its_new_name(
    table: Path, folder: Path, unread: Callable[[], None]
) -> None:
    train(spec(table))
    moved = table.rename(table.with_name("moved.csv"))
    with cache.using(None, on=False):
        alone = train(spec(moved))
    unread()
    assert train(spec(moved)).warnings == alone.warnings
    assert any("moved.csv" in str(each) for each in alone.warnings)


# --- entries that are none -----------------------------------------------------------------------------------------


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2],
    "cut in the end": lambda data: data[:-1],
    "a bit of a row": lambda data: flipped(data, 1000),
    "a bit of the header": lambda data: flipped(data, len(data) - 100),
    "a bit of the end": lambda data: flipped(data, len(data) - 20),
    "zeros": lambda data: bytes(len(data)),
    "longer": lambda data: data + b"\0",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_torn_entry_is_made_anew(damage: Callable[[bytes], bytes], table: Path, folder: Path) -> None:
    first = train(spec(table)).model.to_bytes()
    (path,) = folder.glob("*.rows")
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert train(spec(table)).model.to_bytes() == first
    assert path.read_bytes() == whole


def test_entries_whose_parts_do_not_fit_are_made_anew(
    table: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train(spec(table)).model.to_bytes()
    (path,) = folder.glob("*.rows")
    write = cache.write

    def changed(change: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
        """An entry that is whole, and holds something else."""

        def other(recipe: str, data: str, about: Any, arrays: Any) -> None:
            about, arrays = dict(about), dict(arrays)
            change(about, arrays)
            write(recipe, data, about, arrays)

        path.unlink()
        monkeypatch.setattr(cache, "write", other)
        train(spec(table))
        monkeypatch.setattr(cache, "write", write)

    for change in (
        lambda about, arrays: arrays.pop("train.Y"),
        lambda about, arrays: arrays.pop("train.X"),
        lambda about, arrays: arrays.update({"train.X": arrays["train.X"][:-1].copy()}),
        lambda about, arrays: arrays.update({"train.X": arrays["train.X"][:, :-1].copy()}),
        lambda about, arrays: arrays.update({"train.w": arrays["train.w"].astype(np.float64)}),
        lambda about, arrays: arrays.update({"train.truth": arrays["train.truth"].astype(np.float64)}),
        lambda about, arrays: about.pop("target"),
        lambda about, arrays: about.update(target={**about["target"], "strange": 1}),
        lambda about, arrays: about.update(columns=about["columns"][:-1]),
        lambda about, arrays: about.update(fitted=[[1.0]] * len(about["fitted"])),
        lambda about, arrays: about.update(columns=[{**each, "type": "odd"} for each in about["columns"]]),
        lambda about, arrays: about.update(
            columns=[{**each, "type": "boolean", "options": {}} for each in about["columns"]],
            fitted=[[]] * len(about["fitted"]),
        ),
        lambda about, arrays: about.update(before=[[1, 2, 3]]),
        lambda about, arrays: about.update(after=7),
    ):
        changed(change)
        assert train(spec(table)).model.to_bytes() == first


def test_an_entry_of_somebody_else_or_behind_a_link_is_not_read(
    table: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(spec(table))
    (path,) = folder.glob("*.rows")
    elsewhere = path.rename(folder / "elsewhere")
    path.symlink_to(elsewhere)
    train(spec(table))
    assert path.is_file() and not path.is_symlink()
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    assert cache.about(cache.entries()[0]) == {}


@pytest.mark.parametrize("lies", ["a link", "a link into nothing", "a pipe", "a folder"])
def test_what_somebody_else_put_in_the_place_of_an_entry_is_not_written_into(
    lies: str, table: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that others may write to, what is theirs cannot be removed."""
    first = train(spec(table)).model.to_bytes()
    (path,) = folder.glob("*.rows")
    path.unlink()
    precious = tmp_path / "precious"
    precious.write_text("precious")
    make: dict[str, Callable[[], object]] = {
        "a link": lambda: path.symlink_to(precious),
        "a link into nothing": lambda: path.symlink_to(tmp_path / "new"),
        "a pipe": lambda: os.mkfifo(path),
        "a folder": path.mkdir,
    }
    make[lies]()
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK) if lies == "a pipe" else None
    unlink = Path.unlink

    def refused(self: Path, missing_ok: bool = False) -> None:
        if self == path:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", refused)
    found = train(spec(table))
    assert found.model.to_bytes() == first
    assert precious.read_text() == "precious"
    assert not (tmp_path / "new").exists()
    if reader is not None:
        assert os.read(reader, 10) == b""
        os.close(reader)
    assert [each.code for each in found.warnings if each.code == "not-kept"] == ["not-kept"] * (lies == "a folder")
    assert lies == "a folder" or (path.is_file() and not path.is_symlink())


def test_who_has_no_home_folder_trains_without_a_cache(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cache.using(None, on=False):
        alone = train(spec(table))

    def unknown() -> None:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", unknown)
    assert train(spec(table)).warnings == alone.warnings
    monkeypatch.setattr(kept, "LEAST", 0)
    found = train(spec(table))
    assert found.model.to_bytes() == alone.model.to_bytes()
    (problem,) = set(found.warnings) - set(alone.warnings)
    assert str(problem).startswith("~/.cache: the encoded rows are not kept for the next training: cannot be written: ")
    on_disk = train(spec(table), **{"data.storage": "disk"})
    assert on_disk.model.to_bytes() == alone.model.to_bytes()
    assert any(each.message.endswith(": this user has no home folder") for each in on_disk.warnings)


def test_an_entry_that_memory_has_no_room_for_stays(table: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = train(spec(table)).model.to_bytes()
    (path,) = folder.glob("*.rows")

    def refused(*_: Any) -> None:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    monkeypatch.setattr(cache, "mapped", refused)
    monkeypatch.setattr(cache, "write", lambda *_: None)
    assert train(spec(table)).model.to_bytes() == first
    assert path.exists()


# --- writing -------------------------------------------------------------------------------------------------------


def test_an_entry_is_its_owners_alone(table: Path, folder: Path) -> None:
    train(spec(table))
    (path,) = folder.iterdir()
    assert (path.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)


def test_two_who_make_the_same_entry_at_once_both_succeed(
    table: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2)
    pieces = cache.pieces

    def together(*arguments: Any) -> Iterator[Any]:
        for piece in pieces(*arguments):
            both.wait(10)  # the files grow side by side
            yield piece

    monkeypatch.setattr(cache, "pieces", together)
    contexts = [copy_context() for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(context.run, begin, load_spec(spec(table))) for context in contexts]
        one, other = (each.result().prepared for each in found)
    assert same(one, other)
    assert one.warnings == other.warnings
    assert len(list(folder.iterdir())) == 1
    monkeypatch.setattr(prepare, "read_table", None)
    assert same(begin(load_spec(spec(table))).prepared, one)


@pytest.mark.parametrize("fault", ["open:1", "write:1", "write:4", "replace:1"])
def test_a_full_disk_is_told_and_the_training_goes_on(
    fault: str, table: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cache.using(None, on=False):
        alone = train(spec(table))
    monkeypatch.setattr(files, "fault", files.failing(fault))
    found = train(spec(table))
    assert found.model.to_bytes() == alone.model.to_bytes()
    (problem,) = set(found.warnings) - set(alone.warnings)
    assert problem.message == (
        "the encoded rows are not kept for the next training: cannot be written: No space left on device"
    )
    assert problem.remedy == "name another folder with --cache FOLDER, or keep none with --no-cache"
    assert list(folder.iterdir()) == []


def test_what_would_fill_the_disk_is_not_kept(table: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result((1, 1, 1, 1, 1, 1, 1, 1, 1, 1)))
    assert "more than half of what is free on its disk" in str(train(spec(table)).warnings)
    assert list(folder.iterdir()) == []


def test_what_an_entry_says_of_itself_is_never_more_than_is_read_again(
    table: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_text, "MAX_BYTES", 1000)
    (problem,) = [each for each in begin(load_spec(spec(table))).warnings if each.code == "not-kept"]
    assert problem.message.endswith(": columns and categories take more than 1.0 kB")
    assert list(folder.iterdir()) == []


def test_where_there_is_no_room_for_one_more_no_other_goes_for_it(
    table: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(spec(table))
    (path,) = folder.iterdir()
    monkeypatch.setenv("NNFIT_CACHE_GB", str(1.5 * path.stat().st_size / 1e9))
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result((1, 1, 1, 1, 1, 1, 1, 1, 1, 1)))
    assert "not-kept" in {each.code for each in begin(load_spec(spec(table, ignore=["x"]))).warnings}
    assert [*folder.iterdir()] == [path]


@pytest.mark.parametrize("numbers", [[float("nan")], list(range(1000))])
def test_nor_for_one_that_cannot_be_written(
    numbers: list[float], table: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(spec(table))
    (path,) = folder.iterdir()
    monkeypatch.setenv("NNFIT_CACHE_GB", str(1.5 * path.stat().st_size / 1e9))
    monkeypatch.setattr(json_text, "MAX_BYTES", 1000)
    with pytest.raises((OutputError, ValueError)):
        cache.write("0" * 64, "0" * 64, {"numbers": numbers}, {"X": np.zeros(path.stat().st_size // 8)})
    assert [*folder.iterdir()] == [path]


def test_one_file_as_two_tables_is_not_kept(table: Path, folder: Path) -> None:
    begin(load_spec(spec(table, validation=str(table))))
    assert not folder.exists()


def test_the_oldest_go_first_and_one_that_is_used_is_young(
    table: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = spec(table, test=0.1)

    def made(seed: int) -> Path:
        before = set(folder.glob("*"))
        begin(load_spec(drawn, {"seed": seed}))
        (path,) = set(folder.glob("*")) - before
        os.utime(path, (seed, seed))
        return path

    paths = [made(seed) for seed in (1, 2)]
    begin(load_spec(drawn, {"seed": 1}))  # is used again
    size = max(path.stat().st_size for path in paths)
    monkeypatch.setenv("NNFIT_CACHE_GB", str(2.5 * size / 1e9))
    third = made(3)
    assert set(folder.iterdir()) == {paths[0], third}
    monkeypatch.setenv("NNFIT_CACHE_GB", str(0.5 * size / 1e9))
    found = begin(load_spec(drawn, {"seed": 4}))
    assert "kB that the cache may hold (NNFIT_CACHE_GB)" in str(found.warnings)
    assert set(folder.iterdir()) == {paths[0], third}
    monkeypatch.setenv("NNFIT_CACHE_GB", "0")
    assert "cache" not in str(begin(load_spec(drawn, {"seed": 5})).warnings)
    assert set(folder.iterdir()) == {paths[0], third}
    monkeypatch.setenv("NNFIT_CACHE_GB", "")
    made(6)
    monkeypatch.setenv("NNFIT_CACHE_GB", "much")
    with pytest.raises(UsageError, match='NNFIT_CACHE_GB: is "much", and not a number of GB'):
        begin(load_spec(spec(table)))


def test_what_a_killed_run_left_is_swept_and_nothing_else(
    table: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(step: str) -> None:
        if step == "replace":
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(files, "fault", kill)
        patch.setattr(files.Output, "drop", lambda self: os.close(self.descriptor))  # the system does so
        with pytest.raises(Killed):
            begin(load_spec(spec(table)))
    (half,) = folder.iterdir()
    assert half.suffix == ".tmp"
    (folder / ".nnfit.0123456789abcdef.tmp").touch()
    (folder / ".others.0123456789abcdef.tmp").touch()
    begin(load_spec(spec(table)))
    assert sorted(path.suffix for path in folder.iterdir()) == [".rows", ".tmp"]
    assert (folder / ".others.0123456789abcdef.tmp").exists()


def test_nothing_is_kept_where_it_saves_no_time_or_is_not_wanted(
    table: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(spec(table), **{"data.cache": False})
    nnfit.train(spec(table), frame())  # has no file
    with cache.using(folder, on=False):
        train(spec(table))
    monkeypatch.undo()
    train(spec(table))
    assert not folder.exists()
