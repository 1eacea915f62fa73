"""A CSV file is cut into the cells that were written, or refused with the line: nothing is guessed or mended."""

from __future__ import annotations

import csv
import gc
import io
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnfit.data import reader
from nnfit.errors import DataError

Cut = Callable[..., Any]


@pytest.fixture(scope="session")
def complaint(cut_csv: Cut) -> Callable[..., str]:
    """The message of the DataError that a CSV raises, without the folder of the file."""

    def complaint(data: str | bytes, **dialect: Any) -> str:
        with pytest.raises(DataError) as caught:
            cut_csv(data, **dialect)
        return re.sub(r"\S*/data\.csv", "data.csv", str(caught.value))

    return complaint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,2\n3,4\n", {"a": ["1", "3"], "b": ["2", "4"]}),
        ("a,b\r\n1,2\r\n", {"a": ["1"], "b": ["2"]}),
        ("a,b\n1,2", {"a": ["1"], "b": ["2"]}),
        ("a,b\n1,2\n\n\n", {"a": ["1"], "b": ["2"]}),
        ('a,b\n"x,y",2\n', {"a": ["x,y"], "b": ["2"]}),
        ('a,b\n"say ""no""",2\n', {"a": ['say "no"'], "b": ["2"]}),
        ('a,b\n"one\ntwo\r\nthree\rfour",2\n', {"a": ["one\ntwo\r\nthree\rfour"], "b": ["2"]}),
        ('a,b\n"",\n,\n', {"a": ["", ""], "b": ["", ""]}),
        ("a,b\n x , y\n", {"a": [" x "], "b": [" y"]}),
        ('a,b\n1, "x"\n', {"a": ["1"], "b": [' "x"']}),
        ("a,b\nNA,nan\nnull,None\nTrue,#N/A\n", {"a": ["NA", "null", "True"], "b": ["nan", "None", "#N/A"]}),
        ("a,b\n007,1.0\n1e3,+5\n", {"a": ["007", "1e3"], "b": ["1.0", "+5"]}),
        ("a,b\n# no,comment\n", {"a": ["# no"], "b": ["comment"]}),
        ("é,名前\nñ,\u2028\n", {"é": ["ñ"], "名前": ["\u2028"]}),
        ("\ufeffa,b\n1,2\n", {"a": ["1"], "b": ["2"]}),
        ('"a\nb",c\n1,2\n', {"a\nb": ["1"], "c": ["2"]}),
        ("a\n1\n2\n", {"a": ["1", "2"]}),
    ],
)
def test_every_cell_is_the_text_that_was_written(cut_csv: Cut, text: str, expected: dict[str, list[str]]) -> None:
    assert cut_csv(text).cells == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "a,b\n1,2\n3\n",
            "data.csv:3: 1 cell, but the header has 2 columns; write a separator for every empty cell too",
        ),
        (
            "a,b\n1,2,3\n",
            "data.csv:2: 3 cells, but the header has 2 columns; a cell that holds the separator needs quotes",
        ),
        (
            "a,b\n1,2,\n",
            "data.csv:2: 3 cells, but the header has 2 columns; a cell that holds the separator needs quotes",
        ),
        (
            'a,b\n"x\ny",2\n3,4\n5\n',
            "data.csv:5: 1 cell, but the header has 2 columns; write a separator for every empty cell too",
        ),
        ("a,b\n1,2\n\n3,4\n", "data.csv:3: a blank line stands between the rows; remove it"),
        ("a,b\n\n1,2\n", "data.csv:2: a blank line stands between the rows; remove it"),
        ('a,b\n"1",2\n\n3,4\n', "data.csv:3: a blank line stands between the rows; remove it"),
        ("a\n1\n\n2\n", "data.csv:3: a blank line stands between the rows; remove it"),
        (
            'a,b\n"x"y,2\n',
            "data.csv:2: cannot be cut into cells: ',' expected after '\"'; write a quote within quotes twice",
        ),
        ('a,b\n1,2\n"x,2\n', "data.csv:3: a quote is opened in this row and never closed; close it, or write it twice"),
        ('"a,b\n1,2\n', "data.csv:1: the header has a quote that is not closed; close it, or write it twice"),
        ("a,b,a\n1,2,3\n", 'data.csv:1:3: the column name "a" is given twice; rename one of them'),
        ("a,,b\n1,2,3\n", "data.csv:1:2: this column has no name; give every column one"),
        (
            "1,2.5\n3,4\n",
            "data.csv:1: the first row holds only numbers; a header with the names of the columns is needed",
        ),
        ("a;b\n1;2\n", 'data.csv:1: one column only, "a;b"; if ";" separates the cells, set data.separator: ";"'),
        (
            "a\tb\n1\t2\n",
            'data.csv:1: one column only, "a\\tb"; if "\\t" separates the cells, set data.separator: "\\t"',
        ),
        ("a,b\n", "data.csv:1: has a header but no rows"),
        ("a,b", "data.csv:1: has a header but no rows"),
        ("a,b\n\n\n", "data.csv:1: has a header but no rows"),
        ("", "data.csv: is empty; expected a header and rows"),
        (" \n\n", "data.csv: is empty; expected a header and rows"),
        ("a,b\n1,x\0y\n", "data.csv:2: a NUL byte; is this a text file, or UTF-16? then set data.encoding: utf-16"),
    ],
)
def test_what_is_no_table_is_refused_with_its_line(complaint: Callable[..., str], text: str, expected: str) -> None:
    assert complaint(text) == expected


@pytest.mark.parametrize("text", ["\na,b\n1,2\n", "\n\na,b\n1,2\n", "\r\na,b\r\n1,2\r\n"])
def test_a_blank_first_line_is_named_as_such(complaint: Callable[..., str], text: str) -> None:
    found = complaint(text)
    assert found.startswith("data.csv:1: ")
    assert "number" not in found


@pytest.mark.parametrize("text", ["a,b\r1,2\r3,4\r", 'a,b\n"1",2\r3,4\n'])
def test_a_carriage_return_alone_ends_no_row(complaint: Callable[..., str], text: str) -> None:
    assert "a carriage return stands alone" in complaint(text)


@pytest.mark.parametrize("separator", [";", "\t", "|", " ", ".", ":"])
def test_the_separator_can_be_any_character(cut_csv: Cut, separator: str) -> None:
    text = f'a{separator}b\n1{separator}"x{separator}y"\n,{separator}2,\n'
    expected = {"a": ["1", ","], "b": [f"x{separator}y", "2,"]}
    assert cut_csv(text, separator=separator).cells == expected


@pytest.mark.parametrize("separator", ["§", "é", "→"])
def test_a_separator_beyond_ascii_separates_or_is_refused(cut_csv: Cut, separator: str) -> None:
    try:
        found = cut_csv(f"a{separator}b\n1{separator}2\n3{separator}4\n", separator=separator).cells
    except DataError as error:
        assert "separator" in str(error)
    else:
        assert found == {"a": ["1", "3"], "b": ["2", "4"]}


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-8-sig", "UTF-8", "utf_8"])
def test_the_encoding_can_be_set(cut_csv: Cut, encoding: str) -> None:
    assert cut_csv("é,b\nñ,2\n".encode(encoding), encoding=encoding).cells == {"é": ["ñ"], "b": ["2"]}


@pytest.mark.parametrize("encoding", ["utf-8", "UTF-8", "utf8", "utf_8"])
def test_a_byte_order_mark_is_no_part_of_the_first_name(cut_csv: Cut, encoding: str) -> None:
    assert list(cut_csv(b"\xef\xbb\xbfa,b\n1,2\n", encoding=encoding).cells) == ["a", "b"]


def test_bytes_of_another_encoding_are_refused_with_their_line(complaint: Callable[..., str]) -> None:
    assert complaint("a,b\nx,1\ny,2\né,3\n".encode("latin-1")) == (
        "data.csv:4: the byte 0xe9 at offset 12 is not utf-8; save the file as UTF-8, or set data.encoding "
        "(latin-1 and cp1252 are common)"
    )
    assert complaint("a,b\n1,2\n".encode("utf-16")) == (
        "data.csv:1: the byte 0xff at offset 0 is not utf-8; save the file as UTF-8, or set data.encoding: utf-16"
    )


@pytest.mark.parametrize("encoding", ["latin-17", "hex", "rot13", "undefined", "a\0b", ""])
def test_an_unknown_encoding_is_refused(complaint: Callable[..., str], encoding: str) -> None:
    assert complaint("a,b\n1,2\n", encoding=encoding).startswith("data.csv: data.encoding: there is no text encoding")


@pytest.mark.parametrize("text", ["x" * 99, "a,b\n" + "1" * 99, 'a,b\n1,2\n"' + "x" * 99])
def test_a_row_that_does_not_end_is_refused_before_it_fills_the_memory(
    complaint: Callable[..., str], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr("nnfit.data.reader.BLOCK", 16)
    monkeypatch.setattr("nnfit.data.reader.LONGEST", 64)
    assert "more than 64 bytes without the end of a row; is this a table?" in complaint(text)


def test_blank_lines_at_the_end_are_no_row_and_fill_no_memory_however_many(
    cut_csv: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nnfit.data.reader.BLOCK", 16)
    monkeypatch.setattr("nnfit.data.reader.LONGEST", 64)
    for end in ("\n" * 99, "\r\n" * 99):
        assert cut_csv("a,b\n1,2\n" + end).cells == {"a": ["1"], "b": ["2"]}
        assert cut_csv('a,b\n"1",2\n' + end).cells == {"a": ["1"], "b": ["2"]}


def test_a_row_begins_in_the_line_of_its_first_cell(cut_csv: Cut) -> None:
    assert cut_csv("a,b\n1,2\n3,4\n").lines == [2, 3]
    assert cut_csv('a,b\n"x\ny",2\n3,"p\r\nq\n"\n5,6\n').lines == [2, 4, 7]
    assert cut_csv('"a\nx",b\n1,2\n3,4\n').lines == [3, 4]


@pytest.mark.parametrize("text", ["", "a,a\n1,2\n", "1,2\n", "a,b\n", "a,b\n1\n", '"a,b\n', "é,b\n1,2\n"])
def test_a_file_that_is_refused_is_closed(cut_csv: Cut, text: str) -> None:
    gc.freeze()  # what was there before is not looked through, and not what the warnings are about
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with pytest.raises(DataError):
                cut_csv(text.encode("latin-1"))
            gc.collect()
    finally:
        gc.unfreeze()
    assert [str(warning.message) for warning in caught] == []


def test_what_cannot_be_opened_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError) as said:  # by Python, whose versions have words of their own
        (tmp_path / "nul\0.csv").stat()
    for path, expected in (
        (tmp_path / "none.csv", "cannot be read: No such file or directory"),
        (tmp_path, "is a folder; name a file in it, or several by a glob, FOLDER/*.csv or FOLDER/*.parquet"),
        (tmp_path / "nul\0.csv", f"cannot be read: {said.value}"),
    ):
        with pytest.raises(DataError) as caught:
            reader.Reader(str(path), reader.Dialect())
        assert str(caught.value) == f"{path}: {expected}"


CELL = st.sampled_from(
    ["a", "1", "2.5", "", " ", "é", '"x"', '""', '"a,b"', '"p\nq"', '"say ""hi"""', "nan", "-inf", "#"]
)
TEXT = st.lists(st.lists(CELL, min_size=1, max_size=3).map(",".join), min_size=1, max_size=6).map("\n".join)
WILD = st.text(st.sampled_from(list('a1,"\n\r é\t')), max_size=14)


@pytest.mark.parametrize("block", [1 << 21, 5, 16])
@given(body=TEXT | WILD, end=st.sampled_from(["", "\n"]))
def test_what_is_read_is_what_pythons_csv_reads_whatever_the_blocks(
    cut_csv: Cut, block: int, body: str, end: str
) -> None:
    text = f"p,q\n{body}{end}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "BLOCK", block)
        try:
            found = cut_csv(text)
        except DataError:
            return
    expected, lines = [], []
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    begin = 1
    for row in rows:
        if "".join(row).strip() or len(row) > 1:
            expected.append(row)
            lines.append(begin)
        begin = rows.line_num + 1
    assert [list(row) for row in zip(*found.cells.values(), strict=True)] == expected[1:]
    assert found.lines == lines[1:]


@pytest.mark.parametrize("first", ["name,0", '"name",0', '"na\nme",0'], ids=["plain", "quoted", "spanning"])
def test_a_file_of_several_blocks_is_read_whole(cut_csv: Cut, first: str) -> None:
    n = reader.BLOCK // 12
    found = cut_csv(f"a,b\n{first}\n" + "".join(f"name {i},{i}\n" for i in range(1, n)))
    assert found.cells["a"][1:] == [f"name {i}" for i in range(1, n)]
    assert found.cells["b"] == [str(i) for i in range(n)]
    assert found.lines == [2, *range(3 + first.count("\n"), n + 2 + first.count("\n"))]
