"""ONNX files of tables as people have them: names, cells, gaps, refused rows; and what a file says of itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from onnx_files import COLUMNS, FRAME, checked, run, trained

import nnfit
from nnfit.data.frames import read_frame
from nnfit.data.table import read_table
from nnfit.errors import DataError, OutputError
from nnfit.export.onnx import notes, to_onnx, written
from nnfit.export.onnx.check import check
from nnfit.export.onnx.graph import Graph
from nnfit.export.onnx.proto import to_bytes
from nnfit.export.onnx.rows import feed
from nnfit.model.model import Model

pytestmark = pytest.mark.filterwarnings("ignore::nnfit.NnfitWarning")


# --- tables of people ----------------------------------------------------------------------------------------------

TABLES = {
    "without numbers": ["kind", "code", "open", "when", "c"],
    "without texts": ["x", "count", "c"],
    "of one column": ["kind", "two"],
    "of dates": ["when", "written", "y"],
    "of mixtures": [*FRAME.columns[:10], "y"],
}


@pytest.mark.parametrize("name", TABLES)
def test_what_init_proposes_predicts_the_same(name: str, run: Callable[..., Any], tmp_path: Path) -> None:
    columns = TABLES[name]
    FRAME[columns].to_csv(tmp_path / "data.csv", index=False)
    spec = tmp_path / "spec.yaml"
    assert run("init", tmp_path / "data.csv", "--target", columns[-1], "--quick", "-o", spec).code == 0
    model = nnfit.train(spec, overrides={"training.epochs": 2, "training.baseline": False}).model
    assert len(model.theta) == 8
    found = checked(model, pd.read_csv(tmp_path / "data.csv", dtype=str, keep_default_na=False))
    assert found.difference < 1e-6


NAMES = [
    "prediction",
    "probabilities",
    "x, with blanks",
    "'quoted' \"twice\"",
    "größe ∅ 数",
    "matmul",
    "theta_1",
    "n",
    "add_2",
]


def test_columns_may_have_any_name_even_that_of_an_output_or_of_a_tensor() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(40, len(NAMES))), columns=NAMES)
    frame["matmul"] = rng.choice(["u", "v"], 40)
    frame["a\nb"] = rng.choice(["", "w"], 40)
    frame["c"] = FRAME["c"][:40]
    model = trained(frame=frame)
    assert checked(model, frame).difference < 1e-12
    file, graph = written(model)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    assert [value.name for value in session.get_inputs()] == [*NAMES, "a\nb"]
    assert [value.name for value in session.get_outputs()] == ["prediction_2", "probabilities_2"]
    assert [text for text in notes(model, graph) if "is called" in text] == [
        "the output prediction is called prediction_2, as a column has its name",
        "the output probabilities is called probabilities_2, as a column has its name",
    ]


def test_a_name_that_no_file_can_hold_is_refused() -> None:
    model = trained(frame=FRAME[["x", "c"]])
    (feature,) = model.features
    with pytest.raises(DataError, match=r'"x.ud800" holds half of a character, which ONNX cannot hold'):
        to_onnx(replace(model, features=(feature._replace(name="x\ud800"),)))


def test_a_category_that_no_caller_can_write_is_left_out() -> None:
    frame = FRAME[["x", "code", "c"]].astype({"code": object})
    frame.loc[frame["code"] == "1", "code"] = "1\ud800"
    model = trained(frame=frame)
    labels, _ = run(to_onnx(model), x=[50.0, 50.0], code=["2", "1?"])
    assert {*labels} <= {*model.classes}


# --- cells ---------------------------------------------------------------------------------------------------------


def test_what_means_a_missing_cell_in_the_training_file_means_it_in_the_file() -> None:
    model = trained(frame=FRAME[["x", "kind", "c"]])
    _, p = run(to_onnx(model), x=[np.nan, -99.0, 50.0, 50.0], kind=["a", "a", "", "?"])
    assert p[:2] == pytest.approx(p[[1, 0]], abs=1e-15)
    assert p[2:] == pytest.approx(p[[3, 2]], abs=1e-15)
    assert np.abs(p[0] - p[2]).max() > 1e-3


def test_a_token_is_a_number_as_the_table_writes_numbers() -> None:
    frame = FRAME[["x", "c"]].assign(x=[f"{k},5" if k % 7 else "7,25" for k in range(90)])
    said = {"data__decimal": ",", "data__separator": ";", "data__missing": ["1.5", "7,25"]}
    model = trained(frame=frame, x={"decimal": ","}, **said)
    assert checked(model, frame).difference < 1e-12
    _, p = run(to_onnx(model), x=[1.5, 7.25, np.nan])
    assert np.abs(p[0] - p[2]).max() > 1e-3
    assert p[1] == pytest.approx(p[2], abs=1e-15)


def test_blanks_around_dates_and_truth_values_are_left_to_the_caller_and_told_of() -> None:
    frame = FRAME[["when", "open", "written", "x", "c"]].assign(when=" " + FRAME["when"], open=FRAME["open"] + "\t ")
    form = {"data__columns__written__format": "  " + COLUMNS["written"]["format"] + " "}
    model = trained(frame=frame, **form, data__columns__when={"type": "date"}, data__missing=["\t "])
    found = checked(model, frame)
    assert (found.padded, found.difference < 1e-12) == (["when", "open"], True)
    assert checked(model, None).padded == []
    rows = read_frame(frame, model.dialect, model.kinds, others=False)
    assert {*feed(model, rows)["open"].ravel()} == {"yes", "no", "\t "}


def test_a_training_file_with_rare_dates_is_refused_and_told_what_reads_them() -> None:
    frame = FRAME[["when", "c"]].assign(when=FRAME["packed"])
    with pytest.raises(OutputError, match=r"rare ways to write a date are not read there; write -o FILE\.py"):
        checked(trained(frame=frame, data__columns__when={"type": "date"}), frame)


@pytest.mark.parametrize("token", ["0", "1e30", "5e-324"])
def test_a_number_that_means_missing_may_be_one_that_the_check_makes(token: str) -> None:
    frame = FRAME[["x", "c"]].assign(count=np.where(np.arange(90) % 9, FRAME["count"] + 4.0, float(token)))
    model = trained(frame=frame, data__missing=[token, "-99"])
    for rows in (frame, None):
        assert checked(model, rows).difference < 1e-12
    gone = trained(frame=frame.assign(count=float(token)), data__missing=[token], count={"indicator": True})
    assert checked(gone, None).difference < 1e-12


def test_a_category_that_no_training_row_has_is_zeros_as_predict_takes_it_when_asked() -> None:
    frame = FRAME[["x", "code", "c"]]
    model = trained(frame=frame)
    labels, p = run(to_onnx(model), x=[50.0], code=["never seen"])
    expected = model.predict_proba(pd.DataFrame({"x": [50.0], "code": ["never seen"]}), unknown="zero")
    assert p == pytest.approx(expected.to_numpy(), abs=1e-14)
    assert labels[0] in model.classes


def test_what_predict_refuses_is_nan_and_an_empty_label() -> None:
    frame = FRAME[["x", "open", "when", "c"]]
    file = to_onnx(trained(frame=frame, x={"scale": "robust"}))
    rows = {
        "x": [50.0, np.inf, 50.0, 50.0, 50.0],
        "open": ["yes", "yes", "maybe", "yes", "YES"],
        "when": ["2022-02-28", "2022-02-28", "2022-02-28", "2022-02-29", "2022-02-28"],
    }
    labels, p = run(file, **rows)
    assert np.isnan(p).any(axis=1).tolist() == [False, True, True, True, False]
    assert [label == "" for label in labels] == [False, True, True, True, False]
    (y,) = run(to_onnx(trained("y", FRAME[["x", "y"]])), x=[50.0, np.inf, -np.inf, 1e300])
    assert np.isnan(y).tolist() == [False, True, True, True]


def test_a_single_row_predicts_what_it_does_among_others() -> None:
    frame = FRAME.drop(columns=["packed"])
    model = trained(frame=frame)
    rows: dict[str, Any] = frame[[feature.name for feature in model.features]].to_dict("list")
    rows["price"] = [float(price[1:].replace(",", "")) for price in rows["price"]]
    file = to_onnx(model)
    for own, whole in zip(
        run(file, **{name: cells[:1] for name, cells in rows.items()}), run(file, **rows), strict=True
    ):
        assert own[0] == (whole[0] if own.dtype == object else pytest.approx(whole[0], abs=1e-15))


def test_no_row_at_all_predicts_nothing() -> None:
    model = trained(frame=FRAME.drop(columns=["packed"]))
    session = onnxruntime.InferenceSession(to_onnx(model), providers=["CPUExecutionProvider"])
    texts = [value.name for value in session.get_inputs() if "string" in value.type]
    none = {f.name: np.empty((0, 1), object if f.name in texts else np.float64) for f in model.features}
    assert [out.shape for out in session.run(None, none)] == [(0,), (0, 3)]


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("first", [False, True])
def test_a_constant_is_not_lost_that_is_0_or_1_in_32_bits_only(op: str, first: bool) -> None:
    value, x = (1e-100, 3e-100) if op in ("Add", "Sub") else (1 + 1e-9, 3.0)
    graph = Graph(["x"])
    own = graph.add("Neg", graph.input("x", "double"))
    own = graph.add(op, *([value, own] if first else [own, np.array([[value]])]))
    graph.output(graph.add("Abs", own), "found", "double", (1,))
    (found,) = run(to_bytes(graph, {}), x=[x])
    function = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}[op]
    assert found[0, 0] == pytest.approx(abs(function(value, -x) if first else function(-x, value)), rel=1e-15, abs=0)


@pytest.mark.parametrize("unit", [1e-100, 1e-310])
@pytest.mark.parametrize("scale", ["minmax", "robust", "standard"])
def test_a_column_of_tiny_numbers_predicts_the_same(unit: float, scale: str) -> None:
    frame = FRAME[["x", "y"]].assign(x=(FRAME["count"] - 0.3) * unit)
    assert checked(trained("y", frame, x={"scale": scale}), frame).difference < 1e-12


def test_many_refused_rows_of_many_columns_cost_a_few_passes_over_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, passes = np.random.default_rng(0), []
    frame = pd.DataFrame(rng.normal(size=(40, 60)), columns=[f"x{k}" for k in range(60)])
    model = trained("y", frame.assign(y=FRAME["y"][:40]))
    encoded = Model.encoded
    monkeypatch.setattr(Model, "encoded", lambda *given, **named: passes.append(1) or encoded(*given, **named))
    found = checked(model, frame)
    assert (found.refused > 50, len(passes) < 10) == (True, True)


def test_a_row_of_several_files_is_named_by_its_own(tmp_path: Path) -> None:
    frame = FRAME[["when", "c"]]
    (tmp_path / "1.csv").write_text(frame.to_csv(index=False))
    (tmp_path / "2.csv").write_text(frame.assign(when=FRAME["packed"]).to_csv(index=False))
    model = trained(frame=frame)
    rows = read_table([str(tmp_path / f"{k}.csv") for k in (1, 2)], model.dialect, model.kinds, others=False)
    with pytest.raises(OutputError, match=r"^\S+2\.csv:2: onnxruntime"):
        check(model, to_onnx(model), rows)


# --- the file ------------------------------------------------------------------------------------------------------


def test_a_file_asks_for_old_operators_and_for_younger_ones_where_dates_are_texts() -> None:
    columns = [name for name in FRAME.columns if name not in ("when", "written")]
    for frame, versions in ((FRAME[columns], (7, {"": 13, "ai.onnx.ml": 2})), (FRAME, (9, {"": 20, "ai.onnx.ml": 2}))):
        file = onnx.load_from_string(to_onnx(trained(frame=frame)))
        assert (file.ir_version, {each.domain: each.version for each in file.opset_import}) == versions
        assert {node.op_type for node in file.graph.node if node.domain} == {"LabelEncoder"}
        assert not {"ZipMap", "Split", "IsNaN", "Cos"} & {node.op_type for node in file.graph.node}
        onnx.checker.check_model(file, full_check=True)


def test_the_file_says_what_it_is_of() -> None:
    model = trained()
    file = onnx.load_from_string(to_onnx(model, sha256="ab" * 32))
    said = {prop.key: prop.value for prop in file.metadata_props}
    assert said.pop("nnfit_version") == file.producer_version == nnfit.__version__
    assert said.pop("model_sha256") == "ab" * 32
    told = {key: json.loads(value) for key, value in said.items()}
    assert told["classes"] == ["apple", "fig", "pear"]
    assert (told["task"], told["targets"], told["outputs"]) == ("multinomial", ["c"], ["prediction", "probabilities"])
    assert told["spec"]["training"]["optimizer"]["name"] == "adam"
    assert {column["name"]: column["input"] for column in told["columns"]} == {
        **dict.fromkeys(["x", "wide", "near 0", "count", "price"], "number"),
        **dict.fromkeys(["open", "when", "written", "kind", "code"], "text"),
        "packed": "days since 1970-01-01",
    }
    kinds = {v.name: v.type.tensor_type.elem_type for v in file.graph.input}
    assert kinds == {
        column["name"]: onnx.TensorProto.STRING if column["input"] == "text" else onnx.TensorProto.DOUBLE
        for column in told["columns"]
    }


def test_the_same_model_gives_the_same_bytes_in_float32_as_small_as_the_model_file() -> None:
    model = trained(hidden="relu", network__layers__0__size=500, network__members=4)
    file = to_onnx(model)
    assert file == to_onnx(model)
    assert model.theta.dtype == np.float32
    assert len(file) < len(model.to_bytes()) + 40_000


def test_columns_whose_input_is_no_cell_are_told_of() -> None:
    model = trained()
    assert notes(model, written(model)[1]) == [
        'column "price": the input is the number, 1234.5 where a cell is "$1,234.5"',
        'column "packed": ONNX cannot read dates as "%Y%m%d"; the input is the days since 1970-01-01',
    ]
