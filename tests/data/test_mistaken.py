"""Text that looks like numbers or dates is never made categories or classes without a word on what reads it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

SPEC = """\
data: {train: data.csv, target: y%s}
network: {layers: [{size: auto, activation: %s}]}
training: {epochs: 1, batch_size: 8}
"""


def csv(x: Callable[[int], object], y: Callable[[int], object] = lambda i: "ab"[i % 2], n: int = 30) -> str:
    return "x,z,y\n" + "".join(f'"{x(i)}",{i * 5 % 7},"{y(i)}"\n' for i in range(n))


def doubts(prepared: Any) -> list[str]:
    codes = ("looks-like-numbers", "numbers-as-classes")
    return [re.sub(r"\S*/data", "data", str(each)) for each in prepared.warnings if each.code in codes]


INPUTS: list[tuple[Callable[[int], object], str]] = [
    (
        lambda i: f"${i % 9 + 1},234.50",
        'data.csv: column "x" looks like numbers ("$1,234.50", "$2,234.50", "$3,234.50"), but is taken as 9 '
        'categories; set data.columns: {x: {type: numeric, thousands: ",", prefix: "$"}}; '
        "or {type: categorical} if that is meant",
    ),
    (lambda i: f"{i % 9}%", 'set data.columns: {x: {type: numeric, suffix: "%"}}; or'),
    (lambda i: f"{i % 9},5", 'set data.columns: {x: {type: numeric, decimal: ","}}; or'),
    (
        lambda i: f"{i % 9 + 1}.234,5 €",
        'set data.columns: {x: {type: numeric, thousands: ".", decimal: ",", suffix: "€"}};',
    ),
    (lambda i: f"{i % 9 + 10}.02.2024", 'looks like dates ("10.02.2024", "11.02.2024", "12.02.2024")'),
    (lambda i: f"{i % 9 + 10}.02.2024", 'set data.columns: {x: {type: date, format: "%d.%m.%Y"}}; or'),
    (
        lambda i: f"{i % 9 + 1}/2/2024",
        'set data.columns: {x: {type: date, format: "%d/%m/%Y"}} or data.columns: {x: {type: date, format: "%m/%d',
    ),
    (lambda i: "n/a" if i % 5 == 1 else f"{i % 9}%", 'suffix: "%"}}, with "n/a" added to data.missing; or'),
]


@pytest.mark.parametrize(("cell", "message"), INPUTS)
def test_an_input_of_such_texts_is_told_with_the_key_that_would_read_it(
    prepared: Callable[..., Any], cell: Callable[[int], object], message: str
) -> None:
    (found,) = doubts(prepared(SPEC % ("", "softmax"), csv(cell)))
    assert message in found


def test_check_and_train_show_it(run: Callable[..., Any], tmp_path: Any) -> None:
    (tmp_path / "data.csv").write_text(csv(lambda i: f"{i % 9}%"))
    (tmp_path / "spec.yaml").write_text(SPEC % ("", "softmax"))
    assert 'column "x" looks like numbers' in run("check", tmp_path / "spec.yaml").out
    assert "warning: " in (err := run("train", tmp_path / "spec.yaml", "--quiet").err)
    assert 'column "x" looks like numbers' in err


@pytest.mark.parametrize("activation", ["softmax", "linear"])
def test_a_target_of_such_texts_is_told_whatever_the_loss(prepared: Callable[..., Any], activation: str) -> None:
    found = doubts(prepared(SPEC % ("", activation), csv(lambda i: i % 3, lambda i: f"${i % 9 + 1},000")))
    assert len(found) == 1
    assert 'column "y" looks like numbers ("$1,000", ' in found[0]
    assert "but is taken as 9 classes" in found[0]
    assert 'thousands: ",", prefix: "$"' in found[0]


@pytest.mark.parametrize("said", ["columns: {x: {type: categorical}}", "ignore: [x]"])
def test_who_says_that_they_are_categories_is_not_told(prepared: Callable[..., Any], said: str) -> None:
    assert doubts(prepared(SPEC % (f", {said}", "softmax"), csv(lambda i: f"{i % 9}%"))) == []


@pytest.mark.parametrize(
    "cell",
    [
        lambda i: "abc"[i % 3],
        lambda i: f"Q{i % 4}",
        lambda i: f"{i % 9}A",
        lambda i: f"{i % 3}-{i % 2}",
        lambda i: f"1.{i % 3}.{i % 2}",
        lambda i: f"{i % 9} of 10",
        lambda i: f"0{i % 9},123,45",
        lambda i: ["", "yes", "no"][i % 3],
        lambda i: f"{i % 9 + 10}:30",
        lambda i: f"{i % 9}/{i % 7}",
    ],
)
def test_other_texts_with_digits_are_not_told(prepared: Callable[..., Any], cell: Callable[[int], object]) -> None:
    assert doubts(prepared(SPEC % ("", "softmax"), csv(cell))) == []


def test_plain_numbers_that_hardly_are_classes_are_told(prepared: Callable[..., Any]) -> None:
    for y in (lambda i: f"{i * 0.5}", lambda i: i % 25):
        (found,) = doubts(prepared(SPEC % ("", "softmax"), csv(lambda i: i % 3, y, 60)))
        assert "holds numbers" in found
        assert "each taken as a class; for a real target use the loss mse" in found
    assert doubts(prepared(SPEC % ("", "softmax"), csv(lambda i: i % 3, lambda i: i % 10))) == []
    said = SPEC % (", columns: {y: {type: categorical}}", "softmax")
    assert doubts(prepared(said, csv(lambda i: i % 3, lambda i: i % 25, 60))) == []


def test_a_column_that_is_plain_below_a_thousand_is_refused_with_the_key_that_reads_it(
    complaint: Callable[..., str],
) -> None:
    found = complaint(SPEC % ("", "softmax"), csv(lambda i: "1,234" if i == 7 else i * 30))
    assert found.endswith('set data.columns: {x: {type: numeric, thousands: ","}}')


# --- two values ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", ["{name: step, gradient: straight_through}", "tanh"])
def test_a_perceptron_on_0_and_1_is_told_to_take_classes(prepared: Callable[..., Any], output: str) -> None:
    text = csv(lambda i: i % 3, lambda i: i % 2)
    found = [str(each) for each in prepared(SPEC % ("", output) + "loss: mse\n", text).warnings]
    (line,) = [line for line in found if "outputs lie in" in line]
    assert line.endswith(
        'the target "y" has two values: if they are classes, set data.columns: {y: {type: categorical}}'
    )
    assert "scale: none" not in line
    said = prepared(SPEC % (", columns: {y: {type: categorical}}", output) + "loss: mse\n", text)
    assert said.target.task == "binary"
    assert said.warnings == ()


def test_a_linear_output_on_0_and_1_is_told_to_be_a_regression(prepared: Callable[..., Any]) -> None:
    text = csv(lambda i: i % 3, lambda i: i % 2)
    (line,) = [str(each) for each in prepared(SPEC % ("", "linear"), text).warnings]
    assert line.endswith(
        'spec.yaml:1:25: data.target: the target "y" has two values and is learnt as a number; '
        "if they are classes, set data.columns: {y: {type: categorical}}; if it is a number, type: numeric says so"
    )
    for said in ("type: numeric", "scale: none", "type: categorical"):
        assert prepared(SPEC % (f", columns: {{y: {{{said}}}}}", "linear"), text).warnings == ()
