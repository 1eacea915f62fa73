"""What a training takes of memory is computed before it is allocated, and refused where there is less."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from contextvars import copy_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Ended

import nnfit
from nnfit.config.loader import load_spec
from nnfit.core.linear import minimised
from nnfit.errors import SpecError
from nnfit.fit import prepare, resources
from nnfit.fit.baseline import reduced
from nnfit.fit.resources import Need, needed, of_linear
from nnfit.fit.run import start
from nnfit.fit.train import begin
from nnfit.words import volume
from nnfit.workers import cores
from nnfit.workers.ranks import together

GB = 10**9
SPEC: dict[str, Any] = {
    "data": {"train": "t.csv", "target": "y"},
    "network": {"layers": [{"size": 16, "activation": "relu"}, {"size": "auto", "activation": "logistic"}]},
    "training": {"epochs": 1, "baseline": False},
}
LEAST = "less is taken with --threads 1, with fewer members, columns or rows, or with data.storage: disk"
WHOLE = {"training.batch_size": "full"}


def frame(n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    return pd.DataFrame({"x": x, "z": rng.normal(size=n), "y": np.where(x > 0, "a", "b")})


def message(overrides: dict[str, Any]) -> str:
    with pytest.raises(SpecError) as caught:
        nnfit.train(SPEC, frame(), overrides=overrides)
    return str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "key", "remedy"),
    [
        ({"network.members": 10**15}, "network.members", "set fewer members"),
        ({"network.members": 10**9}, "network.members", "set fewer members"),
        ({"network.members": 10**15, "training.resample": "folds"}, "network.members", "set fewer members"),
        ({"network.members": 10**15, "training.epochs": 0}, "network.members", "set fewer members"),
        ({"network.members": 10**15, "training.optimizer": "lbfgs", **WHOLE}, "network.members", "set fewer members"),
        ({"network.layers.0.size": 10**15}, "network.layers[0].size", "make the layer smaller"),
        ({"network.layers.0.size": 10**10, "training.epochs": 0}, "network.layers[0].size", "make the layer smaller"),
        (
            {"training.optimizer": {"name": "lbfgs", "history": 10**12}, **WHOLE},
            "training.optimizer.history",
            "set a shorter history",
        ),
    ],
)
def test_what_needs_more_memory_than_there_is_is_refused_at_its_key(
    overrides: dict[str, Any], key: str, remedy: str
) -> None:
    start = time.perf_counter()
    tracemalloc.start()
    found = message(overrides)
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()
    assert time.perf_counter() - start < 2
    assert found.startswith(f"overrides: {key}: the training takes ")
    assert found.endswith(f"; {remedy}")


def test_the_batch_is_blamed_where_a_smaller_one_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "memory", lambda: 150 * 10**6)
    overrides = {"network.layers.0.size": 4000, "network.dtype": "float64", **WHOLE, "training.epochs": 9}
    with pytest.raises(SpecError, match=r"training.batch_size: the training takes .* and there are 150.0 MB"):
        begin(load_spec(SPEC, overrides, ["train"]), {"train": frame(3000)})


def test_the_table_is_blamed_where_it_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "memory", lambda: 10**6)
    with pytest.raises(SpecError, match=r"data: the training takes .*; leave columns out with data.ignore"):
        begin(load_spec(SPEC, {"data.columns.x.bins": 1000}, ["train"]), {"train": frame(400)})


def test_the_figures_say_what_takes_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "refuse_beyond", lambda *_, on_disk: None)
    monkeypatch.setattr(resources, "memory", lambda: 1000)
    ready = begin(load_spec(SPEC, {}, ["train"]), {"train": frame()}).prepared
    need = needed(ready.spec, {"train": 40}, 2)
    assert need == Need(table=40 * 5 * 4, weights=65 * 4 * 4, activations=need.activations, members=resources.MEMBER)
    with pytest.raises(SpecError) as caught:
        resources.refuse_beyond(load_spec(SPEC).document, ready.spec, {"train": 40}, 2)
    assert str(caught.value).split(": ", 1)[1] == (
        f"the training takes {volume(sum(need))} of memory or more (800 bytes for table, 1.0 kB for weights, "
        f"{volume(need.activations)} for activations, 768 bytes for members), and there are 1.0 kB; make the "
        "layer smaller"
    )


def test_a_model_that_no_file_holds_is_refused_before_it_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "memory", lambda: 10**15)
    found = message({"network.members": 10**8})
    assert found == (
        "overrides: network.members: the weights take 26.0 GB, and a model file holds 4.3 GB; set fewer members"
    )


@pytest.mark.parametrize(
    "overrides",
    [
        {"network.members": 30},
        {"network.members": 30, "training.resample": "bootstrap"},
        {"network.members": 12, "training.resample": "folds", "training.early_stopping": {"patience": 2}},
        {"network.layers.0.size": 2000, **WHOLE},
        {"network.layers.0.size": 2000, "data.validation": 0.5, "training.average": "ema"},
        {"network.members": 20, **WHOLE, "training.optimizer": "lbfgs"},
    ],
    ids=str,
)
def test_the_estimate_is_what_is_used_and_never_more(
    monkeypatch: pytest.MonkeyPatch, overrides: dict[str, Any]
) -> None:
    estimates: list[int] = []
    monkeypatch.setattr(prepare, "refuse_beyond", lambda _, *of, on_disk: estimates.append(sum(needed(*of))))
    data = frame(1500)
    nnfit.train(SPEC, data, overrides=overrides)  # what is imported on first use is not counted
    tracemalloc.start()
    nnfit.train(SPEC, data, overrides=overrides).model.to_bytes()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.6 * peak < estimates[-1] <= peak


@pytest.mark.parametrize(
    ("n", "columns", "members", "classes"), [(2500, 4, 60, 2), (300, 1200, 2, 2), (200, 2100, 20, 2), (2500, 40, 8, 20)]
)
def test_so_is_that_of_the_linear_model(n: int, columns: int, members: int, classes: int) -> None:
    rng = np.random.default_rng(0)
    data = pd.DataFrame(rng.normal(size=(n, columns)), columns=[f"x{i}" for i in range(columns)])
    data["y"] = [f"c{k:02}" for k in np.arange(n) % classes]
    layers = [{"size": 2, "activation": "tanh"}, {"size": "auto", "activation": "softmax"}]
    spec = {"data": SPEC["data"], "network": {"layers": layers, "members": members}, "training": {"resample": "folds"}}
    ready = prepare.prepare(load_spec(spec, (), {"train": data}), {"train": data})
    run, less = start(ready), reduced(ready)
    assert less is not None
    tracemalloc.start()
    minimised(less.network, ready.sets["train"].examples, run.rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.6 * peak < of_linear(ready.spec, n) <= peak


def test_the_memory_there_is_is_the_least_that_any_limit_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 10**8 < resources.memory() < 10**15
    (tmp_path / "memory.max").write_text("max\n")
    monkeypatch.setattr(cores, "CGROUP", tmp_path)
    everything, shared = resources.memory(), list[int]()
    (tmp_path / "memory.max").write_text(f"{10**9}\n")
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text(f"{10**9}\n")
    assert everything > resources.memory() == 10**9
    copy_context().run(lambda: [together.set(4), shared.append(resources.memory())])
    assert shared == [10**9 // 4]  # four ranks of one training on the machine


def test_sizes_are_told_in_units() -> None:
    assert [volume(n) for n in (0, 999, 1000, 1_550_000, 10**18, 10**40)] == [
        *("0 bytes", "999 bytes", "1.0 kB", "1.6 MB", "1.0 EB", "1e+22 EB"),
    ]


@pytest.mark.parametrize("command", ["train", "check"])
def test_a_command_says_so_with_the_place_in_the_spec(run: Callable[..., Ended], flowers: Path, command: str) -> None:
    path = flowers / "flowers.yaml"
    path.write_text(path.read_text().replace("network:\n", "network:\n  members: 1e15\n"))
    ended = run(command, path)
    assert ended.code == 3
    assert "flowers.yaml:7:3: network.members: the training takes " in ended.err + ended.out.replace("\n    ", " ")


@pytest.mark.process
def test_a_limit_of_the_process_counts(flowers: Path) -> None:
    code = """\
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (6 * 10**9, 6 * 10**9))
sys.argv = ["nnfit", "train", "flowers.yaml", "--set", "network.layers.0.size=30000000"]
from nnfit.cli.main import main
main()
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=flowers, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 3
    assert ended.stderr.endswith("and there are 6.0 GB; make the layer smaller\n")


def test_memory_that_ends_all_the_same_is_told_as_that(
    run: Callable[..., Ended], flowers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def empty(*arguments: object, **options: object) -> None:
        raise MemoryError

    monkeypatch.setattr("nnfit.fit.run.initialize", empty)
    ended = run("train", flowers / "flowers.yaml", "--quiet")
    assert (ended.code, ended.err) == (3, f"nnfit: not enough memory for this network or these data; {LEAST}\n")
