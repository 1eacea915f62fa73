"""`nnfit.train`: what the command does but the screen and the files, from Python, alone or beside others."""

from __future__ import annotations

import json
import pickle
import signal
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import nnfit
from nnfit.config.loader import load_spec
from nnfit.errors import DataError, ModelFileError, Problem, SpecError, TrainingError, UsageError
from nnfit.fit import checkpoint
from nnfit.fit.prepare import prepare
from nnfit.fit.run import epochs, start

ROOT = Path(__file__).parent.parent.parent
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
IRIS = ROOT / "configs/iris.yaml"
SHORT = {"training.epochs": 4}


def mapping_of(config: Path) -> dict[str, Any]:
    """A config as a mapping, without the files that it names."""
    spec: dict[str, Any] = yaml.safe_load(config.read_text("utf-8"))
    for name in ("train", "output"):
        spec.pop(name, None)
    del spec["data"]["train"]
    return spec


def frame_of(config: Path) -> pd.DataFrame:
    """The table that a config is named after, read by pandas."""
    return pd.read_csv(ROOT / "datasets" / f"{config.stem}.csv")


def theta_of(spec: Any, *frames: pd.DataFrame, **options: Any) -> bytes:
    return nnfit.train(spec, *frames, **options).model.theta.tobytes()


# --- the same as the command ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_the_model_is_byte_for_byte_that_of_the_command(config: Path, tmp_path: Path, run: Callable[..., Any]) -> None:
    few = {"training.epochs": 3}
    assert run("train", config, "-o", tmp_path / "command.npz", "--set", "training.epochs=3").code == 0
    nnfit.train(str(config), overrides=few).model.save(tmp_path / "library.npz")
    assert (tmp_path / "library.npz").read_bytes() == (tmp_path / "command.npz").read_bytes()


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_a_frame_read_from_the_csv_gives_the_weights_of_the_csv(config: Path) -> None:
    few = {"training.epochs": 3}
    assert theta_of(mapping_of(config), frame_of(config), overrides=few) == theta_of(config, overrides=few)


def test_all_ways_to_give_a_spec_give_the_same_weights() -> None:
    frame, mapping = frame_of(IRIS), mapping_of(IRIS)
    expected = theta_of(IRIS, frame, overrides=SHORT)
    assert theta_of(str(IRIS), frame, overrides=["training.epochs=4"]) == expected
    assert theta_of(mapping, frame, overrides=SHORT) == expected
    assert theta_of(load_spec(IRIS).spec, frame, overrides=SHORT) == expected
    resolved = nnfit.train(mapping, frame, overrides=SHORT).model.spec
    assert isinstance(resolved, nnfit.Spec)
    assert theta_of(resolved, frame) == expected


def test_metrics_history_and_warnings_are_those_of_the_command(tmp_path: Path, run: Callable[..., Any]) -> None:
    config = ROOT / "configs/perceptron.yaml"
    report, costs = tmp_path / "m.json", tmp_path / "costs.csv"
    ended = run("train", config, "-o", tmp_path / "m.npz", "--json", report, "--history", costs)
    result = nnfit.train(config)
    assert result.metrics == json.loads(report.read_text())["metrics"] == result.model.metrics
    expected = pd.read_csv(costs).dropna(axis=1)
    pd.testing.assert_frame_equal(result.history, expected, check_exact=True)
    told = [line.removeprefix("warning: ") for line in ended.err.splitlines() if line.startswith("warning: ")]
    assert [str(warning) for warning in result.warnings] == told != []
    assert all(isinstance(warning, Problem) and warning.code for warning in result.warnings)


# --- tables in place of files --------------------------------------------------------------------------------------


def test_validation_and_test_may_be_frames_and_are_used_as_they_are(tmp_path: Path) -> None:
    frame = frame_of(IRIS).sample(frac=1, random_state=1)
    parts = {"train": frame[:90], "validation": frame[90:120], "test": frame[120:]}
    spec = mapping_of(IRIS)
    spec["data"] |= {"validation": None, "test": None}
    result = nnfit.train(spec, parts["train"], validation=parts["validation"], test=parts["test"], overrides=SHORT)
    assert result.model.record["rows"] == {"train": 90, "validation": 30, "test": 30}
    assert "validation" in result.history
    for name, part in parts.items():
        part.to_csv(tmp_path / f"{name}.csv", index=False)
        spec["data"][name] = str(tmp_path / f"{name}.csv")
    assert result.model.theta.tobytes() == theta_of(spec, overrides=SHORT)


def test_a_frame_for_validation_is_enough_for_early_stopping() -> None:
    spec = mapping_of(IRIS)
    spec["data"] |= {"validation": None, "test": None}
    spec["training"] |= {"early_stopping": {"patience": 3}}
    with pytest.raises(SpecError, match="needs rows that are not learnt from"):
        nnfit.train(spec, frame_of(IRIS))
    assert nnfit.train(spec, frame_of(IRIS), validation=frame_of(IRIS), overrides=SHORT).metrics.keys() == {
        *("train", "validation")
    }


MIXED = pd.DataFrame(
    {
        "count": [1, 2, 3, 4, 5, 6] * 4,
        "ratio": [0.5, None, 1.5, 2.5, 3.5, 4.5] * 4,
        "colour": pd.Series(["red", "blue", None] * 8, dtype="category"),
        "open": [True, False] * 12,
        "when": pd.date_range("2024-01-31", periods=24, freq="17D"),
        "zip": pd.Series(["01067", "99999", "00501"] * 8, dtype="category"),
        "whole": pd.array([1, None, 3] * 8, dtype="Int64"),
        "y": ["a", "b", "b"] * 8,
    }
)
TYPES = {
    "count": "numeric",
    "ratio": "numeric",
    "colour": "categorical",
    "open": "boolean",
    "when": "date",
    "zip": "categorical",
    "whole": "numeric",
}
SMALL = {
    "data": {"target": "y"},
    "network": {"layers": [{"size": 3, "activation": "tanh"}, {"size": 1, "activation": "logistic"}]},
    "training": {"epochs": 2, "batch_size": 4},
}


def test_the_dtype_of_a_column_says_what_it_is() -> None:
    model = nnfit.train(SMALL, MIXED).model
    assert {feature.name: feature.options.type for feature in model.features} == TYPES
    assert model.features[5].categories.own == ("00501", "01067", "99999")
    pd.testing.assert_index_equal(model.predict(MIXED).index, MIXED.index)


@pytest.mark.parametrize("dtype", ["string", "object", "category"])
def test_texts_of_any_dtype_are_the_same_table(dtype: str) -> None:
    assert theta_of(SMALL, MIXED.astype({"colour": dtype, "y": dtype})) == theta_of(SMALL, MIXED)


@pytest.mark.parametrize("dtype", ["str", "object", "string"])
def test_what_no_dtype_settles_is_numeric_where_every_cell_is_a_number_as_in_a_csv(dtype: str) -> None:
    texts = MIXED.assign(count=MIXED["count"].astype(str).astype(dtype))
    assert theta_of(SMALL, texts) == theta_of(SMALL, MIXED)
    decimals = MIXED.assign(count=[Decimal(value) for value in MIXED["count"]])
    assert theta_of(SMALL, decimals) == theta_of(SMALL, MIXED)


def test_numbers_among_other_texts_are_refused_as_in_a_csv(tmp_path: Path) -> None:
    mixed = MIXED.assign(count=[*MIXED["count"].astype(object)[:-1], "?"])
    with pytest.raises(DataError) as caught:
        nnfit.train(SMALL, mixed)
    mixed.to_csv(tmp_path / "data.csv", index=False)
    with pytest.raises(DataError) as of_csv:
        nnfit.train(SMALL | {"data": {"target": "y", "train": tmp_path / "data.csv"}})
    (problem,), (other,) = caught.value.problems, of_csv.value.problems
    assert problem[:3] == other[:3]
    assert problem.code == "mixed-column"
    assert str(problem).startswith('data:23:1: column "count" holds 23 numbers and 1 other text ("?", first here); ')
    known = nnfit.train(SMALL | {"data": {"target": "y", "missing": ["?"]}}, mixed).model
    assert known.features[0].options.type == "numeric"


def test_the_sha256_is_that_of_the_values() -> None:
    def digest(frame: pd.DataFrame) -> str:
        found: str = nnfit.train(SMALL, frame).model.record["data_sha256"]
        return found

    assert len(digest(MIXED)) == 64
    assert digest(MIXED) == digest(MIXED.copy()) == digest(MIXED.set_axis(range(5, 29)))
    changed = MIXED.assign(count=MIXED["count"].where(MIXED.index != 7, 9))
    assert digest(changed) != digest(MIXED)
    assert digest(MIXED.assign(colour=MIXED["colour"].astype(str).replace("blue", "pink"))) != digest(MIXED)
    assert digest(MIXED.rename(columns={"zip": "code"})) != digest(MIXED)


def test_the_frame_stays_as_it_was() -> None:
    frame = MIXED.copy()
    nnfit.train(SMALL, frame).model.predict(frame)
    pd.testing.assert_frame_equal(frame, MIXED)


def test_a_model_trained_on_a_frame_is_saved_and_read_and_cannot_be_verified_from_a_file(
    tmp_path: Path, run: Callable[..., Any]
) -> None:
    model = nnfit.train(SMALL, MIXED).model
    model.save(tmp_path / "m.npz")
    again = nnfit.load(tmp_path / "m.npz")
    pd.testing.assert_frame_equal(again.predict_proba(MIXED), model.predict_proba(MIXED))
    assert again.spec.data.train == "<DataFrame>"
    ended = run("verify", tmp_path / "m.npz")
    assert ended.code == 5
    assert "was trained on a DataFrame, which no file holds; train again with nnfit.train" in ended.err


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (MIXED[:0], "data: has no rows"),
        (
            MIXED.assign(y=None),
            'data:0:8: the target "y" is missing in 24 rows, first here; remove them, or set data.missing_target: drop',
        ),
        (MIXED.drop(columns="y"), 'data.target: data has no column "y"'),
        (pd.concat([MIXED, MIXED["zip"]], axis=1), "data: columns are there twice: zip"),
        (MIXED.assign(ratio=np.inf), 'data:0:2: column "ratio": expected finite numbers, got inf'),
        (MIXED.rename(columns={"zip": ""}), "data, column 6: this column has no name; give every column one"),
        (MIXED.rename(columns={"zip": None}), "data, column 6: nan is no name of a column; give every column one"),
        (pd.concat({"a": MIXED}, axis=1), "data, column 1: ('a', 'count') is no name of a column"),
        (MIXED.assign(zip=None), 'data: column "zip" has no value; add it to data.ignore'),
        (MIXED.assign(zip=pd.NaT), 'data: column "zip" has no value; add it to data.ignore'),
        (MIXED.assign(zip=1j), 'data:0:6: column "zip": complex128 is none of numbers, texts, dates, true and false'),
        (MIXED.assign(zip=pd.Timedelta("1D")), 'data:0:6: column "zip": timedelta64'),
        (
            MIXED.assign(zip=[[1]] * 24),
            'data:0:6: column "zip": expected a text, number, date or truth value, got list',
        ),
        (MIXED.assign(zip=b"x"), 'data:0:6: column "zip": expected a text, number, date or truth value, got bytes'),
        (np.ones((3, 3)), "expected a pandas DataFrame, got ndarray"),
    ],
)
def test_what_is_wrong_with_a_frame_is_told_with_its_place(frame: Any, message: str) -> None:
    with pytest.raises((DataError, SpecError)) as caught:
        nnfit.train(SMALL, frame)
    assert str(caught.value).startswith(message)


def test_a_spec_without_a_table_says_so() -> None:
    with pytest.raises(SpecError, match=r"^data: the key train is missing \(the file to learn from, CSV, "):
        nnfit.train(SMALL)
    with pytest.raises(SpecError, match=r"stands for a DataFrame, which nnfit\.train is given; name a file"):
        nnfit.train(nnfit.train(SMALL, MIXED).model.spec)


@pytest.mark.parametrize("spec", [None, 3, ["a"], b"spec.yaml"])
def test_what_is_no_spec_is_refused_in_words(spec: Any) -> None:
    with pytest.raises(UsageError, match="a spec is a path, a mapping or a Spec, not "):
        nnfit.train(spec, MIXED)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        *(
            ({"threads": value}, "threads must be a whole number from 1 to 1,024, not ")
            for value in (0, -3, "2", 1.5, True, 1025)
        ),
        (
            {"overrides": "training.epochs=1"},
            "overrides are a mapping of values by key, or a list of texts KEY=VALUE; ",
        ),
        ({"overrides": {1: 1}}, "overrides are a mapping"),
        ({"overrides": [1]}, "overrides are a mapping"),
        ({"on_epoch": 3}, "on_epoch must be a function of an epoch, not int"),
        ({"resume": True}, "resume is named by its path, not by bool"),
    ],
)
def test_wrong_arguments_are_refused_before_any_work(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        nnfit.train(SMALL, MIXED, **options)
    assert str(caught.value).startswith(message)


def test_a_frame_that_is_wrong_is_named_by_its_argument() -> None:
    with pytest.raises(DataError, match=r"^test: has no rows$"):
        nnfit.train(SMALL, MIXED, test=MIXED[:0])
    with pytest.raises(DataError, match=r'^validation:0:1: column "count": expected a number, got "many"'):
        nnfit.train(SMALL, MIXED, validation=MIXED.assign(count="many"))


def test_whole_numbers_beyond_int64_can_be_categories() -> None:
    large = MIXED.assign(count=[1e20, 2e20] * 12)
    spec = SMALL | {"data": {"target": "y", "columns": {"count": {"type": "categorical"}}}}
    assert nnfit.train(spec, large).model.features[0].categories.own == ("1e+20", "2e+20")


def test_the_metrics_of_a_model_cannot_be_changed_by_who_looks_at_them() -> None:
    result = nnfit.train(SMALL, MIXED)
    result.metrics["train"]["accuracy"] = 2.0
    result.model.metrics["train"]["accuracy"] = 2.0
    assert result.model.record["metrics"]["train"]["accuracy"] <= 1


# --- epochs, stopping, going on ------------------------------------------------------------------------------------


def test_each_epoch_is_handed_over_with_its_number_cost_and_validation() -> None:
    seen: list[Any] = []
    result = nnfit.train(IRIS, overrides=SHORT, on_epoch=seen.append)
    assert [epoch.number for epoch in seen] == [1, 2, 3, 4]
    assert result.history["cost"].tolist() == [epoch.cost for epoch in seen]
    assert result.history["validation"].tolist() == [epoch.validation for epoch in seen]
    assert all(isinstance(value, float) for epoch in seen for value in (epoch.cost, epoch.validation))


def test_the_history_of_several_members_has_the_cost_of_each() -> None:
    history = nnfit.train(IRIS, overrides=SHORT | {"network.members": 3}).history
    assert history.columns.tolist() == ["epoch", "cost", "validation", "cost_1", "cost_2", "cost_3"]
    np.testing.assert_allclose(history["cost"], history[["cost_1", "cost_2", "cost_3"]].mean(axis=1))


def test_what_on_epoch_raises_comes_out_as_it_is() -> None:
    def stop(epoch: Any) -> None:
        if epoch.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nnfit.train(IRIS, on_epoch=stop)


def test_it_goes_on_from_a_checkpoint_to_the_same_bytes(tmp_path: Path) -> None:
    prepared = prepare(load_spec(IRIS, SHORT))
    run = start(prepared)
    for epoch in epochs(run):
        if epoch.number == 2:
            break
    (tmp_path / "c.npz").write_bytes(checkpoint.to_bytes(run, 1))
    numbers: list[int] = []
    result = nnfit.train(
        IRIS, overrides=SHORT, resume=tmp_path / "c.npz", on_epoch=lambda epoch: numbers.append(epoch.number)
    )
    assert numbers == [3, 4]
    assert result.model.to_bytes() == nnfit.train(IRIS, overrides=SHORT).model.to_bytes()
    with pytest.raises(ModelFileError, match="cannot be read"):
        nnfit.train(IRIS, resume=tmp_path / "none.npz")


def test_divergence_is_an_error_with_code_and_remedy() -> None:
    with pytest.raises(TrainingError) as caught:
        nnfit.train(
            ROOT / "configs/diabetes.yaml", overrides={"training.optimizer": {"name": "sgd", "learning_rate": 1e9}}
        )
    assert caught.value.code == "diverged"
    assert caught.value.remedy.startswith("try a smaller training.optimizer.learning_rate")


# --- beside others -------------------------------------------------------------------------------------------------


def test_nothing_is_printed_warned_or_changed(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    errors, drawn = np.geterr(), np.random.get_state()[1].tolist()  # type: ignore[index]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = nnfit.train(ROOT / "configs/perceptron.yaml")
    assert result.warnings
    assert capfd.readouterr() == ("", "")
    assert {number: signal.getsignal(number) for number in handlers} == handlers
    assert np.geterr() == errors
    assert np.random.get_state()[1].tolist() == drawn  # type: ignore[index]
    assert list(tmp_path.iterdir()) == []


def trained(seed: int) -> bytes:
    """The model of one seed, for a worker."""
    return nnfit.train(IRIS, overrides=SHORT | {"seed": seed}).model.to_bytes()


def test_eight_threads_at_once_give_the_bytes_of_each_alone() -> None:
    alone = [trained(seed) for seed in range(8)]
    barrier = threading.Barrier(8)

    def together(seed: int) -> bytes:
        barrier.wait()
        return trained(seed)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(together, range(8))) == alone
    assert len(set(alone)) == 8


@pytest.mark.process
@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_a_process_of_a_pool_gives_the_bytes_of_this_one(method: str) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context(method)) as pool:
        assert list(pool.map(trained, range(2))) == [trained(0), trained(1)]
        failed = pool.submit(nnfit.train, SMALL, MIXED.drop(columns="y")).exception()
    assert isinstance(failed, SpecError)
    assert failed.place.key == "data.target"


def test_a_result_round_trips_through_pickle() -> None:
    result = nnfit.train(SMALL, MIXED)
    again = pickle.loads(pickle.dumps(result))
    assert again.model.to_bytes() == result.model.to_bytes()
    assert again.warnings == result.warnings
    pd.testing.assert_frame_equal(again.history, result.history)
