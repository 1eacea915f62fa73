"""An ONNX file predicts what nnfit does: every config, encoding, activation and kind of target, hostile rows too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx_files import FRAME, checked, run, trained

import nnfit
from nnfit.core.activations import ACTIVATIONS
from nnfit.data.table import read_table
from nnfit.errors import UsageError
from nnfit.export.onnx import to_onnx
from nnfit.export.onnx.check import check
from nnfit.export.onnx.graph import Graph
from nnfit.export.onnx.network import SIGMAS, activated
from nnfit.export.onnx.proto import to_bytes

ROOT = Path(__file__).parent.parent.parent
RELEASED = sorted(path for path in ROOT.glob("tests/released/*/*.npz") if "checkpoint" not in path.name)

pytestmark = pytest.mark.filterwarnings("ignore::nnfit.NnfitWarning")


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
