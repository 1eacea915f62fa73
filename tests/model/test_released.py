"""Files of released versions stay readable and predict what they predicted, whatever is added to nnfit."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields, make_dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
import pytest
from model_files import closed, loaded, opened, refused
from threadpoolctl import threadpool_info

import nnfit
from nnfit.config import spec as declared
from nnfit.config.loader import load_spec
from nnfit.config.schema import hints, json_schema, row
from nnfit.core.activations import ACTIVATIONS, REAL, Traits
from nnfit.core.averaging import AVERAGES
from nnfit.core.initialization import INITIALIZATIONS
from nnfit.core.losses import LOSSES
from nnfit.core.optimizers import OPTIMIZERS
from nnfit.core.parameter import Parameter, named, parameter
from nnfit.core.schedules import SCHEDULES
from nnfit.data.columns import TYPES
from nnfit.data.scales import SCALES
from nnfit.errors import ModelFileError
from nnfit.fit import checkpoint
from nnfit.fit.prepare import prepare
from nnfit.model import metadata as reading
from nnfit.model.format import FROZEN
from nnfit.scoring.metrics import METRICS, Metric
from nnfit.version import __version__

ROOT = Path(__file__).parent.parent.parent
FOLDERS = sorted((ROOT / "tests/released").glob("*.*.*"))
MODELS = [path for folder in FOLDERS for path in sorted(folder.glob("*.npz")) if "checkpoint" not in path.name]
IRIS = ROOT / "tests/released/0.1.0/iris.npz"


def table_of(model: Path) -> Path:
    """The table that a model is named after."""
    return max((ROOT / "datasets").glob("*.csv"), key=lambda path: (model.stem.startswith(path.stem), len(path.stem)))


def rows_of(model: Path, folder: Path) -> Path:
    """The first 120 rows of the table that a model is named after, as a file."""
    table = table_of(model)
    path = folder / "rows.csv"
    path.write_text("".join(table.read_text("utf-8").splitlines(keepends=True)[:121]), "utf-8")
    return path


def same_machine(folder: Path) -> bool:
    """Whether the last bit is decided as it was when the predictions were made."""
    made_on = json.loads((folder / "made_on.json").read_text())
    kernels = {pool.get("architecture") for pool in threadpool_info() if pool["user_api"] == "blas"}
    return made_on == {"numpy": np.__version__, "architecture": next(iter(kernels), None)}


def assert_same(now: str, path: Path) -> None:
    """The predictions are those of then: bit for bit, or on another kernel but for the rounding of a product."""
    then = path.with_suffix(".csv").read_text("utf-8")
    if same_machine(path.parent):
        assert now == then
        return
    for mine, other in zip(csv.reader(now.splitlines()), csv.reader(then.splitlines()), strict=True):
        for a, b in zip(mine, other, strict=True):
            assert a == b or float(a) == pytest.approx(float(b), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_model_of_a_released_version_predicts_what_it_predicted(
    path: Path, tmp_path: Path, run: Callable[..., Any]
) -> None:
    ended = run("predict", path, rows_of(path, tmp_path), "--proba")
    assert ended.code == 0
    assert_same(ended.out, path)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_model_of_a_released_version_is_evaluated_inspected_and_saved_again(
    path: Path, tmp_path: Path, run: Callable[..., Any]
) -> None:
    assert run("evaluate", path, table_of(path), "--json").code == 0
    assert run("inspect", path).code == 0
    model = nnfit.load(path)
    model.save(tmp_path / "again.npz")
    again = nnfit.load(tmp_path / "again.npz")
    assert (again.spec, again.target, again.features) == (model.spec, model.target, model.features)
    assert again.theta.tobytes() == model.theta.tobytes()


def test_a_spec_of_a_released_model_trains_again(tmp_path: Path) -> None:
    model = nnfit.load(ROOT / "tests/released/0.1.0/notes_example.npz")
    frame = pd.read_csv(ROOT / "datasets/notes_example.csv")
    again = nnfit.train(model.spec, frame).model
    assert again.theta.tobytes() == model.theta.tobytes()


# --- what is added later -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Sine:
    """An activation that no released version knows."""

    name: Literal["sine"] = named("sine")
    frequency: float = parameter(1.0, "the frequency", above=0)
    traits: ClassVar[Traits] = Traits("sin(k z)", REAL, "lecun")

    def value(self, z: Any, scratch: Any) -> None:
        np.sin(z, out=z)

    def vjp(self, a: Any, delta: Any, scratch: Any) -> None:
        raise AssertionError("it is not trained here")


@dataclass(frozen=True, kw_only=True)
class New:
    """A row of any other table that no released version knows."""

    name: Literal["new"] = named("new")
    strength: float = parameter(0.5, "its strength", least=0)
    formula: ClassVar[str] = "new"


@pytest.fixture
def grown(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A nnfit of the future: one more entry in every table, one more key with a default, and another default."""
    monkeypatch.setitem(ACTIVATIONS, "sine", Sine)
    for table in (OPTIMIZERS, SCHEDULES, AVERAGES, INITIALIZATIONS):
        monkeypatch.setitem(table, "new", New)
    monkeypatch.setitem(LOSSES, "new", LOSSES["mse"])
    monkeypatch.setitem(SCALES, "new", SCALES["none"])
    for kind in METRICS:
        monkeypatch.setitem(METRICS[kind], "new", Metric(lambda *rows: 0.0, higher=True))
    more = [
        ("spice", float, parameter(0.5, "what 0.1.0 had none of", least=0)),
        ("patience", int, parameter(7, "more")),
    ]
    training = make_dataclass("Training", more, bases=(declared.Training,), frozen=True, kw_only=True)
    training.__doc__ = declared.Training.__doc__
    monkeypatch.setattr(declared, "Training", training)
    monkeypatch.setitem(FROZEN, "Training", {**FROZEN["Training"], "spice": 0.0, "patience": 1})
    forget()
    yield
    monkeypatch.undo()
    forget()


def forget() -> None:
    """What was made of the declarations is made anew."""
    for made in (json_schema, hints, reading.shape):
        made.cache_clear()


def test_the_future_of_this_test_knows_what_was_added(grown: None) -> None:
    layers = [{"size": 1, "activation": "linear"}]
    spec = {"data": {"train": "t.csv", "target": "y"}, "network": {"layers": layers}, "training": {}}
    assert load_spec(spec).spec.training.spice == 0.5  # type: ignore[attr-defined]
    hidden = {"size": 2, "activation": {"name": "sine", "frequency": 2}}
    layers.insert(0, hidden)
    assert load_spec(spec, {"training.spice": 1}).spec.network.layers[0].activation == Sine(frequency=2.0)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_whatever_is_added_released_models_are_read_and_predict_the_same(
    path: Path, tmp_path: Path, run: Callable[..., Any], grown: None
) -> None:
    model = nnfit.load(path)
    assert (model.spec.training.spice, model.spec.training.patience) == (0.0, 1)  # type: ignore[attr-defined]
    assert_same(run("predict", path, rows_of(path, tmp_path), "--proba").out, path)


def test_without_the_frozen_defaults_a_new_key_would_change_what_an_old_model_means(
    grown: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FROZEN, "Training", {})
    assert nnfit.load(IRIS).spec.training.spice == 0.5  # type: ignore[attr-defined]


def test_what_an_old_file_leaves_out_does_not_follow_todays_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    arrays, metadata = opened((ROOT / "tests/released/0.1.0/breast_cancer.npz").read_bytes())
    for key in ("threshold", "clamp", "average", "class_weight", "weighted_metrics", "baseline"):
        del metadata["spec"]["training"][key]
    for key in ("threshold", "bounds", "class_weights", "temperature"):
        del metadata["target"][key]
    older = closed(arrays, metadata)  # as nnfit wrote before there was a threshold
    changed = [("threshold", float | declared.Threshold, parameter(0.9, "other", above=0, below=1))]
    training = make_dataclass("Training", changed, bases=(declared.Training,), frozen=True, kw_only=True)
    with monkeypatch.context() as patched:
        patched.setattr(declared, "Training", training)
        forget()
        assert (loaded(older).spec.training.threshold, loaded(older).target.threshold) == (0.5, 0.5)
    forget()


# --- the rule, held against the declarations -----------------------------------------------------------------------

DECLARATIONS = [
    *(declared.Spec, declared.Data, declared.NetworkKeys, declared.Layer, declared.Initial, declared.Training),
    *(declared.EarlyStopping, declared.Checkpoint, declared.Threshold),
]
ROWS = [entry for table in (ACTIVATIONS, INITIALIZATIONS, OPTIMIZERS, SCHEDULES, AVERAGES) for entry in table.values()]
LABELLED = [
    *((each.__name__, each) for each in DECLARATIONS),
    *((f"columns.{name}", each) for name, each in TYPES.items()),
    *((row(each), each) for each in ROWS),
]


by_label = dict(LABELLED)


@pytest.mark.parametrize(("label", "each"), LABELLED, ids=[label for label, _ in LABELLED])
def test_every_key_says_what_a_file_means_that_is_older_than_it(label: str, each: Any) -> None:
    if label not in FROZEN:
        pytest.fail(
            f"{label} is new: add it to FROZEN in nnfit/model/format.py, with what older files mean by its keys"
        )
    optional = {key.name for key in fields(each) if key.init and key.default is not MISSING}
    assert set(FROZEN[label]) == optional


def test_the_frozen_meanings_are_the_defaults_of_the_version_that_the_format_is_of() -> None:
    """0.1.0 wrote every key, so what a file does not say is older: its defaults, which never changed until then."""
    schema = json.loads((ROOT / "tests/released/0.1.0/spec.schema.json").read_text("utf-8"))
    defined = {**schema["$defs"], "Spec": schema}
    columns = defined["Column"]["properties"]
    for label, meanings in FROZEN.items():
        for key, meaning in meanings.items():
            known = columns if label.startswith("columns.") else defined.get(label, {}).get("properties", {key: None})
            if key not in known:
                continue  # a later version added it, and says itself what older files mean
            if label.startswith("columns."):
                default = columns[key]["default"]
            elif label == "target" or (label, key) in (("Spec", "training"), ("NetworkKeys", "initialization")):
                continue  # not of the spec; a mapping of which each key has its own
            elif "." in label:
                kind, name = label.split(".")
                rows = [each for each in defined.values() if each["title"] == name and key in each["properties"]]
                default = next(row["properties"][key]["default"] for row in rows if "size" not in row["properties"])
                if kind in ("schedules", "activations") and name in ("step", "linear"):  # names of both tables
                    texts = {each.metadata["parameter"].text: each.default for each in fields(by_label[label])}
                    default = next(
                        row["properties"][key]["default"]
                        for row in rows
                        if row["properties"][key]["description"] in texts
                    )
            else:
                default = defined[label]["properties"][key]["default"]
            assert meaning == default, f"{label}.{key}"


def test_every_parameter_of_the_declarations_has_a_text() -> None:
    for _, each in LABELLED:
        for key in fields(each):
            stated = key.metadata["parameter"]
            assert isinstance(stated, Parameter)
            assert stated.text


# --- what cannot be honoured ---------------------------------------------------------------------------------------

FUTURE = {"nnfit": "9.1.0", "python": "3.20.0", "numpy": "4.0.0"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda m: m["spec"]["network"]["layers"][0]["activation"].update(name="sine"),
            f'spec.network.layers.0.activation: nnfit {__version__} does not know "sine"',
        ),
        (
            lambda m: m["spec"]["training"].update(spice=1.0),
            f'spec.training.spice: nnfit {__version__} does not know "spice"',
        ),
        (
            lambda m: m["spec"]["training"]["optimizer"].update(name="lion"),
            f'spec.training.optimizer: nnfit {__version__} does not know "lion"',
        ),
        (lambda m: m["spec"].update(loss="focal"), f'spec.loss: nnfit {__version__} does not know "focal"'),
        (
            lambda m: m["spec"]["data"]["columns"]["sepal_width"].update(scale="ple"),
            f'spec.data.columns.sepal_width.scale: nnfit {__version__} does not know "ple"',
        ),
        (lambda m: m["target"].update(task="ordinal"), f'target.task: nnfit {__version__} does not know "ordinal"'),
        (lambda m: m["target"].update(offset=1.0), f'target.offset: nnfit {__version__} does not know "offset"'),
        (lambda m: m["columns"][0].update(unit="cm"), f'columns.0.unit: nnfit {__version__} does not know "unit"'),
    ],
)
def test_what_this_nnfit_does_not_know_is_refused_by_name_with_the_version_that_wrote_it(
    change: Callable[[Any], object], message: str
) -> None:
    arrays, metadata = opened(IRIS.read_bytes())
    metadata["versions"] = FUTURE
    change(metadata)
    remedy = "use that version, or a later one"
    assert refused(closed(arrays, metadata)) == (
        f"m.npz: metadata: {message}; the file was written by nnfit 9.1.0; {remedy}"
    )


def test_a_format_of_the_future_is_refused_by_its_number_with_the_version_that_wrote_it() -> None:
    arrays, metadata = opened(IRIS.read_bytes())
    data = closed(arrays, metadata | {"format": 2, "versions": FUTURE})
    message = f"m.npz: metadata: model format 2, written by nnfit 9.1.0; this nnfit, {__version__}, reads 1"
    assert refused(data) == message
    with pytest.raises(ModelFileError) as caught:
        loaded(data)
    assert caught.value.code == "other-format"


def test_a_checkpoint_of_another_version_is_refused_with_a_sentence(tmp_path: Path) -> None:
    prepared = prepare(load_spec(ROOT / "configs/iris.yaml"))
    with pytest.raises(ModelFileError) as caught:
        checkpoint.read(ROOT / "tests/released/0.1.0/iris.checkpoint.npz", prepared, 1)
    assert caught.value.problems[0].sentence == (
        f"the checkpoint was made by nnfit 0.1.0, and this is nnfit {__version__}; "
        "go on with that version, or train without --resume to start anew"
    )
