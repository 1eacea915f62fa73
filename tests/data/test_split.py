"""Rows for validation, test and folds: of the right number, each once, in proportion, the same for the same seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnfit.data.split import draw, folds
from nnfit.errors import DataError

Prepare = Callable[..., Any]


@given(
    n=st.integers(1, 300),
    share=st.floats(0.001, 0.999),
    classes=st.integers(0, 6),
    seed=st.integers(0, 2**32),
)
def test_a_draw_has_the_right_size_and_each_row_once_and_each_class_in_proportion(
    n: int, share: float, classes: int, seed: int
) -> None:
    strata = np.random.default_rng(seed + 1).integers(0, classes, n) if classes else None
    rows = draw(n, share, strata, np.random.default_rng(seed))
    assert len(rows) == max(1, round(share * n))
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert 0 <= rows[0] <= rows[-1] < n
    if strata is not None:
        whole, drawn = Counter(strata.tolist()), Counter(strata[rows].tolist())
        for label, count in whole.items():
            assert abs(drawn[label] - len(rows) * count / n) < 1 + 1e-9
    again = draw(n, share, strata, np.random.default_rng(seed))
    assert again.tolist() == rows.tolist()


def test_every_row_is_drawn_equally_often() -> None:
    rng = np.random.default_rng(0)
    strata = np.array([0] * 7 + [1] * 3)
    counts = np.zeros(10)
    for _ in range(2000):
        counts[draw(10, 0.3, strata, rng)] += 1
    np.testing.assert_allclose(counts / 2000, 0.3, atol=0.05)


@given(n=st.integers(1, 200), M=st.integers(1, 12), classes=st.integers(1, 5), seed=st.integers(0, 2**32))
def test_folds_are_of_equal_size_and_hold_each_class_in_proportion(n: int, M: int, classes: int, seed: int) -> None:
    order = np.random.default_rng(seed + 1).integers(0, classes, n)
    fold = folds(order, M, np.random.default_rng(seed))
    sizes = np.bincount(fold, minlength=M)
    assert len(fold) == n
    assert len(sizes) == M
    assert sizes.max() - sizes.min() <= 1
    for label in range(classes):
        counts = np.bincount(fold[order == label], minlength=M)
        # A class is a run of the sorted rows: whole groups of M, and a piece of one at each end.
        assert counts.max() - counts.min() <= 2
    assert folds(order, M, np.random.default_rng(seed)).tolist() == fold.tolist()


def test_folds_are_alike_in_a_real_target_and_differ_with_the_seed() -> None:
    y = np.random.default_rng(1).exponential(size=200)
    fold = folds(y, 8, np.random.default_rng(2))
    for k in range(8):
        ranks = np.flatnonzero(np.isin(np.argsort(y), np.flatnonzero(fold == k)))
        assert (ranks // 8).tolist() == list(range(25))
    assert fold.tolist() != folds(y, 8, np.random.default_rng(3)).tolist()


SPEC = """\
data: {train: data.csv, target: y, validation: 0.15, test: 0.2, columns: {id: {scale: none}}}
network: {layers: [{size: auto, activation: softmax}], dtype: float64}
"""


def csv(n: int) -> str:
    rows = "".join(f"{i},{i * i % 7},{'abbccc'[i % 6]}\n" for i in range(n))
    return "id,x,y\n" + rows


def ids(prepared: Any) -> dict[str, list[int]]:
    return {name: rows.examples.X[:, 1].astype(int).tolist() for name, rows in prepared.sets.items()}


@pytest.mark.parametrize("n", [10, 60, 151])
def test_the_parts_are_disjoint_complete_and_of_the_right_size(prepared: Prepare, n: int) -> None:
    found = ids(prepared(SPEC, csv(n)))
    assert list(found) == ["train", "validation", "test"]
    assert sorted(found["train"] + found["validation"] + found["test"]) == list(range(n))
    assert len(found["test"]) == round(0.2 * n)
    assert abs(len(found["validation"]) - 0.15 * n) <= 0.5


def test_the_parts_hold_every_class_in_proportion(prepared: Prepare) -> None:
    for part in ids(prepared(SPEC, csv(120))).values():
        counts = Counter("abbccc"[i % 6] for i in part)
        for label, share in (("a", 1 / 6), ("b", 2 / 6), ("c", 3 / 6)):
            assert abs(counts[label] - share * len(part)) <= 2


def test_the_parts_depend_on_the_seed_and_nothing_else(prepared: Prepare) -> None:
    first = ids(prepared(SPEC, csv(60)))
    assert ids(prepared(SPEC, csv(60))) == first
    other = SPEC.replace("{size: auto", "{size: 9, activation: relu}, {size: auto") + "training: {epochs: 3}\n"
    assert ids(prepared(other, csv(60), "network.members=3")) == first
    assert ids(prepared(SPEC, csv(60), "seed=1")) != first
    assert ids(prepared(SPEC, csv(60), "data.validation=null"))["test"] == first["test"]


def test_real_targets_are_split_too(prepared: Prepare) -> None:
    text = SPEC.replace("softmax", "linear")
    rows = "id,x,y\n" + "".join(f"{i},{i % 3},{i / 7}\n" for i in range(60))
    assert {name: len(part) for name, part in ids(prepared(text, rows)).items()} == {
        "train": 39,
        "validation": 9,
        "test": 12,
    }


def test_files_for_validation_and_test_are_used_as_they_are(prepared: Prepare, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "v.csv").write_text("y,note,x,id\na,hello,1,100\nb,,2,101\n")
    (tmp_path / "t.csv").write_text("id,x,y\n200,3,c\n")
    text = SPEC.replace("0.15", "more/v.csv").replace("0.2", "t.csv")
    found = ids(prepared(text, csv(12)))
    assert found == {"train": list(range(12)), "validation": [100, 101], "test": [200]}


def test_columns_that_a_test_file_lacks_are_all_listed(prepared: Prepare, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"t\.csv:1: columns missing: id, x, y"):
        prepared(SPEC.replace("0.2", "t.csv"), csv(12))


def test_a_class_that_no_training_row_has_is_refused_in_a_test_file(prepared: Prepare, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,x,y\n1,2,a\n2,3,d\n")
    with pytest.raises(DataError, match=r't\.csv:3:3: the target "y" is "d", a class that no training row has'):
        prepared(SPEC.replace("0.2", "t.csv"), csv(12))
