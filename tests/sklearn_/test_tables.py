"""What X and y may be, and what becomes of cells in predict that fit has not seen."""

from __future__ import annotations

import warnings
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score

import nnfit
from nnfit.errors import DataError
from nnfit.sklearn import NNClassifier, NNRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore:the network:nnfit.NnfitWarning"),
    pytest.mark.filterwarnings("ignore:categories that no row of fit had:nnfit.NnfitWarning"),  # of some folds
]


def test_every_kind_of_column_goes_in_as_it_is(people: pd.DataFrame, classifier: NNClassifier) -> None:
    X = people.drop(columns="y")
    classifier.fit(X, people["y"])
    kinds = {feature.name: feature.options.type for feature in classifier.model_.features}
    assert kinds == {
        "number": "numeric",
        "town": "categorical",
        "size": "categorical",
        "member": "boolean",
        "since": "date",
        "price": "numeric",
    }
    assert classifier.feature_names_in_.tolist() == list(X)
    assert classifier.predict_proba(X).shape == (60, 2)
    assert len(classifier.history_) == classifier.n_iter_ == 3


def test_arrays_and_lists_give_what_the_frame_gives(people: pd.DataFrame, classifier: NNClassifier) -> None:
    X, y = people[["number", "town", "member"]], people["y"]
    theta = classifier.fit(X, y).model_.theta.tobytes()
    array = X.to_numpy()
    assert classifier.fit(array, y.to_numpy()).model_.theta.tobytes() == theta
    assert list(classifier.model_.kinds) == ["x0", "x1", "x2"]
    assert not hasattr(classifier, "feature_names_in_")
    assert classifier.fit(array.tolist(), y.tolist()).model_.theta.tobytes() == theta
    assert classifier.predict(array.tolist()[:5]).tolist() == classifier.predict(array[:5]).tolist()
    numbered = pd.DataFrame(array)
    assert classifier.fit(numbered, y).model_.theta.tobytes() == theta


def test_a_frame_of_polars_keeps_its_names(people: pd.DataFrame, classifier: NNClassifier) -> None:
    pytest.importorskip("nnfit.data.exchange", reason="frames of other libraries are not read yet")
    polars = pytest.importorskip("polars")
    X, y = people[["number", "town", "member", "since"]], people["y"]
    theta = classifier.fit(X, y).model_.theta.tobytes()
    frame = polars.DataFrame({name: X[name].astype(object).where(X[name].notna(), None).tolist() for name in X})
    assert classifier.fit(frame, polars.Series(y.tolist())).model_.theta.tobytes() == theta
    assert list(classifier.model_.kinds) == classifier.feature_names_in_.tolist() == list(X)
    assert classifier.predict(frame).tolist() == classifier.predict(X).tolist()


def test_a_list_of_texts_and_numbers_keeps_its_numbers(classifier: NNClassifier) -> None:
    X = [["a", 0.1 * i] for i in range(30)]
    classifier.fit(X, [i % 2 for i in range(30)])
    assert [feature.options.type for feature in classifier.model_.features] == ["numeric"]  # one text alone is left out


@pytest.mark.parametrize(
    "classes", [[0, 1], [1.0, 2.0], [True, False], ["10", "9", "a"], [10, 9, -1], [np.int8(3), np.int8(1)]]
)
def test_classes_come_back_in_their_own_dtype_and_order(classes: list[Any]) -> None:
    y = np.array([classes[i % len(classes)] for i in range(60)])
    X = np.random.default_rng(0).normal([[i % len(classes)] for i in range(60)], 0.1)
    fitted = NNClassifier((8,), members=2, epochs=30, optimizer="adam", learning_rate=0.05).fit(X, y)
    assert fitted.classes_.tolist() == np.unique(y).tolist()
    assert fitted.classes_.dtype == np.unique(y).dtype
    assert fitted.predict(X).dtype == y.dtype
    assert fitted.score(X, y) == 1
    assert (fitted.predict_proba(X).argmax(axis=1) == np.searchsorted(np.unique(y), y)).all()


def test_floats_that_are_whole_are_classes_without_their_decimals(people: pd.DataFrame) -> None:
    y = (people["y"] == "yes").astype(float)
    fitted = NNClassifier((8,), members=2, epochs=1, class_weight={0.0: 1, 1.0: 3}).fit(people[["number"]], y)
    assert fitted.model_.classes == ("0", "1")
    assert fitted.predict(people[["number"]]).dtype == float


def test_a_missing_value_or_an_empty_text_in_y_is_told(people: pd.DataFrame, classifier: NNClassifier) -> None:
    X, y = people[["number"]], people["y"].astype(object)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        classifier.fit(X, y.mask(y.index == 3, None))
    for dtype in ("string", "category"):
        with pytest.raises(ValueError, match="Input y contains NaN"):
            classifier.fit(X, y.mask(y.index == 3, None).astype(dtype))
    with pytest.raises(ValueError, match="an empty text cannot be a class: it stands for a missing cell"):
        classifier.fit(X, y.mask(y.index == 3, ""))


def test_several_targets_of_0_and_1(people: pd.DataFrame, classifier: NNClassifier) -> None:
    X = people[["number", "town"]]
    Y = pd.DataFrame({"high": people["number"] > 0, "ulm": people["town"] == "Ulm"}).astype(int)
    fitted = NNClassifier((16,), members=2, epochs=30).fit(X, Y)
    assert fitted.model_.target.columns == ("high", "ulm")
    assert [each.tolist() for each in fitted.classes_] == [[0, 1], [0, 1]]
    assert fitted.predict(X).shape == fitted.predict_proba(X).shape == (60, 2)
    assert fitted.predict(X).dtype == Y.to_numpy().dtype
    assert fitted.score(X, Y) > 0.8
    assert cross_val_score(classifier, X, Y, cv=2, scoring="roc_auc").shape == (2,)


def test_several_real_targets_have_their_columns_and_one_has_its_shape(regressor: NNRegressor) -> None:
    draw = np.random.default_rng(0)
    X = draw.normal(size=(80, 3))
    Y = X[:, :2] @ [[1.0, 2.0], [3.0, -1.0]]
    assert NNRegressor((16,), members=2, epochs=30).fit(X, Y).score(X, Y) > 0.9
    assert regressor.fit(X, Y).predict(X).shape == (80, 2)
    assert regressor.fit(X, Y[:, 0]).predict(X).shape == (80,)
    assert regressor.fit(X, Y[:, :1]).predict(X).shape == (80, 1)


def test_predictions_of_numbers_stay_in_the_range_of_fit() -> None:
    X = np.random.default_rng(0).normal(size=(80, 2))
    y = X @ [2.0, 1.0]
    fitted = NNRegressor((8,), members=2, epochs=30).fit(X, y)
    assert y.min() <= fitted.predict([[50.0, 50.0]]) <= y.max()


# --- what fit has not seen -----------------------------------------------------------------------------------------


def test_what_fit_has_not_seen_is_no_error_and_of_categories_a_warning(people: pd.DataFrame) -> None:
    whole = people.drop(index=[3, 4, 9])  # nothing is missing there
    X = whole.drop(columns="y")
    fitted = NNClassifier((8,), members=2, epochs=10).fit(X, whole["y"])
    new = X[:3].astype({"size": object, "member": object}).assign(town="Rom", size="xl", number=[99.0, -99.0, np.nan])
    with pytest.warns(nnfit.NnfitWarning) as caught:
        assert np.isfinite(fitted.predict_proba(new)).all()
    told = "categories that no row of fit had are taken as zeros; model_.predict names them"
    assert [str(each.message) for each in caught] == [told]
    fitted.predict_proba(X[:3].assign(number=[99.0, -99.0, np.nan]))
    gone = pd.DataFrame(None, index=range(3), columns=X.columns, dtype=object)
    with pytest.warns(nnfit.NnfitWarning, match=told):
        assert np.ptp(fitted.predict_proba(gone), axis=0).max() == 0


def test_a_text_that_a_column_cannot_have_counts_as_missing_with_a_warning(people: pd.DataFrame) -> None:
    X = people.drop(columns="y")
    fitted = NNClassifier((8,), members=2, epochs=1).fit(X, people["y"])
    new = X[:2].astype(object).assign(number=["many", 1.5], since=["soon", "2021-02-03"], member=["perhaps", "true"])
    with pytest.warns(nnfit.NnfitWarning) as caught:
        found = fitted.predict_proba(new)
    assert [str(each.message) for each in caught] == [
        'column "number": "many" cannot be read as numeric, and counts as a missing cell',
        'column "member": "perhaps" cannot be read as boolean, and counts as a missing cell',
        'column "since": "soon" cannot be read as date, and counts as a missing cell',
    ]
    plain = new.assign(number=[None, 1.5], since=[None, "2021-02-03"], member=[None, "true"])
    assert np.array_equal(found, fitted.predict_proba(plain))


def german(value: float) -> str:
    """A number as it is written with a comma for the decimals and points between thousands."""
    return f"{value:,.1f}".translate(str.maketrans(",.", ".,"))


DAY = pd.Timestamp("2020-01-05 00:00:00")
PRICES: list[Any] = [  # of giving a column to predict that was learnt from texts written in a way of their own
    pd.Series(["1.234,5", "4.000,5", "3,0", None], dtype=object),
    pd.Series([1.234, 4000.5, 3.0, None], dtype=object),
    pd.Series([1.234, "4.000,5", "3", Decimal("2.5")], dtype=object),
    pd.Series(["1.234,5", None, "3", "7"], dtype="string"),
    pd.Series(["1.234,5", None, "3", "7"], dtype="category"),
    pd.Series([1.5, None, 3.5, 4000.5], dtype="category"),
    pd.Series([1.5, None, 3.5, 4000.5], dtype="Float64"),
    pd.Series([1, 2, 3, 4000], dtype="int64"),
]
DAYS: list[Any] = [
    pd.Series(["05.01.2020", None, "31.12.2021", "01.02.2022"], dtype=object),
    pd.Series([DAY, None, DAY + pd.Timedelta(days=400), DAY]),
    pd.Series([DAY, None, DAY + pd.Timedelta(days=400), DAY]).dt.tz_localize("UTC"),
    pd.Series([date(2020, 1, 5), None, date(2021, 12, 31), date(2020, 1, 5)], dtype=object),
    pd.Series([datetime(2020, 1, 5, 6), None, datetime(2021, 12, 31), DAY], dtype=object),
]


@pytest.mark.filterwarnings("ignore:values outside the range:nnfit.NnfitWarning")
@pytest.mark.filterwarnings("ignore:cells are missing:nnfit.NnfitWarning")
@pytest.mark.parametrize(
    ("column", "given"),
    [*(("price", each) for each in PRICES), *(("day", each) for each in DAYS)],
    ids=lambda given: f"{given[0]} {given.dtype}" if isinstance(given, pd.Series) else given,
)
def test_a_cell_of_any_dtype_is_read_as_the_model_itself_reads_it(column: str, given: Any) -> None:
    draw = np.random.default_rng(0)
    value = draw.uniform(0, 5000, 80).round(1)
    day = pd.Series(DAY + pd.to_timedelta(draw.integers(0, 900, 80), "D"))
    X = pd.DataFrame({"price": list(map(german, value)), "day": day.dt.strftime("%d.%m.%Y"), "z": draw.normal(size=80)})
    X.loc[7, ["price", "day"]] = None
    fitted = NNClassifier((8,), members=2, epochs=3).fit(X, value > 2500)
    assert {f.name: f.options.type for f in fitted.model_.features} == {
        "price": "numeric",
        "day": "date",
        "z": "numeric",
    }
    new = X[:4].assign(**{column: given})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = fitted.predict_proba(new)
    assert [str(each.message) for each in caught] == []
    assert np.array_equal(found, fitted.model_.predict_proba(new).to_numpy())


def test_truth_values_and_numbers_stand_for_each_other() -> None:
    X = np.random.default_rng(0).integers(0, 2, size=(40, 2))
    y = X.any(axis=1)
    fitted = NNClassifier((4,), members=2, epochs=1).fit(X, y)
    assert np.array_equal(fitted.predict_proba(X.astype(bool)), fitted.predict_proba(X))
    fitted.fit(X.astype(bool), y)
    assert np.array_equal(fitted.predict_proba(X * 1.0), fitted.predict_proba(X.astype(bool)))


def test_a_cross_validation_of_rare_categories_has_a_score_in_every_fold(people: pd.DataFrame) -> None:
    X = people[["number", "town"]].assign(town=[f"town {i}" if i % 7 == 0 else "Bonn" for i in range(60)])
    assert np.isfinite(cross_val_score(NNClassifier((8,), members=2, epochs=1), X, people["y"], cv=5)).all()


# --- what is refused -----------------------------------------------------------------------------------------------


def test_what_is_wrong_with_a_table_is_a_value_error_and_an_error_of_nnfit(people: pd.DataFrame) -> None:
    fitted = NNClassifier((8,), members=2, epochs=1)
    X, y = people[["number", "town"]], people["y"]
    for wrong in (
        X.assign(number=np.inf),
        X.assign(town=[[1]] * 60),
        X.set_axis(["a", "a"], axis=1),
        X.assign(**{"": 1}),
    ):
        with pytest.raises(DataError) as caught:
            fitted.fit(wrong, y)
        assert isinstance(caught.value, ValueError)
    with pytest.raises(ValueError, match="The feature names should match"):
        fitted.fit(X, y).predict(X[["town", "number"]])
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        fitted.fit(X[:1], y[:1])
    with pytest.raises(ValueError, match="minimum of 1 is required"):
        fitted.fit(X, y).predict(X[:0])
    with pytest.raises(ValueError, match="sample_weight is below zero in some rows"):
        fitted.fit(X, y, sample_weight=np.linspace(-1, 1, 60))
    with pytest.raises(ValueError, match="sample_weight is zero in all rows but those of a single class"):
        fitted.fit(X, y, sample_weight=y == "yes")
    with pytest.raises(ValueError, match='y has a single class, "no"; there is nothing to learn'):
        fitted.fit(X, ["no"] * 60)


def test_before_fit_there_is_nothing_to_predict_with(people: pd.DataFrame, classifier: NNClassifier) -> None:
    for method in (classifier.predict, classifier.predict_proba):
        with pytest.raises(NotFittedError):
            method(people)


def test_a_class_that_stands_for_a_missing_number_is_told(people: pd.DataFrame, classifier: NNClassifier) -> None:
    X = people[["number"]].astype(object).fillna("none")
    with pytest.raises(ValueError, match='the class "none" is a text that stands for missing numbers in a column of X'):
        classifier.fit(X, people["y"].replace("no", "none"))


def of_zeros(**spec: Any) -> dict[str, Any]:
    """A spec to which 0 means a missing cell, as it may in X."""
    data = {"missing": ["0"], "missing_target": "drop"}
    return {"data": data, "network": {"layers": [{"size": "auto", "activation": "softmax"}]}, **spec}


LINE = {"network": {"layers": [{"size": 1, "activation": "linear"}]}}


def test_a_class_target_or_weight_that_a_spec_takes_for_a_missing_cell_is_told() -> None:
    X, y, w = np.ones((60, 2)) * np.arange(60)[:, None], np.arange(60) % 3, np.arange(60) % 2
    with pytest.raises(
        ValueError, match=r'the class "0" is a text that stands for missing cells in the spec \(data\.m'
    ):
        NNClassifier(spec=of_zeros()).fit(X, y)
    with pytest.raises(ValueError, match='the class "0"'):
        NNClassifier(spec=of_zeros(network={"layers": [{"size": 2, "activation": "logistic"}]})).fit(X, np.c_[w, 1 - w])
    with pytest.raises(ValueError, match="y has 0, which stands for missing cells in the spec"):
        NNRegressor(spec=of_zeros(**LINE)).fit(X, y, w + 1)
    with pytest.raises(ValueError, match="y has 0, which stands for missing cells in the spec"):
        NNRegressor(spec=of_zeros(**LINE)).fit(X, np.c_[y + 1, y])
    with pytest.raises(ValueError, match="sample_weight has 0, which stands for missing cells in the spec"):
        NNRegressor(spec=of_zeros(**LINE)).fit(X, y + 1, w)
    fitted = NNRegressor(spec=of_zeros(**LINE), epochs=1).fit(X, y + 1, w + 1)
    assert fitted.model_.record["rows"] == {"train": 60}


def test_a_column_that_is_left_out_is_told_unless_nobody_misses_it(people: pd.DataFrame) -> None:
    fitted = NNClassifier((8,), members=2, epochs=1)
    X = people[["number"]].assign(code=range(60), same=1)
    with pytest.warns(nnfit.NnfitWarning, match="code is left out: another whole number in every row") as caught:
        fitted.fit(X, people["y"])
    assert [each.message.code for each in caught if each.message.code == "left-out"] == ["left-out"]
    assert [problem.message.split()[0] for problem in fitted.warnings_ if problem.code == "left-out"] == [
        "code",
        "same",
    ]
