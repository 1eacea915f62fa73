"""nnfit plot: one picture in a file, or a word on why not."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nnfit
from nnfit.report.extra import load_alone
from nnfit.report.kinds import KINDS
from nnfit.report.told import curves_of

load_alone()

Run = Callable[..., Any]


@pytest.fixture(scope="session")
def bare_model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model of two numbers that predicts a number, and its table."""
    folder = tmp_path_factory.mktemp("numbers")
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 40)).round(3)
    pd.DataFrame({"a": a, "b": b, "price": (a - b).round(3)}).to_csv(folder / "n.csv", index=False)
    layers = [{"size": 4, "activation": "tanh"}, {"size": "auto", "activation": "linear"}]
    spec = {"data": {"train": str(folder / "n.csv"), "target": "price"}, "network": {"layers": layers}}
    nnfit.train(spec | {"training": {"epochs": 5}}).model.save(folder / "n.npz")
    return folder / "n.npz", folder / "n.csv"


@pytest.fixture
def data(flower_model: Path) -> Path:
    return flower_model.with_suffix(".csv")


def size(png: Path) -> tuple[int, int]:
    width, height = struct.unpack(">II", png.read_bytes()[16:24])
    return width, height


def test_help_lists_every_kind_with_what_it_shows(run: Run) -> None:
    text = " ".join(run("plot", "--help").out.split())
    for name, kind in KINDS.items():
        assert f"{name} {kind.text}" in text
    kinds = "network activations decision curves confusion roc precision-recall calibration residuals importance"
    assert list(KINDS) == [*kinds.split(), "dependence", "weights"]


def test_activations_need_no_model(run: Run, tmp_path: Path) -> None:
    for form, begin in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        path = tmp_path / f"a.{form}"
        assert run("plot", "activations", "relu", "sigmoid", "-o", path) == (0, "", "")
        assert path.read_bytes().startswith(begin)
    text = (tmp_path / "a.svg").read_text()
    assert ">relu<" in text
    assert ">logistic<" in text
    assert ">tanh<" not in text


def test_the_size_is_in_inches(run: Run, tmp_path: Path) -> None:
    assert run("plot", "activations", "relu", "-o", tmp_path / "a.PNG", "--size", "5x2.5").code == 0
    assert size(tmp_path / "a.PNG") == (750, 375)


def test_a_model_is_drawn_without_a_word(run: Run, flower_model: Path, tmp_path: Path) -> None:
    for kind in ("network", "weights", "curves"):
        assert run("plot", kind, flower_model, "-o", tmp_path / f"{kind}.svg") == (0, "", "")
    assert ">versicolor<" in (tmp_path / "network.svg").read_text()


def test_without_data_the_confusion_is_that_of_rows_not_learnt_from(
    run: Run, flower_model: Path, tmp_path: Path
) -> None:
    assert run("plot", "confusion", flower_model, "-o", tmp_path / "c.svg") == (0, "", "")
    assert ">flowers.npz, 15 test rows, not learnt from<" in (tmp_path / "c.svg").read_text()


def test_rows_that_were_learnt_from_are_said_to_be_that_on_the_picture_and_beside(
    run: Run, flower_model: Path, data: Path, tmp_path: Path
) -> None:
    ended = run("plot", "roc", flower_model, "--data", data, "-o", tmp_path / "roc.svg")
    assert (ended.code, ended.out) == (0, "")
    assert "45 of 60 rows were learnt from (15 are test rows)" in ended.err
    assert ">flowers.csv, 60 rows, 45 of them learnt from<" in (tmp_path / "roc.svg").read_text()


def test_rows_that_are_new_are_not(run: Run, flower_model: Path, data: Path, tmp_path: Path) -> None:
    lines = data.read_text().splitlines()
    moved = [f"{i},{float(x) + 0.0003},{rest}" for i, x, rest in (line.split(",", 2) for line in lines[1:])]
    text = "\n".join([lines[0], *moved])
    (tmp_path / "new.csv").write_text(text)
    ended = run("plot", "calibration", flower_model, "--data", tmp_path / "new.csv", "-o", tmp_path / "c.svg")
    assert "learnt" not in ended.err
    assert ">new.csv, 60 rows<" in (tmp_path / "c.svg").read_text()
    piped = run("plot", "calibration", flower_model, "--data", "-", "-o", tmp_path / "d.svg", stdin=text)
    assert piped.code == 0
    assert ">standard input, 60 rows<" in (tmp_path / "d.svg").read_text()


def test_without_data_and_a_record_of_them_it_is_said_what_to_give(
    run: Run, flower_model: Path, tmp_path: Path
) -> None:
    model = nnfit.load(flower_model)
    path = tmp_path / "old.npz"
    record = {key: value for key, value in model.record.items() if key != "aggregates"}
    replace(model, record=record).save(path)
    ended = run("plot", "roc", path, "-o", tmp_path / "roc.png")
    message = f"nnfit: {path}: the model has no record of how its predictions lie; give --data\n"
    assert ended == (2, "", message)
    assert not (tmp_path / "roc.png").exists()


def test_without_data_the_rows_are_those_that_were_not_learnt_from(
    run: Run, flower_model: Path, bare_model: tuple[Path, Path], tmp_path: Path
) -> None:
    for kind in ("roc", "precision-recall", "calibration"):
        assert run("plot", kind, flower_model, "-o", tmp_path / "p.svg") == (0, "", "")
        assert ">flowers.npz, 15 test rows, not learnt from<" in (tmp_path / "p.svg").read_text()
    assert run("plot", "residuals", bare_model[0], "-o", tmp_path / "r.svg") == (0, "", "")
    assert ">n.npz, 40 training rows, learnt from<" in (tmp_path / "r.svg").read_text()


def test_a_model_that_is_older_than_its_record_of_curves_has_one_line(flower_model: Path) -> None:
    model = nnfit.load(flower_model)
    record = {key: value for key, value in model.record.items() if key != "aggregates"}
    found, now = curves_of(replace(model, record=record)), curves_of(model)
    assert found.epochs == now.epochs == tuple(range(1, 31))
    assert found.cost[0] == pytest.approx(now.cost[0], rel=1e-4)


def test_numbers_have_residuals_a_surface_importance_and_dependence(
    run: Run, bare_model: tuple[Path, Path], tmp_path: Path
) -> None:
    model, table = bare_model
    for kind, more in (("residuals", []), ("decision", []), ("importance", []), ("dependence", ["--columns", "b"])):
        ended = run("plot", kind, model, "--data", table, "-o", tmp_path / f"{kind}.svg", *more)
        assert (ended.code, ended.out) == (0, ""), ended.err
        assert "learnt from" in (tmp_path / f"{kind}.svg").read_text() or kind == "decision"
        assert "price" in (tmp_path / f"{kind}.svg").read_text()


def test_several_models_are_in_one_picture_of_curves(
    run: Run, flower_model: Path, bare_model: Any, tmp_path: Path
) -> None:
    assert run("plot", "curves", flower_model, bare_model[0], "-o", tmp_path / "c.svg") == (0, "", "")
    text = (tmp_path / "c.svg").read_text()
    assert ">flowers: learnt from<" in text
    assert ">n: learnt from<" in text


def test_a_column_with_a_comma_stands_in_quotes(run: Run, bare_model: tuple[Path, Path], tmp_path: Path) -> None:
    model, table = bare_model
    ended = run("plot", "dependence", model, "--data", table, "-o", tmp_path / "d.png", "--columns", '"a,b"')
    assert ended.code == 2
    assert 'nnfit: --columns: the column "a,b" is not one that the model reads' in ended.err


@pytest.mark.parametrize(
    ("kind", "columns", "message"),
    [
        ("dependence", "new\nline\tcol", "--columns new\\nline\\tcol: names are separated by commas"),
        ("dependence", '"new\nline\tcol"', '--columns: the column "new\\nline\\tcol" is not one that the model reads'),
        ("dependence", '"open', '--columns "open: names are separated by commas'),
        ("dependence", "nope", '--columns: the column "nope" is not one that the model reads'),
        ("decision", "nope,x", '--columns: the column "nope" is not one that the model reads'),
    ],
)
def test_names_that_are_no_columns_are_told_at_the_option(
    run: Run, bare_model: tuple[Path, Path], tmp_path: Path, kind: str, columns: str, message: str
) -> None:
    model, table = bare_model
    ended = run("plot", kind, model, "--data", table, "-o", tmp_path / "d.png", "--columns", columns)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"nnfit: {message}")
    assert not (tmp_path / "d.png").exists()


NO_ENDING = "the ending says the form of the picture; write .png, .svg, .pdf"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("netwrok M -o p.png", 'plot: there is no picture "netwrok"; did you mean "network"?'),
        ("network -o p.png", "plot network: is of a model; nnfit plot network MODEL"),
        ("network M N -o p.png", "plot network: is of one model, not of 2; draw each alone"),
        ("curves M M -o p.png", "plot curves: the same is given twice; give it once"),
        ("network M --data D -o p.png", "plot network: is of no rows; leave --data out"),
        ("decision M -o p.png", "plot decision: is of rows; give --data"),
        ("roc M --columns a -o p.png", "plot roc: takes no columns, not 1; leave --columns out"),
        ("dependence M --data D --columns a,b -o p.png", "plot dependence: takes 1 column, not 2"),
        ("residuals M -o p.png", "M: residuals is of numbers, and this model predicts classes; for these there is"),
        ("roc N -o p.png", "N: roc is of classes, and this model predicts numbers; for these there is residuals"),
        ("decision M --data D -o p.png", "the surface is over two numeric columns, and the model reads 1"),
        ("decision N --data E --columns a,c -o p.png", 'the column "c" is not one that the model reads'),
        ("activations relo -o p.png", 'there is no activation "relo"; did you mean "relu"?'),
        ("network M -o p.gif", f"-o p.gif: {NO_ENDING}"),
        ("network M -o p", f"-o p: {NO_ENDING}"),
        ("network M -o -", "-o -: outputs do not go to standard output by -; name a file\n"),
        ("network M --size 6 -o p.png", "--size 6: expected width and height in inches, each from 0.5 to 50; as"),
        ("network M --size 0x4 -o p.png", "--size 0x4: expected width and height"),
        ("network M --size nanx4 -o p.png", "--size nanx4: expected width and height"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_told_before_anything_is_written(
    run: Run,
    flower_model: Path,
    bare_model: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    message: str,
) -> None:
    folder = flower_model.parent
    monkeypatch.chdir(folder)
    for name, path in (("M", flower_model), ("D", folder / "flowers.csv"), ("N", bare_model[0]), ("E", bare_model[1])):
        (folder / name).write_bytes(path.read_bytes())
    before = sorted(folder.iterdir())
    ended = run("plot", *words.split())
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert sorted(folder.iterdir()) == before


def test_a_picture_has_a_place_to_go(run: Run, flower_model: Path) -> None:
    ended = run("plot", "network", flower_model)
    assert ended.code == 2
    assert "Missing option '-o'" in ended.err


def test_a_picture_never_replaces_a_model_or_its_data(run: Run, flower_model: Path, data: Path) -> None:
    model, table = flower_model.with_suffix(".png"), data.with_suffix(".svg")
    model.write_bytes(flower_model.read_bytes())
    table.write_bytes(data.read_bytes())
    for path in (model, table):
        before = path.read_bytes()
        ended = run("plot", "roc", model, "--data", table, "-o", path)
        assert ended == (7, "", f"nnfit: {path}: cannot be written: is also an input\n")
        assert path.read_bytes() == before


def test_a_network_that_did_not_learn_has_no_curves(run: Run, flowers: Path, tmp_path: Path) -> None:
    assert run("train", flowers / "flowers.yaml", "--set", "training.epochs=0", "-o", tmp_path / "m.npz").code == 0
    ended = run("plot", "curves", tmp_path / "m.npz", "-o", tmp_path / "c.png")
    assert ended.code == 2
    assert "the model has no costs of its epochs; train it again, with training.epochs above 0" in ended.err


def test_without_matplotlib_it_is_said_what_to_install(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    ended = run("plot", "activations", "-o", tmp_path / "a.png")
    assert ended == (2, "", "nnfit: pictures and pages need matplotlib; pip install 'nnfit[report]'\n")


@pytest.mark.process
def test_two_processes_write_the_same_bytes_and_say_nothing(spawn: Run, flower_model: Path) -> None:
    for name in ("a.svg", "b.svg"):
        assert spawn("plot", "network", flower_model, "-o", name, cwd=flower_model.parent) == (0, "", "")
    first, second = ((flower_model.parent / name).read_bytes() for name in ("a.svg", "b.svg"))
    assert first == second
