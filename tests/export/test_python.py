"""The standalone Python file predicts what `predict` predicts, of everything that a model may have."""

from __future__ import annotations

import math
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from standalone import as_csv, assert_predicts, assert_same, every_type, standalone, table, trained

import nnfit
from nnfit.core.activations import ACTIVATIONS
from nnfit.data.encoding import FALSE, TRUE
from nnfit.data.scales import SCALES
from nnfit.errors import NnfitError
from nnfit.export import python
from nnfit.export.python import network, to_python

pytestmark = pytest.mark.filterwarnings("ignore::nnfit.NnfitWarning")

RELEASED = sorted((ROOT / "tests/released").glob("*/*.npz"))
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


def head(path: Path, rows: int = 60) -> str:
    """The first lines of a file."""
    return "".join(path.read_text("utf-8").splitlines(keepends=True)[: rows + 1])


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> str:
    """Both precisions."""
    found: str = request.param
    return found


def test_every_config_predicts_the_same(tmp_path: Path) -> None:
    assert len(CONFIGS) >= 8
    for path in CONFIGS:
        model = nnfit.train(path, overrides={"training.epochs": 2, "training.baseline": False}).model
        assert_predicts(model, head(ROOT / "datasets" / f"{path.stem}.csv", 40), tmp_path)


def test_every_released_model_predicts_the_same(tmp_path: Path) -> None:
    models = [path for path in RELEASED if "checkpoint" not in path.name]
    assert len(models) >= 10
    tables = sorted((ROOT / "datasets").glob("*.csv"), key=lambda path: len(path.stem))
    for path in models:
        data = [each for each in tables if path.stem.startswith(each.stem)][-1]
        assert_predicts(nnfit.load(path), head(data, 40), tmp_path)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_predicts_the_same_far_from_zero_too(name: str, tmp_path: Path) -> None:
    layer = {"size": 4, "activation": {"name": name, **({"gradient": "straight_through"} if name == "step" else {})}}
    columns = {"data__columns": {"x": {"type": "numeric", "scale": "none"}}}
    model = trained("two", network__layers__0=layer, network__dtype="float64", **columns)
    far = pd.concat([table(12), *(table(3).assign(x=x) for x in (-1e9, -700.0, -60.0, 0.0, 60.0, 700.0, 1e9))])
    assert_predicts(model, as_csv(far), tmp_path)


@pytest.mark.parametrize("name", network.SIGMAS)
def test_every_activation_is_that_of_the_core_where_it_is_tiny_too(name: str) -> None:
    names: dict[str, Any] = {**vars(math)}
    exec("\n".join(python.helpers(every_type()).values()), names)
    sigma, z = ACTIVATIONS[name](), np.concatenate([np.linspace(-90, 90, 721), [-1e9, 1e9]])
    expected = z.copy().reshape(-1, 1, 1)
    sigma.value(expected, np.empty_like(expected))
    found = [eval(network.SIGMAS[name](sigma), {**names, "v": v}) for v in z.tolist()]
    assert found == pytest.approx(expected.ravel().tolist(), rel=1e-12, abs=1e-38)


@pytest.mark.parametrize(("name", "key"), [("linear", "k"), ("step", "k"), ("leaky_relu", "k"), ("elu", "alpha")])
def test_the_parameter_of_an_activation_is_taken_over(name: str, key: str, tmp_path: Path) -> None:
    activation = {"name": name, key: 0.3, **({"gradient": "straight_through"} if name == "step" else {})}
    model = trained("two", network__layers__0={"size": 4, "activation": activation})
    assert "0.3" in to_python(model)
    assert_predicts(model, as_csv(table(20)), tmp_path)


def test_layers_of_several_activations_and_depths_predict_the_same(dtype: str, tmp_path: Path) -> None:
    mixed = [{"name": "linear", "size": 2}, {"name": "relu", "size": 3}, {"name": "gelu", "size": 1}]
    layers = [
        {"size": 6, "activation": mixed},
        {"size": 4, "activation": "softmax"},
        {"size": 3, "activation": "linear"},
        {"size": "auto", "activation": "softmax"},
    ]
    assert_predicts(trained(network__layers=layers, network__dtype=dtype), as_csv(table()), tmp_path)


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_predicts_the_same_outside_the_training_range_too(scale: str, dtype: str, tmp_path: Path) -> None:
    said = {"type": "numeric", "scale": scale}
    columns = {"x": {**said, "missing": "mean"}, "u": {**said, "log1p": True, "degree": 3, "indicator": True}}
    model = trained("y", network__dtype=dtype, data__columns=columns)
    known = table().x.dropna()
    far = [table(), *(table(2).assign(x=x, u=x) for x in (-1e4, -8.0, known.min(), known.max(), 0.0, 31.5, 1e4))]
    assert_predicts(model, as_csv(pd.concat(far)), tmp_path)


def test_ties_in_a_scale_by_quantiles_predict_the_same(tmp_path: Path) -> None:
    frame = table().assign(x=np.arange(60) // 15)
    model = trained("y", frame, data__columns={"x": {"type": "numeric", "scale": "quantile"}})
    assert_predicts(model, as_csv(pd.concat([frame, *(table(1).assign(x=x) for x in (-1, 0.5, 2.5, 9))])), tmp_path)


@pytest.mark.parametrize(
    "said",
    [
        {"bins": 4},
        {"bins": 5, "log1p": True, "missing": -1.5},
        {"piecewise": 6},
        {"piecewise": 3, "scale": "robust", "amplitude": 0.3},
        {"periodic": 3},
        {"periodic": 4, "piecewise": 5, "amplitude": 0.42, "frequency": 2.0, "scale": "clipped", "degree": 2},
        {"missing": "category", "scale": "minmax", "periodic": 2, "frequency": 40.0},
    ],
    ids=str,
)
def test_every_expansion_of_a_number_predicts_the_same(said: dict[str, Any], dtype: str, tmp_path: Path) -> None:
    columns = {name: {"type": "numeric", **said} for name in ("x", "u")}
    model = trained("y", network__dtype=dtype, data__columns=columns)
    far = pd.concat([table(), *(table(2).assign(x=x, u=x) for x in (-3e4, -77.7, 0.0, 1.0, 250.25, 1e5))])
    assert_predicts(model, as_csv(far), tmp_path)


def test_rare_unknown_and_missing_categories_predict_the_same(tmp_path: Path) -> None:
    said = {"type": "categorical", "min_count": 12, "unknown": "zero"}
    model = trained(data__columns={"c": said})
    assert model.features[2].categories.merged
    rows = pd.concat([table(), table(4).assign(c=["never seen", "red", "", "blue"])])
    assert_predicts(model, as_csv(rows), tmp_path)


def test_dates_of_every_form_predict_the_same(dtype: str, tmp_path: Path) -> None:
    model = trained(network__dtype=dtype)
    forms = ["1899-12-31", "2024-1-5", "2024-02-29 23:59:59", "2024-02-29T12:00:00+05:30", "2024-02-29T00:00:00Z", ""]
    assert_predicts(model, as_csv(table(len(forms)).assign(d=forms)), tmp_path)
    frame = table()
    frame["d"] = pd.to_datetime(frame.d).dt.strftime("%d.%m.%y").fillna("")
    written = trained("three", frame, data__columns={"d": {"type": "date", "format": "%d.%m.%y"}})
    assert_predicts(written, as_csv(frame), tmp_path)


def test_numbers_as_people_write_them_predict_the_same(tmp_path: Path) -> None:
    frame = table()
    frame["x"] = [f"$ {1234.5 * i:,.2f}" if i % 5 else f"($ {i + 1}.00)" for i in range(60)]
    frame["u"] = [f"{i * 7}'000,5 kg".replace("0'000", "0'100") if i else "n/a" for i in range(60)]
    columns = {
        "x": {"type": "numeric", "prefix": "$", "thousands": ","},
        "u": {"type": "numeric", "suffix": "kg", "thousands": "'", "decimal": ","},
    }
    model = trained("two", frame, data__columns=columns, data__missing=["n/a", "-99"])
    assert_predicts(model, as_csv(frame), tmp_path)
    texts = [
        "$1,234,567.5",
        "-$5",
        "$-5",
        "$ −5",
        "($1,000)",
        "+$12",
        "$1e3",
        "",
        "n/a",
        "-99",
        "($99.0)",
        "$\u00a0.5 ",
    ]
    assert_predicts(model, as_csv(table(len(texts)).assign(x=texts, u="1’000,5\u2009kg")), tmp_path)
    predict, row = standalone(model), frame.astype(object).iloc[3].to_dict()
    for wrong in ("$1,23", "-$-5", "(-$5)", "€5", "5", "$1 2", "$", "$1,0000", "$1,234,56", "(($5))"):
        with pytest.raises(NnfitError):
            model.predict(pd.DataFrame([{**row, "x": wrong}]))
        with pytest.raises(ValueError, match="column 'x': expected a number"):
            predict({**row, "x": wrong})


def test_decimal_commas_and_numbers_that_mean_missing_predict_the_same(tmp_path: Path) -> None:
    frame = table()
    frame["x"] = [str(value).replace(".", ",") if value == value else "-1" for value in frame.x]
    frame["u"] = [str(value).replace(".", ",") for value in frame.u]
    (tmp_path / "data.csv").write_text(frame[["x", "u", "c", "two"]].to_csv(index=False, sep=";"), encoding="cp1252")
    spec = {
        "data": {
            "train": str(tmp_path / "data.csv"),
            "target": "two",
            "separator": ";",
            "decimal": ",",
            "encoding": "cp1252",
            "missing": ["-1", "keine"],
        },
        "network": {"layers": [{"size": "auto", "activation": "logistic"}]},
        "training": {"epochs": 2, "optimizer": {"name": "sgd", "learning_rate": 0.1}},
    }
    model = nnfit.train(spec).model
    data = "x;u;c\n-1;0,5;red\n-1,0;1e-3;keine\n,5;7;blue\n;+3,;\n"
    assert_predicts(model, data, tmp_path)
    assert_same(
        standalone(model)({"x": -1, "u": 0.5, "c": "red"}), standalone(model)({"x": None, "u": "0,5", "c": "red"})
    )


@pytest.mark.parametrize(
    ("target", "overrides"),
    [
        ("two", {}),
        ("two", {"training__calibration": "temperature", "data__validation": 0.3}),
        ("two", {"training__threshold": 0.3}),
        ("two", {"training__threshold": {"maximize": "f1"}, "training__resample": "folds", "network__members": 3}),
        ("two", {"loss": "mse", "network__layers__1": {"size": 1, "activation": "tanh"}}),
        ("two", {"loss": "mse", "network__layers__1": {"size": 1, "activation": "linear"}}),
        ("two", {"network__layers__1": {"size": 2, "activation": "softmax"}}),
        ("three", {"loss": "mse", "network__layers__1": {"size": 3, "activation": "linear"}}),
        ("three", {"loss": "mse", "network__layers__1": {"size": 3, "activation": "relu"}}),
        ("three", {"training__calibration": "temperature", "training__resample": "folds", "network__members": 8}),
        (["k", "l"], {}),
        (["k", "l"], {"training__calibration": "temperature", "data__validation": 0.3}),
        ("y", {"training__clamp": True, "network__members": 3}),
        (["y", "v"], {"training__clamp": True}),
        ("y", {"data__columns": {"y": {"scale": "none"}}}),
    ],
    ids=str,
)
def test_every_kind_of_target_predicts_the_same(target: Any, overrides: dict[str, Any], tmp_path: Path) -> None:
    if target == "y" and "data__columns" in overrides:
        overrides = {"data__columns": {"y": {"type": "numeric", "scale": "none"}}}
    model = trained(target, **overrides)
    assert_predicts(model, as_csv(pd.concat([table(), table(2).assign(x=1e6, u=-1e6)])), tmp_path)


def test_values_need_not_be_texts(tmp_path: Path) -> None:
    model = trained()
    predict, row = standalone(model), {"x": 2.5, "u": 3, "c": "red", "b": True, "d": date(2021, 5, 6)}
    expected = model.predict_proba(pd.DataFrame([{**row, "b": "yes", "d": "2021-05-06"}])).iloc[0].to_dict()
    for other in ({}, {"x": np.float64(2.5)}, {"u": "3"}, {"b": "TRUE "}, {"b": 1}, {"b": 1.0}):
        found = predict({**row, **other, "another column": object()})
        assert found.pop("prediction") in model.classes
        assert_same(found, expected)
    stamp = pd.Timestamp("2021-05-06 12:00:00.123456789")  # whose isoformat Python 3.9 does not read
    assert_same(predict({**row, "d": stamp}), predict({**row, "d": "2021-05-06 12:00:00.123456"}))
    noon = standalone(model)({**row, "d": datetime(2021, 5, 6, 12)})
    assert_same(noon, predict({**row, "d": "2021-05-06 12:00:00"}))
    assert noon != predict(row)
    missing = predict({**row, "x": "", "c": "", "d": ""})
    assert_same(predict({**row, "x": None, "c": None, "d": None}), missing)
    assert_same(predict({**row, "x": math.nan, "c": math.nan, "d": math.nan}), missing)


def test_a_date_that_means_missing_does_so_however_it_is_given() -> None:
    model = trained(data__missing=["2020-01-01"])
    predict, row = standalone(model), {"x": 1, "u": 2, "c": "red", "b": "no"}
    assert predict({**row, "d": date(2020, 1, 1)}) == predict({**row, "d": "2020-01-01"}) == predict({**row, "d": ""})
    frame = pd.DataFrame([{**row, "d": date(2020, 1, 1)}], dtype=object)
    found = {name: p for name, p in predict({**row, "d": date(2020, 1, 1)}).items() if name != "prediction"}
    assert_same(found, model.predict_proba(frame).iloc[0].to_dict())


@pytest.mark.parametrize("word", sorted(TRUE | FALSE))
def test_every_word_for_true_and_false_is_read(word: str) -> None:
    predict, row = standalone(every_type()), {"x": 1, "u": 2, "c": "red", "d": ""}
    assert predict({**row, "b": word.upper()}) == predict({**row, "b": word in TRUE})


def test_categories_that_are_numbers_are_found_as_numbers() -> None:
    frame = table().assign(c=np.arange(60) % 3)
    predict = standalone(trained("three", frame, data__columns={"c": {"type": "categorical"}}))
    row = {"x": 1, "u": 1, "b": "no", "d": ""}
    assert predict({**row, "c": 2.0}) == predict({**row, "c": 2}) == predict({**row, "c": "2"})
