"""What is legal in the data but probably not meant is warned of, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nnfit.fit.prepare import Prepared

Prepare = Callable[..., Prepared]
SPEC = """
data: {train: data.csv, target: y, test: 0.2}
network: {layers: [{size: auto, activation: softmax}]}
"""


def table(n: int = 60, **columns: Callable[[int], object]) -> str:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=n)
    rows = [
        ",".join([f"{noise[i]:.6f}", *(str(column(i)) for column in columns.values()), "ab"[rng.integers(2)]])
        for i in range(n)
    ]
    return "\n".join([",".join(["x", *columns, "y"]), *rows]) + "\n"


def warnings(prepared: Prepare, csv: str, *overrides: str) -> str:
    return "\n".join(str(problem) for problem in prepared(SPEC, csv, *overrides).warnings)


def test_an_ordinary_table_gives_no_warning(prepared: Prepare) -> None:
    assert warnings(prepared, table(z=lambda i: i % 7, colour=lambda i: "rgb"[i % 3])) == ""


@pytest.mark.parametrize("cell", ["5", "same", ""])
def test_a_column_of_one_value_is_warned_of(prepared: Prepare, cell: str) -> None:
    first = table(c=lambda i: cell if cell else ("" if i else "t"))
    assert "nothing to learn from: c" in warnings(prepared, first, "seed=1") or not cell


@pytest.mark.parametrize("cell", [lambda i: f"id{i}", lambda i: 1000 + i])
def test_an_identifier_is_warned_of(prepared: Prepare, cell: Callable[[int], object]) -> None:
    assert "as an identifier has: c; add it to data.ignore" in warnings(prepared, table(c=cell))


def test_a_measurement_is_no_identifier(prepared: Prepare) -> None:
    assert warnings(prepared, table(c=lambda i: i * 1.37)) == ""


def test_a_column_that_tells_the_target_is_warned_of(prepared: Prepare) -> None:
    lines = table().splitlines()
    told = "\n".join([f"{lines[0]},z", *(f"{line},{line[-1].upper()}" for line in lines[1:])]) + "\n"
    assert 'z tells the target "y" in every row (leakage?)' in warnings(prepared, told)


def test_a_column_in_line_with_a_real_target_is_warned_of(prepared: Prepare) -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(size=50)
    csv = "\n".join(["a,b,y", *(f"{rng.normal()},{3 - 2 * value},{value}" for value in y)]) + "\n"
    spec = SPEC.replace("auto, activation: softmax", "1, activation: linear")
    found = "\n".join(str(problem) for problem in prepared(spec, csv).warnings)
    assert 'b tells the target "y"' in found
    assert "a tells" not in found


def test_rows_that_are_in_training_and_test_are_counted(prepared: Prepare) -> None:
    csv = table(45)
    doubled = csv + "\n".join(csv.splitlines()[1:]) + "\n"
    found = warnings(prepared, doubled)
    assert "test rows are, value for value, training rows too" in found
    assert warnings(prepared, csv) == ""


def test_a_class_with_a_single_row_is_warned_of(prepared: Prepare) -> None:
    assert 'classes of "y" with a single row, which cannot be learned and tested both: c' in warnings(
        prepared, table() + "0.5,c\n"
    )
