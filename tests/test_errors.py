"""Every error nnfit raises on purpose says what is wrong and where, and knows its exit code."""

from __future__ import annotations

import importlib
import pickle
import pkgutil
from collections.abc import Iterator

import pytest

import nnfit
from nnfit import errors
from nnfit.cli.signals import Stopped
from nnfit.errors import NnfitError, Place, Problem
from nnfit.words import nearest


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place(), "wrong"),
        (Place("a.yaml"), "a.yaml: wrong"),
        (Place("a.yaml", 12), "a.yaml:12: wrong"),
        (Place("a.yaml", 12, 9), "a.yaml:12:9: wrong"),
        (Place("a.yaml", 12, 9, "data.train"), "a.yaml:12:9: data.train: wrong"),
        (Place(key="data.train"), "data.train: wrong"),
    ],
)
def test_a_problem_reads_as_file_line_column_key_message_and_remedy(place: Place, expected: str) -> None:
    assert str(Problem("code", "wrong", place=place)) == expected
    assert str(Problem("code", "wrong", "mend it", place)) == f"{expected}; mend it"


def test_a_problem_as_json_has_its_place_key_by_key() -> None:
    place = Place("a.yaml", 12, 9, "data.train")
    expected = {"code": "code", "file": "a.yaml", "line": 12, "column": 9, "key": "data.train"}
    assert Problem("code", "wrong", place=place).as_json() == expected | {"message": "wrong", "remedy": None}
    mended = Problem("code", "wrong", "mend it", place).as_json()
    assert mended == expected | {"message": "wrong; mend it", "remedy": "mend it"}


def test_an_error_lists_all_its_problems() -> None:
    problems = Problem("one", "first", "mend it", Place("a.yaml", 1)), Problem("two", "second")
    error = errors.SpecError(*problems)
    assert str(error) == "a.yaml:1: first; mend it\nsecond"
    assert error.problems == problems
    assert (error.code, error.place, error.remedy) == ("one", Place("a.yaml", 1), "mend it")


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


def family(kind: type[NnfitError]) -> Iterator[type[NnfitError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from family(child)


def test_every_class_of_errors_survives_pickling_with_equal_problems() -> None:
    for module in pkgutil.walk_packages(nnfit.__path__, "nnfit."):
        if module.name != "nnfit.__main__":
            importlib.import_module(module.name)
    problem = Problem("code", "wrong", "mend it", Place("a.yaml", 12, 9, "data.train"))
    for kind in family(NnfitError):
        for problems in ((problem,), (problem, Problem("other", "wrong too"))):
            error = kind(*problems)
            again = pickle.loads(pickle.dumps(error))
            assert type(again) is kind
            assert again.problems == error.problems == problems
            assert str(again) == str(error)
            assert vars(again) == vars(error)


def test_a_signal_survives_pickling() -> None:
    again = pickle.loads(pickle.dumps(Stopped(15, "go on")))
    assert (type(again), again.exit_code, again.advice) == (Stopped, 143, "go on")


def test_the_family_is_public() -> None:
    assert nnfit.NnfitError is NnfitError
    assert nnfit.__version__.count(".") == 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rel", 'did you mean "relu"?'),
        ("RELU", 'did you mean "relu"?'),
        ("Sigmod", 'did you mean "sigmoid"?'),
        ("xyz", ""),
        ("", ""),
    ],
)
def test_the_nearest_valid_name_is_proposed_if_one_is_near(name: str, expected: str) -> None:
    assert nearest(name, ["relu", "sigmoid", "tanh"]) == expected


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *(("epoch", "epochs"), ("sed", "seed"), ("tahn", "tanh"), ("learn_rate", "learning_rate"), ("yy", "y")),
        *(("optimiser", "optimizer"), ("scaling", "scale"), ("medium", "median"), ("SPECIES", "species")),
    ],
)
def test_a_name_with_a_slip_in_it_is_guessed(name: str, meant: str) -> None:
    assert nearest(name, ["other", meant]) == f'did you mean "{meant}"?'


@pytest.mark.parametrize(
    ("name", "other"),
    [
        *(("target", "age"), ("aspiration", "duration"), ("mass", "class"), ("width", "weight"), ("x1", "x2")),
        *(("price_usd", "price_eur"), ("number", "member"), ("income", "outcome"), ("", "a"), ("a" * 10**6, "a" * 9)),
    ],
)
def test_no_name_is_guessed_that_is_not_really_near(name: str, other: str) -> None:
    assert nearest(name, [other]) == ""
