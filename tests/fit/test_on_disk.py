"""A training whose rows lie on disk leaves the bytes of one whose rows lie in memory, and says the same."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nnfit
from nnfit.config.loader import load_spec
from nnfit.data import encoding, room
from nnfit.data.room import Room
from nnfit.errors import DataError, OutputError
from nnfit.fit import prepare, share
from nnfit.fit.train import begin
from nnfit.storage import cache, files
from nnfit.storage.unnamed import unnamed

LAYERS = [{"size": 5, "activation": "tanh"}, {"size": "auto", "activation": "softmax"}]
REAL = [{"size": 5, "activation": "relu"}, {"size": "auto", "activation": "linear"}]
TRAINING = {"epochs": 2, "batch_size": 64}
CLASSES = {"data.target": "kind", "data.ignore": ["r", "a", "b"], "network.layers": LAYERS, "loss": "cross_entropy"}
NUMBERS = {"data.target": "r", "data.ignore": ["kind", "a", "b"], "network.layers": REAL, "loss": "mse"}
SEVERAL = {"data.target": ["a", "b"], "data.ignore": ["kind", "r"], "loss": "bce"}
SEVERAL |= {"network.layers": [LAYERS[0], {"size": "auto", "activation": "logistic"}]}
EARLY = {"training.early_stopping": {"patience": 2}}


def frame(n: int = 700) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    x, z = rng.normal(size=(2, n))
    table = pd.DataFrame({"x": x, "z": np.where(rng.random(n) < 0.1, np.nan, z**3)})
    table["colour"] = rng.choice(["red", "green", "blue", ""], n)
    table.loc[n // 2, "colour"] = "violet"  # in one row alone, which may be held out
    table["day"] = [f"2024-{1 + k % 12:02}-{1 + k % 28:02}" for k in range(n)]
    table["open"] = rng.choice(["yes", "no", ""], n)
    table["w"] = rng.random(n) + 0.1
    table["kind"] = np.array(["p", "q", "s"])[np.digitize(x + np.nan_to_num(table["z"]), [-0.5, 0.5])]
    table["r"] = (2 * x + rng.normal(size=n)).round(3)
    table["a"], table["b"] = (x > 0).astype(int), (z > 0).astype(int)
    table.loc[n - 40 :] = table.loc[:39].to_numpy()  # some rows are there twice
    return table


@pytest.fixture(autouse=True)
def small_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Rows are encoded in many pieces, and what lies on disk lies here."""
    monkeypatch.setattr(encoding, "PIECE", 64)
    with cache.using(tmp_path / "cache", on=False):
        yield


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of all arrays that are made on disk."""
    found = []
    on_disk = room.Room.on_disk

    def counted(self: room.Room, shape: tuple[int, ...], dtype: Any) -> Any:
        found.append(shape)
        return on_disk(self, shape, dtype)

    monkeypatch.setattr(room.Room, "on_disk", counted)
    return found


def spec(tmp_path: Path, table: pd.DataFrame, **keys: Any) -> dict[str, Any]:
    table.to_csv(tmp_path / "t.csv", index=False)
    data = {"train": str(tmp_path / "t.csv"), "target": "kind", "weight": "w", **keys}
    return {"data": data, "network": {"layers": LAYERS}, "training": TRAINING}


def both(spec: dict[str, Any], overrides: dict[str, Any], threads: int = 1) -> tuple[nnfit.Result, nnfit.Result]:
    one, other = (
        nnfit.train(spec, overrides={**overrides, "data.storage": storage}, threads=threads)
        for storage in ("memory", "disk")
    )
    return one, other


@pytest.mark.parametrize(
    "overrides",
    [
        {**CLASSES, "data.test": 0.2},
        {**CLASSES, "network.members": 3, "training.resample": "folds", **EARLY},
        {**CLASSES, "network.members": 2, "training.resample": "bootstrap", "training.class_weight": "balanced"},
        {**CLASSES, "network.dtype": "float64", "training.batch_size": "full", "data.columns.x.bins": 4},
        {**NUMBERS, "data.columns.x.scale": "quantile", "data.columns.z.scale": "robust", "data.validation": 0.2},
        {**NUMBERS, "data.columns.x.piecewise": 8, "data.columns.z.log1p": True, "training.clamp": True},
        {**NUMBERS, "data.columns.z.missing": "category", "training.optimizer": "lbfgs", "training.batch_size": "full"},
        {**SEVERAL, "data.validation": 0.2, **EARLY},
    ],
    ids=str,
)
def test_every_training_leaves_the_same_model_and_says_the_same(
    overrides: dict[str, Any], tmp_path: Path, made: list[tuple[int, ...]]
) -> None:
    in_memory, on_disk = both(spec(tmp_path, frame()), overrides)
    assert len(made[0]) == 1 and made[0][0] >= 700  # the columns as they are read
    assert any(len(shape) == 2 for shape in made)  # and the encoded rows
    assert on_disk.model.to_bytes() == in_memory.model.to_bytes()
    assert on_disk.warnings == in_memory.warnings
    assert on_disk.history.equals(in_memory.history)


@pytest.mark.process
def test_so_do_workers_who_see_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share, "START", -1e6)  # they always pay
    overrides = {**CLASSES, "network.members": 2, "training.resample": "folds", **EARLY}
    in_memory, on_disk = both(spec(tmp_path, frame()), overrides, threads=2)
    assert on_disk.model.to_bytes() == in_memory.model.to_bytes()


def test_rows_without_a_target_are_left_out_on_disk_too(tmp_path: Path, made: list[tuple[int, ...]]) -> None:
    table = frame()
    table.loc[5:60:7, "kind"] = ""
    in_memory, on_disk = both(spec(tmp_path, table), {**CLASSES, "data.missing_target": "drop"})
    assert made.count((692,)) > 5
    assert on_disk.model.to_bytes() == in_memory.model.to_bytes()
    assert "8 rows of 700 are left out" in str(on_disk.warnings[0])
    assert on_disk.warnings == in_memory.warnings


def test_so_do_tables_of_several_files_and_a_frame(tmp_path: Path) -> None:
    table = frame()
    base = spec(tmp_path, table)
    for k in range(3):
        table[k * 200 : (k + 1) * 200].to_csv(tmp_path / f"part{k}.csv", index=False)
    table[600:].to_csv(tmp_path / "test.csv", index=False)
    base["data"] |= {"train": str(tmp_path / "part*.csv"), "test": str(tmp_path / "test.csv")}
    in_memory, on_disk = both(base, CLASSES)
    assert on_disk.model.to_bytes() == in_memory.model.to_bytes()
    assert on_disk.warnings == in_memory.warnings
    del base["data"]["train"], base["data"]["test"]
    one, other = (nnfit.train(base, table, overrides={"data.storage": each, **CLASSES}) for each in ("memory", "disk"))
    assert one.model.to_bytes() == other.model.to_bytes()


def test_a_number_beyond_float32_is_told_of_the_same_cell(tmp_path: Path) -> None:
    table = frame()
    table.loc[[500, 600], "z"] = [1e60, 1e80]
    table.loc[400, "x"] = 1e50
    base = spec(tmp_path, table, columns={"z": {"scale": "none"}, "x": {"scale": "none"}})
    told = []
    for storage in ("memory", "disk"):
        with pytest.raises(DataError) as caught:
            nnfit.train(base, overrides={**CLASSES, "data.storage": storage})
        told.append(str(caught.value))
    assert told[0] == told[1]
    assert ":402:1: " in told[0]


def test_auto_takes_the_disk_from_half_of_the_memory_on(
    tmp_path: Path, made: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "refuse_beyond", lambda *_, on_disk: None)
    base = spec(tmp_path, frame())  # 40 bytes a row as it is read, 92 once it is encoded, and as many on the way
    first, encoded = [], []
    for there in (350_000, 300_000, 50_000):  # both together are more than half of the second
        monkeypatch.setattr(prepare, "memory", lambda there=there: there)
        made.clear()
        nnfit.train(base, overrides=CLASSES)
        first.append(bool(made) and len(made[0]) == 1)
        encoded.append((700, 19) in made)
    assert first == [False, False, True]
    assert encoded == [False, True, True]


def test_a_model_does_not_say_where_its_rows_lay(tmp_path: Path) -> None:
    for model in (each.model for each in both(spec(tmp_path, frame()), CLASSES)):
        assert (model.spec.data.storage, model.spec.data.cache) == ("auto", True)


# --- a full disk ---------------------------------------------------------------------------------------------------


def test_on_a_full_disk_the_rows_lie_in_memory_and_it_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = spec(tmp_path, frame())
    expected = nnfit.train(base, overrides=CLASSES)
    monkeypatch.setattr(files, "fault", files.failing("write:3+"))
    found = nnfit.train(base, overrides={**CLASSES, "data.storage": "disk"})
    assert found.model.to_bytes() == expected.model.to_bytes()
    (problem,) = [each for each in found.warnings if each.code == "no-room"]
    assert str(problem) == (
        f"{tmp_path / 'cache'}: the cache folder cannot hold rows that take 28.6 kB: No space left on device; "
        "they lie in memory; name another with nnfit train --cache, or by the variable XDG_CACHE_HOME"
    )


def test_where_memory_has_no_room_either_it_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "fault", files.failing("write:1+"))
    monkeypatch.setattr(prepare, "memory", lambda: 20_000)
    with pytest.raises(OutputError, match=r"cannot hold rows that take .* No space left on device"):
        nnfit.train(spec(tmp_path, frame()), overrides={**CLASSES, "data.storage": "disk"})


def test_a_disk_that_fills_after_the_rows_are_ready_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = begin(load_spec(spec(tmp_path, frame()), {**CLASSES, "data.storage": "disk"}))
    assert [each.code for each in trainer.warnings if each.code == "no-room"] == []
    monkeypatch.setattr(files, "fault", files.failing("open:1+"))
    for _ in trainer.epochs():
        pass
    assert [each.code for each in trainer.result().warnings if each.code == "no-room"] == ["no-room"]


def test_many_arrays_lie_in_few_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def counted(folder: Path, size: int) -> int:
        made.append(size)
        return unnamed(folder, size)

    monkeypatch.setattr("nnfit.data.room.unnamed", counted)
    room = Room(0, lambda: tmp_path)
    arrays = [room.on_disk((k % 7 + 1, 100), "float32") for k in range(1000)]
    for k, array in enumerate(arrays):
        assert (array.ctypes.data % 64, array.any()) == (0, False)
        array[...] = k
    assert all((array == k).all() for k, array in enumerate(arrays))
    assert len(made) < 60
    assert sum(made) < 1.25 * sum(array.nbytes for array in arrays)


def test_the_disk_gets_back_what_no_array_lies_in(tmp_path: Path) -> None:
    room = Room(0, lambda: tmp_path)
    for _ in range(100):
        arrays = [room.on_disk((1000,), "float64") for _ in range(10)]
        assert 80_000 <= room.total() <= 170_000
    del arrays
    assert room.total() == 0


def test_where_the_disk_has_room_for_no_more_than_is_needed_that_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def small(folder: Path, size: int) -> int:
        if size > 8000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return unnamed(folder, size)

    monkeypatch.setattr("nnfit.data.room.unnamed", small)
    room = Room(0, lambda: tmp_path, there=0)
    for _ in range(20):
        room.on_disk((1000,), "float64")
    assert room.warnings == []


def test_nothing_is_left_in_the_folder_but_the_folder_itself(tmp_path: Path) -> None:
    trainer = begin(load_spec(spec(tmp_path, frame()), {**CLASSES, "data.storage": "disk"}))
    assert list((tmp_path / "cache").iterdir()) == []  # not even while it is at work
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700
    next(trainer.epochs())
