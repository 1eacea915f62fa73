"""What parameters say of the spec, beside a proposal and beside a spec that is given; what is told of wrong ones."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from nnfit.errors import NnfitError, SpecError
from nnfit.sklearn import NNClassifier, NNRegressor
from nnfit.sklearn.parameters import KEYS

pytestmark = pytest.mark.filterwarnings("ignore:the network:nnfit.NnfitWarning")

SPEC: dict[str, Any] = {
    "network": {"layers": [{"size": 6, "activation": "tanh"}, {"size": 1, "activation": "logistic"}], "members": 2},
    "training": {"epochs": 2, "optimizer": {"name": "adam", "learning_rate": 0.02}},
    "seed": 5,
}


def fitted(people: pd.DataFrame, **parameters: Any) -> Any:
    few = {"members": 2, "epochs": 1} if "spec" not in parameters else {}
    return NNClassifier(**{**few, **parameters}).fit(people[["number", "town"]], people["y"])


def spec_of(people: pd.DataFrame, **parameters: Any) -> Any:
    return fitted(people, **parameters).model_.spec


def test_every_parameter_has_its_key_and_a_default_that_says_nothing() -> None:
    for kind in (NNClassifier, NNRegressor):
        said = inspect.signature(kind).parameters
        assert set(said) - {"spec", "threads"} == set(KEYS) - ({"class_weight"} if kind is NNRegressor else set())
        assert {name for name, each in said.items() if each.default is not None} == {"threads"}
        assert list(kind().get_params()) == sorted(said)


def test_the_documentation_names_every_parameter_with_its_key() -> None:
    page = (ROOT / "docs/sklearn.md").read_text("utf-8")
    assert [name for name, key in KEYS.items() if f"| `{name}` | `{key}` |" not in page] == []
    assert [name for name in KEYS if name not in str(NNClassifier.__doc__)] == []


def test_what_is_said_of_layers(people: pd.DataFrame) -> None:
    def layers(**parameters: Any) -> list[tuple[int, str]]:
        return [(each.size, each.activation.name) for each in spec_of(people, **parameters).network.layers]

    output = (1, "logistic")
    assert layers() == [(128, "mish"), (128, "mish"), output]
    assert layers(layers=(8, 4)) == layers(layers=np.array([8, 4])) == [(8, "mish"), (4, "mish"), output]
    assert layers(layers=8, activation="relu") == [(8, "relu"), output]
    assert layers(activation="tanh") == [(128, "tanh"), (128, "tanh"), output]
    assert layers(layers=()) == [output]
    assert layers(layers=[{"size": 3, "activation": "elu"}, 2]) == [(3, "elu"), (2, "mish"), output]
    assert layers(spec=SPEC) == [(6, "tanh"), output]
    assert layers(spec=SPEC, layers=(5, 5)) == [(5, "tanh"), (5, "tanh"), output]


def test_one_member_has_no_folds_and_watches_nothing_but_validation_rows(people: pd.DataFrame) -> None:
    assert spec_of(people).training.early_stopping.patience == 30
    one = spec_of(people, members=1)
    assert (one.training.resample, one.training.early_stopping) == ("none", None)
    watched = spec_of(people, members=1, validation=0.2)
    assert (watched.data.validation, watched.training.early_stopping.patience) == (0.2, 30)
    assert spec_of(people, resample="none").training.early_stopping is None
    assert spec_of(people, resample="bootstrap").training.early_stopping.patience == 30


def test_what_is_said_of_early_stopping(people: pd.DataFrame) -> None:
    assert spec_of(people, early_stopping=False).training.early_stopping is None
    assert spec_of(people, early_stopping=True).training.early_stopping.patience == 30
    assert spec_of(people, early_stopping=4).training.early_stopping.patience == 4
    assert spec_of(people, early_stopping={"monitor": "accuracy"}).training.early_stopping.monitor == "accuracy"
    held_out = {"spec": SPEC, "resample": "folds"}
    assert spec_of(people, **held_out).training.early_stopping is None
    assert spec_of(people, **held_out, early_stopping=True).training.early_stopping.patience == 20


def test_an_optimizer_that_is_named_has_its_own_defaults(people: pd.DataFrame) -> None:
    assert spec_of(people).training.optimizer.beta2 == 0.95
    assert spec_of(people, learning_rate=0.5).training.optimizer.learning_rate == 0.5
    assert spec_of(people, learning_rate=0.5).training.optimizer.beta2 == 0.95
    named = spec_of(people, optimizer="adamw", weight_decay=0.3).training.optimizer
    assert (named.beta2, named.weight_decay) == (0.999, 0.3)
    sgd = spec_of(people, optimizer={"name": "sgd", "momentum": 0.9}, learning_rate=0.1).training.optimizer
    assert (sgd.name, sgd.momentum, sgd.learning_rate) == ("sgd", 0.9, 0.1)


def test_the_seed_is_the_number_or_drawn_from_a_state(people: pd.DataFrame) -> None:
    assert [spec_of(people, random_state=value).seed for value in (None, 7, np.int64(8))] == [0, 7, 8]
    assert spec_of(people, spec=SPEC).seed == 5
    assert spec_of(people, spec=SPEC, random_state=1).seed == 1
    state = np.random.RandomState(0)
    drawn = [spec_of(people, random_state=state).seed for _ in range(2)]
    assert drawn[0] != drawn[1]
    assert spec_of(people, random_state=np.random.RandomState(0)).seed == drawn[0]


def test_parameters_beside_a_spec_override_it(people: pd.DataFrame) -> None:
    spec = spec_of(people, spec=SPEC, epochs=3, learning_rate=0.1, dtype="float64", dropout=0.1, batch_size=7)
    assert (spec.training.epochs, spec.training.optimizer.learning_rate, spec.network.dtype) == (3, 0.1, "float64")
    assert (spec.training.dropout, spec.training.batch_size, spec.training.optimizer.name) == (0.1, 7, "adam")
    assert SPEC["training"]["epochs"] == 2


def test_a_spec_says_how_the_target_and_the_weights_are_called(people: pd.DataFrame) -> None:
    spec = {**SPEC, "data": {"target": "answer", "weight": "w", "columns": {"answer": {"type": "categorical"}}}}
    X, y = people[["number", "town"]], people["y"]
    model = NNClassifier(spec=spec).fit(X, y, sample_weight=np.ones(60)).model_
    assert (model.spec.data.target, model.spec.data.weight) == (("answer",), "w")
    assert NNClassifier(spec=spec).fit(X.assign(w=2), y).model_.spec.data.weight == "w"
    with pytest.raises(SpecError, match='sample_weight is given, and the spec takes the weights from column "w" of X'):
        NNClassifier(spec=spec).fit(X.assign(w=2), y, sample_weight=np.ones(60))
    with pytest.raises(ValueError, match=r"the spec names 2 as data\.target, and y has 1"):
        NNClassifier(spec={**SPEC, "data": {"target": ["a", "b"]}}).fit(X, y)


def test_paths_of_a_spec_start_in_its_folder(people: pd.DataFrame, tmp_path: Path) -> None:
    people.to_csv(tmp_path / "watched.csv", index=False)
    (tmp_path / "spec.yaml").write_text(
        "data: {train: nowhere.csv, target: y, validation: watched.csv, ignore: [size, member, since, price]}\n"
        "network: {layers: [{size: 1, activation: logistic}]}\ntraining: {epochs: 2}\n"
    )
    model = NNClassifier(spec=tmp_path / "spec.yaml").fit(people.drop(columns="y"), people["y"]).model_
    assert "validation" in model.metrics


WRONG = {
    "epochs": (-1, "epochs: expected a whole number of at least 0, got -1"),
    "layers": ((16, "x"), 'layers: expected a whole number of at least 1 or auto, got "x"'),
    "activation": ("rellu", 'did you mean "relu"?'),
    "optimizer": ("sdg", 'optimizer: expected one of sgd, adagrad, rmsprop, adam, adamw, lbfgs, got "sdg"'),
    "learning_rate": ("fast", 'learning_rate: expected a number above 0, got "fast"'),
    "members": (0, "members: expected a whole number of at least 1, got 0"),
    "early_stopping": (-3, "early_stopping: expected a whole number of at least 1, got -3"),
    "resample": ("fold", 'did you mean "folds"?'),
    "random_state": (-1, "random_state: expected a whole number of at least 0, got -1"),
    "class_weight": ({"never": 1}, 'class_weight: "never" is not a class of the target; there are no, yes'),
    "threads": (0, "threads must be a whole number from 1 to 1,024, not 0"),
    "spec": (5, "a spec is a path, a mapping or a Spec, not int"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_parameter_is_told_by_its_name(name: str, people: pd.DataFrame) -> None:
    value, message = WRONG[name]
    with pytest.raises(NnfitError) as caught:
        fitted(people, **{name: value})
    assert isinstance(caught.value, ValueError)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_of_a_spec_that_is_given_keeps_its_name(people: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=r"^training.epochs: expected a whole number of at least 0, got -1$"):
        fitted(people, spec={**SPEC, "training": {"epochs": -1}})
    with pytest.raises(ValueError, match=r"^epochs: expected a whole number of at least 0, got -2$"):
        fitted(people, spec=SPEC, epochs=-2)


@pytest.mark.parametrize(("said", "names"), [({"layers": (9,)}, "layers"), ({"activation": "tanh"}, "activation")])
@pytest.mark.parametrize("network", [{}, {"network": {"members": 2}}, {"network": {"layers": []}}], ids=str)
def test_hidden_layers_beside_a_spec_without_layers_are_told(
    said: dict[str, Any], names: str, network: dict[str, Any], people: pd.DataFrame
) -> None:
    with pytest.raises(SpecError) as caught:
        fitted(people, spec={"training": {"epochs": 1}, **network}, **said)
    message = f"{names}: {names} say what the hidden layers are, and the spec has no network.layers; give it the last"
    assert str(caught.value).startswith(message)


def test_a_spec_of_classes_is_none_for_a_regressor(people: pd.DataFrame) -> None:
    with pytest.raises(SpecError, match="bce is a loss of classes; use NNClassifier, or the loss mse"):
        NNRegressor(spec=SPEC).fit(people[["town", "since"]], np.arange(60) % 2)


def test_a_training_that_diverges_is_an_error_of_nnfit(people: pd.DataFrame) -> None:
    with pytest.raises(NnfitError, match="training diverged in epoch"):
        fitted(people, optimizer="sgd", learning_rate=1e30, schedule="constant", epochs=5)
