"""What a person sees: names as they are spelled, and of a training what it came to."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from nnfit.cli import screen

Run = Callable[..., Any]


LABELS = ["[bold]x[/bold]", ":smile:", "[red]", "100%", "a\\[b]"]


def strange(folder: Path, labels: list[str]) -> None:
    """flowers.csv with other labels, which name a column, categories and classes."""
    with open(folder / "flowers.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "x", labels[0], "species"])
        writer.writerows([[i, i * i % 7, labels[i % 2], labels[i % len(labels)]] for i in range(60)])


def test_names_are_shown_as_they_are_spelled(run: Run, flowers: Path) -> None:
    strange(flowers, LABELS)
    model = flowers / "flowers.npz"
    trained = run("train", flowers / "flowers.yaml")
    assert trained.code == 0
    evaluated = run("evaluate", model, flowers / "flowers.csv")
    for ended in (trained, evaluated):
        for label in LABELS:
            assert ended.out.count(label) == 2  # a row and a column of the confusion matrix
    for ended in (run("inspect", model), run("check", flowers / "flowers.yaml")):
        assert "one-hot: :smile:, [bold]x[/bold]" in ended.out
        assert ended.out.count("[bold]x[/bold]") >= 2
    assert ", ".join(sorted(LABELS)) in run("inspect", model).out
    predicted = run("predict", model, flowers / "flowers.csv").out.splitlines()
    assert set(predicted[1:]) <= set(LABELS)


def test_control_characters_in_names_reach_no_screen(run: Run, flowers: Path) -> None:
    strange(flowers, ["\x1b[31mred", "\x07bell", "plain"])
    model = flowers / "flowers.npz"
    (flowers / "extra.csv").write_text("x,\x1b[31mred,\x1b[2Jgone\n1,plain,2\n")
    for arguments in (
        ("train", flowers / "flowers.yaml"),
        ("evaluate", model, flowers / "flowers.csv"),
        ("inspect", model),
        ("check", flowers / "flowers.yaml"),
        ("predict", model, flowers / "extra.csv", "--unknown", "zero", "-o", os.devnull),
    ):
        ended = run(*arguments)
        assert ended.code == 0
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", ended.out + ended.err), arguments[0]


STOPPED = """\
data: {train: data.csv, target: y}
network: {layers: [{size: 8, activation: relu}, {size: auto, activation: logistic}]}
training: {epochs: 60, batch_size: 8, optimizer: {name: adam, learning_rate: 0.05}, baseline: false,
  early_stopping: {patience: 5}}
"""
rng = np.random.default_rng(1)
NOISE = "p,q,y\n" + "".join(
    f"{a:.4f},{b:.4f},{c}\n" for a, b, c in zip(*rng.normal(size=(2, 60)), [*"ab"] * 30, strict=True)
)


@pytest.mark.parametrize(
    ("how", "name", "told"),
    [
        (
            ["data.validation=0.3"],
            "validation",
            "Kept: the weights of epoch (\\d+) of (\\d+), where the validation cost was best; ",
        ),
        (
            ["network.members=3", "training.resample=folds"],
            "out_of_fold",
            "each member's weights of its best epoch, (\\d+)(?: to \\d+)? of (\\d+), by its cost on rows held out; ",
        ),
    ],
)
def test_the_kept_epoch_is_told_and_a_cost_that_is_the_log_loss_is_not_shown_twice(
    run: Run, tmp_path: Path, how: list[str], name: str, told: str
) -> None:
    (tmp_path / "data.csv").write_text(NOISE)
    (tmp_path / "spec.yaml").write_text(STOPPED)
    options = [part for override in how for part in ("--set", override)]
    out = run("train", tmp_path / "spec.yaml", *options).out
    found = re.search(told + f"{name} rows are scored at epochs that others of them chose\n\n", out)
    assert found
    assert int(found[1]) < int(found[2]) <= 60
    assert f"{found[2]} epochs in" in out
    assert "\n log_loss" in out
    assert "\n loss" not in out
    assert found[0] in run("inspect", tmp_path / "spec.npz").out
    weighted = [*options, "--set", "training.class_weight={a: 3}"]
    assert "\n loss" in run("train", tmp_path / "spec.yaml", *weighted).out, "it is another figure"


def test_no_number_is_broken_where_a_terminal_is_narrow() -> None:
    metrics = {name: {"accuracy": 0.1234 + k, "log_loss": 1.5678 + k} for k, name in enumerate(("train", "test"))}
    rows = {"train": 98, "test": 30}
    for width, tables in ((200, 1), (46, 2)):
        console = Console(file=StringIO(), width=width, color_system=None)
        screen.show_metrics(console, metrics, metrics, rows, regression=False, linear=metrics)
        assert isinstance(console.file, StringIO)
        told = console.file.getvalue()
        assert told.count("Metrics, beside") == tables
        for value in ("0.1234", "1.1234", "1.5678", "2.5678"):
            assert told.count(value) == 3
