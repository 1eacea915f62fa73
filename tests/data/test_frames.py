"""The same table as CSV and as every kind of frame is one table: dtypes of pandas and of Arrow, frames of polars."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import nnfit
from nnfit.data.cells import Text
from nnfit.data.dialect import Dialect
from nnfit.data.frames import from_frame, read_frame
from nnfit.errors import DataError, UsageError
from nnfit.model.model import Model

N = 48


def csv_of(n: int = N) -> str:
    """A table with whole numbers, floats, texts, truth values, dates, and cells that are missing."""
    rng = np.random.default_rng(11)
    lines = ["n,x,colour,open,day,y"]
    for i in range(n):
        x = "" if i % 7 == 3 else f"{rng.normal():.3f}"
        day = "" if i % 10 == 9 else f"{2000 + i % 25}-{i % 12 + 1:02}-{i % 28 + 1:02}"
        colour = "" if i % 11 == 5 else ("red", "blue", "green")[i % 3]
        lines.append(
            f"{'' if i % 9 == 4 else i * 3 - 5},{x},{colour},{('True', 'False')[i % 2]},{day},{'ab'[i % 5 < 2]}"
        )
    return "\n".join(lines) + "\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """The table as a file."""
    path = tmp_path / "table.csv"
    path.write_text(csv_of())
    return path


def plain(path: Path) -> pd.DataFrame:
    """As pandas reads it without being told anything."""
    return pd.read_csv(path)


def dated(path: Path) -> pd.DataFrame:
    """With dates of NumPy, and texts as categories of which some are not there."""
    frame = pd.read_csv(path, parse_dates=["day"])
    frame["colour"] = pd.Categorical(frame.colour, categories=["violet", "red", "green", "blue", "black"])
    return frame


def objects(path: Path) -> pd.DataFrame:
    """As Python's own values: None, dates, numbers among them."""
    frame = pd.read_csv(path, parse_dates=["day"])
    frame["day"] = pd.Series([None if pd.isna(day) else day.date() for day in frame.day], dtype=object)
    return frame.astype(object).where(frame.notna(), None)


def nullable(path: Path) -> pd.DataFrame:
    """With the dtypes of pandas that have a missing value of their own."""
    frame = pd.read_csv(path, dtype_backend="numpy_nullable")
    assert {"Int64", "Float64", "string", "boolean"} <= set(map(str, frame.dtypes))
    return frame


def arrow_backed(path: Path) -> pd.DataFrame:
    """With the dtypes of Arrow."""
    frame = pd.read_csv(path, dtype_backend="pyarrow", parse_dates=["day"])
    frame["day"] = frame.day.astype(pd.ArrowDtype(pa.date32()))
    frame["colour"] = frame.colour.astype(pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string())))
    assert all(isinstance(dtype, pd.ArrowDtype) for dtype in frame.dtypes)
    return frame


def of_polars(path: Path) -> pl.DataFrame:
    """A frame of polars, dates and categories among its types."""
    return pl.read_csv(path, try_parse_dates=True).with_columns(pl.col("colour").cast(pl.Categorical))


def of_pyarrow(path: Path) -> pa.Table:
    """A table of pyarrow."""
    return of_polars(path).to_arrow()


KINDS: list[Callable[[Path], Any]] = [plain, dated, objects, nullable, arrow_backed, of_polars, of_pyarrow]
SPEC = {
    "data": {"target": "y", "test": 0.25},
    "network": {"layers": [{"size": 3, "activation": "tanh"}, {"size": "auto", "activation": "logistic"}]},
    "training": {"epochs": 4, "batch_size": 8, "optimizer": {"name": "adam", "learning_rate": 0.05}},
}


def trained(data: Any, **overrides: Any) -> Model:
    return nnfit.train(SPEC, data, overrides=overrides).model


def of_file(path: Path, **overrides: Any) -> Model:
    return nnfit.train({**SPEC, "data": {**SPEC["data"], "train": str(path)}}, overrides=overrides).model


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_frame_gives_the_weights_of_the_csv(kind: Callable[[Path], Any], table: Path) -> None:
    model, expected = trained(kind(table)), of_file(table)
    assert [f.options.type for f in model.features] == [f.options.type for f in expected.features]
    assert model.features == expected.features
    assert np.array_equal(model.theta, expected.theta)
    assert model.metrics == expected.metrics


@pytest.mark.filterwarnings("ignore::nnfit.NnfitWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_frame_is_predicted_and_evaluated_alike(kind: Callable[[Path], Any], table: Path) -> None:
    model, frame = of_file(table), plain(table)
    data = kind(table)
    pd.testing.assert_frame_equal(model.predict(data), model.predict(frame))
    pd.testing.assert_frame_equal(model.predict_proba(data), model.predict_proba(frame))
    assert model.evaluate(data) == model.evaluate(frame)


def test_a_frame_of_polars_needs_no_pyarrow(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame, expected = of_polars(table), of_file(table)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    model = trained(frame)
    assert np.array_equal(model.theta, expected.theta)
    assert model.features == expected.features
    with pytest.raises(UsageError, match=r"a Relation needs pyarrow; pip install 'nnfit\[arrow\]'"):
        trained(of_arrow_only())


def of_arrow_only() -> Any:
    """Something that speaks Arrow, and is no frame of polars."""

    class Relation:
        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            raise AssertionError("it is not asked")

    return Relation()


def test_parts_of_frames_given_beside_each_other_may_be_of_any_kind(table: Path) -> None:
    frame = plain(table)
    model = nnfit.train(
        {**SPEC, "data": {"target": "y"}}, nullable(table), validation=of_polars(table), test=of_pyarrow(table)
    ).model
    again = nnfit.train({**SPEC, "data": {"target": "y"}}, frame, validation=frame, test=frame).model
    assert np.array_equal(model.theta, again.theta)
    assert model.metrics == again.metrics


def test_predictions_have_the_index_of_a_frame_of_pandas_and_else_count_from_0(table: Path) -> None:
    model, frame = of_file(table), nullable(table).iloc[5:9]
    assert model.predict(frame).index.tolist() == [5, 6, 7, 8]
    found = model.predict(of_polars(table)[5:9])
    assert isinstance(found, pd.DataFrame)
    assert found.index.tolist() == [0, 1, 2, 3]
    assert pl.from_pandas(found).columns == ["prediction"]


@pytest.mark.filterwarnings("ignore:values outside the range:nnfit.NnfitWarning")
def test_dates_with_a_format_are_dates_in_every_frame(tmp_path: Path, table: Path) -> None:
    frame = dated(table)
    written = frame.assign(day=frame.day.dt.strftime("%d.%m.%Y"))
    written.to_csv(tmp_path / "written.csv", index=False)
    said = {"data.columns": {"day": {"type": "date", "format": "%d.%m.%Y"}}}
    expected = of_file(tmp_path / "written.csv", **said)
    for kind in (dated, objects, arrow_backed, of_polars):
        assert np.array_equal(trained(kind(table), **said).theta, expected.theta)
    for kind in (objects, of_polars):
        pd.testing.assert_frame_equal(expected.predict(kind(table)), expected.predict(written))


# --- single columns ------------------------------------------------------------------------------------------------


def cells(values: Any, kind: str = "") -> Any:
    """A column as the table has it: numbers, or texts; missing ones as None."""
    found = from_frame(pd.DataFrame({"a": values}), Dialect(), {"a": kind}).columns["a"]
    if isinstance(found, Text):
        return [found.labels[code] or None for code in found.codes]
    return [None if value != value else value for value in found.tolist()]


def arrow(values: list[Any], kind: pa.DataType) -> Any:
    if pa.types.is_float16(kind):  # which older versions make of nothing else
        values = [value if value is None else np.float16(value) for value in values]
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.array(values, kind)))


MOMENT = datetime(2020, 1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        *((arrow([1, None, 3], kind), [1, None, 3]) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64())),
        *((arrow([1, None, 3], kind), [1, None, 3]) for kind in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())),
        *((arrow([1.5, None, 3.0], kind), [1.5, None, 3]) for kind in (pa.float16(), pa.float32(), pa.float64())),
        (arrow([1.5, float("nan"), None], pa.float64()), [1.5, None, None]),
        *((arrow([Decimal("1.25"), None], kind), [1.25, None]) for kind in (pa.decimal128(5, 2), pa.decimal256(50, 2))),
        *((arrow(["u", None], kind), ["u", None]) for kind in (pa.string(), pa.large_string(), pa.string_view())),
        *((arrow(["1", None, "2.5"], kind), [1, None, 2.5]) for kind in (pa.string(), pa.string_view())),
        (arrow([True, None, False], pa.bool_()), ["True", None, "False"]),
        *((arrow([date(2020, 1, 2), None], kind), ["2020-01-02", None]) for kind in (pa.date32(), pa.date64())),
        *((arrow([MOMENT, None], pa.timestamp(unit)), [str(MOMENT), None]) for unit in ("s", "ms", "us", "ns")),
        (arrow([time(1, 2), None], pa.time32("s")), ["01:02:00", None]),
        (arrow(["u", None], pa.dictionary(pa.int8(), pa.string())), ["u", None]),
        (arrow([7, None, 8], pa.dictionary(pa.int32(), pa.int64())), ["7", None, "8"]),
        (arrow([None, None], pa.null()), [None, None]),
        (pd.array([1, None, 3], "Int64"), [1, None, 3]),
        (pd.array([2**53 + 1, None], "UInt64"), [2**53, None]),
        (pd.array([1.5, None], "Float32"), [1.5, None]),
        (pd.array([True, None], "boolean"), ["True", None]),
        (pd.array(["x", None], "string"), ["x", None]),
        (pd.Categorical([1, None, 3], categories=[9, 3, 1]), ["1", None, "3"]),
        (pd.Categorical([1.0, None, 3.0]), ["1", None, "3"]),
        (pd.Categorical([1.5, None, 3.0]), ["1.5", None, "3.0"]),
        (pd.Categorical([True, None, False]), ["True", None, "False"]),
        (pd.Categorical([None, None], categories=["u"]), [None, None]),
        (pd.Series([1, "2", None, pd.NA, np.nan, pd.NaT], dtype=object), [1, 2, None, None, None, None]),
        (pd.Series(pd.period_range("2020-01", periods=2, freq="M")), ["2020-01", "2020-02"]),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_the_cells_of_a_column_are_those_of_a_csv(values: Any, expected: list[Any]) -> None:
    assert cells(values) == expected


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64(), pa.int8()], ids=str)
def test_numbers_of_arrow_that_are_to_be_texts_are_spelled_as_numpy_has_them(kind: pa.DataType) -> None:
    assert cells(arrow([1, None, 3], kind), "text") == ["1", None, "3"]


@pytest.mark.filterwarnings("ignore:column .c.. 1 row with what no training row has:nnfit.NnfitWarning")  # 2.5
@pytest.mark.parametrize(
    ("learnt", "alone", "among"),
    [
        ([1, 2, 3] * 8, [1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 2.5]),
        ([1.0, 2.0, 2.5] * 8, [1, 2], [1.0, 2.0, 2.5]),
        ([1.0, 2.0, 2.5] * 8, [1.0, 2.0], [1.0, 2.0, 2.5]),
    ],
)
@pytest.mark.parametrize("dtype", [None, "category", object, "Float64"], ids=str)
def test_a_category_is_the_same_in_any_company(learnt: Any, alone: Any, among: Any, dtype: Any) -> None:
    y = ["a", "b", "b"] * 8
    spec = {**SPEC, "data": {"target": "y", "columns": {"c": {"type": "categorical"}}}}
    model = nnfit.train(spec, pd.DataFrame({"c": pd.Categorical(learnt), "y": y})).model
    rows = [model.predict_proba(pd.DataFrame({"c": pd.Series(c, dtype=dtype)}), unknown="zero") for c in (alone, among)]
    assert rows[0].equals(rows[1][: len(alone)])
    known = pd.DataFrame({"c": pd.Categorical(learnt)})[: len(alone)]
    assert np.array_equal(rows[0], model.predict_proba(known))


def test_a_missing_category_and_a_truth_value_are_the_same_in_any_company() -> None:
    columns = {"c": {"type": "categorical"}, "t": {"type": "boolean"}}
    spec = {**SPEC, "data": {"target": "y", "columns": columns, "missing": ["9"]}}
    model = nnfit.train(spec, pd.DataFrame({"c": [1, 2, 9] * 8, "t": [0, 1, 9] * 8, "y": ["a", "b", "b"] * 8})).model
    rows = pd.DataFrame({"c": [1.0, 2.0, 9.0, 2.5], "t": [0.0, 1.0, 9.0, 0.5]})
    with pytest.raises(DataError, match=r"column .t.: expected true or false, got .0\.5."):
        model.predict(rows, unknown="zero")
    found = model.predict_proba(rows.assign(t=[0.0, 1.0, 9.0, 1.0])[:3])
    assert found.equals(model.predict_proba(pd.DataFrame({"c": [1, 2, None], "t": [0, 1, None]})))
    with pytest.warns(nnfit.NnfitWarning, match="1 row with what no training row has"):
        assert model.predict_proba(rows.assign(t=1.0), unknown="zero")[2:3].equals(
            model.predict_proba(pd.DataFrame({"c": [None] * 4, "t": 1}))[2:3]
        )


def test_a_text_is_no_number_that_is_spelled_otherwise() -> None:
    spec = {**SPEC, "data": {"target": "y", "columns": {"c": {"type": "categorical"}}}}
    model = nnfit.train(spec, pd.DataFrame({"c": ["1", "2"] * 12, "y": ["a", "b"] * 12})).model
    with pytest.raises(DataError, match=r'no training row has "1\.0"'):
        model.predict(pd.DataFrame({"c": ["1.0", "2"]}))


def test_a_class_is_the_same_in_any_company() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0] * 8, "y": [1.0, 2.0, 2.5] * 8})
    spec = {
        "data": {"target": "y", "columns": {"y": {"type": "categorical"}}},
        "network": {"layers": [{"size": "auto", "activation": "softmax"}]},
        "training": {"epochs": 1},
    }
    model = nnfit.train(spec, frame).model
    assert model.classes == ("1.0", "2.0", "2.5")
    whole = frame[frame.y < 2.5]
    assert model.evaluate(whole)["accuracy"] == (model.predict(whole).prediction.astype(float) == whole.y).mean()


def test_rows_that_were_learnt_from_are_known_in_any_company(tmp_path: Path) -> None:
    pd.DataFrame({"c": [1, 2, 3] * 8, "x": range(24), "y": ["a", "b"] * 12}).to_csv(tmp_path / "t.csv", index=False)
    columns = {"c": {"type": "categorical", "unknown": "zero"}}
    data = {"train": str(tmp_path / "t.csv"), "target": "y", "columns": columns}
    model = nnfit.train({**SPEC, "data": data}).model
    frame = pd.DataFrame({"c": [1.0, 2.0, 2.5], "x": [0, 1, 2], "y": ["a", "b", "a"]})
    with pytest.warns(nnfit.NnfitWarning) as caught:
        model.evaluate(frame)
    assert "2 of 3 rows were learnt from" in "".join(str(each.message) for each in caught)


def test_categories_of_numbers_are_numbers_where_the_spec_says_so() -> None:
    assert cells(pd.Categorical([1, None, 3]), "numeric") == [1, None, 3]
    assert cells(arrow([7, None], pa.dictionary(pa.int8(), pa.int16())), "numeric") == [7, None]


def test_a_number_that_means_a_missing_cell_means_it_in_every_dtype() -> None:
    spelled = Dialect(decimal=",", missing=("-9,5", "-1"))
    for values in ([1.0, -9.5, -1.0], pd.array([1.0, -9.5, -1.0], "Float64"), arrow([1.0, -9.5, -1.0], pa.float64())):
        found = from_frame(pd.DataFrame({"a": values}), spelled, {"a": ""}).numbers("a")
        assert found.tolist()[0] == 1
        assert np.isnan(found[1:]).all()


@pytest.mark.parametrize(
    ("values", "row", "words"),
    [
        (arrow([1.0, float("inf")], pa.float64()), 1, "expected finite numbers, got inf"),
        (pd.array([1.0, 2.0, -np.inf], "Float64"), 2, "expected finite numbers, got -inf"),
        (arrow([timedelta(1)], pa.duration("s")), 0, "is none of numbers, texts, dates, true and false"),
        (arrow([None, b"x"], pa.binary()), 1, "got bytes"),
        (arrow([None, [1]], pa.list_(pa.int64())), 1, "got ndarray"),
        (arrow([None, {"k": 1}], pa.struct({"k": pa.int64()})), 1, "got dict"),
        (pd.Categorical([None, "u", (1, 2)]), 2, "got tuple"),
        (pd.Series(pd.interval_range(0, 2)), 0, "got Interval"),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_what_is_no_cell_is_refused_with_its_column_and_row(values: Any, row: int, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        from_frame(pd.DataFrame({"z": 1, "a": values}), Dialect(), {"a": ""})
    assert str(caught.value).startswith(f'frame:{row}:2: column "a": ')


@pytest.mark.parametrize("arrowless", [False, True])
def test_what_is_no_cell_of_a_polars_frame_is_refused_with_its_column(
    arrowless: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if arrowless:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    for values in ([timedelta(1)], [[1]], [{"k": 1}], [b"x"]):
        with pytest.raises(DataError, match='column "a": '):
            read_frame(pl.DataFrame({"a": values}), Dialect(), {})
    with pytest.raises(DataError, match=r"frame:1:1: .*expected finite numbers, got inf"):
        read_frame(pl.DataFrame({"a": [1.0, float("inf")]}), Dialect(), {})


@pytest.mark.parametrize("arrowless", [False, True])
def test_every_type_of_polars_is_read(arrowless: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        **{str(kind): pl.Series([1, None], dtype=kind) for kind in (pl.Int8, pl.UInt64, pl.Float32, pl.Float64)},
        "text": ["u", None],
        "numbers": ["1", None],
        "truth": [True, None],
        "day": [date(2020, 1, 2), None],
        "moment": [MOMENT, None],
        "zone": pl.Series([MOMENT, None]).dt.replace_time_zone("UTC"),
        "time": [time(1, 2), None],
        "decimal": [Decimal("1.50"), None],
        "category": pl.Series(["u", None], dtype=pl.Categorical),
        "enum": pl.Series(["3", None], dtype=pl.Enum(["3", "4"])),
        "nothing": pl.Series([None, None], dtype=pl.Null),
    }
    frame = pl.DataFrame(values)
    if arrowless:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    table = read_frame(frame, Dialect(), {})
    assert list(table.columns) == frame.columns
    first = {name: table.cell(name, 0) for name in frame.columns}
    assert all(table.cell(name, 1) is None for name in frame.columns)
    assert {key: first[key] for key in ("Int8", "UInt64", "Float32", "Float64", "numbers")} == dict.fromkeys(
        ("Int8", "UInt64", "Float32", "Float64", "numbers"), 1
    )
    assert first["decimal"] == 1.5
    assert [first[key] for key in ("text", "truth", "category", "enum", "nothing")] == ["u", "True", "u", "3", None]
    assert str(first["day"])[:10] == "2020-01-02"
    assert first["moment"] == str(MOMENT)
    assert first["zone"] == f"{MOMENT}+00:00"
    assert first["time"] == "01:02:00"


@pytest.mark.parametrize(
    ("frame", "remedy"),
    [
        (np.zeros((2, 2)), "pandas.DataFrame"),
        (pd.Series([1]), "pandas.DataFrame"),
        (pl.Series("a", [1]), "pandas.DataFrame"),
        (pl.DataFrame({"a": [1]}).lazy(), r"frame.collect\(\) makes one"),
        ([{"a": 1}], "pandas.DataFrame"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_frame_is_refused_with_what_makes_one(frame: Any, remedy: str) -> None:
    with pytest.raises(DataError, match=f"expected a pandas DataFrame, got {type(frame).__name__}; {remedy}"):
        read_frame(frame, Dialect(), {})
