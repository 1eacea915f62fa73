"""What `nnfit init` takes the target for: told with the way to the other, and refused where it cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnfit.config.loader import load_spec
from nnfit.config.proposal import Proposal, propose
from nnfit.errors import DataError, UsageError
from nnfit.fit.prepare import Prepared, prepare

Columns = dict[str, Callable[[int], object]]
N = 200
RNG = np.random.default_rng(0)
QUALITY = RNG.integers(3, 10, N).tolist()
PRICES = RNG.uniform(10, 1e5, N).tolist()
BITS = RNG.integers(0, 2, (3, N)).tolist()


@pytest.fixture
def init(tmp_path: Path) -> Callable[..., tuple[Proposal, Prepared]]:
    def init(
        columns: Columns, target: str | list[str] = "y", task: str | None = None, n: int = N
    ) -> tuple[Proposal, Prepared]:
        path = tmp_path / "data.csv"
        cells = {"x": lambda i: f"{i * 0.37 % 5:.2f}", **columns}
        rows = [",".join(f'"{cell(i)}"' for cell in cells.values()) for i in range(n)]
        path.write_text("\n".join([",".join(cells), *rows]) + "\n", encoding="utf-8")
        proposal = propose(path, target, tmp_path, task)
        (tmp_path / "data.yaml").write_text(proposal.text, encoding="utf-8")
        return proposal, prepare(load_spec(tmp_path / "data.yaml"))

    return init


INFERRED: list[tuple[Callable[[int], object], str | None, str, str]] = [
    (
        lambda i: QUALITY[i],
        None,
        "multinomial",
        "y has 7 whole values, 3 to 9: taken as classes; --task regression for a number",
    ),
    (lambda i: QUALITY[i], "regression", "regression", "y has 7 whole values, 3 to 9: taken as a number"),
    (lambda i: QUALITY[i], "classification", "multinomial", "y has 7 whole values, 3 to 9: taken as classes"),
    (
        lambda i: i % 2,
        None,
        "binary",
        "y has 2 whole values, 0 and 1: taken as classes; --task regression for a number",
    ),
    (lambda i: i % 2, "regression", "regression", "y has 2 whole values, 0 and 1: taken as a number"),
    (lambda i: "yn"[i % 2], None, "binary", "y has 2 different texts: taken as classes"),
    (lambda i: PRICES[i], None, "regression", "y has 200 values, "),
    (lambda i: f"${PRICES[i]:,.2f}", None, "regression", "y has 200 values, "),
    (lambda i: f"{10 * (i % 4)}%", None, "regression", "y has 4 whole values, 0 to 30: taken as a number; --task"),
    (lambda i: f"{10 * (i % 4)}%", "classification", "multinomial", "y has 4 whole values, 0 to 30: taken as classes"),
    (lambda i: i % 13, None, "regression", "y has 13 whole values, 0 to 12: taken as a number; --task classification"),
    (lambda i: i % 13, "classification", "multinomial", "y has 13 whole values, 0 to 12: taken as classes"),
    (lambda i: i % 30, "classification", "multinomial", "y has 30 whole values, 0 to 29: taken as classes"),
    (
        lambda i: i % 4 * 0.5,
        "classification",
        "multinomial",
        "y has 4 values, 0 to 1.5: taken as classes; --task regression for a number",
    ),
]


@pytest.mark.parametrize(("cell", "asked", "task", "message"), INFERRED)
def test_what_the_target_is_taken_for_is_told_with_the_way_to_the_other(
    init: Callable[..., Any], cell: Callable[[int], object], asked: str | None, task: str, message: str
) -> None:
    proposal, prepared = init({"y": cell}, task=asked)
    assert prepared.target.task == task
    (told,) = [str(note) for note in proposal.notes if note.code == "task"]
    assert told.startswith(message)
    assert told == message or message[-1] != "r"
    doubted = {"two-values", "looks-like-numbers", "numbers-as-classes"}
    assert not doubted & {warning.code for warning in prepared.warnings}


REFUSED: list[tuple[Callable[[int], object], str | None, str]] = [
    (lambda i: "yn"[i % 2], "regression", r'"y" holds texts \("y", "n"\), and --task regression asks for numbers'),
    (lambda i: PRICES[i], "classification", "200 different values in 200 rows, too many for classes; use --task regr"),
    (lambda i: "5", None, "has a single value; there is nothing to learn"),
    (lambda i: "a", None, "has a single value; there is nothing to learn"),
    (lambda i: f"$ {i}" if i else "free", None, r'holds numbers, but for "free"; correct these cells, or empty them'),
    (
        lambda i: i if i else "none of it",
        None,
        "holds 199 numbers and 1 other text .* or empty them: such rows are then",
    ),
    (lambda i: "", None, "is missing in every row"),
    (lambda i: f"{i}e200", None, "whose square is beyond all numbers"),
]


@pytest.mark.parametrize(("cell", "asked", "message"), REFUSED)
def test_a_target_that_cannot_be_learnt_so_is_refused_with_the_reason(
    init: Callable[..., Any], cell: Callable[[int], object], asked: str | None, message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        init({"y": cell}, task=asked)
    assert caught.value.exit_code == 4


def test_more_classes_than_a_network_may_have_are_refused(init: Callable[..., Any]) -> None:
    with pytest.raises(DataError, match=r"1,500 different texts .* too many for classes"):
        init({"y": lambda i: f"c{i % 1500}"}, n=3000)


def test_texts_that_differ_in_most_rows_are_told_to_be_no_classes(init: Callable[..., Any]) -> None:
    proposal, _ = init({"y": lambda i: f"c{i}"})
    assert "the target y has a text of their own in most rows: each is taken as a class" in map(str, proposal.notes)


# --- several targets -----------------------------------------------------------------------------------------------


def test_several_real_targets_are_outputs_and_none_becomes_an_input(init: Callable[..., Any]) -> None:
    targets: Columns = {"a": lambda i: PRICES[i], "b": lambda i: f"{QUALITY[i]}", "c": lambda i: f"${i * 1.5:,.2f}"}
    proposal, prepared = init(targets, ["a", "b", "c"])
    assert prepared.target.columns == ("a", "b", "c")
    assert (prepared.target.task, prepared.network.N[-1]) == ("regression", 3)
    assert [feature.name for feature in prepared.features] == ["x"]
    assert "a, b, c: taken as numbers" in map(str, proposal.notes)


def test_several_targets_of_0_and_1_are_outputs_and_none_becomes_an_input(init: Callable[..., Any]) -> None:
    targets: Columns = {name: lambda i, k=k: BITS[k][i] for k, name in enumerate("abc")}
    proposal, prepared = init(targets, ["c", "a"])
    assert (prepared.target.task, prepared.target.columns) == ("multilabel", ("c", "a"))
    assert [feature.name for feature in prepared.features] == ["x", "b"]
    assert "c, a are 0 or 1: taken as classes; --task regression for numbers" in map(str, proposal.notes)
    assert init(targets, ["a", "b"], "regression")[1].target.task == "regression"


@pytest.mark.parametrize(
    ("columns", "asked", "message"),
    [
        ({"a": lambda i: i % 2, "b": lambda i: PRICES[i]}, None, '"a" is 0 or 1, "b" is not; use --task regression'),
        ({"a": lambda i: PRICES[i], "b": lambda i: "pq"[i % 2]}, None, 'and "b" holds texts'),
        ({"a": lambda i: "pq"[i % 2], "b": lambda i: "pq"[i % 2]}, None, 'and "a" holds texts'),
        ({"a": lambda i: i % 2, "b": lambda i: i % 3}, "classification", 'must all be 0 or 1, and "b" is not'),
        ({"a": lambda i: i % 2, "b": lambda i: 1}, None, '"b" has a single value'),
    ],
)
def test_a_mixture_of_targets_is_refused_with_the_reason(
    init: Callable[..., Any], columns: Columns, asked: str | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        init(columns, ["a", "b"], asked)


def test_a_mixture_of_0_or_1_and_numbers_may_be_asked_for_as_numbers(init: Callable[..., Any]) -> None:
    targets: Columns = {"a": lambda i: i % 2, "b": lambda i: PRICES[i]}
    assert init(targets, ["a", "b"], "regression")[1].target.task == "regression"


def test_a_target_that_is_named_twice_is_refused(init: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="--target: a target is given twice"):
        init({"y": lambda i: i % 2}, ["y", "y"])


# --- rows without a target -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("gap", ["", "n/a", "#N/A", "?"])
@pytest.mark.parametrize("cell", [lambda i: f"{PRICES[i]:.2f}", lambda i: "pqr"[i % 3], lambda i: i % 2])
def test_rows_without_a_target_are_left_out_and_counted(
    init: Callable[..., Any], cell: Callable[[int], object], gap: str
) -> None:
    proposal, prepared = init({"y": lambda i: gap if i % 50 == 7 else cell(i)})
    assert prepared.spec.data.missing_target == "drop"
    assert prepared.sets["train"].n == 196
    assert "4 of 200 rows have no y, and are left out" in map(str, proposal.notes)
    assert "missing_target: drop" in proposal.text
    assert len(prepared.target.classes) in (0, 2, 3)


def test_a_class_that_may_be_a_marker_is_a_class_unless_it_marks_missing_cells_elsewhere(
    init: Callable[..., Any],
) -> None:
    continent: Columns = {"y": lambda i: ["NA", "EU", "AS"][i % 3]}
    assert init(continent)[1].target.classes == ("AS", "EU", "NA")
    _, prepared = init({"z": lambda i: "NA" if i == 3 else i % 9, **continent})
    assert prepared.target.classes == ("AS", "EU")


def test_of_several_targets_a_row_needs_all(init: Callable[..., Any]) -> None:
    targets: Columns = {"a": lambda i: "" if i == 1 else PRICES[i], "b": lambda i: "" if i == 2 else i * 0.5}
    proposal, prepared = init(targets, ["a", "b"])
    assert prepared.sets["train"].n == 198
    assert "2 of 200 rows have no a or b, and are left out" in map(str, proposal.notes)
