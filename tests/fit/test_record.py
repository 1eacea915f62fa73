"""What a training leaves is written, whatever its numbers are, and what could not be written is told before it."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nnfit
from nnfit.cli import train as command
from nnfit.config.loader import load_spec
from nnfit.errors import OutputError
from nnfit.fit import baseline
from nnfit.fit import train as training
from nnfit.fit.run import Progress
from nnfit.model.model import Model
from nnfit.storage import json_text, npz

Run = Callable[..., Any]

LINEAR = {"layers": [{"size": 4, "activation": "relu"}, {"size": 1, "activation": "linear"}]}


def rows(seed: int, factor: float = 1.0) -> pd.DataFrame:
    x = np.random.default_rng(seed).normal(size=(40, 2))
    return pd.DataFrame({"a": x[:, 0] * factor, "b": x[:, 1] * factor, "y": x[:, 0] + x[:, 1]})


def strict(text: str) -> Any:
    """JSON, and nothing that is not."""
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


# --- what is not finite --------------------------------------------------------------------------------------------


def far(folder: Path) -> None:
    """A spec whose validation rows are far from all that was learnt from: their cost overflows in every epoch."""
    rows(0).to_csv(folder / "data.csv", index=False)
    rows(1, 1e30).to_csv(folder / "far.csv", index=False)
    spec = {"data": {"train": "data.csv", "target": "y", "validation": "far.csv"}, "network": LINEAR}
    (folder / "spec.yaml").write_text(
        json.dumps(spec | {"training": {"epochs": 6, "early_stopping": {"patience": 99}}})
    )


def test_a_validation_cost_that_overflows_is_null_in_the_record(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far(tmp_path)
    monkeypatch.chdir(tmp_path)
    ended = run("train", "spec.yaml", "--json", "r.json", "--history", "h.csv", "--quiet")
    assert ended.code == 0, ended.err
    record = nnfit.load("spec.npz").record
    assert record["history"]["validation"] == [None] * 6
    assert all(map(math.isfinite, record["history"]["cost"]))
    assert strict(Path("r.json").read_text())["metrics"] == record["metrics"]
    assert pd.read_csv("h.csv")["validation"].tolist() == [math.inf] * 6
    shown = strict(run("inspect", "spec.npz", "--json").out)
    assert shown["history"] == record["history"]
    assert run("verify", "spec.npz").code == 0
    assert run("inspect", "spec.npz").code == 0
    assert strict(run("evaluate", "spec.npz", "far.csv", "--json").out)["metrics"]["data"]["loss"] > 1e50
    data = Path("spec.npz").read_bytes()
    assert nnfit.load("spec.npz").to_bytes() == data


@pytest.mark.parametrize("target", ["y", "c", "d", ["s", "t"]])
def test_a_schedule_that_ends_far_out_is_told_or_written(target: Any) -> None:
    table = rows(0)
    table["c"] = np.where(table.a > 0, "u", "v")
    table["d"] = np.array(["p", "q", "r"])[np.arange(40) % 3]
    table["s"], table["t"] = (table.a > 0).astype(int), (table.b > 0).astype(int)
    output = {"y": "linear", "d": "softmax"}.get(str(target), "logistic")
    written = 0
    for final in (1e3, 1e15, 1e18, 1e30, 1e36, 1e300):
        layers = [{"size": 3, "activation": "relu"}, {"size": "auto", "activation": output}]
        spec = {
            "data": {"target": target, "features": ["a", "b"], "validation": 0.2},
            "network": {"layers": layers},
            "training": {
                "epochs": 2,
                "batch_size": "full",
                "optimizer": {"name": "sgd", "learning_rate": 0.01},
                "schedule": {"name": "linear", "final": final},
            },
        }
        try:
            result = nnfit.train(spec, table)
        except nnfit.NnfitError as error:
            assert error.exit_code == 6
            continue
        assert len(result.history) == 2
        strict(json_text.write(result.model.record).decode())
        again = Model(**vars(result.model)).to_bytes()
        assert again == result.model.to_bytes()
        written += 1
    assert written


def test_a_training_that_was_stopped_goes_on_from_costs_that_are_not_finite(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert run("train", "spec.yaml", "-o", "whole.npz", "--quiet").code == 0
    words = ("train", "spec.yaml", "-o", "out.npz", "--quiet", "--set", "training.checkpoint={every: 2}")
    real = training.Trainer.result

    def fails(*arguments: Any) -> Any:
        raise OutputError(nnfit.errors.Problem("x", "a bug after all epochs"))

    with monkeypatch.context() as patch:
        patch.setattr(training.Trainer, "result", fails)
        assert run(*words).code == 7
    assert training.Trainer.result is real
    ended = run(*words, "--resume")
    assert "going on after epoch 6 from out.checkpoint.npz" in ended.err
    assert ended.code == 0
    one, two = (nnfit.load(name) for name in ("whole.npz", "out.npz"))
    assert np.array_equal(one.theta, two.theta)
    assert one.record == two.record


# --- a trained network is not lost ---------------------------------------------------------------------------------


@pytest.mark.parametrize("bug", [ValueError("metrics"), MemoryError("full")])
def test_whatever_goes_wrong_after_the_epochs_the_network_is_kept(
    run: Run, flowers: Path, monkeypatch: pytest.MonkeyPatch, bug: Exception
) -> None:
    monkeypatch.chdir(flowers)
    assert run("train", "flowers.yaml", "-o", "whole.npz", "--quiet").code == 0
    words = ("train", "flowers.yaml", "-o", "out.npz", "--quiet")

    def fails(*arguments: Any) -> Any:
        raise bug

    with monkeypatch.context() as patch:
        patch.setattr(baseline, "linear", fails)
        if isinstance(bug, MemoryError):
            ended = run(*words)
            assert ended.code == 3
            kept = "warning: the trained network is kept in out.checkpoint.npz; go on with nnfit "
            assert ended.err.startswith(kept + " ".join(words) + " --resume\n")
        else:
            with pytest.raises(ValueError, match="metrics"):
                run(*words)
    assert not (flowers / "out.npz").exists()
    assert run(*words, "--resume").code == 0
    assert (flowers / "out.npz").read_bytes() == (flowers / "whole.npz").read_bytes()
    assert not (flowers / "out.checkpoint.npz").exists()


ALL = ("history", "aggregates", "metrics", "trivial", "linear", "prior", "input_mean")


def without(model: Model, *names: str) -> Model:
    """A model that has not recorded some things."""
    return replace(model, record={name: value for name, value in model.record.items() if name not in names})


def test_a_record_without_room_in_the_file_is_left_out_with_a_warning(
    run: Run, flowers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(flowers)
    assert run("train", "flowers.yaml", "-o", "whole.npz", "--quiet").code == 0
    whole = nnfit.load("whole.npz")
    sizes = [(len(without(whole, *names).text()) - 1, names) for names in (("history",), ALL)]
    for room, missing in sizes:
        monkeypatch.setattr(json_text, "MAX_BYTES", room)
        monkeypatch.setattr(training, "DIGITS", 0)
        monkeypatch.setattr(training, "SIZE", 0)
        ended = run("train", "flowers.yaml", "-o", "out.npz", "--quiet")
        assert ended == (
            0,
            "",
            f"warning: the model file has no room for the record of the training: without {', '.join(missing)}; "
            "--history and --json write them to files of their own\n",
        )
        cut = nnfit.load("out.npz")
        assert np.array_equal(cut.theta, whole.theta)
        assert whole.record.keys() - cut.record.keys() == set(missing)
        assert run("inspect", "out.npz").code == run("predict", "out.npz", "flowers.csv").code == 0


def test_more_epochs_than_a_file_has_room_for_are_told_before_the_first(
    run: Run, flowers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_text, "MAX_BYTES", 12_000)
    monkeypatch.setattr(training, "SIZE", 7_000)
    ended = run("train", flowers / "flowers.yaml", "--quiet", "--set", "training.epochs=200")
    first, second = ended.err.splitlines()
    assert first == (
        "warning: the costs of 200 epochs may have no room in the model file, and be left out of it; --history writes "
        "them to a file of their own"
    )
    assert second.startswith("warning: the model file has no room for the record of the training: without history; ")


def test_the_means_of_the_inputs_are_reserved_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 31)), columns=[*map(str, range(30)), "y"])
    spec = {"data": {"target": "y"}, "network": LINEAR, "training": {"epochs": 1}}
    frames = {"train": table}
    trainer = training.begin(load_spec(spec, (), frames), frames)

    def told(most: int) -> bool:
        monkeypatch.setattr(json_text, "MAX_BYTES", most)
        return bool(trainer.check_size())

    def needed() -> int:
        low, high = 20_000, 200_000  # told at the one, not at the other
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if told(middle) else (low, middle)
        return high

    whole = needed()
    mean = len(json.dumps(trainer.result().model.record["input_mean"], separators=(",", ":")))
    monkeypatch.setattr(training, "MOST_MEANS", 29)
    assert whole - needed() == 30 * training.MEAN >= mean


# --- what could not be written is told before the first epoch ------------------------------------------------------


@pytest.mark.parametrize(("module", "limit"), [(npz, "MAX_BYTES"), (npz, "MAX_MEMBERS"), (json_text, "MAX_BYTES")])
def test_a_model_that_no_file_can_hold_is_refused_before_training(
    run: Run, flowers: Path, monkeypatch: pytest.MonkeyPatch, module: Any, limit: str
) -> None:
    monkeypatch.setattr(module, limit, 5)

    def never(*arguments: Any) -> Any:
        pytest.fail("it trains")

    monkeypatch.setattr(training, "epochs", never)
    ended = run("train", flowers / "flowers.yaml", "--quiet")
    weights = module is npz and limit == "MAX_BYTES"  # these have a key that is to blame
    assert (ended.code, len(ended.err.splitlines())) == (3 if weights else 7, 1)
    assert {path.name for path in flowers.iterdir()} == {"flowers.yaml", "flowers.csv"}


def wide(n: int) -> Model:
    """A model of n columns."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(8, n)).round(2), columns=[f"column {i}" for i in range(n)])
    table["y"] = table["column 0"]
    network = {"layers": [{"size": 1, "activation": "linear"}]}
    return nnfit.train({"data": {"target": "y"}, "network": network, "training": {"epochs": 1}}, table).model


def test_twenty_thousand_columns_are_trained_written_and_read(tmp_path: Path) -> None:
    model = wide(20_000)
    model.save(tmp_path / "m.npz")
    again = nnfit.load(tmp_path / "m.npz")
    assert (again.spec, again.features) == (model.spec, model.features)
    assert np.array_equal(again.theta, model.theta)


def test_fifty_thousand_columns_are_read_in_three_times_the_file_and_20_mb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = 10  # of them, and of all that a file may have: the whole takes a minute to be watched
    for limit in ("ROOM", "MAX_BYTES", "BLOCK"):
        monkeypatch.setattr(json_text, limit, getattr(json_text, limit) // part)
    model = wide(50_000 // part)
    model.save(tmp_path / "m.npz")
    tracemalloc.start()
    try:
        again = nnfit.load(tmp_path / "m.npz")
        assert tracemalloc.get_traced_memory()[1] < 3 * (tmp_path / "m.npz").stat().st_size + 20_000_000 // part
    finally:
        tracemalloc.stop()
    assert (again.spec, again.features) == (model.spec, model.features)


def test_options_go_unsaid_only_where_there_is_no_room_and_mean_the_same(
    rich: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "m.npz").write_bytes(rich)
    model = nnfit.load(tmp_path / "m.npz")
    assert model.to_bytes() == rich
    size = len(model.text())
    monkeypatch.setattr(json_text, "MAX_BYTES", size - 1)
    model.save(tmp_path / "less.npz")
    less = nnfit.load(tmp_path / "less.npz")
    assert len(model.text()) < size - 100
    assert (less.spec, less.features, less.record) == (model.spec, model.features, model.record)


def test_spaces_give_values_room_and_no_text_gets_more_than_it_may() -> None:
    many = {"a": [{f"k{j}": "abc" for j in range(8)} for _ in range(40_000)]}
    data = json_text.write(many)
    assert data.endswith(b"   ")
    assert len(data) < json_text.STRETCH * len(data.rstrip())
    assert json_text.read(data, "m.npz") == many
    with pytest.raises(OutputError, match="too many values"):
        json_text.write({"a": [[]] * 1_000_000})


def test_an_epoch_of_the_record_keeps_its_number() -> None:
    epochs = [Progress(i, np.array([1.0]), np.array([[math.inf, 0.5, math.nan][i - 1]])) for i in (1, 2, 3)]
    history = json_text.tidy(training.history_of(epochs))
    assert history["validation"] == [None, 0.5, None]
    assert command.Outputs._fields[0] == "model"


# --- the means of the inputs ---------------------------------------------------------------------------------------


def test_the_record_holds_the_mean_of_every_input_over_the_training_rows(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, np.nan] * 5, "b": ["p", "q", "q", "q"] * 5, "w": [1, 9, 1, 9] * 5})
    spec = {
        "data": {"target": "y", "weight": "w", "columns": {"a": {"scale": "minmax"}}},
        "network": {"layers": [{"size": 1, "activation": "linear"}], "dtype": "float64"},
        "training": {"epochs": 1},
    }
    model = nnfit.train(spec, frame.assign(y=range(20))).model
    # a, filled with its median 2 and scaled; its indicator; the shares of p and q. Weights do not count.
    assert model.record["input_mean"] == pytest.approx([0.5, 0.25, 0.25, 0.75], abs=1e-15)
    model.save(tmp_path / "m.npz")
    assert nnfit.load(tmp_path / "m.npz").record["input_mean"] == model.record["input_mean"]


def test_there_are_none_of_very_many_inputs_or_where_their_sum_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = {
        "data": {"target": "y", "columns": {"a": {"scale": "none"}}},
        "network": {"layers": [{"size": 1, "activation": "linear"}], "dtype": "float64"},
        "training": {"epochs": 0, "baseline": False},
    }
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 4.0]})
    assert "input_mean" not in nnfit.train(spec, frame.assign(a=[1e308, 1e308, 1e308])).model.record
    assert nnfit.train(spec, frame).model.record["input_mean"] == [2.0]
    monkeypatch.setattr(training, "MOST_MEANS", 0)
    assert "input_mean" not in nnfit.train(spec, frame).model.record


@pytest.mark.parametrize("top", [1e149, 1e151, 1e301, 1e308])
def test_predictions_too_large_for_a_square_have_no_profile_and_the_training_works_to_the_end(
    top: float, tmp_path: Path
) -> None:
    spec = {
        "data": {"target": "y", "columns": {"a": {"scale": "none"}}},
        "network": {"layers": [{"size": 1, "activation": "linear"}], "dtype": "float64"},
        "training": {"epochs": 0, "baseline": False},
    }
    model = nnfit.train(spec, pd.DataFrame({"a": [top] * 20, "y": [1.0, 2.0, 4.0, 5.0] * 5})).model
    model.save(tmp_path / "m.npz")
    profile = nnfit.load(tmp_path / "m.npz").record["aggregates"]["profile"]
    assert bool(profile["targets"]) == (top < 1e150)


def test_a_target_of_the_smallest_doubles_is_trained_to_the_end() -> None:
    spec = {
        "data": {"target": "y"},
        "network": {"layers": [{"size": 1, "activation": "linear"}]},
        "training": {"epochs": 1, "baseline": False},
    }
    table = pd.DataFrame({"a": np.arange(30.0), "y": np.arange(30) % 8 * 5e-324})
    found = nnfit.train(spec, table).model.aggregates
    assert found is not None and sum(found.profile.targets[0].residuals) == 30
