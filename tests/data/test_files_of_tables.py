"""Packed files, Parquet, Arrow and several files are read as the one CSV is, cell for cell, or refused by name."""

from __future__ import annotations

import datetime
import decimal
import gc
import gzip
import io
import pickle
import sqlite3
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from nnfit.data import reader
from nnfit.data.cells import Text
from nnfit.data.dialect import Dialect
from nnfit.data.opening import digest_of
from nnfit.data.spelling import Spelling
from nnfit.data.table import Table, kind, read_table
from nnfit.errors import DataError, NnfitError, UsageError

ROWS = [f"{i / 4},{'pqr'[i % 3]},{i}" if i % 7 else f",,{i}" for i in range(60)]
CSV = "x,c,i\n" + "".join(f"{row}\n" for row in ROWS)
PLAIN = Dialect()


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def zst(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue())


def cells(table: Table) -> dict[str, list[Any]]:
    return {
        name: column.cells().tolist() if isinstance(column, Text) else [repr(value) for value in column.tolist()]
        for name, column in table.columns.items()
    }


def labels(table: Table) -> dict[str, tuple[str, ...]]:
    return {name: column.labels for name, column in table.columns.items() if isinstance(column, Text)}


def refused(data: str | Sequence[str], dialect: Dialect = PLAIN, kinds: dict[str, str] | None = None) -> str:
    with pytest.raises(NnfitError) as caught:
        read_table(data, dialect, kinds or {})
    assert caught.value.exit_code == (2 if isinstance(caught.value, UsageError) else 4)
    return str(caught.value)


def parts(*texts: str | bytes, ending: str = "csv") -> list[str]:
    Path("parts").mkdir()
    for k, text in enumerate(texts):
        Path(f"parts/{k}.{ending}").write_bytes(text if isinstance(text, bytes) else text.encode())
    return [f"parts/{k}.{ending}" for k in range(len(texts))]


# --- packed --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [gzip.compress, zst, lambda data: gzip.compress(data[:99]) + gzip.compress(data[99:])])
@pytest.mark.parametrize("large", [False, True])
def test_a_packed_file_is_the_text_in_it(
    monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes], large: bool
) -> None:
    monkeypatch.setattr(reader, "BLOCK", 100)
    monkeypatch.setattr(reader, "SMALL", -1 if large else 1 << 30)
    Path("t.csv").write_text(CSV)
    Path("t.bin").write_bytes(pack(CSV.encode()))  # its first bytes tell, and not its name
    one, other = (read_table(name, PLAIN, {}) for name in ("t.csv", "t.bin"))
    assert cells(one) == cells(other)
    assert (one.sha256, one.lines) == (other.sha256, other.lines)
    assert digest_of("t.bin") == digest_of("t.csv") == one.sha256


def test_progress_of_a_packed_file_counts_its_own_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "BLOCK", 1000)
    Path("t.csv.gz").write_bytes(
        packed := gzip.compress(CSV.encode() * 1 + "".join(f"{r}\n" for r in ROWS * 500).encode())
    )
    with reader.Reader("t.csv.gz", PLAIN) as opened:
        ends = [block.end for block in opened.blocks({"x": "numeric"})]
        assert ends == sorted(ends)
        assert 0 < ends[0] <= ends[-1] <= len(packed) == opened.size
        assert opened.expected_rows(30_060, ends[-1]) >= 30_060


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda data: data[:-20], "the gzip file breaks off"),
        (lambda data: data[:60] + b"????" + data[64:], "the gzip file is damaged"),
        (lambda data: data + b"more", "the gzip file is damaged"),
    ],
)
def test_a_damaged_archive_is_unreadable(spoil: Callable[[bytes], bytes], expected: str) -> None:
    rng = np.random.default_rng(0)
    text = "x\n" + "".join(f"{value}\n" for value in rng.random(2000))
    Path("t.csv.gz").write_bytes(spoil(gzip.compress(text.encode())))
    assert refused("t.csv.gz") == f"t.csv.gz: cannot be read: {expected}"  # how far is not known: nothing of it is said


def test_so_is_one_of_zstd() -> None:
    Path("t.csv.zst").write_bytes(zst(CSV.encode() * 50)[:-9])
    assert refused("t.csv.zst").startswith("t.csv.zst: cannot be read: the zstd file breaks off")


def test_tabs_separate_a_file_that_is_named_so() -> None:
    Path("t.tsv").write_text(CSV.replace(",", "\t"))
    Path("t.TSV.gz").write_bytes(gzip.compress(CSV.replace(",", "\t").encode()))
    by_name = Dialect(by_name=True)
    assert cells(read_table("t.tsv", by_name, {})) == cells(read_table("t.TSV.gz", by_name, {}))
    assert "one column only" in refused("t.tsv", Dialect(","))


def test_standard_input_that_is_packed_makes_no_noise(capfd: pytest.CaptureFixture[str]) -> None:
    assert read_table("-", PLAIN, {}, held=zst(CSV.encode())).n == 60
    gc.collect()
    assert capfd.readouterr().err == ""


# --- several files -------------------------------------------------------------------------------------------------


def test_a_glob_and_a_list_are_the_one_table() -> None:
    lines = CSV.splitlines(keepends=True)
    given = parts(
        lines[0] + "".join(lines[1:20]), "\ufeff" + lines[0] + "".join(lines[20:41]).rstrip("\n"), lines[0],
        "i,x,c\n" + "".join(",".join(row.rstrip("\n").rsplit(",", 1)[::-1]) + "\n" for row in lines[41:]),
    )  # fmt: skip
    Path("t.csv").write_text(CSV)
    one = read_table("t.csv", PLAIN, {})
    for data in ("parts/*.csv", given, ["parts/[01].csv", "parts/[2-9].csv"], "**/[0-9].csv"):
        found = read_table(data, PLAIN, {})
        assert (cells(found), labels(found), found.header) == (cells(one), labels(one), one.header)
        assert found.lines == range(2, 62)
        assert found.files == tuple(given)
    assert found.sha256 == digest_of("parts/*.csv") == digest_of(given) != digest_of(given[:2])
    assert [str(found.place(row, "x")) for row in (0, 18, 19, 39, 40, 59)] == [
        *("parts/0.csv:2:1", "parts/0.csv:20:1", "parts/1.csv:2:1", "parts/1.csv:22:1"),
        *("parts/3.csv:2:2", "parts/3.csv:21:2"),
    ]
    assert found.rows(np.array([59])).place(0) == found.place(59)


def test_a_column_is_text_if_a_cell_of_any_file_is() -> None:
    parts("x,y\n007,1\n", "x,y\nu,2\nv,3\n")
    assert cells(read_table("parts/*", PLAIN, {})) == {"x": ["007", "u", "v"], "y": ["1.0", "2.0", "3.0"]}
    assert refused("parts/*", kinds={"x": "numeric"}).startswith('parts/1.csv:2:1: column "x": expected a number')


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["x,y\n1,2\n", "x,z\n1,2\n"], "parts/1.csv:1: is not of one table with parts/0.csv: it lacks y and has z"),
        (["x,y\n1,2\n", "x\n1\n"], "parts/1.csv:1: is not of one table with parts/0.csv: it lacks y;"),
        (["x,y\n1,2\n", "x,y,z\n1,2,3\n"], "parts/1.csv:1: is not of one table with parts/0.csv: it has z besides"),
        (["x,y\n1,2\n", "x;y\n1;2\n"], 'parts/1.csv:1: one column only, "x;y"; if ";" separates the cells'),
        (["x,y\n1,2\n", ""], "parts/1.csv: is empty"),
        (["", "x,y\n1,2\n"], "parts/0.csv: is empty"),
        (["x,y\n1,2\n", "x,y\n1,2\n3\n"], "parts/1.csv:3: 1 cell, but the header has 2 columns"),
        (["x,y\n", "x,y\n"], "parts/*: have no rows"),
        (["x,y\n1,2\n", b"PK\x03\x04..xl/workbook.xml"], "parts/1.csv: is an Excel workbook (.xlsx), and no table"),
    ],
)
def test_the_file_in_which_something_is_wrong_is_named(texts: list[str | bytes], expected: str) -> None:
    parts(*texts)
    assert refused("parts/*").startswith(expected)


def test_what_is_no_file_is_refused_by_name() -> None:
    Path("parts/inner").mkdir(parents=True)
    assert refused("none/*.csv") == (
        "none/*.csv: matches no file; are the files there? * stands for any text within a name, ** for any folders"
    )
    assert refused("parts/*").startswith("parts/inner: is a folder")
    Path("parts/a.csv").write_text("x\n1\n")
    assert refused(["parts/a.csv", "parts/gone.csv"]) == "parts/gone.csv: cannot be read: No such file or directory"
    assert refused(["parts/a.csv", "parts/*.csv"]) == "parts/a.csv: is named twice in one table; name it once"
    assert len(read_table("parts/**", PLAIN, {}).files) == 1  # and not the folders that it goes through
    Path("parts/a[1]").mkdir()
    Path("parts/a[1]/b.csv").write_text("x\n1\n")
    remedy = 'to look in the folder of that name, write "parts/a[[]1]/*.csv"'
    assert refused("parts/a[1]/*.csv") == f"parts/a[1]/*.csv: matches no file; {remedy}"
    assert read_table("parts/a[[]1]/*.csv", PLAIN, {}).n == 1
    assert refused(["parts/a.csv", "-"]) == "parts/a.csv, -: is no part of a table; name files"


def test_a_file_whose_name_looks_like_a_glob_is_that_file() -> None:
    Path("t[1].csv").write_text("x\n1\n")
    Path("t1.csv").write_text("x\n2\n")
    assert cells(read_table("t[1].csv", PLAIN, {})) == {"x": ["1.0"]}


def test_a_file_that_vanishes_while_others_are_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    parts("x\n1\n", "x\n2\n")
    from nnfit.data.opening import reading

    with reading("parts/*", PLAIN) as opened:
        Path("parts/1.csv").unlink()
        with pytest.raises(DataError, match=r"^parts/1\.csv: cannot be read: No such file"):
            list(opened.blocks({"x": "numeric"}))


# --- Parquet and Arrow ---------------------------------------------------------------------------------------------


def frame() -> pd.DataFrame:
    return pd.read_csv(io.StringIO(CSV), dtype={"c": "str"}, keep_default_na=False, na_values={"x": [""]})


WRITERS: dict[str, Callable[[pa.Table, Any], object]] = {
    "t.parquet": lambda table, file: pq.write_table(table, file, row_group_size=17),
    "t.feather": lambda table, file: pyarrow.feather.write_feather(table, file, chunksize=13),
    "t.arrow": lambda table, file: stream(table, file),
}


def stream(table: pa.Table, file: Any) -> None:
    with pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table, 11)


@pytest.mark.parametrize("name", WRITERS)
def test_a_columnar_file_holds_what_the_csv_does(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    from nnfit.data import columnar

    Path("t.csv").write_text(CSV)
    one = read_table("t.csv", PLAIN, {})
    WRITERS[name](pa.Table.from_pandas(frame()), name)
    for most in (columnar.MOST, 5):
        monkeypatch.setattr(columnar, "MOST", most)
        found = read_table(name, PLAIN, {})
        assert (cells(found), labels(found), found.header) == (cells(one), labels(one), one.header)
        assert (found.lines, found.noun) == (range(1, 61), "row")
        assert found.sha256 == digest_of(name)
    held = read_table("-", PLAIN, {}, held=Path(name).read_bytes())
    assert cells(held) == cells(one)
    assert held.sha256 == found.sha256


def arrow(name: str = "t.parquet", **columns: Any) -> str:
    table = pa.table(columns)
    (pq.write_table if name.endswith("parquet") else pyarrow.feather.write_feather)(table, name)
    return name


def test_types_are_those_of_the_file_and_nothing_is_guessed() -> None:
    UTC, day = datetime.UTC, datetime.datetime(2024, 2, 9, 13, 30)
    name = arrow(
        text=pa.array(["1", "2", None]),
        words=pa.array(["yes", "no", ""], pa.large_string()),
        iso=pa.array(["2024-02-09", "2024-02-10", None]),
        flag=pa.array([True, None, False]),
        day=pa.array([day.date(), None, datetime.date(1, 1, 1)]),
        time=pa.array([day, None, day.replace(microsecond=1500)], pa.timestamp("us")),
        zone=pa.array([day.replace(tzinfo=UTC), None, None], pa.timestamp("ns", "Europe/Berlin")),
        kind=pa.array(["b", "a", None]).dictionary_encode(),
        tiny=pa.array([1, None, -3], pa.int8()),
        large=pa.array([2**53 + 1, 2**64 - 1, None], pa.uint64()),
        half=pa.array([np.float16(0.1), None, np.float16(2)], pa.float16()),
        single=pa.array([0.1, float("nan"), None], pa.float32()),
        money=pa.array([decimal.Decimal("12345678901234567.89"), None, decimal.Decimal("0.10")]),
        gaps=pa.array([None, None, None]),
    )
    found = read_table(name, Dialect(missing=("-3",)), {})
    assert {each: column.cells().tolist() for each, column in found.columns.items() if isinstance(column, Text)} == {
        "text": ["1", "2", ""],
        "words": ["yes", "no", ""],
        "iso": ["2024-02-09", "2024-02-10", ""],
        "flag": ["True", "", "False"],
        "day": ["2024-02-09", "", "0001-01-01"],
        "time": ["2024-02-09 13:30:00", "", "2024-02-09 13:30:00.0015"],
        "zone": ["2024-02-09 13:30:00+00:00", "", ""],
        "kind": ["b", "a", ""],
    }
    numbers = {each: column.tolist() for each, column in found.columns.items() if not isinstance(column, Text)}
    nan = np.nan
    expected = {
        "tiny": [1, nan, nan],  # -3 means a missing cell
        "large": [float("9007199254740993"), float("18446744073709551615"), nan],
        "half": [float(np.float16(0.1)), nan, 2],
        "single": [float(np.float32(0.1)), nan, nan],
        "money": [float("12345678901234567.89"), nan, 0.1],
        "gaps": [nan, nan, nan],
    }
    np.testing.assert_equal(numbers, expected)
    kinds = {each: kind(found, each) for each in found.columns if each != "gaps"}
    assert kinds == {
        **dict.fromkeys(("text", "words", "iso", "kind"), "categorical"),
        "flag": "boolean",
        "day": "date",
        "time": "date",
        "zone": "date",
        **dict.fromkeys(("tiny", "large", "half", "single", "money"), "numeric"),
    }
    with pytest.raises(DataError, match='column "gaps" has no value'):
        kind(found, "gaps")


def test_a_dictionary_of_numbers_is_text() -> None:
    name = arrow("t.feather", code=pa.array([7, 8, None, 7]).dictionary_encode())
    assert cells(read_table(name, PLAIN, {})) == {"code": ["7", "8", "", "7"]}
    assert cells(read_table(name, PLAIN, {"code": "numeric"})) == {"code": ["7.0", "8.0", "nan", "7.0"]}


def test_what_the_spec_says_holds_for_them_too() -> None:
    name = arrow(t=pa.array(["1,5", "?", None]), n=pa.array([2**53 + 1, 1, None]), x=pa.array([1.0, 2.5, 1e-7]))
    found = read_table(name, Dialect(decimal=",", missing=("?",)), {"t": "numeric", "n": "text", "x": "text"})
    assert repr(cells(found)["t"]) == "['1.5', 'nan', 'nan']"
    assert cells(found)["n"] == ["9007199254740993", "1", ""]
    assert cells(found)["x"] == ["1", "2.5", "1e-07"]
    assert refused(name, kinds={"t": "numeric"}).startswith('t.parquet:1:1: column "t": expected a number, got "1,5"')


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"a": [1.0, np.inf]}, 't.parquet:2:1: column "a": expected finite numbers, got inf'),
        (
            {"b": [1], "a": [[1]]},
            't.parquet, column 2: column "a": list<element: int64> is none of numbers, texts, dates',
        ),
        ({"a": [{"b": 1}]}, 't.parquet, column 1: column "a": struct<b: int64> is none of'),
        ({"a": [b"1"]}, 't.parquet, column 1: column "a": binary is none of'),
        ({"a": pa.array([5], pa.duration("s"))}, 't.parquet, column 1: column "a": duration[s] is none of'),
        ({"a": pa.array([], pa.int64())}, "t.parquet: has no rows"),
        ({"": [1]}, "t.parquet, column 1: this column has no name"),
        ({"__index_level_0__": [1]}, "t.parquet: has no columns"),
    ],
)
def test_what_no_column_of_a_table_may_hold_is_refused_by_its_name(columns: dict[str, Any], expected: str) -> None:
    assert refused(arrow(**columns)).startswith(expected)


def test_a_column_that_nobody_reads_may_hold_anything() -> None:
    name = arrow(a=[1, 2], b=[[1], [2]], __index_level_0__=[5, 6])
    found = read_table(name, PLAIN, {"b": "skip"})
    assert cells(found) == {"a": ["1.0", "2.0"]}
    assert found.header == ("a", "b")


def test_a_name_that_is_given_twice_is_refused() -> None:
    pq.write_table(pa.table([[1], [2]], ["a", "a"]), "t.parquet")
    assert refused("t.parquet").startswith('t.parquet, column 2: the column name "a" is given twice')


def test_a_name_with_a_point_is_one_column() -> None:
    assert cells(read_table(arrow(**{"a": [1], "a.b": ["x"]}), PLAIN, {"a": "skip"})) == {"a.b": ["x"]}


def test_columnar_files_are_one_table_if_their_types_agree() -> None:
    Path("parts").mkdir()
    arrow("parts/0.parquet", x=[1, 2], c=pa.array([None, None]))
    arrow("parts/1.parquet", c=["a", "b"], x=[0.5, None])
    found = read_table("parts/*", PLAIN, {})
    assert cells(found) == {"x": ["1.0", "2.0", "0.5", "nan"], "c": ["", "", "a", "b"]}
    assert str(found.place(2, "x")) == "parts/1.parquet:1:2"
    arrow("parts/2.parquet", c=["a"], x=["1"])
    assert refused("parts/*") == (
        'parts/2.parquet: column "x" is categorical here, and numeric in parts/0.parquet; '
        "write the files with the same types"
    )
    Path("parts/2.parquet").write_text("x,c\n1,a\n")
    assert "parts/2.parquet: is named .parquet and does not begin as such a file does" in refused("parts/*")
    Path("parts/2.parquet").rename("parts/2.csv")
    assert refused("parts/*").startswith("parts/2.csv: is text, and parts/0.parquet is a Parquet or Arrow file")


# --- what is no table ----------------------------------------------------------------------------------------------


def database() -> bytes:
    with sqlite3.connect("d.sqlite") as connection:
        connection.execute("create table t (x)")
    connection.close()
    return Path("d.sqlite").read_bytes()


def archive(*names: str) -> bytes:
    with zipfile.ZipFile(memory := io.BytesIO(), "w") as packed:
        for name in names:
            packed.writestr(zipfile.ZipInfo(name), "x")
    return memory.getvalue()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (lambda: archive("[Content_Types].xml", "xl/workbook.xml"), "is an Excel workbook (.xlsx), and no table"),
        (lambda: archive("theta_1.npy"), "is a NumPy archive (.npz), perhaps a model, and no table"),
        (lambda: archive("t.csv"), "is a zip archive, and no table; unpack it"),
        (database, "is an SQLite database, and no table"),
        (lambda: pickle.dumps({"x": 1}), "is a pickle of Python, and no table"),
        (lambda: b"%PDF-1.7\n1 0 obj", "is a PDF document, and no table"),
        (lambda: b"\x89PNG\r\n\x1a\n\0\0", "is an image, and no table"),
        (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an Excel workbook (.xls), and no table"),
        (lambda: b"<!DOCTYPE html><html>", "is a web page or XML, and no table; download the file itself"),
        (lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "is a pointer of Git LFS"),
        (lambda: gzip.compress(archive("t.csv")), "is a zip archive, and no table"),
        (lambda: gzip.compress(gzip.compress(b"x\n1\n")), "is a gzip file that holds a gzip file, and no text"),
        (lambda: b"PAR1\x15\x04", "cannot be read as Parquet: "),
        (lambda: b"ARROW1\0\0\xff\xff", "cannot be read as Arrow: "),
    ],
)
@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_another_kind_of_file_is_named_as_what_it_is(data: Callable[[], bytes], name: str, expected: str) -> None:
    Path(name).write_bytes(data())
    assert refused(name).startswith(f"{name}: {expected}")


def test_a_header_that_begins_like_another_kind_is_a_header() -> None:
    for header in ("PAR1,PAR2", "ORC,x", "BZh1,x", "%PDF,x", "ARROW1,x", "Obj,x", "MZ,x"):
        Path("t.csv").write_text(f"{header}\n1,2\n")
        assert list(read_table("t.csv", PLAIN, {}).columns) == header.split(",")


@pytest.mark.parametrize(
    ("name", "data", "who"),
    [
        ("t.parquet", lambda: Path(arrow(x=[1])).read_bytes(), "Parquet files need"),
        ("t.feather", lambda: Path(arrow("t.feather", x=[1])).read_bytes(), "Arrow files need"),
        ("t.csv.zst", lambda: zst(b"x\n1\n"), "zstd files need"),
    ],
)
def test_without_the_extra_the_file_is_named_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, name: str, data: Callable[[], bytes], who: str
) -> None:
    Path(name).write_bytes(data())
    for module in [each for each in sys.modules if each.partition(".")[0] == "pyarrow"] + ["pyarrow"]:
        monkeypatch.setitem(sys.modules, module, None)
    assert refused(name) == f"{name}: {who} pyarrow; pip install 'nnfit[arrow]'"


@pytest.mark.parametrize("name", ["t.parquet", "t.feather"])
def test_a_number_that_means_missing_may_be_spelled_as_the_column_is(name: str) -> None:
    WRITERS[name](pa.table({"x": [1.0, -9.5, -1.0]}), name)
    spelled = Dialect(missing=("-9,5",), spellings={"x": Spelling(",")})
    assert np.array_equal(read_table(name, spelled, {}).numbers("x"), [1.0, np.nan, -1.0], equal_nan=True)
    assert read_table(name, Dialect(missing=("-9,5",)), {}).numbers("x").tolist() == [1.0, -9.5, -1.0]


# --- files that break off, or are joined -----------------------------------------------------------------------------


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        (lambda data, batch: data[: batch[0]], "breaks off: the mark of its end is missing"),
        (lambda data, batch: data[: batch[2]], "breaks off: the mark of its end is missing"),
        (lambda data, batch: data[:-8], "breaks off: the mark of its end is missing"),
        (lambda data, batch: data[:-4], "cannot be read as Arrow: "),
        (lambda data, batch: data + data, "goes on behind its end; files that were joined are read one by one"),
        (lambda data, batch: data + b"x", "goes on behind its end"),
    ],
)
def test_a_stream_loses_no_rows_without_a_word(
    cut: Callable[[bytes, list[int]], bytes], expected: str, held: bool
) -> None:
    table = pa.table({"x": [1.0] * 30, "last": [0xFFFFFFFF] * 30})  # whose last bytes are those of an end
    stream(table, whole := io.BytesIO())
    data, at = whole.getvalue(), []
    opened = io.BytesIO(data)
    for _ in pa.ipc.open_stream(opened):
        at.append(opened.tell())
    Path("t.arrows").write_bytes(data)
    assert read_table("t.arrows", PLAIN, {}).n == 30
    Path("t.arrows").write_bytes(cut(data, at))
    with pytest.raises(DataError) as caught:
        read_table("-" if held else "t.arrows", PLAIN, {}, held=cut(data, at) if held else None)
    assert str(caught.value).startswith(f"{'standard input' if held else 't.arrows'}: {expected}")


@pytest.mark.parametrize("name", ["t.parquet", "t.feather"])
def test_of_joined_files_none_is_taken_for_another(name: str) -> None:
    WRITERS[name](pa.Table.from_pandas(frame()), name)
    data = Path(name).read_bytes()
    assert read_table(name, PLAIN, {}).n == 60
    Path(name).write_bytes(data + data)
    assert refused(name).startswith(f"{name}: goes on behind its end; files that were joined")


@pytest.mark.parametrize(
    "data", ["x,c\n1,a\n".encode("utf-16-le") + b"\n", "x,c\n1,\ud800\n".encode("utf-16-le", "surrogatepass")]
)
def test_utf16_without_its_mark_is_refused_whatever_else_is_wrong(data: bytes) -> None:
    Path("t.csv").write_bytes(data)
    assert refused("t.csv", Dialect(encoding="utf-16")).startswith("t.csv:1: is not utf-16: ")
    Path("t.csv").write_bytes(gzip.compress(data))
    assert "is not utf-16" in refused("t.csv", Dialect(encoding="utf-16"))


@pytest.mark.parametrize("text", ['{"a": [1]}', '[\n  {"a": 1},\n', '\ufeff{"a": 1}\n{"a": 2}\n'])
def test_json_is_named_as_such_and_a_header_with_braces_is_none(text: str) -> None:
    Path("t.csv").write_text(text, encoding="utf-8")
    assert refused("t.csv") == "t.csv: is JSON, and no table that nnfit reads; save the table as CSV, or as Parquet"
    Path("t.csv").write_text("{a},[b]\n1,2\n")
    assert tuple(read_table("t.csv", Dialect(), {}).columns) == ("{a}", "[b]")
