"""Every error nnfit raises on purpose says what is wrong and where, and knows its exit code."""

from __future__ import annotations

import pytest

import nnfit
from nnfit import errors
from nnfit.errors import NnfitError, Problem, nearest


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (Problem("wrong"), "wrong"),
        (Problem("wrong", "a.yaml"), "a.yaml: wrong"),
        (Problem("wrong", "a.yaml", 12), "a.yaml:12: wrong"),
        (Problem("wrong", "a.yaml", 12, 9), "a.yaml:12:9: wrong"),
        (Problem("wrong", "a.yaml", 12, 9, "data.train"), "a.yaml:12:9: data.train: wrong"),
        (Problem("wrong", key="data.train"), "data.train: wrong"),
    ],
)
def test_a_problem_reads_as_file_line_column_key_and_message(problem: Problem, expected: str) -> None:
    assert str(problem) == expected


def test_an_error_lists_all_its_problems() -> None:
    error = errors.SpecError(Problem("first", "a.yaml", 1), "second")
    assert str(error) == "a.yaml:1: first\nsecond"
    assert error.problems == (Problem("first", "a.yaml", 1), Problem("second"))


def test_each_class_has_the_exit_code_of_the_manual() -> None:
    codes = {kind.__name__: kind.exit_code for kind in NnfitError.__subclasses__()}
    assert codes == {
        "UsageError": 2,
        "SpecError": 3,
        "DataError": 4,
        "ModelFileError": 5,
        "TrainingError": 6,
        "OutputError": 7,
    }


def test_the_family_is_public() -> None:
    assert nnfit.NnfitError is NnfitError
    assert nnfit.__version__.count(".") == 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rel", '; did you mean "relu"?'),
        ("RELU", '; did you mean "relu"?'),
        ("Sigmod", '; did you mean "sigmoid"?'),
        ("xyz", ""),
        ("", ""),
    ],
)
def test_the_nearest_valid_name_is_proposed_if_one_is_near(name: str, expected: str) -> None:
    assert nearest(name, ["relu", "sigmoid", "tanh"]) == expected
