"""An ONNX file predicts what nnfit does: every config, encoding, activation and kind of target, hostile rows too."""

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

import nnfit
from nnfit.core.activations import ACTIVATIONS
from nnfit.data.frames import read_frame
from nnfit.data.table import read_table
from nnfit.errors import DataError, OutputError, UsageError
from nnfit.export.onnx import notes, to_onnx, written
from nnfit.export.onnx.check import Checked, check
from nnfit.export.onnx.graph import Graph
from nnfit.export.onnx.network import SIGMAS, activated
from nnfit.export.onnx.proto import to_bytes
from nnfit.export.onnx.rows import drawn, feed
from nnfit.model.model import Model

ROOT = Path(__file__).parent.parent.parent
RELEASED = sorted(path for path in ROOT.glob("tests/released/*/*.npz") if "checkpoint" not in path.name)

pytestmark = pytest.mark.filterwarnings("ignore::nnfit.NnfitWarning")


def table(n: int = 90) -> pd.DataFrame:
    """Columns of every type, with gaps; what they make of y, c, several real and several 0/1 targets."""
    rng = np.random.default_rng(7)
    day = pd.to_datetime("2021-01-01") + pd.to_timedelta(rng.integers(0, 1500, n), unit="D")
    frame = pd.DataFrame(
        {
            "x": np.where(rng.random(n) < 0.1, np.nan, rng.normal(50, 9, n)).round(1),
            "wide": np.exp(rng.normal(10, 3, n)),
            "near 0": np.exp(rng.normal(-25, 2, n)),
            "count": rng.poisson(2, n),
            "price": [f"$1,{k:03d}.50" for k in rng.integers(0, 999, n)],
            "open": rng.choice(["yes", "no", ""], n, p=[0.5, 0.4, 0.1]),
            "when": day.strftime("%Y-%m-%d"),
            "written": day.strftime("%d. %B %Y, %I:%M %p"),
            "packed": day.strftime("%Y%m%d"),
            "kind": rng.choice(["a", "b", "c", "d", "", "?"], n),
            "code": rng.integers(0, 5, n).astype(str),
        }
    )
    x = frame["x"].fillna(50) - 50
    return frame.assign(
        c=np.array(["pear", "apple", "fig"])[np.clip(np.round(x / 9 + rng.normal(0, 0.5, n)) + 1, 0, 2).astype(int)],
        two=np.where(x + rng.normal(0, 3, n) > 0, "sí", "no"),
        y=1000 * x + frame["count"],
        y2=frame["count"] / 100,
        m1=(x > 0).astype(int),
        m2=(frame["count"] > 2).astype(int),
    )


FRAME = table()
TARGETS = ["c", "two", "y", "y2", "m1", "m2"]
COLUMNS = {
    "price": {"type": "numeric", "thousands": ",", "prefix": "$"},
    "written": {"type": "date", "format": "%d. %B %Y, %I:%M %p"},
    "packed": {"type": "date", "format": "%Y%m%d"},
    "kind": {"type": "categorical", "min_count": 16},
    "code": {"type": "categorical"},
    "wide": {"type": "numeric", "log1p": True},
    "near 0": {"type": "numeric", "log1p": True, "scale": "robust"},
}


def trained(
    target: str | list[str] = "c",
    frame: pd.DataFrame = FRAME,
    x: dict[str, Any] | None = None,
    count: dict[str, Any] | None = None,
    output: str = "auto",
    hidden: Any = "tanh",
    **overrides: Any,
) -> Model:
    """A small network on a frame, with some options of the column x; overrides by path, `__` for the dot."""
    ignored = [name for name in TARGETS if name in frame and name not in np.atleast_1d(target)]
    columns = {name: column for name, column in COLUMNS.items() if name in frame}
    classes = [name for name in np.atleast_1d(target).tolist() if name in ("m1", "m2")]
    columns |= {name: {"type": "categorical"} for name in classes}
    layers = [
        {"size": 6, "activation": hidden},
        {"size": "auto"} | ({} if output == "auto" else {"activation": output}),
    ]
    if output == "auto":
        real = np.atleast_1d(target)[0] in ("y", "y2")
        layers[-1]["activation"] = "linear" if real else "logistic" if classes or target == "two" else "softmax"
    spec = {
        "data": {
            "target": target,
            "ignore": ignored,
            "missing": ["?", "-99"],
            "columns": columns
            | {name: {"type": "numeric", **own} for name, own in (("x", x), ("count", count)) if own},
        },
        "network": {"layers": layers},
        "training": {
            "epochs": 2,
            "batch_size": 16,
            "baseline": False,
            "optimizer": {"name": "adam", "learning_rate": 0.03},
        },
    }
    said = {key.replace("__", "."): value for key, value in overrides.items()}
    return nnfit.train(spec, frame, overrides=said).model


def checked(model: Model, frame: pd.DataFrame | None = FRAME) -> Checked:
    """The file of a model, run on rows of a frame, or drawn ones, and on hostile ones."""
    rows = drawn(model) if frame is None else read_frame(frame, model.dialect, model.kinds, others=False)
    return check(model, to_onnx(model), rows)


def run(file: bytes, **rows: list[Any]) -> list[Any]:
    """The outputs of a file for some columns, in onnxruntime."""
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    feed = {name: np.array(cells, object if isinstance(cells[0], str) else float) for name, cells in rows.items()}
    return list(session.run(None, {name: cells[:, None] for name, cells in feed.items()}))


# --- the show: all of these ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(path.stem for path in ROOT.glob("configs/*.yaml")))
def test_every_config_predicts_the_same(configs: Any, name: str) -> None:
    model, prepared = configs[name].model, configs[name].prepared
    path = str(ROOT / "datasets" / Path(prepared.spec.data.train).name)
    found = check(model, to_onnx(model), read_table(path, model.dialect, model.kinds, others=False))
    assert found.rows == min(1000, sum(model.record["rows"].get(k, 0) for k in ("train", "validation", "test")))
    assert found.hostile >= 100
    assert (found.difference < 1e-12, found.ties) == (True, 0)


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_so_does_every_model_of_a_released_version(path: Path) -> None:
    assert checked(nnfit.load(path), None).difference < 1e-12


SCALES = ("standard", "robust", "clipped", "minmax", "quantile", "none")
ENCODINGS: list[dict[str, Any]] = [
    *({"scale": scale} for scale in SCALES),
    *({"degree": 4}, {"bins": 7}, {"bins": 4, "log1p": True}, {"piecewise": 6}, {"periodic": 5, "amplitude": 0.3}),
    {"piecewise": 3, "periodic": 2, "degree": 3, "scale": "quantile", "log1p": True, "indicator": True},
    *({"missing": "mean"}, {"missing": "category"}, {"missing": 7.5}, {"indicator": False}),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("x", ENCODINGS, ids=str)
def test_every_encoding_of_numbers_predicts_the_same(x: dict[str, Any], dtype: str) -> None:
    frame = FRAME[["x", "wide", "near 0", "count", "price", "code", "c"]]
    found = checked(trained(x=x, count=x, frame=frame, network__dtype=dtype), frame)
    # Cosines of floats are NumPy's own, a float's last digit away from others.
    assert found.difference < (1e-6 if "periodic" in x and dtype == "float32" else 1e-12)
    assert (0 if dtype == "float64" else 1) <= found.refused < found.hostile / 3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_texts_dates_true_and_false_predict_the_same(dtype: str) -> None:
    found = checked(trained(network__dtype=dtype))
    assert found.difference < 1e-12
    assert 10 < found.refused < found.hostile / 3


LAYERS = {
    "8 members in folds": {"network__members": 8, "training__resample": "folds"},
    "8 members, calibrated": {
        "network__members": 8,
        "training__calibration": "temperature",
        "training__resample": "folds",
    },
    "averaged, with dropout": {"training__average": "ema", "training__dropout": 0.3},
}


HOW = [
    (how, target) for how in LAYERS for target in ("c", "two", "y", "m1") if "calibrated" not in how or target != "y"
]


@pytest.mark.parametrize(("how", "target"), HOW)
def test_members_folds_and_calibration_predict_the_same(how: str, target: str) -> None:
    model = trained([target, "m2"] if target == "m1" else target, FRAME.drop(columns=["packed"]), **LAYERS[how])
    assert len(model.theta) == (8 if "8" in how else 1)
    assert (model.target.temperature != 1) == ("calibrated" in how)
    assert checked(model).difference < 1e-12


ENDS: dict[str, tuple[str | list[str], dict[str, Any]]] = {
    "real": ("y", {}),
    "several": (["y", "y2"], {}),
    "clamped": (["y", "y2"], {"training__clamp": True, "training__epochs": 30}),
    "as it is": ("y2", {"data__columns__y2__scale": "none"}),
    "several 0/1": (["m1", "m2"], {}),
    "± 1": ("two", {"output": "tanh", "loss": "mse"}),
    "a line cut to [0, 1]": ("two", {"output": "linear", "loss": "mse"}),
    "lines of classes": ("c", {"output": "linear", "loss": "mse"}),
    "two of softmax": ("two", {"output": "softmax"}),
    "a threshold": ("two", {"training__threshold": 0.31}),
    "a threshold of softmax": (
        "two",
        {"output": "softmax", "training__threshold": {"maximize": "f1"}, "data__validation": 0.3},
    ),
    "mixed outputs": (
        ["y", "y2"],
        {
            "output": [{"name": "linear", "k": 2, "size": 1}, {"name": "softplus", "size": 1}],
            "network__layers__1__size": 2,
        },
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_every_kind_of_target_predicts_the_same(end: str) -> None:
    target, more = ENDS[end]
    model = trained(target, FRAME.drop(columns=["packed", "written"]), **more)
    found = checked(model)
    assert found.difference < 1e-12
    file = onnx.load_from_string(to_onnx(model))
    shapes = [[dim.dim_param or dim.dim_value for dim in v.type.tensor_type.shape.dim] for v in file.graph.output]
    several = len(model.target.columns) if len(model.target.columns) > 1 else 0
    first = ["n", several] if several else ["n"]
    assert shapes == ([first, ["n", several or len(model.classes)]] if model.classes else [first])


def test_a_clamped_prediction_is_cut_in_the_file() -> None:
    model = trained("y", FRAME[["x", "y"]], training__clamp=True, training__epochs=300, hidden="relu")
    file, (low, high) = to_onnx(model), model.target.bounds[0]
    (found,) = run(file, x=[50.0, 1e7, -1e7])
    assert low < found[0] < high
    assert sorted(found[1:]) == [low, high]


# --- activations ---------------------------------------------------------------------------------------------------

Z = np.concatenate([np.linspace(-40, 40, 4001), [0.0, 1e-300, -1e-12, 1e5, -1e5, 1e300, -1e300]])


def test_every_activation_has_a_form() -> None:
    assert set(SIGMAS) == set(ACTIVATIONS)


BENDS = [
    (name, parameters)
    for name, sigma in ACTIVATIONS.items()
    for parameters in ({}, {"k": 0.5}, {"alpha": 2.5})
    if parameters.keys() <= sigma.__dataclass_fields__.keys()
]


@pytest.mark.parametrize(("name", "parameters"), BENDS, ids=str)
def test_every_activation_is_that_of_the_core(name: str, parameters: dict[str, float]) -> None:
    sigma = ACTIVATIONS[name](**parameters)
    expected = Z.copy().reshape(-1, 1, 1) if name != "softmax" else Z[: len(Z) // 8 * 8].copy().reshape(8, 1, -1)
    graph = Graph(["z"])
    columns = expected.shape[0] if name == "softmax" else 1
    z = expected[:, 0].T.copy() if name == "softmax" else Z[:, None]
    parts = [graph.input("z", "double")] if columns == 1 else [graph.input(f"z{k}", "double") for k in range(columns)]
    graph.output(activated(graph, graph.side_by_side(parts), sigma), "a", "double", (columns,))
    with np.errstate(all="ignore"):
        sigma.value(expected, np.empty_like(expected))
    feed = {value.name: z[:, k].tolist() for k, value in enumerate(graph.inputs)}
    (a,) = run(to_bytes(graph, {}), **feed)
    assert a == pytest.approx(expected[:, 0].T if name == "softmax" else expected[:, 0], rel=1e-14, abs=1e-15)


@pytest.mark.parametrize("members", [1, 8])
def test_all_activations_mixed_in_a_layer_predict_the_same(members: int) -> None:
    more = {"step": {"gradient": "straight_through"}, "linear": {"k": 0.5}, "elu": {"alpha": 2.0}}
    mixed = [{"name": name, "size": 2, **more.get(name, {})} for name in ACTIVATIONS if name != "softmax"]
    model = trained(
        "y",
        FRAME.drop(columns=["packed", "written"]),
        hidden=mixed,
        network__members=members,
        network__layers__0__size=24,
    )
    assert checked(model).difference < 1e-12


def test_an_activation_without_a_form_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    model = trained(frame=FRAME[["x", "c"]])
    monkeypatch.delitem(SIGMAS, "tanh")
    with pytest.raises(UsageError, match='the activation "tanh" has no form in ONNX; train with another one'):
        to_onnx(model)


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
