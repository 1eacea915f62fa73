"""`nnfit export`: the file is checked before it is written, and what it is is said."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from conftest import Ended

from nnfit.export.onnx import network
from nnfit.model.loading import load

Run = Callable[..., Ended]


@pytest.fixture
def home(flower_model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the flowers and their model, as the current one."""
    monkeypatch.chdir(flower_model.parent)
    return flower_model.parent


def test_the_file_is_checked_on_the_training_rows_and_written(run: Run, home: Path) -> None:
    ended = run("export", "flowers.npz", "-o", "flowers.onnx")
    assert (ended.code, ended.err) == (0, "")
    first, second, third = ended.out.splitlines()
    assert re.fullmatch(
        r"2 columns in, prediction, probabilities out; \d,\d{3} bytes, opset 13, IR version 7: "
        r"onnxruntime from 1\.7 on",
        first,
    )
    assert re.fullmatch(
        r"checked in onnxruntime [\d.]+ on 60 rows of flowers\.csv, and 1\d\d with missing, unknown and extreme "
        r"values: at most \d\.\de-1\d from nnfit predict, labels are the same",
        second,
    )
    assert third == "model written to flowers.onnx"
    said = {prop.key: prop.value for prop in onnx.load("flowers.onnx").metadata_props}
    assert said["model_sha256"] == hashlib.sha256(Path("flowers.npz").read_bytes()).hexdigest()


def test_rows_to_check_on_are_those_of_the_option_or_of_standard_input(run: Run, home: Path) -> None:
    lines = Path("flowers.csv").read_text().splitlines(keepends=True)
    Path("few.csv").write_text("".join(lines[:8]))
    for source, stdin in (("few.csv", ""), ("-", "".join(lines[:8]))):
        ended = run("export", "flowers.npz", "--data", source, "-o", "a.onnx", stdin=stdin)
        assert ended.code == 0
        assert f" on 7 rows of {source if source != '-' else '<stdin>'}, and 1" in ended.out.replace(
            "standard input", "<stdin>"
        )


def test_without_the_training_file_it_is_checked_on_drawn_rows_and_that_is_said(run: Run, home: Path) -> None:
    for change in (lambda path: path.write_text(path.read_text() + "61,1,red,setosa\n"), Path.unlink):
        change(Path("flowers.csv"))
        ended = run("export", "flowers.npz", "-o", "flowers.onnx")
        assert ended.code == 0
        drawn = "on 200 rows drawn from the fitted ranges, as the training file is not there"
        assert f" {drawn} (--data FILE.csv checks on yours), and 1" in ended.out
        assert ended.err == ""


def test_rows_to_check_on_may_be_written_otherwise_than_the_training_file(run: Run, home: Path) -> None:
    rows = Path("flowers.csv").read_text().replace(",", ";").replace(".", ",")
    Path("other.csv").write_bytes(rows.encode("cp1252"))
    ended = run("export", "flowers.npz", "-o", "a.onnx", "--data", "other.csv")
    assert (ended.code, "or as --separator, --encoding and --decimal say" in ended.err) == (4, True)
    ended = run("export", "flowers.npz", "-o", "a.onnx", "--data", "other.csv", *("--separator", ";", "--decimal", ","))
    assert (ended.code, ended.err) == (0, "")
    assert " on 60 rows of other.csv" in ended.out


def test_an_output_is_no_file_that_a_glob_of_data_matches(run: Run, home: Path) -> None:
    Path("a.onnx").write_bytes(Path("flowers.csv").read_bytes())
    assert "is also an input" in run("export", "flowers.npz", "-o", "a.onnx", "--data", "*.onnx").err


def test_advice_about_the_output_can_be_followed(run: Run, home: Path) -> None:
    for command in ("export", "report"):
        ended = run(command, "flowers.npz", "-o", "-")
        assert ended.err == "nnfit: -o -: outputs do not go to standard output by -; name a file\n"
    ended = run("predict", "flowers.npz", "flowers.csv", "-o", "-")
    assert ended.err.endswith("; name a file, or leave -o out for standard output\n")


def test_columns_with_blanks_around_dates_or_truth_values_are_told_of(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{' yes' if i % 3 else 'no'},{'ab'[i % 2]}\n" for i in range(40))
    Path("data.csv").write_text("b,y\n" + rows)
    Path("spec.yaml").write_text(
        "data: {train: data.csv, target: y, columns: {b: {type: boolean}}}\n"
        "network: {layers: [{size: auto, activation: logistic}]}\n"
        "training: {epochs: 2, optimizer: {name: sgd, learning_rate: 0.1}}\n"
    )
    assert run("train", "spec.yaml", "-o", "m.npz", "--quiet").code == 0
    ended = run("export", "m.npz", "-o", "m.onnx")
    assert (ended.code, ended.err) == (0, 'column "b": cells have blanks around them; the input is what is between\n')


@pytest.mark.parametrize("wrong", ["probabilities", "labels", "nan"])
def test_a_file_that_predicts_otherwise_is_not_written(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    forms: dict[str, Any] = {
        "probabilities": lambda g, z, sigma: g.add("Mul", g.add("Tanh", z), 1.001),
        "labels": lambda g, z, sigma: g.add("Neg", g.add("Tanh", z)),
        "nan": lambda g, z, sigma: g.add("Sqrt", z),
    }
    monkeypatch.setitem(network.SIGMAS, "tanh", forms[wrong])
    Path("flowers.onnx").write_text("old")
    ended = run("export", "flowers.npz", "-o", "flowers.onnx")
    assert (ended.code, ended.out) == (7, "")
    told = {"probabilities": r"by 0\.\d+", "labels": "another label", "nan": "as only one of them takes the row"}[wrong]
    assert re.match(
        rf"nnfit: flowers\.csv:\d+: onnxruntime \S+ predicts otherwise than nnfit, {told}: no file", ended.err
    )
    assert Path("flowers.onnx").read_text() == "old"
    assert sorted(path.name for path in home.iterdir() if "onnx" in path.name) == ["flowers.onnx"]


def test_without_onnxruntime_the_reference_of_onnx_checks(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    ended = run("export", "flowers.npz", "-o", "flowers.onnx")
    assert ended.code == 0
    assert "checked in onnx.reference " in ended.out


def test_without_the_extra_it_says_what_to_install(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    ended = run("export", "flowers.npz", "-o", "flowers.onnx")
    assert (ended.code, ended.err) == (2, "nnfit: ONNX needs onnx; pip install 'nnfit[onnx]'\n")


def test_another_ending_is_refused_before_the_model_is_read(run: Run, home: Path) -> None:
    ended = run("export", "none.npz", "-o", "flowers.pb")
    assert ended.code == 2
    assert ended.err == (
        "nnfit: -o flowers.pb: a model is exported to a file that ends in .onnx or .py; "
        "write -o flowers.onnx or -o flowers.py\n"
    )


def test_outputs_and_inputs_are_looked_at_first(run: Run, home: Path) -> None:
    assert run("export", "none.npz", "-o", "none/a.onnx").code == 7
    assert run("export", "none.npz", "-o", "a.onnx").code == 5
    assert run("export", "flowers.npz", "--data", "none.csv", "-o", "a.onnx").code == 4
    Path("flowers.npz").rename("flowers.onnx")
    assert "is also an input" in run("export", "flowers.onnx", "-o", "flowers.onnx").err
    assert run("export", "flowers.onnx").code == 2
    Path("other.csv").write_text("length\n1\n")
    assert "columns missing: colour" in run("export", "flowers.onnx", "--data", "other.csv", "-o", "a.onnx").err


def test_the_file_says_what_nnfit_predict_writes(run: Run, home: Path) -> None:
    import csv

    import onnxruntime

    assert run("export", "flowers.npz", "-o", "flowers.onnx").code == 0
    done = run("predict", "flowers.npz", "flowers.csv", "--proba")
    rows = list(csv.DictReader(done.out.splitlines()))
    cells = list(csv.DictReader(Path("flowers.csv").read_text().splitlines()))
    session = onnxruntime.InferenceSession("flowers.onnx", providers=["CPUExecutionProvider"])
    labels, p = session.run(
        ["prediction", "probabilities"],
        {
            "length": np.array([[float(cell["length"])] for cell in cells]),
            "colour": np.array([[cell["colour"]] for cell in cells], object),
        },
    )
    assert labels.tolist() == [row["prediction"] for row in rows]
    told = [[float(row[f"probability_{name}"]) for name in load("flowers.npz").classes] for row in rows]
    assert p == pytest.approx(np.array(told), abs=1e-14)


def test_a_python_file_is_written_and_predicts(run: Run, home: Path) -> None:
    ended = run("export", "flowers.npz", "-o", "flowers.py")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[-1] == "model written to flowers.py"
    size = Path("flowers.py").stat().st_size
    assert ended.out.startswith(f"2 columns and 31 weights in {size:,} bytes, for Python from 3.9 on")
    names: dict[str, Any] = {"__name__": "flowers"}
    exec(Path("flowers.py").read_text("utf-8"), names)
    found = names["predict"]({"length": "3.1", "colour": "red"})
    frame = pd.DataFrame({"length": [3.1], "colour": ["red"]})
    assert found["prediction"] == load("flowers.npz").predict(frame).prediction[0]


def test_a_python_file_is_checked_on_no_rows(run: Run, home: Path) -> None:
    ended = run("export", "flowers.npz", "-o", "flowers.py", "--data", "flowers.csv")
    assert ended.code == 2
    assert "--data flowers.csv: a Python file is not run before it is written" in ended.err
    assert not Path("flowers.py").exists()
