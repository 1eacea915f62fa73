"""Labels keep their spelling from the table to the predictions; a file for a model must be like its training file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Train = Callable[..., Any]

LABELS = [
    "NA",
    "None",
    "True",
    "007",
    "[/x]",
    "=1+1",
    "é",
    "nan",
    "1.0",
    "1e3",
    " a",
    "a,b",
    'say "x"',
    "p\nq",
    "\r",
    "no",
]


def table(labels: list[str]) -> str:
    """A number that tells the labels apart."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["x", "y"])
    writer.writerows([i % len(labels), labels[i % len(labels)]] for i in range(8 * len(labels)))
    return text.getvalue()


def test_labels_keep_their_spelling(run: Run, train: Train) -> None:
    assert train(table(LABELS), output="softmax").code == 0
    options = ("--set", "training={epochs: 300, batch_size: full, optimizer: {name: adam, learning_rate: 0.05}}")
    one_hot = ("--set", "data.columns={x: {type: categorical}}")
    assert run("train", "spec.yaml", "-o", "m.npz", "--quiet", *options, *one_hot).code == 0
    ended = run("predict", "m.npz", "data.csv", "--proba", "--keep", "y")
    found = list(csv.reader(io.StringIO(ended.out, newline="")))
    assert set(found[0]) == {"y", "prediction", *(f"probability_{label}" for label in LABELS)}
    assert [row[0] for row in found[1:]] == [row[1] for row in found[1:]] == LABELS * 8
    report = json.loads(run("evaluate", "m.npz", "data.csv", "--json").out)
    assert set(report["metrics"]["data"]["classes"]) == set(LABELS)


def test_long_labels_and_line_ends_do_not_wreck_a_table(run: Run, train: Train) -> None:
    train(table(["p\nq", "x" * 5000]))
    ended = run("train", "spec.yaml", "-o", "m.npz")
    assert "p\\nq" in ended.out
    assert "x" * 39 + "…" in ended.out
    assert "x" * 41 not in ended.out
    assert "p\nq" not in ended.out


@pytest.fixture
def trained(train: Train) -> None:
    """A model of a number and a category, beside what it was trained on."""
    rows = [f"{i * i % 7},{'pq'[i * 3 % 5 % 2]},{'ab'[i % 2]}" for i in range(40)]
    assert train("\n".join(["mass,z,y", *rows]) + "\n", 'missing: ["?"]').code == 0


LIKE = (
    'it is read with separator ",", encoding utf-8, decimal ".", missing cells empty or "?": '
    "as the training file, or as --separator, --encoding and --decimal say"
)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("q,y\n1,a\n", "new.csv:1: columns missing: mass, z"),
        ("maas,z,y\n1,p,a\n", 'new.csv:1: columns missing: mass; did you mean "maas"?'),
        (
            "mass,z,y\n1,p,a\n2,r,b\n3,,a\n4,r,b\n",
            'new.csv:3:2: column "z": no training row has "r", a missing cell (lines 3, 4, 5); correct the cells; '
            "nnfit predict takes them as zeros with --unknown zero",
        ),
        (
            "mass,z,y\n1,p,a\n2,r,b\n",
            'new.csv:3:2: column "z": no training row has "r" (line 3); correct the cells; nnfit predict takes them '
            "as zeros with --unknown zero",
        ),
        ("mass,z,y\n1,p,a\nN/A,p,b\n", f'new.csv:3:1: column "mass": expected a number, got "N/A"; {LIKE}'),
        ("mass,z,y\n1,p,a\n1e400,p,b\n", f'new.csv:3:1: column "mass": expected a number, got "1e400"; {LIKE}'),
        ("mass;z;y\n1;p;a\n", f'new.csv:1: one column only, "mass;z;y"; {LIKE}'),
        (b"mass,z,y\n1,\xe9,a\n", f"new.csv:2: the byte 0xe9 at offset 11 is not utf-8; {LIKE}"),
        (
            "mass,z,y\n1,p\n",
            "new.csv:2: 2 cells, but the header has 3 columns; write a separator for every empty cell too",
        ),
    ],
)
def test_a_file_that_does_not_fit_the_model_is_refused(
    run: Run, trained: None, data: str | bytes, expected: str
) -> None:
    Path("new.csv").write_bytes(data if isinstance(data, bytes) else data.encode())
    assert run("predict", "m.npz", "new.csv", "-o", "p.csv") == (4, "", f"nnfit: {expected}\n")
    assert not Path("p.csv").exists()
    if "--unknown" not in expected:
        assert run("evaluate", "m.npz", "new.csv") == (4, "", f"nnfit: {expected}\n")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            "mass,z,y\n1,p,c\n",
            'new.csv:2:3: the target "y" is "c", a class that no training row has; correct the cell, or train with '
            "rows of that class",
        ),
        ("mass,z,y\n1,p,a\n1,p,\n", 'new.csv:3:3: the target "y" is missing in 1 row, first here; remove such rows'),
        ("mass,z\n1,p\n", "new.csv:1: the target is missing: y"),
    ],
)
def test_a_label_that_the_model_cannot_have_is_refused(run: Run, trained: None, data: str, expected: str) -> None:
    Path("new.csv").write_text(data)
    assert run("evaluate", "m.npz", "new.csv") == (4, "", f"nnfit: {expected}\n")


def test_numbers_beyond_the_training_rows_are_counted(run: Run, trained: None) -> None:
    Path("new.csv").write_text("mass,z\n1,p\n-1,p\n99,q\n")
    ended = run("predict", "m.npz", "new.csv")
    assert (ended.code, ended.err) == (0, "warning: values outside the range of the training rows: mass (2 rows)\n")
    assert len(ended.out.splitlines()) == 4
