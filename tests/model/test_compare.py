"""Models on the rows of one table: the same rows for all, and what does not fit is told by the name of the model."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nnfit
from nnfit.data.frames import read_frame
from nnfit.data.target import truth
from nnfit.errors import DataError, UsageError
from nnfit.model.compare import Comparison, compare, read
from nnfit.scoring.pairs import Said, scored, told

# New rows reach further than those that were learnt from.
pytestmark = pytest.mark.filterwarnings("ignore:values outside the range:nnfit.NnfitWarning")


def table(n: int = 200, seed: int = 0) -> pd.DataFrame:
    """Three columns that say something of a class, of a number and of two truth values, and one that does not."""
    rng = np.random.default_rng([seed, n])
    x = rng.normal(size=(n, 3))
    z = x[:, 0] * x[:, 1] + x[:, 2] + 0.5 * rng.normal(size=n)
    columns = {f"x{k}": x[:, k] for k in range(3)} | {"c": np.array(["p", "q"])[np.arange(n) % 2]}
    return pd.DataFrame(columns).assign(y=np.where(z > 0, "b", "a"), r=z, s=-z, t=(z > 0) * 1, u=(x[:, 0] > 0) * 1)


def trained(target: Any, data: pd.DataFrame | None = None, layers: int = 2, **overrides: Any) -> nnfit.Model:
    output = {"y": "logistic", "r": "linear"}.get(target if isinstance(target, str) else target[0], "logistic")
    output = "linear" if target in (["r", "s"], ["s", "r"]) else output
    spec = {
        "data": {"target": target, "features": ["x0", "x1", "x2", "c"]},
        "network": {
            "layers": [{"size": 16, "activation": "tanh"}, {"size": "auto", "activation": output}][2 - layers :]
        },
        "training": {"epochs": 40, "baseline": False, "optimizer": {"name": "adam", "learning_rate": 0.02}},
    }
    given = {name.replace("__", "."): value for name, value in overrides.items()}
    return nnfit.train(spec, table() if data is None else data, overrides=given).model


@pytest.fixture(scope="module")
def network() -> nnfit.Model:
    return trained("y")


@pytest.fixture(scope="module")
def linear() -> nnfit.Model:
    return trained("y", layers=1)


def of_frame(frame: pd.DataFrame, *models: nnfit.Model) -> Comparison:
    tables = [read_frame(frame, model.dialect, model.labelled_kinds, others=False) for model in models]
    return compare(models, tables, [f"{name}.npz" for name in "abcdef"[: len(models)]])


def of_file(path: Path, *models: nnfit.Model) -> Comparison:
    names = [f"{name}.npz" for name in "abcdef"[: len(models)]]
    return compare(models, read(models, str(path), names), names)


def words(found: Comparison) -> dict[str, str]:
    return {pair.metric: pair.word for pair in found.differences if pair.models == (0, 1)}


# --- what is found -------------------------------------------------------------------------------------------------


def test_the_metrics_are_those_of_an_evaluation_and_the_better_model_is_found(
    network: nnfit.Model, linear: nnfit.Model
) -> None:
    new = table(600, seed=1)
    found = of_frame(new, network, linear)
    assert found.rows == 600
    assert list(found.metrics) == [model.evaluate(new) for model in (network, linear)]
    for pair in found.differences:
        assert pair.difference == pytest.approx(found.metrics[0][pair.metric] - found.metrics[1][pair.metric])
    found_words = words(found)
    assert {found_words[name] for name in ("accuracy", "log_loss", "f1_macro", "roc_auc")} == {"better"}
    assert found.differences == of_frame(new, network, linear).differences


def test_every_pair_is_compared_in_the_order_of_the_models(network: nnfit.Model, linear: nnfit.Model) -> None:
    found = of_frame(table(100, seed=1), network, linear, network)
    assert list(dict.fromkeys(pair.models for pair in found.differences)) == [(0, 1), (0, 2), (1, 2)]
    assert {pair.word for pair in found.differences if pair.models == (0, 2)} == {"not told apart"}


def test_trainings_that_differ_in_their_seed_alone_are_not_told_apart() -> None:
    """The interval of the rows alone would tell many of them apart."""
    data, new, said = table(150), table(1500, seed=1), []
    for seed in range(10):
        model = trained("y", data, seed=seed)
        rows = read_frame(new, model.dialect, model.labelled_kinds, others=False)
        said.append(Said(model.target, model.outputs(rows), truth(model.target, rows)))
    found = scored(said)
    pairs = [{each.metric: each for each in told((a, b), found[a], found[b])} for a, b in combinations(range(10), 2)]
    for name in ("accuracy", "log_loss", "f1_macro", "roc_auc"):
        assert np.mean([pair[name].word != "not told apart" for pair in pairs]) <= 0.1, name
    each = [pair["log_loss"] for pair in pairs]
    assert np.mean([one.low is not None and not one.low <= 0 <= (one.high or 0) for one in each]) > 0.25


def test_features_encoding_members_and_output_neurons_may_differ(network: nnfit.Model, tmp_path: Path) -> None:
    other = trained("y", data__features=["x2", "c"], network__members=5, data__missing=["?"])
    softmax = trained("y", **{"network__layers.1.activation": "softmax"})
    assert softmax.target.task == "multinomial"
    new = table(50, seed=2)
    new.to_csv(tmp_path / "new.csv", index=False)
    for found in (of_frame(new, network, other, softmax), of_file(tmp_path / "new.csv", network, other, softmax)):
        assert found.rows == 50
        assert [each["accuracy"] for each in found.metrics] == [
            pytest.approx((model.predict(new)["prediction"] == new["y"]).mean()) for model in (network, other, softmax)
        ]


@pytest.mark.parametrize("targets", [["r", "s"], ["t", "u"]])
def test_several_targets_may_stand_in_any_order(targets: list[str]) -> None:
    models = trained(targets), trained(targets[::-1])
    found = of_frame(table(100, seed=1), *models)
    for pair in found.differences:
        assert pair.difference == pytest.approx(found.metrics[0][pair.metric] - found.metrics[1][pair.metric])
    turned = of_frame(table(100, seed=1), *models[::-1])
    assert [pair.difference for pair in turned.differences] == [-pair.difference for pair in found.differences]


def test_a_row_that_one_model_leaves_out_is_left_out_for_all(linear: nnfit.Model, tmp_path: Path) -> None:
    strict, dropping = linear, trained("y", data__missing_target="drop", data__missing=["?"])
    new = table(60, seed=3)
    new.loc[[4, 7], "y"] = ["", "?"]
    new.to_csv(tmp_path / "new.csv", index=False)
    for models in ((strict, dropping), (dropping, strict)):
        found = of_file(tmp_path / "new.csv", *models)
        assert found.rows == 58
        (dropped,) = [each for each in found.warnings if each.code == "dropped-rows"]
        assert dropped.message == '2 rows of 60 are left out, as the target "y" is missing there'
        (alone,) = of_file(tmp_path / "new.csv", dropping, dropping).metrics[:1]
        assert found.metrics[models.index(dropping)] == alone


def test_rows_that_count_by_other_weights_count_once_and_that_is_said(network: nnfit.Model) -> None:
    weighted = trained("y", training__class_weight={"a": 5}, training__weighted_metrics=True)
    new = table(100, seed=1)
    found = of_frame(new, network, weighted)
    assert [each.code for each in found.warnings if each.code == "other-weights"] == ["other-weights"]
    predicted = weighted.predict(new)["prediction"]
    assert found.metrics[1]["accuracy"] == pytest.approx((predicted == new["y"]).mean())
    alike = of_frame(new, weighted, weighted)
    assert "other-weights" not in {each.code for each in alike.warnings}
    assert alike.metrics[0]["accuracy"] != found.metrics[1]["accuracy"]


# --- what a model has learnt from ----------------------------------------------------------------------------------


def test_rows_that_were_learnt_from_are_warned_of_by_the_name_of_the_model(linear: nnfit.Model, tmp_path: Path) -> None:
    data = table(80, seed=4)
    data.to_csv(tmp_path / "data.csv", index=False)
    spec = {
        "data": {"train": str(tmp_path / "data.csv"), "target": "y", "features": ["x0", "x1"]},
        "network": {"layers": [{"size": 1, "activation": "logistic"}]},
        "training": {"epochs": 3},
    }
    own = nnfit.train(spec).model
    data[:30].assign(x2=0.0).to_csv(tmp_path / "part.csv", index=False)
    for file, rows in (("data.csv", 80), ("part.csv", 30)):
        found = of_file(tmp_path / file, linear, own)
        (warning,) = [each for each in found.warnings if each.code == "learnt-from"]
        assert str(warning).startswith(f"{tmp_path / file}: b.npz: {rows} of {rows} rows were learnt from: ")
        assert found.learnt == (None, {"train": rows})


# --- what does not fit ---------------------------------------------------------------------------------------------


def test_models_that_do_not_predict_the_same_are_refused_with_what_differs(network: nnfit.Model) -> None:
    three = table().assign(y=np.array(["a", "b", "c"])[np.arange(200) % 3])
    number = trained("r")
    as_class = trained("r", table().assign(r=1.0 * (table()["r"] > 0)), **{"network__layers.1.activation": "logistic"})
    cases = {
        number: 'b.npz: predicts "r" and not, as a.npz does, "y"; compare models of one target',
        trained("y", three, **{"network__layers.1.activation": "softmax"}): 'has classes that a.npz lacks: "c"; ',
    }
    for other, message in cases.items():
        with pytest.raises(UsageError) as caught:
            of_frame(three, network, other)
        assert message in str(caught.value)
    with pytest.raises(UsageError, match=r'b\.npz: lacks classes of a\.npz: "c"'):
        of_frame(three, list(cases)[1], network)
    with pytest.raises(UsageError, match=r'predicts "r" as a class and not, as a\.npz does, as a number'):
        of_frame(three, number, as_class)
    with pytest.raises(UsageError, match="one model alone has nothing to be compared with; name two or more"):
        of_frame(three, number)


def test_a_target_that_is_read_in_two_ways_is_refused_at_its_cell(tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("x0;r\n1;2\n2;1,500\n" + "3;4\n" * 9)
    rows = pd.DataFrame({"x0": np.arange(20.0), "r": np.arange(20.0) ** 2})
    more = {"data__features": ["x0"], "data__separator": ";"}
    as_thousands = trained("r", rows, **{"data__columns.r": {"type": "numeric", "thousands": ","}}, **more)
    as_decimal = trained("r", rows, **{"data__columns.r": {"type": "numeric", "decimal": ","}}, **more)
    with pytest.raises(DataError) as caught:
        of_file(tmp_path / "new.csv", as_thousands, as_decimal)
    assert str(caught.value).startswith(
        f'{tmp_path / "new.csv"}:3: b.npz: a.npz reads the target "r" as 1500 here, and this model as 1.5; '
    )


def test_what_is_wrong_with_the_data_names_the_model(network: nnfit.Model, tmp_path: Path) -> None:
    narrow = trained("y", data__features=["x0"])
    file = tmp_path / "new.csv"
    table(20)[["x0", "y"]].to_csv(file, index=False)
    with pytest.raises(DataError, match=r"new\.csv:1: b\.npz: columns missing: x1, x2, c"):
        of_file(file, narrow, network)
    table(20)[["x0", "x1", "x2", "c"]].to_csv(file, index=False)
    with pytest.raises(DataError, match=r"new\.csv:1: a\.npz: the target is missing: y"):
        of_file(file, network, narrow)
    table(20).replace({"c": {"q": "new"}}).to_csv(file, index=False)
    with pytest.raises(DataError, match=r'new\.csv:3:4: b\.npz: .*"new"'):
        of_file(file, narrow, network)
