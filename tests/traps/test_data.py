"""Tables that other readers mend, guess at or cut short: each with the message it gets, whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]
Train = Callable[..., Any]


def rows(header: str, n: int, row: Callable[[int], str]) -> str:
    return "\n".join([header, *map(row, range(n))]) + "\n"


# --- what is no table ----------------------------------------------------------------------------------------------

CUT = [
    (
        "x,y\n1,a\n2\n3,b\n",
        "data.csv:3: 1 cell, but the header has 2 columns; write a separator for every empty cell too",
    ),
    (
        "x,y\n1,a\n2,b,c\n",
        "data.csv:3: 3 cells, but the header has 2 columns; a cell that holds the separator needs quotes",
    ),
    ('x,y\n"1",a\n2\n', "data.csv:3: 1 cell, but the header has 2 columns; write a separator for every empty cell too"),
    (
        'x,y\n"p\nq",a\n"2",b,c\n',
        "data.csv:4: 3 cells, but the header has 2 columns; a cell that holds the separator needs quotes",
    ),
    (
        "x,y\n1,a,\n2,b,\n",
        "data.csv:2: 3 cells, but the header has 2 columns; a cell that holds the separator needs quotes",
    ),
    (
        "x,y\n1,a\n  \n2,b\n",
        "data.csv:3: 1 cell, but the header has 2 columns; write a separator for every empty cell too",
    ),
    ("x,x,y\n1,2,a\n", 'data.csv:1:2: the column name "x" is given twice; rename one of them'),
    ('x,"p\nq","p\nq",y\n1,2,3,a\n', 'data.csv:1:3: the column name "p\\nq" is given twice; rename one of them'),
    ("x,,y\n1,2,a\n", "data.csv:1:2: this column has no name; give every column one"),
    ("x,y,\n1,a,\n", "data.csv:1:3: this column has no name; give every column one"),
    ("x,y\n1,a\n\n2,b\n", "data.csv:3: a blank line stands between the rows; remove it"),
    ('x,y\n"1",a\n\n2,b\n', "data.csv:3: a blank line stands between the rows; remove it"),
    ("\nx,y\n1,a\n", "data.csv:1: the first line is blank; a header with the names of the columns is needed"),
    (
        'x,y\n1,a\n"2,b\n3,a\n',
        "data.csv:3: a quote is opened in this row and never closed; close it, or write it twice",
    ),
    ('"x,y\n1,a\n', "data.csv:1: the header has a quote that is not closed; close it, or write it twice"),
    (
        'x,y\n"1"2,a\n',
        "data.csv:2: cannot be cut into cells: ',' expected after '\"'; write a quote within quotes twice",
    ),
    (b"x,y\n1,a\n2,\x00b\n", "data.csv:3: a NUL byte; is this a text file, or UTF-16? then set data.encoding: utf-16"),
    (
        "x,y\r1,a\r2,b\r",
        "data.csv:1: a carriage return stands alone; put the cell in quotes, or end every line with a line feed",
    ),
    (
        b"x,y\n1,a\n2,\xe9\n",
        "data.csv:3: the byte 0xe9 at offset 10 is not utf-8; save the file as UTF-8, or set data."
        "encoding (latin-1 and cp1252 are common)",
    ),
    (
        b"x,y\n1,a\n2,\xc3",
        "data.csv:3: the byte 0xc3 at offset 10 is not utf-8; save the file as UTF-8, or set data.encoding "
        "(latin-1 and cp1252 are common)",
    ),
    (
        b"\xff\xfex\x00,\x00y\x00\n\x001\x00,\x00a\x00\n\x00",
        "data.csv:1: the byte 0xff at offset 0 is not utf-8; save the file as UTF-8, or set data.encoding: utf-16",
    ),
    ("x;y\n1;a\n2;b\n", 'data.csv:1: one column only, "x;y"; if ";" separates the cells, set data.separator: ";"'),
    ("x\ty\n1\ta\n", 'data.csv:1: one column only, "x\\ty"; if "\\t" separates the cells, set data.separator: "\\t"'),
    ("x|y\n1|a\n", 'data.csv:1: one column only, "x|y"; if "|" separates the cells, set data.separator: "|"'),
    ("x,y\n", "data.csv:1: has a header but no rows"),
    ("", "data.csv: is empty; expected a header and rows"),
    ("\n\n", "data.csv: is empty; expected a header and rows"),
    ("1,2\n3,4\n", "data.csv:1: the first row holds only numbers; a header with the names of the columns is needed"),
    (
        "-1,2e3,.5\n3,4,5\n",
        "data.csv:1: the first row holds only numbers; a header with the names of the columns is needed",
    ),
    ("5.1,setosa\n4.9,rose\n", 'spec.yaml:1:25: data.target: data.csv has no column "y"; it has 5.1, setosa'),
]
CELLS = [
    (
        "x,y\n1,a\n2,b\n3,a\n?,a\n",
        'data.csv:5:1: column "x" holds 3 numbers and 1 other text ("?", first here); add these to data.missing '
        "if they mean missing cells, or set data.columns: {x: {type: categorical}}",
    ),
    (
        "x,y\n1,a\n2,b\n3,a\nn/a,b\n-,a\n",
        'data.csv:5:1: column "x" holds 3 numbers and 2 other texts ("n/a", "-", first here); add these to '
        "data.missing if they mean missing cells, or set data.columns: {x: {type: categorical}}",
    ),
    (
        "x,y\n1,a\n2,b\n3,a\ninf,a\n",
        'data.csv:5:1: column "x" holds 3 numbers and 1 other text ("inf", first here); add these to '
        "data.missing if they mean missing cells, or set data.columns: {x: {type: categorical}}",
    ),
    (
        "x,y\n1,a\n2,b\n3,a\n1e400,a\n",
        'data.csv:5:1: column "x" holds 3 numbers and 1 other text ("1e400", first here); add these to '
        "data.missing if they mean missing cells, or set data.columns: {x: {type: categorical}}",
    ),
    (
        "x,y\n1e400,a\n-1e400,b\n",
        'data.csv:2:1: column "x" holds 0 numbers and 2 other texts ("1e400", "-1e400", first here); add these '
        "to data.missing if they mean missing cells, or set data.columns: {x: {type: categorical}}",
    ),
    (
        "x,y\n1,a\n2,\n3,b\n",
        'data.csv:3:2: the target "y" is missing in 1 row, first here; remove it, or set data.missing_target: drop',
    ),
    (
        "x,y\n1,\n2,\n",
        'data.csv:2:2: the target "y" is missing in 2 rows, first here; remove them, or set data.missing_target: drop',
    ),
    ("x,y\n1,a\n2,a\n", 'data.csv: the target "y" has a single class, "a"; there is nothing to learn'),
    ('x,y\n1,"p\nq"\n2,"p\nq"\n', 'data.csv: the target "y" has a single class, "p\\nq"; there is nothing to learn'),
    ("x,z,y\n1,,a\n2,,b\n", 'data.csv: column "z" has no value; add it to data.ignore'),
    ("y\na\nb\n", "spec.yaml:1:1: data: no column is left to learn from"),
]


@pytest.mark.parametrize(("data", "expected"), CUT + CELLS)
def test_what_is_doubtful_in_a_table_is_refused(train: Train, data: str | bytes, expected: str) -> None:
    code = 3 if expected.startswith("spec.yaml") else 4
    assert train(data) == (code, "", f"nnfit: {expected}\n")


# --- what the spec says of the table -------------------------------------------------------------------------------

TOLD = [
    (
        "x,y\n1,é\n",
        "encoding: ascii",
        "data.csv:2: the byte 0xc3 at offset 6 is not ascii; save the file as UTF-8, or set data.encoding "
        "(latin-1 and cp1252 are common)",
    ),
    (
        "x,y\n1,a\n",
        "encoding: latin-17",
        'spec.yaml:1:36: data.encoding: there is no text encoding "latin-17"; utf-8, latin-1 and cp1252 are common',
    ),
    (
        "x,y\n1,a\n",
        "encoding: utf-16",
        "data.csv:1: is not utf-16: UTF-16 stream does not start with BOM; save the file as UTF-8, or set data."
        "encoding (latin-1 and cp1252 are common)",
    ),
    (
        b"x,y\n1,a\n2,\x81\n",
        "encoding: cp1252",
        "data.csv:3: the byte 0x81 at offset 10 is not cp1252; save the file as UTF-8, or set data.encoding "
        "(latin-1 and cp1252 are common)",
    ),
    (
        "x,y\n1,a\n",
        'separator: ";"',
        'data.csv:1: one column only, "x,y"; if "," separates the cells, set data.separator: ","',
    ),
    (
        "x,y\n1,a\n2,b\n?,a\n",
        "columns: {x: {type: numeric}}",
        'data.csv:4:1: column "x": expected a number, got "?"; if it means a missing cell, add it to data.missing',
    ),
    (
        "x,y\n1,a\n2,b\ninf,a\n",
        "columns: {x: {type: numeric}}",
        'data.csv:4:1: column "x": expected a number, got "inf"; if it means a missing cell, add it to data.missing',
    ),
    (
        "x,y\n1,a\n2,b\n1e400,a\n",
        "columns: {x: {type: numeric}}",
        'data.csv:4:1: column "x": expected a number, got "1e400"; if it means a missing cell, add it to data.missing',
    ),
    (
        "x,y\n1,a\n2,b\nnan,a\n",
        "columns: {x: {type: numeric}}",
        'data.csv:4:1: column "x": expected a number, got "nan"; if it means a missing cell, add it to data.missing',
    ),
    (
        'x,y\n1,a\n2,b\n"1,5",a\n',
        "columns: {x: {type: numeric}}",
        'data.csv:4:1: column "x": expected a number, got "1,5"; if it means a missing cell, add it to data.missing',
    ),
    (
        "x,y\n1,a\n2,b\n4,a\n",
        "columns: {x: {type: boolean}}",
        'data.csv:3:1: column "x": expected true or false, got "2"; if it means a missing cell, add it to data.missing',
    ),
    (
        "x,y\n2024-12-31,a\n2024-13-01,b\n",
        "columns: {x: {type: date}}",
        'data.csv:3:1: column "x": expected a date (2024-12-31), got "2024-13-01"; if it means a missing cell, '
        "add it to data.missing",
    ),
    (
        "x,y\n31.12.2024,a\n2024-12-31,b\n",
        "columns: {x: {type: date, format: '%d.%m.%Y'}}",
        'data.csv:3:1: column "x": expected a date (%d.%m.%Y), got "2024-12-31"; if it means a missing cell, add '
        "it to data.missing",
    ),
    (
        "x,y\n1,a\n2,b\n",
        "columns: {x: {min_count: 2}}",
        "spec.yaml:1:50: data.columns.x.min_count: is for categorical columns, and this one is numeric; remove "
        "the key, or set another type",
    ),
    (
        "x,y\n1,a\n2,b\n",
        "columns: {x: {bins: 2, piecewise: 2}}",
        "spec.yaml:1:59: data.columns.x.piecewise: stands beside the value, and bins stand in place of it; remove "
        "bins, or this key",
    ),
    (
        "x,y\n1,a\n2,b\n",
        "columns: {x: {periodic: 3, bins: 2}}",
        "spec.yaml:1:50: data.columns.x.periodic: stands beside the value, and bins stand in place of it; remove bins, "
        "or this key",
    ),
    (
        "x,y\n1,a\n2,b\n",
        "columns: {x: {piecewise: 2, frequency: 0.2}}",
        "spec.yaml:1:64: data.columns.x.frequency: does nothing without periodic; add periodic, or remove it",
    ),
    (
        "x,y\n1,a\n2,b\n",
        "columns: {x: {amplitude: 0.5}}",
        "spec.yaml:1:50: data.columns.x.amplitude: does nothing without piecewise or periodic; add piecewise or "
        "periodic, or remove it",
    ),
    (
        "x,y\na,a\nb,b\n",
        "columns: {x: {piecewise: 2}}",
        "spec.yaml:1:50: data.columns.x.piecewise: is for numeric columns, and this one is categorical; remove the "
        "key, or set another type",
    ),
    ("x,y\n1,a\n2,b\n", "ignore: [x]", "spec.yaml:1:1: data: no column is left to learn from"),
    ("x,y\n1,a\n2,b\n", "ignore: [z]", 'spec.yaml:1:36: data.ignore: data.csv has no column "z"; it has x, y'),
    (
        "x,w,y\n1,-1,a\n2,1,b\n",
        "weight: w",
        'data.csv:2:2: the weight "w" must be a number of at least 0 in every row, and not always 0',
    ),
    (
        "x,w,y\n1,,a\n2,1,b\n",
        "weight: w",
        'data.csv:2:2: the weight "w" must be a number of at least 0 in every row, and not always 0',
    ),
    (
        "x,w,y\n1,0,a\n2,0,b\n",
        "weight: w",
        'data.csv:2:2: the weight "w" must be a number of at least 0 in every row, and not always 0',
    ),
]


@pytest.mark.parametrize(("data", "more", "expected"), TOLD)
def test_what_does_not_fit_the_spec_is_refused(train: Train, data: str | bytes, more: str, expected: str) -> None:
    code = 3 if expected.startswith("spec.yaml") else 4
    assert train(data, more) == (code, "", f"nnfit: {expected}\n")


REAL = [
    (
        "x,y\n1,1\n2,\n3,4\n",
        "",
        'data.csv:3:2: the target "y" is missing in 1 row, first here; remove it, or set data.missing_target: drop',
    ),
    (
        "x,y\n1,1\n2,2\n3,n/a\n4,5\n",
        "",
        'data.csv:4:2: column "y" holds 3 numbers and 1 other text ("n/a", first here); add these to data.missing if '
        "they mean missing cells, or set data.columns: {y: {type: categorical}}",
    ),
    (
        "x,y\n1,1\n2,2\n3,1e400\n4,5\n",
        "",
        'data.csv:4:2: column "y" holds 3 numbers and 1 other text ("1e400", first here); add these to data.missing if '
        "they mean missing cells, or set data.columns: {y: {type: categorical}}",
    ),
    ("x,y\n1,2\n", "test: 0.5", "data.csv: 1 row cannot be split: none is left to train on"),
]


@pytest.mark.parametrize(("data", "more", "expected"), REAL)
def test_a_real_target_that_is_none_is_refused(train: Train, data: str, more: str, expected: str) -> None:
    assert train(data, more, "linear") == (4, "", f"nnfit: {expected}\n")


def test_more_categories_than_max_categories_are_refused(train: Train) -> None:
    hint = "merge rare ones with data.columns: {x: {min_count: 5}}, or leave it out with data.ignore"
    for n, more, limit in ((1001, "", "1,000"), (3, "columns: {x: {max_categories: 2}}", "2")):
        assert train(rows("x,y", n, lambda i: f"k{i},{'ab'[i % 2]}"), more) == (
            4,
            "",
            f'nnfit: data.csv: column "x" has {n:,} categories, more than max_categories {limit}; {hint}\n',
        )


# --- what is legal and probably not meant --------------------------------------------------------------------------

WARNED = [
    (
        rows("x,c,y", 8, lambda i: f"{i * i % 7},1,{'ab'[i % 2]}"),
        "",
        "logistic",
        "data.csv: one value in all training rows, so nothing to learn from: c; add it to data.ignore",
    ),
    (
        rows("x,id,uid,y", 30, lambda i: f"{i * i % 7},{i},u{i},{'ab'[i % 2]}"),
        "",
        "logistic",
        "data.csv: another value in every row, as an identifier has: id, uid; add it to data.ignore",
    ),
    (
        rows("x,l,y", 30, lambda i: f"{i * i % 7},{'pq'[i % 2]},{'ab'[i % 2]}"),
        "",
        "logistic",
        'data.csv: l tells the target "y" in every row (leakage?); if it is not known when you predict, add it to '
        "data.ignore",
    ),
    (
        rows("x,y", 30, lambda i: f"{i * 7 % 11},{i * 7 % 11 * 2 + 1}"),
        "",
        "linear",
        'data.csv: x tells the target "y" in every row (leakage?); if it is not known when you predict, add it to '
        "data.ignore",
    ),
    (
        rows("x,y", 30, lambda i: f"{i % 3},{'ab'[i % 2]}"),
        "test: 0.2",
        "logistic",
        "data.csv: 6 of 6 test rows are, value for value, training rows too: the test is easier by that",
    ),
    (
        rows("x,y", 10, lambda i: f"{i * i % 7},{'ab'[i % 2]}") + "4,c\n",
        "",
        "softmax",
        'data.csv: classes of "y" with a single row, which cannot be learned and tested both: c',
    ),
    (
        "x,y\n1,2\n2,2\n3,2\n",
        "",
        "linear",
        'data.csv: one value of the target "y" in all training rows, so nothing to learn',
    ),
]


@pytest.mark.parametrize(("data", "more", "output", "expected"), WARNED)
def test_what_is_probably_not_meant_is_warned_of(
    train: Train, data: str, more: str, output: str, expected: str
) -> None:
    assert train(data, more, output) == (0, "", f"warning: {expected}\n")


def test_fewer_rows_than_a_batch_are_one_batch(run: Run, train: Train) -> None:
    train(rows("x,y", 10, lambda i: f"{i * i % 7},{'ab'[i % 2]}"))
    ended = run("train", "spec.yaml", "-o", "m.npz", "--quiet", "--set", "training={batch_size: 32, epochs: 0}")
    place = "--set training={batch_size: 32, epochs: 0}: training.batch_size"
    assert ended == (0, "", f"warning: {place}: 32 is more than the 10 training rows; each epoch is one update\n")
