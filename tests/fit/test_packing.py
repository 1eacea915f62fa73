"""Trainings in one array: each comes out as it does alone, byte for byte, whatever becomes of the others."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from builders import GRADIENT_OPTIMIZERS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnfit.config.loader import LoadedSpec, load_spec
from nnfit.errors import DataError, NnfitError, SpecError, TrainingError
from nnfit.fit import checkpoint, packing
from nnfit.fit.packing import best_size, epochs, key, prepared_as, train_together
from nnfit.fit.prepare import prepare
from nnfit.fit.run import Run, start
from nnfit.fit.train import Result, Trainer, trained

SPEC = """\
data: {train: data.csv, target: y, split_seed: 3}
network: {layers: [{size: 6, activation: mish}, {size: auto, activation: softmax}], members: 3}
training: {epochs: 7, batch_size: 8, baseline: false}
"""
CSV = "x,z,w,y\n" + "".join(f"{i * 7 % 13},{i * i % 5},{1 + i % 3},{'abc'[i * i % 11 % 3]}\n" for i in range(47))
SETTINGS = {
    "folds": {
        "training.resample": "folds",
        "training.early_stopping": {"patience": 2},
        "training.average": "ema",
        "training.schedule": "cosine",
        "training.calibration": "temperature",
    },
    "plateau": {
        "training.resample": "folds",
        "training.schedule": {"name": "plateau", "patience": 1, "gamma": 0.5, "threshold": 0.5},
        "training.average": {"name": "swa", "start": 0.4},
        "training.baseline": True,
    },
    "bootstrap": {
        "training.resample": "bootstrap",
        "training.early_stopping": {"patience": 2, "monitor": "accuracy"},
        "training.class_weight": "balanced",
        "network.initialization.data_driven": True,
        "data.columns": {"x": {"piecewise": 4, "periodic": 2}},
    },
    "validation": {
        "data.validation": 0.3,
        "data.weight": "w",
        "training.early_stopping": {"patience": 3},
        "training.schedule": {"name": "one_cycle", "warmup": 0.1},
        "network.dtype": "float64",
    },
    "alone": {"network.members": 1, "training.dropout": 0.3, "network.layers[0].size": 1},
    "full": {"training.batch_size": "full", "network.members": 2},
}
# What may differ: of one training from the first.
OWN: list[dict[str, Any]] = [
    {},
    {"training.optimizer.learning_rate": 0.3},
    {"training.l2": 0.1},
    {"training.l1": 0.01, "training.clip_value": 0.01},
    {"training.clip_norm": 0.1},
    {"training.label_smoothing": 0.2},
    {"seed": 5, "training.l2": 1e-3},
    {"seed": 6, "training.optimizer.learning_rate": 1e-4},
    {"network.initialization.weights": "normal", "network.initialization.bias": 0},
    {"network.initialization.output_gain": 0.1, "seed": 5},
    {"training.label_smoothing": 0.1, "training.clip_norm": 1.0, "training.clip_value": 0.02},
]
OF_OPTIMIZER = {
    "sgd": {"momentum": 0.9},
    "adagrad": {"epsilon": 1e-3},
    "rmsprop": {"alpha": 0.5, "epsilon": 1e-4, "momentum": 0.9},
    "adam": {},
    "adamw": {"weight_decay": 0.5},
    "lbfgs": {},
}


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[..., list[LoadedSpec]]:
    """The specs of trainings that differ from a base."""

    def loaded(base: dict[str, Any], each: Sequence[dict[str, Any]] = OWN) -> list[LoadedSpec]:
        (tmp_path / "data.csv").write_text(CSV)
        (tmp_path / "spec.yaml").write_text(SPEC)
        return [load_spec(tmp_path / "spec.yaml", {**base, **own}) for own in each]

    return loaded


def told(found: Result | NnfitError) -> Any:
    """All of a training that is to be the same."""
    if isinstance(found, NnfitError):
        return type(found), str(found)
    return found.model.to_bytes(), dict(found.columns), found.metrics, found.warnings, found.model.home


def alone(spec: LoadedSpec) -> Any:
    try:
        return told(trained(spec, {}))
    except NnfitError as error:
        return told(error)


def same(specs: Sequence[LoadedSpec]) -> list[Result | NnfitError]:
    """The trainings together, which are what they are alone."""
    assert len({key(spec) for spec in specs}) == 1
    found = train_together(specs)
    assert len(found) == len(specs)
    for spec, one in zip(specs, found, strict=True):
        assert told(one) == alone(spec)
    return found


# --- the same bytes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*GRADIENT_OPTIMIZERS, "lbfgs"])
def test_with_every_optimizer_trainings_are_what_they_are_alone(loaded: Callable[..., Any], name: str) -> None:
    base: dict[str, Any] = {**SETTINGS["folds"], "training.optimizer.name": name}
    own = OWN[:8]
    if name == "lbfgs":
        base |= {"training.batch_size": "full", "training.average": "none", "training.schedule": "constant"}
        own = [{}, {"training.l2": 0.1}, {"training.label_smoothing": 0.2}, {"seed": 5}]
    elif name in ("sgd", "rmsprop"):
        base |= {"training.optimizer.momentum": 0.5}
    other = {f"training.optimizer.{key}": value for key, value in OF_OPTIMIZER[name].items()}
    found = same(loaded(base, [*own, other, {**other, "seed": 8}]))
    assert len({one.model.theta.tobytes() for one in found if isinstance(one, Result)}) >= len(own)


@pytest.mark.parametrize("kind", SETTINGS)
def test_in_every_setting_trainings_are_what_they_are_alone(loaded: Callable[..., Any], kind: str) -> None:
    dropout = [{"training.dropout": 0.6}, {"training.dropout": 0.1, "seed": 2}] if kind == "alone" else []
    same(loaded({**SETTINGS[kind], "training.optimizer.name": "adamw"}, [*OWN[1::2], *OWN[8::2], *dropout]))


def test_three_specs_in_five_folds_are_fifteen_members(loaded: Callable[..., Any]) -> None:
    base = {**SETTINGS["folds"], "network.members": 5, "training.baseline": True}
    found = same(loaded(base, [{"seed": k, "training.optimizer.learning_rate": 0.01 * (k + 1)} for k in range(3)]))
    assert all(one.model.theta.shape[0] == 5 for one in found if isinstance(one, Result))
    rows = {repr(one.model.record["rows"]) for one in found if isinstance(one, Result)}
    assert len(rows) == 1


@cache
def bytes_alone(folder: Path, k: int) -> Any:
    return alone(load_spec(folder / "spec.yaml", {**SETTINGS["folds"], "training.optimizer.name": "adamw", **MORE[k]}))


MORE = [*OWN, {"training.optimizer.weight_decay": 0.0}, {"training.optimizer.learning_rate": 1e30}]


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(st.integers(0, len(MORE) - 1), min_size=1, max_size=6))
def test_any_of_them_in_any_order_are_what_they_are_alone(
    tmp_path_factory: pytest.TempPathFactory, chosen: list[int]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "packing"
    if not folder.exists():
        folder.mkdir()
        (folder / "data.csv").write_text(CSV)
        (folder / "spec.yaml").write_text(SPEC)
    base = {**SETTINGS["folds"], "training.optimizer.name": "adamw"}
    found = train_together([load_spec(folder / "spec.yaml", {**base, **MORE[k]}) for k in chosen])
    assert [told(one) for one in found] == [bytes_alone(folder, k) for k in chosen]


@pytest.mark.parametrize(("name", "value"), [("COPIES", 1), ("IDLE", 0), ("IDLE", 1)])
def test_how_much_is_done_at_once_is_not_seen(
    loaded: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, name: str, value: float
) -> None:
    monkeypatch.setattr(packing, name, value)
    base = {**SETTINGS["folds"], "training.early_stopping": {"patience": 1}, "training.epochs": 12}
    found = same(loaded(base, [{"training.optimizer.learning_rate": rate} for rate in (0.3, 3.0, 1e-4, 0.05)]))
    assert len({len(one.columns["epoch"]) for one in found if isinstance(one, Result)}) > 1


def test_rows_held_out_are_copied_for_some_trainings_however_many_there_are(
    loaded: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = {k: each.run for k, each in enumerate(packing.begin(loaded(SETTINGS["folds"], OWN[:7])))}
    own = runs[0].held_out
    assert all(run.held_out is own for run in runs.values())
    monkeypatch.setattr(packing, "COPIES", 2.5 * sum(part.nbytes for part in own))
    looked_at = packing.Packed(runs).held_out
    assert [len(each.X) // len(own.X) for each in looked_at] == [2, 2, 2, 1]
    assert looked_at[0].X is looked_at[2].X
    assert looked_at[3].X is own.X


# --- broken off, and gone on with ------------------------------------------------------------------------------------


def again(specs: Sequence[LoadedSpec], runs: Sequence[Run]) -> list[Trainer]:
    """The trainings from the checkpoints of their runs, as another process would have them."""
    ready, found = prepare(specs[0]), []
    like: Run | None = None
    for spec, run in zip(specs, runs, strict=True):
        own = prepared_as(ready, spec)
        like, changed = checkpoint.from_bytes(checkpoint.to_bytes(run, 1), "a run", own, 1, like)
        assert changed == []
        found.append(Trainer(spec, like, 1, packing.begin([spec])[0].warnings))  # type: ignore[union-attr]
    return found


@pytest.mark.parametrize("kind", [*SETTINGS, "lbfgs"])
def test_trainings_that_are_broken_off_together_go_on_alone_and_with_others_as_if_nothing_had_been(
    loaded: Callable[..., Any], kind: str
) -> None:
    base: dict[str, Any] = {"training.optimizer.name": "adamw", **SETTINGS.get(kind, {})}
    own = [OWN[k] for k in (0, 1, 2, 6, 7, 9)]
    if kind == "lbfgs":
        base |= {"training.optimizer.name": "lbfgs", "training.batch_size": "full", "training.resample": "folds"}
        own = [{}, {"training.l2": 0.1}, {"seed": 5}, {"training.l2": 1.0}, {"training.l2": 10.0}, {"seed": 6}]
    specs = loaded(base, own)
    trainers = [each for each in packing.begin(specs) if isinstance(each, Trainer)]
    numbers = [number for number, _ in epochs([each.run for each in trainers], until=2)]
    assert max(numbers) == 2
    trainers = again(specs, [each.run for each in trainers])
    for each in trainers[:2]:
        for epoch in each.epochs():
            if epoch.number == 5:
                break
    rest = trainers[2:]
    for _ in epochs([each.run for each in rest], until=5):
        pass
    trainers = again(specs, [each.run for each in trainers])
    for chosen in ((0, 3, 4), (1, 2, 5)):  # with others than before
        for number, failed in epochs([trainers[k].run for k in chosen]):
            assert number <= 7
            assert not failed
    assert [told(each.result()) for each in trainers] == [alone(spec) for spec in specs]


# --- one among others ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["folds", "validation", "full"])
def test_one_that_diverges_is_an_error_in_its_place(loaded: Callable[..., Any], kind: str) -> None:
    own = [{}, {"training.optimizer.learning_rate": 1e30}, {"seed": 4}, {"training.optimizer.learning_rate": 1e36}]
    found = same(loaded({**SETTINGS[kind], "training.optimizer.name": "sgd"}, own))
    assert [type(one) for one in found] == [Result, TrainingError, Result, TrainingError]
    assert "training diverged in epoch " in str(found[1])


def test_weights_that_are_no_numbers_are_an_error_in_their_place(loaded: Callable[..., Any]) -> None:
    far = {"network.initialization.weights": {"name": "normal", "sd": 3e38}}
    found = same(loaded({}, [far, {}, {"seed": 2}]))
    assert [type(one) for one in found] == [SpecError, Result, Result]
    assert "spec.yaml" in str(found[0]) or "overrides" in str(found[0])


def test_what_is_wrong_with_the_data_is_the_error_of_all(loaded: Callable[..., Any], tmp_path: Path) -> None:
    specs = loaded({}, OWN[:3])
    (tmp_path / "data.csv").write_text("x,z,y\n1,2,a\n3,4,a\n")
    assert [type(one) for one in same(specs)] == [DataError] * 3
    assert train_together([]) == []


def test_a_real_target_has_no_labels_to_smooth_and_others_are_trained(loaded: Callable[..., Any]) -> None:
    base = {"data.target": "z", "network.layers[1].activation": "linear"}
    found = same(loaded(base, [{"training.label_smoothing": 0.1}, {}, {"training.l2": 0.1}]))
    assert [type(one) for one in found] == [SpecError, Result, Result]


def test_without_epochs_the_networks_are_those_of_the_start(loaded: Callable[..., Any]) -> None:
    same(loaded({"training.epochs": 0}, [{}, {"seed": 2}]))


# --- step by step --------------------------------------------------------------------------------------------------


def test_trainings_go_on_in_other_company_from_where_they_are(loaded: Callable[..., Any]) -> None:
    base = {**SETTINGS["plateau"], "training.optimizer.name": "adamw"}
    specs = loaded(base, OWN[:5])
    trainers = packing.begin(specs, blas_threads=1)
    ready: list[Any] = [*trainers]
    for number, failed in epochs([each.run for each in ready]):
        assert not failed
        if number == 3:
            break
    best = [ready[4].run, ready[1].run]
    stop: list[str] = []
    for number, _ in epochs(best, stop):
        if number == 5:
            stop.append("now")
    assert [each.run.state.epochs for each in ready] == [3, 5, 3, 3, 5]
    assert [number for number, _ in epochs(best)] == [6, 7]
    assert not list(epochs(best))
    for k in (1, 4):
        assert told(ready[k].result())[0] == alone(specs[k])[0]


def test_data_prepared_for_one_are_those_of_all(loaded: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    specs = loaded(SETTINGS["folds"], OWN[:3])
    ready, expected = prepare(specs[1]), [alone(spec) for spec in specs]
    for spec in specs:
        assert prepared_as(ready, spec).spec == prepare(spec).spec
    assert best_size(ready) > 1

    def again(*arguments: Any) -> Any:
        raise AssertionError("the data are prepared already")

    monkeypatch.setattr(packing, "prepare", again)
    numbers: list[int] = []
    found = train_together(specs, prepared=ready, on_epoch=numbers.append)
    assert [told(one) for one in found] == expected
    assert numbers == [*range(1, max(numbers) + 1)]


# --- what may be trained together ----------------------------------------------------------------------------------


def test_the_key_is_the_same_where_members_may_differ_and_no_other(loaded: Callable[..., Any]) -> None:
    base = {"training.optimizer": {"name": "sgd", "momentum": 0.5}, "training.dropout": 0.1}
    files = {"output": "m.npz", "training.checkpoint": {"every": 2}}
    free = [{"training.dropout": 0.3}, {"training.optimizer.momentum": 0.1}, files, *OWN]
    (first,) = loaded(base, [{}])
    assert {key(spec) for spec in loaded(base, free)} == {key(first)}
    (without,) = loaded({**base, "data.split_seed": None, "seed": 3}, [{}])
    assert key(without) == key(first)
    others: list[dict[str, Any]] = [
        {"data.split_seed": 4},
        {"data.split_seed": None},
        {"data.columns": {"x": {"scale": "none"}}},
        {"training.epochs": 8},
        {"training.batch_size": 9},
        {"training.dropout": 0},
        {"training.optimizer.momentum": 0},
        {"training.optimizer.nesterov": True},
        {"training.optimizer": {"name": "adam"}},
        {"training.schedule": "cosine"},
        {"training.resample": "folds"},
        {"training.average": "ema"},
        {"network.members": 4},
        {"network.layers[0].size": 5},
        {"network.dtype": "float64"},
        {"training.baseline": True},
    ]
    keys = {key(spec) for spec in loaded(base, others)}
    assert len(keys) == len(others)
    assert key(first) not in keys


# --- memory --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["folds", "bootstrap", "validation", "alone"])
def test_what_each_training_has_for_itself_is_what_memory_grows_by_and_bounds_how_many_are_put_together(
    loaded: Callable[..., Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.CSV", CSV + 60 * CSV.partition("\n")[2])
    base = {**SETTINGS[name], "training.epochs": 1, "data.columns": {}}
    specs = loaded(base, [{"seed": k} for k in range(8)])
    ready = prepare(specs[0])

    def peak(count: int) -> int:
        """The most bytes that so many trainings take at once, their data aside."""
        tracemalloc.start()
        try:
            runs: list[Any] = []
            for spec in specs[:count]:
                runs.append(start(packing.prepared_as(ready, spec), runs[0] if runs else None))
            list(epochs(runs))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)  # what is made when it is first needed
    each = (peak(8) - peak(2)) / 6
    assert 0.5 * each < packing.own(ready) < 3 * each
    free = best_size(ready)
    monkeypatch.setattr(packing, "ROOM", 4 * packing.own(ready))
    assert best_size(ready) == min(free, 4)
    monkeypatch.setattr(packing, "ROOM", 1)
    assert best_size(ready) == 1
