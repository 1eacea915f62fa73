"""The standalone Python file predicts what `predict` predicts, of everything that a model may have."""

from __future__ import annotations

import ast
import csv
import io
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, Ended

import nnfit
from nnfit.core.activations import ACTIVATIONS
from nnfit.data.columns import TYPES
from nnfit.data.encoding import FALSE, TRUE
from nnfit.data.reader import Reader
from nnfit.data.scales import SCALES
from nnfit.data.table import from_block
from nnfit.errors import NnfitError, UsageError
from nnfit.export import python
from nnfit.export.python import columns, network, to_python
from nnfit.model.model import Model

pytestmark = pytest.mark.filterwarnings("ignore::nnfit.NnfitWarning")

NEAR = 1e-9
RELEASED = sorted((ROOT / "tests/released").glob("*/*.npz"))
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
VERSIONS = [f"3.{minor}" for minor in range(9, 15)]

Row = Mapping[str, Any]
Predict = Callable[[Row], dict[str, Any]]


def standalone(model: Model) -> Predict:
    """The function of the file, run in a namespace of its own."""
    names: dict[str, Any] = {"__name__": "standalone"}
    exec(compile(to_python(model), "standalone.py", "exec"), names)
    predict: Predict = names["predict"]
    return predict


def of_table(model: Model, data: str, folder: Path) -> dict[str, list[Any]]:
    """What `nnfit predict --proba` says of a CSV, as values."""
    path = folder / "rows.csv"
    path.write_bytes(data.encode(model.dialect.encoding))
    found: dict[str, list[Any]] = {}
    with Reader(str(path), model.dialect) as reader:
        for block in reader.blocks(model.kinds):
            for name, column in model.predictions(from_block(block, reader, model.kinds), proba=True).items():
                found.setdefault(name, []).extend(column.tolist())
    return found


def assert_same(found: Row, expected: Row) -> None:
    """The same names, in the same order; labels are equal, numbers up to rounding."""
    assert list(found) == list(expected)
    for name, value in expected.items():
        if isinstance(value, str):
            assert found[name] == value, name
        else:
            assert found[name] == pytest.approx(value, rel=NEAR, abs=NEAR), name


def assert_predicts(model: Model, data: str, folder: Path) -> None:
    """Every row of a CSV, the same in both."""
    predict, expected = standalone(model), of_table(model, data, folder)
    rows = list(csv.DictReader(io.StringIO(data, newline=""), delimiter=model.dialect.separator))
    assert rows
    for i, row in enumerate(rows):
        assert_same(predict(row), {name: column[i] for name, column in expected.items()})


def head(path: Path, rows: int = 60) -> str:
    """The first lines of a file."""
    return "".join(path.read_text("utf-8").splitlines(keepends=True)[: rows + 1])


# --- models of every kind ------------------------------------------------------------------------------------------


def table(n: int = 60) -> pd.DataFrame:
    """Rows with a column of each type, targets of two and three classes, real ones and several."""
    rng = np.random.default_rng(7)
    x, u = rng.normal(3, 2, n).round(3), rng.lognormal(0, 2, n).round(4)
    moments = pd.Timestamp("2019-03-01") + pd.to_timedelta(rng.integers(0, 2000, n), "D")
    return pd.DataFrame(
        {
            "x": np.where(np.arange(n) % 9 == 4, np.nan, x),
            "u": u,
            "c": np.array(["red", "blue", "green", "", "rare"], object)[np.minimum(rng.integers(0, 20, n) // 4, 4)],
            "b": np.array(["yes", "no", ""], object)[rng.integers(0, 7, n) % 3],
            "d": np.where(np.arange(n) % 11 == 5, "", moments.strftime("%Y-%m-%d")),
            "two": np.where(x > 3, "high", "low"),
            "three": np.array(["p", "q", "r"], object)[rng.integers(0, 3, n)],
            "y": (2 * x - u).round(3),
            "v": (x + 1).round(3),
            "k": (x > 3).astype(int),
            "l": (u > 1).astype(int),
        }
    )


def trained(target: str | list[str] = "three", frame: pd.DataFrame | None = None, **overrides: Any) -> Model:
    """A small model of some columns of the table; dots of keys are two underscores."""
    data = table() if frame is None else frame
    targets = [target] if isinstance(target, str) else target
    others = {"two", "three", "y", "v", "k", "l"} - set(targets)
    real = targets[0] in ("y", "v")
    last = "linear" if real else "softmax" if target == "three" else "logistic"
    spec = {
        "data": {"target": target, "ignore": sorted(others & set(data.columns)), "columns": {}},
        "network": {"layers": [{"size": 5, "activation": "tanh"}, {"size": "auto", "activation": last}]},
        "training": {
            "epochs": 3,
            "batch_size": 16,
            "baseline": False,
            "optimizer": {"name": "adam", "learning_rate": 0.05},
        },
    }
    said = {key.replace("__", "."): value for key, value in overrides.items()}
    return nnfit.train(spec, data, overrides=said).model


def as_csv(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, lineterminator="\n")


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


@pytest.mark.parametrize("word", sorted(TRUE | FALSE))
def test_every_word_for_true_and_false_is_read(word: str) -> None:
    predict, row = standalone(every_type()), {"x": 1, "u": 2, "c": "red", "d": ""}
    assert predict({**row, "b": word.upper()}) == predict({**row, "b": word in TRUE})


def test_categories_that_are_numbers_are_found_as_numbers() -> None:
    frame = table().assign(c=np.arange(60) % 3)
    predict = standalone(trained("three", frame, data__columns={"c": {"type": "categorical"}}))
    row = {"x": 1, "u": 1, "b": "no", "d": ""}
    assert predict({**row, "c": 2.0}) == predict({**row, "c": 2}) == predict({**row, "c": "2"})


# --- hostile names -------------------------------------------------------------------------------------------------

HOSTILE = [
    *("'", '"', "'''", '"""', "\\", "\\'", "a\nb", "a\r\nb", "\x00", "\x1b[31m", "ü ✓ 𝜃", "\u202e", "{x}", "\x85"),
    *("%s", "# no", "'; import os #", "x", "tanh", "THETA", "__import__('os')", " ", "\t", "\u2028", "\N{BOM}".strip()),
]


def test_names_and_labels_are_never_code() -> None:
    names = [name for name in dict.fromkeys(HOSTILE) if name]
    frame = pd.DataFrame({name: np.arange(30) % (2 + i % 3) for i, name in enumerate(names)})
    labels = np.array(names, object)
    frame["c"] = labels[np.arange(30) % len(labels)]
    frame["t\"'\n"] = labels[1 + np.arange(30) // 10]
    spec = {
        "data": {"target": "t\"'\n", "missing": ["'", "never\\"], "columns": {"c": {"type": "categorical"}}},
        "network": {"layers": [{"size": "auto", "activation": "softmax"}]},
        "training": {"epochs": 1, "baseline": False, "optimizer": {"name": "sgd", "learning_rate": 0.1}},
    }
    model = nnfit.train(spec, frame).model
    text = to_python(model)
    allowed = {ast.dump(node) for node in ast.walk(ast.parse(to_python(trained()))) if isinstance(node, ast.Import)}
    assert {ast.dump(node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import)} <= allowed
    assert text.encode("utf-8")  # no half of a character stands in it
    expected = model.predict_proba(frame)
    predict = standalone(model)
    for i, row in enumerate(frame.to_dict("records")):
        found = predict(row)
        assert found.pop("prediction") in model.classes
        assert_same(found, expected.iloc[i].to_dict())


# --- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": "much"}, "column 'x': expected a number, got 'much'"),
        ({"x": "1e999"}, "column 'x': expected a number, got '1e999'"),
        ({"x": "nan"}, "column 'x': expected a number, got 'nan'"),
        ({"x": "٣"}, "column 'x': expected a number, got '٣'"),
        ({"x": math.inf}, "column 'x': expected a number, got inf"),
        ({"x": True}, "column 'x': expected a number, got True"),
        ({"x": [1]}, "column 'x': expected a number, got [1]"),
        ({"x": 10**400}, "column 'x': expected a number, got 1"),
        ({"x": 1e300}, "the numbers of this row are far too large"),
        ({"c": "purple"}, "column 'c': the training rows have no 'purple'"),
        ({"b": "maybe"}, "column 'b': expected true or false, got 'maybe'"),
        ({"d": "yesterday"}, "column 'd': expected a date, got 'yesterday'"),
        ({"d": "2024-02-30"}, "column 'd': expected a date, got '2024-02-30'"),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_read_is_told_with_its_column(changed: Row, message: str) -> None:
    predict = standalone(every_type())
    row = {"x": 1, "u": 2, "c": "red", "b": "no", "d": "2020-01-01"}
    assert predict(row)
    with pytest.raises(ValueError) as caught:
        predict({**row, **changed})
    assert str(caught.value).startswith(message)
    with pytest.raises(NnfitError):
        every_type().predict(pd.DataFrame([{**row, **changed}], dtype=object))


def test_all_missing_columns_are_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"^columns are missing: 'u', 'b', 'd'$"):
        standalone(every_type())({"x": 1, "c": "red"})


CACHE: list[Model] = []


def every_type() -> Model:
    """One model of each type of column, made once."""
    if not CACHE:
        CACHE.append(trained(data__columns={"x": {"type": "numeric", "degree": 2}}))
    return CACHE[0]


# --- the text ------------------------------------------------------------------------------------------------------


def rich() -> Model:
    """A model with something of everything."""
    columns = {
        "x": {"type": "numeric", "scale": "quantile", "piecewise": 3, "periodic": 2},
        "u": {"type": "numeric", "prefix": "$", "bins": 3, "log1p": True},
    }
    layers = [{"size": 4, "activation": "mish"}, {"size": "auto", "activation": "softmax"}]
    said = {"training__calibration": "temperature", "data__validation": 0.3, "network__members": 2}
    return trained(data__columns=columns, network__layers=layers, **said)


def test_a_file_has_what_its_model_needs_and_no_more() -> None:
    for model in (rich(), every_type(), trained("y", table()[["x", "y"]])):
        text = to_python(model)
        tree = ast.parse(text)
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)} - {"predict"}
        imported = {
            alias.name for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names
        }
        constants = {node.targets[0].id for node in tree.body if isinstance(node, ast.Assign)}
        assert (defined | imported | constants) <= used
        assert {module.split(".")[0] for module in modules(tree)} <= sys.stdlib_module_names
        assert max(map(len, text.splitlines())) <= 120
    assert "float32" in to_python(rich())
    assert "float32" not in to_python(trained("y", table()[["x", "y"]], network__dtype="float64"))


def modules(tree: ast.Module) -> Iterator[str]:
    """What a file imports from."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


@pytest.mark.parametrize("large", [False, True])
def test_the_weights_are_those_of_the_model_to_the_last_bit(
    large: bool, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = trained(network__dtype=dtype, network__members=2)
    if large:
        monkeypatch.setattr(python, "LARGE", 1)
    names: dict[str, Any] = {"__name__": "standalone"}
    exec(to_python(model), names)
    flat = [[w for Theta in member for neuron in Theta for w in neuron] for member in names["THETA"]]
    assert np.array_equal(np.array(flat), model.theta.astype(np.float64))


def test_the_same_model_gives_the_same_text() -> None:
    assert to_python(every_type()) == to_python(every_type())


@pytest.mark.parametrize(("table_of", "name"), [(network.SIGMAS, "tanh"), (columns.SCALED, "standard")])
def test_what_has_no_form_in_python_is_refused(
    table_of: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(table_of, name)
    with pytest.raises(UsageError, match=f'"{name}" has no form in a Python file; export the model as ONNX'):
        to_python(every_type())


def test_everything_that_a_spec_may_name_has_a_form_in_python() -> None:
    assert {*network.SIGMAS, *network.WHOLE_LAYERS} == {*ACTIVATIONS}
    assert {*columns.SCALED} == {*SCALES}
    assert {feature.options.type for feature in every_type().features} == {*TYPES}


# --- on the command line -------------------------------------------------------------------------------------------


def started(python: Path, file: Path, arguments: Sequence[str] = (), rows: str = "") -> Ended:
    """The file, run by some Python that knows of nothing else."""
    done = subprocess.run([python, "-I", file, *arguments], input=rows.encode(), capture_output=True, check=False)
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def candidates(version: str) -> Iterator[str]:
    """Where a Python of this version may be."""
    yield from (os.environ["PYTHONS"].split() if "PYTHONS" in os.environ else [f"python{version}"])
    folder = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from (str(path) for path in sorted(folder.glob(f"{version}.*/bin/python")))


def python_of(version: str) -> Path:
    """A Python of this version that starts; the test is skipped where there is none."""
    said = "import sys; print('%d.%d' % sys.version_info[:2])"
    for path in filter(None, map(shutil.which, candidates(version))):
        done = subprocess.run([path, "-I", "-c", said], capture_output=True, check=False, text=True)
        if done.stdout.strip() == version:
            return Path(path)
    pytest.skip(f"no Python {version} is here")


ISO = [
    *("2024-03-01", "2024-3-1", "20240301", "2024-W10-5", "2024W105", "2024-W10", "2024-03-01T12", "20240301T1200Z"),
    *("2024-03-01T12:00:00Z", "2024-03-01 12:00:00.5", "2024-03-01T120000", "2024-3-1 08:30", "2024-03-01T08:30:00,25"),
    *(
        "2024-03-01T12:00+0130",
        "2024-03-01T12:00:00.1234567-01:30",
        "2024-03-01T12:00+01",
        "2020-W53-7",
        " 2024-03-01 ",
    ),
    *("2024-03-01T12:00:00.123456+01:30:15", "2024-03-01+01:00"),
]
NO_DATES = [
    *("2024-060", "2024-03", "2024-03-01T", "2024-03-01T12:0000", "2024-03-01T1200:00", "2024-03-01T12:00:60"),
    *("2024-W53-7", "2024-W10-0", "2024W10-5", "2024-0301", "2024-03-01T12:00+24:00", "٢٠٢٤-03-01", "2024-02-30"),
    *("2024-03-01T12:00Z+01:00", "2024-03-01T12:00:00.", "2024-3-1T8:30", "2024-1-111", "0000-01-01"),
]


def test_dates_in_every_form_of_iso_8601_are_read_as_nnfit_reads_them() -> None:
    predict, row = standalone(every_type()), {"x": 1, "u": 2, "c": "red", "b": "no"}
    for text in [*ISO, *NO_DATES]:
        frame = pd.DataFrame([{**row, "d": text}], dtype=object)
        if text in ISO:
            expected = every_type().predict_proba(frame).iloc[0].to_dict()
            assert_same({k: v for k, v in predict({**row, "d": text}).items() if k != "prediction"}, expected)
            continue
        with pytest.raises(NnfitError):
            every_type().predict(frame)
        with pytest.raises(ValueError, match="column 'd': expected a date"):
            predict({**row, "d": text})


@pytest.mark.process
@pytest.mark.parametrize("version", VERSIONS)
def test_other_pythons_run_the_file_and_write_what_nnfit_predict_writes(version: str, tmp_path: Path) -> None:
    model, data = rich(), as_csv(table(20).assign(u="$1.5", d=ISO))
    python = python_of(version)
    (tmp_path / "model.py").write_text(to_python(model), encoding="utf-8")
    (tmp_path / "rows.csv").write_text(data, encoding="utf-8")
    done = started(python, tmp_path / "model.py", rows=data)
    assert (done.code, done.err) == (0, "")
    assert started(python, tmp_path / "model.py", [str(tmp_path / "rows.csv")]) == done
    found, expected = list(csv.DictReader(io.StringIO(done.out))), of_table(model, data, tmp_path)
    assert len(found) == 20
    for i, row in enumerate(found):
        values = {name: text if name == "prediction" else float(text) for name, text in row.items()}
        assert_same(values, {name: column[i] for name, column in expected.items()})


@pytest.mark.process
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("x,u,c,b,d\n1,2,red,no,2020-01-01\n1,2,pink,no,\n", "line 3: column 'c': the training rows have no 'pink'\n"),
        ("x,u,c,b,d\n1,2,red\n", "line 2: 3 cells, but the header has 5\n"),
        ("x,u,c,c\n1,2,red,red\n", "line 1: a column is there twice\n"),
        ("x,u,c,b\n1,2,red,no\n", "line 2: columns are missing: 'd'\n"),
        ("", "the file is empty; expected a header and rows\n"),
        ("\nx,u\n1,2\n", "line 1: a header is needed, and this line is blank\n"),
        ("x,u,c,b,d\n", "line 1: a header but no rows\n"),
        ("x,u,c,b,d\n1,2,red,no,\n\n\n1,2,red,no,\n", "line 3: a blank line stands between the rows\n"),
    ],
)
def test_a_line_that_cannot_be_predicted_ends_the_run_with_its_number(rows: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(to_python(every_type()), encoding="utf-8")
    done = started(Path(sys.executable), tmp_path / "model.py", rows=rows)
    assert (done.code, done.err) == (1, message)


@pytest.mark.process
def test_blank_lines_at_the_end_are_no_rows_and_a_missing_cell_alone_is_one(tmp_path: Path) -> None:
    model = trained("y", table()[["x", "y"]])
    (tmp_path / "model.py").write_text(to_python(model), encoding="utf-8")
    done = started(Path(sys.executable), tmp_path / "model.py", rows='x\n1\n""\n2\n\n\n')
    assert (done.code, done.err, len(done.out.splitlines())) == (0, "", 4)


@pytest.mark.process
def test_a_file_that_is_not_there_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(to_python(every_type()), encoding="utf-8")
    done = started(Path(sys.executable), tmp_path / "model.py", [str(tmp_path / "none.csv")])
    assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1)
    assert "none.csv" in done.err
