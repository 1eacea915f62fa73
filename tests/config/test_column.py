"""Of very many categories the frequent ones have an input of their own, and the inputs that are counted are made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nnfit.config import column
from nnfit.config.column import least_count, own_count
from nnfit.config.loader import load_spec
from nnfit.config.proposal import fitted_to, looked_at, written
from nnfit.config.recipe import ways
from nnfit.fit.prepare import prepare

Cell = Callable[[int], object]
COLUMNS: dict[str, Cell] = {
    "number": lambda i: i * 7 % 31 + 0.5,
    "gaps": lambda i: "" if i % 4 else i * 3 % 17 / 2,
    "two values": lambda i: i % 2,
    "few texts": lambda i: "abc"[i % 3],
    "texts and gaps": lambda i: ["a", "b", ""][i % 3],
    "many texts": lambda i: f"c{i % 60}x",
    "rare texts": lambda i: "often" if i % 2 else f"c{i}x",
    "true": lambda i: ["yes", "no"][i * i % 3 % 2],
    "true and gaps": lambda i: ["yes", "no", ""][i % 3],
    "days": lambda i: f"2024-01-{i % 28 + 1:02}",
    "days and gaps": lambda i: f"2024-01-{i % 28 + 1:02}" if i % 5 else "",
    "dollars": lambda i: f'"$1,{i % 10}00.50"',
}


def table(path: Path, columns: dict[str, Cell], n: int) -> Path:
    rows = [",".join(str(cell(i)) for cell in columns.values()) + f",{'ab'[i * 5 % 7 % 2]}" for i in range(n)]
    path.write_text("\n".join([",".join([*columns, "y"]), *rows]) + "\n")
    return path


def test_the_inputs_are_counted_whatever_numbers_are_expanded_to(tmp_path: Path) -> None:
    data = table(
        tmp_path / "data.csv", {"few": lambda i: i % 4, "many": lambda i: i * 37 % 401, "z": lambda i: i % 2}, 400
    )
    found = looked_at(data, "y", None)
    fit = fitted_to(found)
    assert fit.recipe.bend is not None
    for bend in ways(fit.recipe.bend):
        (tmp_path / "spec.yaml").write_text(written(found, fit.bent(bend), data, tmp_path).text)
        assert prepare(load_spec(tmp_path / "spec.yaml")).network.inputs == fit.size.with_bend(bend)


@pytest.mark.parametrize("name", COLUMNS)
def test_the_inputs_that_are_counted_are_those_that_are_made(tmp_path: Path, name: str) -> None:
    data = table(tmp_path / "data.csv", {name: COLUMNS[name], "z": lambda i: i % 2}, 400)
    found = looked_at(data, "y", None)
    fit = fitted_to(found)
    (tmp_path / "spec.yaml").write_text(written(found, fit, data, tmp_path).text)
    prepared = prepare(load_spec(tmp_path / "spec.yaml"))
    assert {feature.name for feature in prepared.features} == {name, "z"}
    assert fit.size.with_bend(fit.recipe.bend) - prepared.network.N[0] in range(16)  # knots that are one count once
    for feature in prepared.features:
        assert found.columns[feature.name].inputs == len(feature.inputs) - feature.beside
        assert found.columns[feature.name].bends == bool(feature.beside)
    assert fit.size.outputs == prepared.network.N[-1]


def test_no_more_categories_than_there_is_room_for_have_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(column, "TOGETHER", 100)
    texts = {f"x{k}": lambda i, k=k: f"c{int(150 * ((i * 37 + k) % 401 / 401) ** 2)}x" for k in range(4)}
    data = table(tmp_path / "data.csv", {**texts, "few": lambda i: "abc"[i % 3]}, 4000)
    found = looked_at(data, "y", None).columns
    assert 50 < sum(each.inputs for each in found.values()) <= 100 + len(found)
    assert "min_count" not in found["few"].keys
    assert found["few"].inputs == 3


def test_the_more_rows_the_fewer_categories_since_each_takes_memory_for_every_row() -> None:
    counts = np.arange(1, 2001)
    each = column.Column(np.empty(0), "categorical", {}, "", False, False, counts)
    kept = [column.merged({"x": each}, rows)["x"].inputs for rows in (1000, 100_000, 200_000, 10_000_000)]
    assert kept == [2000, 1001, 501, 51]


@pytest.mark.parametrize("most", [0, 1, 3, 6, 100])
def test_the_least_count_is_the_smallest_that_leaves_no_more(most: int) -> None:
    counts = np.array([9, 1, 7, 7, 2, 30])
    least = least_count(counts, most, 2)
    assert (counts >= least).sum() <= most or least == 2
    assert least == 2 or (counts >= least - 1).sum() > most


def test_only_of_many_categories_are_rare_ones_merged() -> None:
    assert own_count(np.full(50, 1)) is None
    assert own_count(np.full(51, 1)) == 5
