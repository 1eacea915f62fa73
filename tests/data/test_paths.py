"""Small files are read by Python alone, large ones by pandas in threads, in blocks: cells and errors are the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnfit.data import reader
from nnfit.data.cells import Text
from nnfit.data.dialect import Dialect
from nnfit.data.spelling import Spelling
from nnfit.data.table import read_table
from nnfit.errors import DataError
from nnfit.workers.threads import threads

Read = Callable[..., Any]
BLOCKS = (1 << 21, 1 << 12, 40, 7)

HOSTILE = {
    "nothing odd": "x,t\n1,a\n2.5,b\n-3e2,a\n",
    "no end": "x,t\n1,a\n2,b",
    "line ends of Windows": "x,t\r\n1,a\r\n2,b\r\n",
    "both line ends": "x,t\r\n1,a\n2,b\r\n",
    "blanks around": "x,t\n 1 , a\n\t2\t,b \n",
    "gaps": "x,t\n,a\n2,\n,\n",
    "gaps in the last column": "t,x\na,1\nb,\n,2\n",
    "all gaps": "x,t\n,a\n,b\n",
    "one column": "x\n1\n2\n",
    "one column with a gap, which is a blank line": "x\n1\n\n2\n",
    "one column, and blank lines at the end": "x\n1\n2\n" + "\n" * 200,
    "one column of blank lines": "x\n" + "\n" * 200,
    "blank lines at the end": "x,t\n1,a\n\n\n",
    "blank lines of Windows at the end": "x,t\r\n1,a\r\n\r\n\r\n",
    "a blank line": "x,t\n1,a\n\n2,b\n",
    "a blank line before a short row": "x,t\n1,a\n\n2\n",
    "a blank line before a word": "x,t\n1,a\n\ntwo,b\n",
    "a short row": "x,t\n1,a\n2\n3,c\n",
    "a long row": "x,t\n1,a\n2,b,c\n3,c\n",
    "a long row and a short one": "x,t\n1,a\n2,b,c\n3\n4,d\n",
    "a short row and a long one": "x,t\n1,a\n3\n2,b,c\n4,d\n",
    "short rows whose cells are missed by the next": "x,y,z\n1,2\n3,4,5,6\n7,8,9\n",
    "a row of separators": "x,t\n1,a\n,,\n",
    "a word": "x,t\n1,a\ntwo,b\n3,c\n",
    "a word in a later row than a word": "x,y\n1,one\ntwo,2\n",
    "a word before a short row": "x,t\n1,a\ntwo,b\n3\n",
    "a word after a short row": "x,t\n1,a\n3\ntwo,b\n",
    "words in every column": "x,y\n1,2\na,3\n4,b\n",
    "true": "x,t\n1,a\ntrue,b\n",
    "TRUE beside a word that holds it": "x,t\n1,untrue\n0,falsehood\nTRUE,b\n",
    "false": "x,t\n0,a\nFalse,b\n",
    "true among texts": "x,t\n1,true\n0,false\n1,x\n",
    "inf": "x,t\n1,a\ninf,b\n",
    "Infinity": "x,t\n1,a\n-Infinity,b\n",
    "nan": "x,t\n1,a\nnan,b\n",
    "NA": "x,t\n1,NA\nNA,b\n",
    "too large": "x,t\n1,a\n1e999,b\n",
    "too small": "x,t\n1,a\n1e-999,b\n",
    "many digits": "x,t\n0.1234567890123456789,a\n123456789012345678901234567890,b\n9007199254740993,c\n",
    "signs": "x,t\n+1,a\n-0,b\n--1,c\n",
    "half numbers": "x,t\n1.,a\n.5,b\n.,c\n",
    "an exponent alone": "x,t\n1e,a\n2,b\n",
    "an underscore": "x,t\n1_000,a\n2,b\n",
    "hexadecimal": "x,t\n0x10,a\n2,b\n",
    "digits of another script": "x,t\n١,a\n2,b\n",
    "a no-break blank": "x,t\n1\u00a0,a\n2,b\n",
    "a vertical tab before a number": "x,t\n\v1,a\n2,b\n",
    "a form feed behind a number": "x,t\n1\f,a\n2,b\n",
    "a form feed in a text": "x,t\n1,a\fb\n2,b\n",
    "a blank cell": "x,t\n ,a\n2,b\n",
    "two numbers in a cell": "x,t\n1 2,a\n2,b\n",
    "quotes": 'x,t\n"1","a"\n2,"b,c"\n',
    "a quoted line end": 'x,t\n1,"a\nb"\n2,c\n',
    "a quoted word": 'x,t\n1,a\n"true",b\n',
    "quotes late": "x,t\n" + "1,a\n" * 30 + '2,"b\n"\n' + "3,c\n" * 30,
    "a quote not closed": 'x,t\n1,a\n2,"b\n3,c\n',
    "a word before a quote not closed": 'x,t\n1,a\ntwo,b\n2,"b\n3,c\n',
    "a stray quote": 'x,t\n1,a\n2,"b"c\n3,c\n',
    "a quoted short row": 'x,t\n1,"a"\n2\n3,c\n',
    "a quoted blank line": 'x,t\n1,"a"\n\n3,c\n',
    "a blank line before a quote": 'x,t\n1,a\n\n3,"c"\n',
    "a quote in the middle": 'x,t\n1,a"b\n2,c\n',
    "a return alone": "x,t\n1,a\r2,b\n",
    "a return alone behind a short row": "x,t\n1\n1,a\r2,b\n",
    "a return in a quoted row": 'x,t\n1,"a"\r2,b\n',
    "NUL": "x,t\n1,a\n2,b\0\n3,c\n",
    "a word before NUL": "x,t\n1,a\ntwo,b\n3,\0\n",
    "a blank line before NUL": "x,t\n1,a\n\n3,\0\n",
    "no UTF-8": b"x,t\n1,a\n2,\xe9\n",
    "a word before what is no UTF-8": b"x,t\n1,a\ntwo,b\n2,\xe9\n",
    "half a letter at the end": b"x,t\n1,a\n2,\xc3",
    "letters of many bytes": "x,t\n" + "1,é名🙂\n" * 20,
    "a byte order mark": b"\xef\xbb\xbfx,t\n1,a\n",
    "no rows": "x,t\n",
    "no rows but blank lines": "x,t\n\n\n",
    "nothing": "",
    "a name twice": "x,x\n1,2\n",
    "missing by a number": "x,t\n999,a\n999.0,b\n9.99e2,c\n1,999\n",
    "missing by a word": "x,t\nNA,a\n1,NA\nna,c\n",
    "sorted otherwise": "x,t\n" + "".join(f"{i},{chr(122 - i % 26)}\n" for i in range(60)),
    "texts that all differ": "x,t\n" + "".join(f"{i},{(i * 7919) % 10007}t\n" for i in range(1200)),
}
KINDS: tuple[dict[str, str], ...] = (
    {},
    {"x": "numeric", "t": "text", "y": "numeric"},
    {"x": "text"},
    {"t": "skip"},
    {"x": "numeric", "t": "numeric", "y": "text"},
)
DIALECTS = {
    "plain": Dialect(),
    "missing": Dialect(missing=("999", "NA")),
    "spelled": Dialect(spellings={"x": Spelling(thousands="_")}),
    "decimal": Dialect(decimal=":"),
}


@pytest.fixture(scope="session")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """What comes of a table by one of the ways: its columns, lines and digest, or its problems."""
    path = tmp_path_factory.mktemp("paths") / "data.csv"

    def read(data: str | bytes, dialect: Dialect, kinds: dict[str, str], block: int, small: bool, parsers: int) -> Any:
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        token = threads.set(parsers)
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(reader, "BLOCK", block)
                patch.setattr(reader, "SMALL", 1 << 30 if small else -1)
                table = read_table(str(path), dialect, kinds, mixtures=not kinds)
        except DataError as error:
            return error.problems
        finally:
            threads.reset(token)
        columns = {
            name: (column.codes.tolist(), column.labels) if isinstance(column, Text) else column.tobytes()
            for name, column in table.columns.items()
        }
        return columns, list(table.lines), table.sha256

    return read


def ways() -> list[tuple[int, bool, int]]:
    return [(block, small, 1 + (block == 40)) for block in BLOCKS for small in (True, False)]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_table_is_the_same_by_every_way(read: Read, name: str) -> None:
    for kinds in KINDS:
        for dialect in DIALECTS.values():
            first, *others = [read(HOSTILE[name], dialect, kinds, *way) for way in ways()]
            assert all(other == first for other in others), kinds


WORDS = ("1", "0", "2.5", "", "-1e3", " ", "a", "é", "true", "False", "inf", "nan", "1e999", "\v1", "1\f", "NA", "999")
QUOTED = ('"x"', '"1"', '""', '"a,b"', '"p\nq"', '"', "\r")
CELL = st.sampled_from(WORDS) | st.sampled_from(QUOTED)
ROW = st.lists(CELL, min_size=2, max_size=2) | st.lists(CELL, min_size=0, max_size=3)
BODY = st.lists(ROW.map(",".join), min_size=1, max_size=8).map("\n".join)


@given(body=BODY, end=st.sampled_from(["", "\n", "\n\n", "\r\n"]), kinds=st.sampled_from(KINDS))
def test_a_wild_table_is_the_same_by_every_way(read: Read, body: str, end: str, kinds: dict[str, str]) -> None:
    text = f"x,t\n{body}{end}"
    first, *others = [read(text, DIALECTS["missing"], kinds, *way) for way in ways()]
    assert all(other == first for other in others)


def test_all_columns_that_are_wrong_are_named_however_far_apart(read: Read) -> None:
    text = "x,y\n1,2\nbad,2\n" + "1,2\n" * 99 + "1,worse\n"
    for way in ways():
        problems = read(text, Dialect(), {"x": "numeric", "y": "numeric"}, *way)
        assert [(problem.place.line, problem.place.column) for problem in problems] == [(3, 1), (103, 2)]


def test_a_number_is_the_nearest_by_every_way(read: Read) -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal(300) * 10.0 ** rng.integers(-300, 300, 300)
    for form in ("{!r}", "{:.17e}", "{:.25g}", "{:.6f}"):
        texts = [form.format(float(value)) for value in values]
        expected = np.array([float(text) for text in texts])
        for way in ways():
            columns, *_ = read("x\n" + "\n".join(texts) + "\n", Dialect(), {"x": "numeric"}, *way)
            assert columns["x"] == expected.tobytes()


def test_a_small_file_is_parsed_without_pandas_and_a_large_one_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data.csv"
    path.write_text("x,t\n1,a\n")
    for small, module in ((8, "nnfit.data.parse_python"), (7, "nnfit.data.parse_pandas")):
        monkeypatch.setattr(reader, "SMALL", small)
        with reader.Reader(str(path), Dialect()) as opened:
            list(opened.blocks({"x": "numeric"}))
            parse: Any = opened.parser
            assert getattr(parse, "func", parse).__module__ == module
