"""What `nnfit init` finds out about a table: how it is written, what is left out and why, what is in doubt."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nnfit.config.loader import load_spec
from nnfit.config.proposal import Proposal, propose
from nnfit.config.proposed import WIDE
from nnfit.errors import DataError
from nnfit.fit.prepare import Prepared, prepare

ROOT = Path(__file__).parent.parent.parent
N = 40


@pytest.fixture
def init(tmp_path: Path) -> Callable[..., Proposal]:
    def init(columns: dict[str, Callable[[int], object]] | bytes, target: str = "y", n: int = N) -> Proposal:
        path = tmp_path / "data.csv"
        if isinstance(columns, bytes):
            path.write_bytes(columns)
        else:
            text = io.StringIO(newline="")
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows([cell(i) for cell in columns.values()] for i in range(n))
            path.write_text(text.getvalue(), encoding="utf-8")
        proposal = propose(path, target, tmp_path)
        (tmp_path / "data.yaml").write_text(proposal.text, encoding="utf-8")
        return proposal

    return init


@pytest.fixture
def encoded(tmp_path: Path) -> Callable[[], Prepared]:
    """The table as the proposed spec reads it."""
    return lambda: prepare(load_spec(tmp_path / "data.yaml"))


def columns(tmp_path: Path) -> Any:
    return load_spec(tmp_path / "data.yaml").spec.data.columns


def told(proposal: Proposal) -> list[str]:
    return [str(note) for note in proposal.notes]


def label(i: int) -> str:
    return "ab"[i * 7 % 3 % 2]


# --- tables as people export them ----------------------------------------------------------------------------------


def number(cell: str, thousands: str, decimal: str) -> str:
    """A number of a clean table, grouped, with as many decimals as it has there."""
    decimals = len(cell.partition(".")[2])
    return f"{float(cell):,.{decimals}f}".replace(",", "G").replace(".", decimal).replace("G", thousands)


STYLES: dict[str, dict[str, Any]] = {
    "German": {"sep": ";", "marks": (".", ","), "money": "{} €", "percent": "{} %", "date": "%d.%m.%Y"},
    "German, from Excel": {"sep": ";", "marks": (".", ","), "money": "{} €", "date": "%d.%m.%Y", "encoding": "cp1252"},
    "American": {"marks": (",", "."), "money": "${}", "date": "%m/%d/%Y"},
    "American, two-digit years": {"marks": (",", "."), "money": "${}", "date": "%m/%d/%y", "encoding": "utf-8-sig"},
    "of an accountant": {"sep": "\t", "marks": (",", "."), "money": "${}", "date": "%d-%b-%Y", "negative": "({})"},
    "Swiss": {"sep": ";", "marks": ("'", "."), "money": "CHF {}", "date": "%d.%m.%Y", "encoding": "cp1252"},
    "French": {"sep": ";", "marks": ("\u202f", ","), "money": "{}\u00a0€", "percent": "{}\u00a0%", "date": "%d/%m/%Y"},
    "of a database": {"sep": "|", "marks": ("", "."), "money": "{}", "percent": "{}", "date": "%Y/%m/%d"},
}


def clean() -> list[list[str]]:
    """The penguins, with a price, a share and a day for each; umlauts and gaps included."""
    with open(ROOT / "datasets/penguins.csv", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    rng = np.random.default_rng(0)
    table = [[*header, "Preis", "Anteil", "Tag", "Ort"]]
    for i, row in enumerate(rows):
        price = "" if i % 30 == 4 else f"{rng.normal(900, 1500):.2f}"
        day = datetime.date(2023, 1, 1) + datetime.timedelta(days=int(rng.integers(700)))
        table.append([*row, price, f"{rng.uniform(0, 100):.1f}", day.isoformat(), ["Köln", "Zürich", "Genève"][i % 3]])
    return table


def exported(
    table: list[list[str]],
    marks: tuple[str, str],
    money: str,
    date: str,
    sep: str = ",",
    percent: str = "{}%",
    encoding: str = "utf-8",
    negative: str = "-{}",
) -> bytes:
    """The table as a program of that country writes it."""
    header, *rows = table
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=sep, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        cells = []
        for name, cell in zip(header, row, strict=True):
            if name in ("Preis", "Anteil") and cell:
                written = number(cell.removeprefix("-"), *marks)
                written = (money if name == "Preis" else percent).format(written)
                cell = negative.format(written) if cell.startswith("-") else written
            elif name == "Tag":
                cell = datetime.date.fromisoformat(cell).strftime(date)
            elif name.endswith(("_mm", "_g")) and cell not in ("", "NA"):
                cell = number(cell, *marks)
            cells.append(cell)
        writer.writerow(cells)
    return text.getvalue().encode(encoding)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("target", ["species", "Preis"])
def test_a_table_rewritten_as_people_export_it_gives_the_inputs_of_the_clean_one(
    init: Callable[..., Proposal], encoded: Callable[[], Prepared], style: str, target: str
) -> None:
    table = clean()
    plain = io.StringIO(newline="")
    csv.writer(plain, lineterminator="\n").writerows(table)
    init(plain.getvalue().encode(), target)
    expected = encoded()
    init(exported(table, **STYLES[style]), target)
    found = encoded()
    assert found.target.task == expected.target.task
    assert [each.inputs for each in found.features] == [each.inputs for each in expected.features]
    np.testing.assert_array_equal(found.sets["train"].examples.X, expected.sets["train"].examples.X)
    np.testing.assert_array_equal(found.sets["train"].truth, expected.sets["train"].truth)


# --- numbers and dates ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "keys"),
    [
        (lambda i: f"${1000 * i + 5:,}.50", {"thousands": ",", "prefix": "$"}),
        (lambda i: f"(${i}.50)" if i % 3 else f"${i}.50", {"prefix": "$"}),
        (lambda i: f"{i}%", {"suffix": "%"}),
        (lambda i: f"EUR {i},5", {"decimal": ",", "prefix": "EUR"}),
        (lambda i: f"{12 * (i % 9)} months", {"suffix": "months"}),
        (lambda i: f"{i * 997:,}", {"thousands": ","}),
        (lambda i: f"{i * 997:_}", {"thousands": "_"}),
        (lambda i: f"{i * 997:,}".replace(",", "\u00a0"), {"thousands": " "}),
        (lambda i: f"{i * 997}.25".replace(".", ","), {"decimal": ","}),
        (lambda i: f"{(i + 1) * 2345:,}.5".replace(",", "’"), {"thousands": "'"}),
    ],
)
def test_numbers_are_read_as_they_are_written_and_this_is_told(
    init: Callable[..., Proposal], encoded: Callable[[], Prepared], tmp_path: Path, cell: Callable, keys: dict[str, str]
) -> None:
    proposal = init({"x": cell, "y": label})
    assert {key: getattr(columns(tmp_path)["x"], key) for key in keys} == keys
    assert columns(tmp_path)["x"].type == "numeric"
    assert any(line.startswith("x is read as numbers, ") for line in told(proposal))
    assert [feature.options.type for feature in encoded().features] == ["numeric"]


@pytest.mark.parametrize(
    ("form", "cell"),
    [
        ("%d.%m.%Y", lambda i: f"{i % 28 + 1:02}.{i % 12 + 1:02}.2024"),
        ("%d.%m.%Y", lambda i: f"{i % 9 + 1}.{i % 9 + 1}.2024"),  # with points nobody writes the month first
        ("%m/%d/%Y", lambda i: f"{i % 12 + 1}/{i % 28 + 1}/2024"),
        ("%d/%m/%Y", lambda i: f"{i % 28 + 1:02}/{i % 12 + 1:02}/2024"),
        ("%m/%d/%y", lambda i: f"{i % 12 + 1}/{i % 28 + 1}/24"),
        ("%m/%d/%Y %I:%M %p", lambda i: f"{i % 12 + 1}/{i % 28 + 1}/2024 {i % 12 + 1}:05 {'AP'[i % 2]}M"),
        ("%d.%m.%Y %H:%M", lambda i: f"{i % 28 + 1:02}.{i % 12 + 1:02}.2024 {i % 24:02}:30"),
        ("%d-%b-%Y", lambda i: f"{i % 28 + 1:02}-{['Jan', 'Feb', 'Oct'][i % 3]}-2024"),
        ("%B %d, %Y", lambda i: f"{['January', 'May'][i % 2]} {i % 28 + 1}, 2024"),
        ("%b-%Y", lambda i: f"{['Jan', 'Feb', 'Oct'][i % 3]}-20{i % 9 + 10}"),
        ("%m/%Y", lambda i: f"{i % 12 + 1:02}/2024"),
        (None, lambda i: f"2024-{i % 12 + 1}-{i % 28 + 1}"),
    ],
)
def test_dates_are_read_as_they_are_written(
    init: Callable[..., Proposal], encoded: Callable[[], Prepared], tmp_path: Path, form: str, cell: Callable
) -> None:
    init({"day": cell, "y": label})
    assert (columns(tmp_path)["day"].type, columns(tmp_path)["day"].format) == ("date", form)
    assert encoded().features[0].options.type == "date"


def test_what_could_be_a_day_or_a_month_is_left_as_text_and_said(
    init: Callable[..., Proposal], encoded: Callable[[], Prepared], tmp_path: Path
) -> None:
    proposal = init({"day": lambda i: f"{i % 6 + 1}/{i % 5 + 1}/2024", "x": lambda i: i % 7, "y": label})
    assert columns(tmp_path)["day"].type == "categorical"
    (line,) = [line for line in told(proposal) if line.startswith("day: ")]
    assert line == (
        'day: "1/1/2024" may have the day or the month first; taken as text; set columns: '
        '{day: {type: date, format: "%d/%m/%Y"}} or {day: {type: date, format: "%m/%d/%Y"}}'
    )
    encoded()


def test_a_point_that_may_stand_between_thousands_is_the_decimal_mark_and_said(
    init: Callable[..., Proposal], encoded: Callable[[], Prepared]
) -> None:
    proposal = init({"x": lambda i: f"{i + 1}.{i * 7 % 900 + 100}", "y": label})
    entry = '{x: {type: numeric, thousands: ".", decimal: ","}}'
    assert f'x: "1.100" may be 1.1 or 1100; taken as 1.1; for 1100 set columns: {entry}' in told(proposal)
    assert encoded().features[0].fitted.high < 100


def test_a_comma_that_may_stand_between_thousands_is_read_by_what_the_file_says_elsewhere(
    init: Callable[..., Proposal], encoded: Callable[[], Prepared]
) -> None:
    rows = [f"{i + 1},{i * 7 % 900 + 100};{i},5;{label(i)}" for i in range(N)]
    german = init(("x;z;y\n" + "\n".join(rows) + "\n").encode())
    assert encoded().features[0].fitted.high < 100
    assert not any("may be" in line for line in told(german))
    american = {"x": lambda i: f"{i + 1},{i * 7 % 900 + 100}", "y": label}
    init(american | {"z": lambda i: f"{i + 1},234.5"})
    assert encoded().features[0].fitted.high > 1000
    undecided = init(american)
    assert encoded().features[0].fitted.high > 1000
    entry = '{x: {type: numeric, decimal: ","}}'
    assert f'x: "1,100" may be 1100 or 1.1; taken as 1100; for 1.1 set columns: {entry}' in told(undecided)


def test_a_target_that_may_be_read_in_two_ways_is_told(init: Callable[..., Proposal]) -> None:
    proposal = init({"x": lambda i: i % 7, "y": lambda i: f"{i + 1}.{i * 7 % 900 + 100}"})
    assert told(proposal)[0].startswith('y: "1.100" may be 1.1 or 1100; taken as 1.1; for 1100 set columns: {y: ')


@pytest.mark.parametrize("cell", [lambda i: f"Q{i % 4 + 1}", lambda i: f"{i % 9}A", lambda i: f"{i % 3}-{i % 2}"])
def test_codes_with_digits_are_categories(init: Callable[..., Proposal], tmp_path: Path, cell: Callable) -> None:
    proposal = init({"x": cell, "y": label})
    assert columns(tmp_path)["x"].type == "categorical"
    assert not any(line.startswith("x") for line in told(proposal))


def test_markers_among_numbers_and_dates_are_missing_cells(
    init: Callable[..., Proposal], encoded: Callable[[], Prepared]
) -> None:
    proposal = init(
        {
            "price": lambda i: "n/a" if i % 9 == 1 else f"${i}.25",
            "day": lambda i: "0000-00-00" if i % 9 == 2 else f"2024-01-{i % 28 + 1:02}",
            "x": lambda i: "#DIV/0!" if i % 9 == 3 else i * 0.3,
            "y": label,
        }
    )
    assert [feature.indicator for feature in encoded().features] == [True, True, True]
    assert '"#DIV/0!", "0000-00-00", "n/a" stands for a missing cell, in every column' in told(proposal)


def test_numbers_among_other_texts_are_told_with_the_texts(init: Callable[..., Proposal], tmp_path: Path) -> None:
    proposal = init({"x": lambda i: "lots" if i == 3 else i % 5, "y": label})
    assert columns(tmp_path)["x"].type == "categorical"
    assert 'x: numbers, but for "lots"; taken as text; list these under missing, if they mean missing cells' in (
        told(proposal)
    )


def test_bytes_that_are_no_utf8_anywhere_in_the_file_make_it_cp1252_and_this_is_said(
    init: Callable[..., Proposal], encoded: Callable[[], Prepared]
) -> None:
    rows = "".join(f"{i % 977}.5,plain text to fill the file,{label(i)}\n" for i in range(40_000))
    proposal = init(b"x,t,y\n" + rows.encode() + "1.5,Müller,a\n".encode("cp1252"))
    assert "the file is read as cp1252" in told(proposal)
    assert encoded().features[1].categories.own == ("Müller", "plain text to fill the file")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_part_of_the_first_name(
    init: Callable[..., Proposal], encoded: Callable[[], Prepared], encoding: str
) -> None:
    init(("größe;y\n" + "".join(f"{i},5;{label(i)}\n" for i in range(N))).encode(encoding))
    assert [feature.name for feature in encoded().features] == ["größe"]


def test_commas_in_the_header_and_in_numbers_do_not_hide_the_semicolons(
    init: Callable[..., Proposal], encoded: Callable[[], Prepared]
) -> None:
    init(("Preis, netto;y\n" + "".join(f"{i},50;{label(i)}\n" for i in range(N))).encode())
    assert encoded().features[0].name == "Preis, netto"


# --- what is left out ----------------------------------------------------------------------------------------------

RNG = np.random.default_rng(1)
SHUFFLED = RNG.permutation(N * 3)[:N].tolist()
INCOME = (20_000 + 37 * RNG.permutation(2_000)[:N]).tolist()
RISING = np.cumsum(RNG.integers(1, 5, N)).tolist()
LEFT_OUT: list[tuple[str, Callable[[int], object], str]] = [
    ("id", lambda i: i + 1, "its name, say that it is an identifier"),
    ("id", lambda i: 3 * i, "its name, say that it is an identifier"),
    ("CustomerID", lambda i: SHUFFLED[i], "its name, say that it is an identifier"),
    ("Kundennummer", lambda i: 100_000 + 7919 * i, "its name, say that it is an identifier"),
    ("Unnamed: 0", lambda i: i, "its name, say that it is an identifier"),
    ("x", lambda i: i, "without a gap, like an identifier"),
    ("x", lambda i: N - i, "without a gap, like an identifier"),
    ("x", lambda i: RISING[i], "in their order, like an identifier"),
    ("code", lambda i: f"{i:x}-{i * 7919:08x}", "another text in every row, like an identifier"),
    ("remark", lambda i: f"the {i}th remark of a customer", "free text: 40 of 40 rows have one of their own"),
    ("name", lambda i: f"Name {max(i, 5)}", "free text: 34 of 40 rows have one of their own"),
    ("zip", lambda i: f"{max(i, 5)}xx", "nearly all of its texts differ: 34 of 40 rows have one of their own"),
    ("one", lambda i: "k", "the same in every row"),
    ("price", lambda i: "$5.00", "the same in every row"),
    ("nothing", lambda i: "", "no row has a value"),
    ("nothing", lambda i: "n/a" if i % 2 else "", "no row has a value"),
]


@pytest.mark.parametrize(("name", "cell", "reason"), LEFT_OUT)
def test_what_says_nothing_is_left_out_with_the_reason(
    init: Callable[..., Proposal], encoded: Callable[[], Prepared], name: str, cell: Callable, reason: str
) -> None:
    table = {name: cell, "z": lambda i: "n/a" if i == 3 else i * 5 % 7 + 0.5, "y": label}
    proposal = init(table)
    assert told(proposal)[0].startswith(f"{name} is left out: ")
    assert told(proposal)[0].endswith(reason)
    assert [feature.name for feature in encoded().features] == ["z"]
    assert reason in proposal.text


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("income", lambda i: INCOME[i]),
        ("income", lambda i: sorted(INCOME)[i]),
        ("income", lambda i: f"${INCOME[i]:,}"),
        ("distance", lambda i: 10 * i + 10),
        ("distance", lambda i: f"{i + 1} km"),
        ("year", lambda i: 1950 + i),
        ("price", lambda i: f"{i * 1.37:.2f}"),
        ("paid", lambda i: INCOME[i]),
        ("customer_id", lambda i: i % 20),
        ("street", lambda i: f"Street {i % 25}"),
        ("day", lambda i: f"2024-{i % 12 + 1:02}-{i % 28 + 1:02}"),
        ("flag", lambda i: "" if i % 2 else "yes"),
    ],
)
def test_a_column_that_may_say_something_is_learnt_from(
    init: Callable[..., Proposal], encoded: Callable[[], Prepared], name: str, cell: Callable
) -> None:
    init({name: cell, "z": lambda i: i * 5 % 7 + 0.5, "y": label})
    assert [feature.name for feature in encoded().features] == [name, "z"]


def test_numbers_that_count_the_rows_are_learnt_from_where_nothing_else_is_there(
    init: Callable[..., Proposal], encoded: Callable[[], Prepared]
) -> None:
    init({"x": lambda i: i, "y": lambda i: i * i * 0.1})
    assert encoded().features[0].name == "x"


def test_a_table_with_nothing_to_learn_from_is_refused_with_the_reasons(init: Callable[..., Proposal]) -> None:
    with pytest.raises(DataError, match=r"no column is left to learn from \(id: another whole .*; one: the same in ev"):
        init({"id": lambda i: i, "one": lambda i: 1, "y": label})


def test_a_column_of_very_many_categories_keeps_the_most_frequent(
    init: Callable[..., Proposal], encoded: Callable[[], Prepared]
) -> None:
    init({"x": lambda i: f"c{i * i % 7919 % 3000}", "z": lambda i: i % 5, "y": label}, n=12_000)
    assert len(encoded().features[0].categories.own) <= 1000


def test_a_column_of_texts_in_too_few_rows_each_is_left_out(init: Callable[..., Proposal]) -> None:
    proposal = init({"city": lambda i: f"city {i % 140}", "z": lambda i: i % 5, "y": label}, n=450)
    assert "# city is left out: 140 different texts, each in too few rows to learn from" in proposal.text
    assert "city is left out: 140 different texts, each in too few rows to learn from" in told(proposal)


def test_texts_that_share_an_input_are_told_where_they_are_many(init: Callable[..., Proposal]) -> None:
    cities = {"city": lambda i: f"city {i * 37 % 140 if i % 3 else 'A'}", "z": lambda i: i % 5, "y": label}
    proposal = init(cities, n=450)
    (line,) = [text for text in told(proposal) if text.startswith("city: ")]
    assert line.endswith(
        " of the rows have texts of fewer than 5 rows, which share an input; with min_count: 1 each has its own"
    )
    proposal = init({**cities, "city": lambda i: f"city {i % 20}"}, n=450)
    assert not [text for text in told(proposal) if "share an input" in text]


PLAIN: dict[str, Callable[[int], object]] = {
    "when": lambda i: f"2024-0{1 + i % 9}-1{i % 7}",
    "us": lambda i: f"{1 + i % 12}/{13 + i % 9}/2024",
    "size": lambda i: f"{i * 7 % 11}.5",
    "eu": lambda i: f"{i * 5 % 13},25",
    "gaps": lambda i: "NA" if i % 9 == 0 else str(i * 3 % 7),
    "ok": lambda i: "yes" if i % 3 else "no",
    "kind": label,
    "mixed": lambda i: "low" if i % 4 == 0 else str(i % 5),
    "y": lambda i: f"{i * i % 37}.75",
}


def test_plain_texts_of_parquet_are_read_as_those_of_a_csv_and_columns_with_a_type_as_theirs(
    tmp_path: Path, init: Callable[..., Proposal], encoded: Callable[[], Prepared]
) -> None:
    of_csv = told(init(PLAIN))
    expected = columns(tmp_path)
    cells = {name: [str(cell(i)) for i in range(N)] for name, cell in PLAIN.items()}
    typed = pa.array(cells["gaps"]).dictionary_encode()
    pq.write_table(pa.table({**cells, "typed": typed}), tmp_path / "data.parquet")
    proposal = propose(tmp_path / "data.parquet", "y", tmp_path)
    (tmp_path / "data.yaml").write_text(proposal.text, encoding="utf-8")
    found = columns(tmp_path)
    assert {name: each.type for name, each in found.items()} == {
        **{name: each.type for name, each in expected.items()},
        "typed": "categorical",
        "y": "numeric",
    }
    assert found["eu"].decimal == ","
    assert set(of_csv) <= set(told(proposal))
    types = "when (date), us (date), size (numeric), eu (numeric)"
    assert any(note.startswith(f"the file has texts, read as what they spell: {types}") for note in told(proposal))
    assert encoded().target.task == "regression"


def test_a_wide_spec_names_the_type_of_texts_of_parquet_that_spell_another(tmp_path: Path) -> None:
    cells = {f"x{k}": [(i * (k + 3)) % 11 for i in range(N)] for k in range(WIDE)}
    texts = {"when": [f"2024-0{1 + i % 9}-11" for i in range(N)], "size": [f"{i % 11}.5" for i in range(N)]}
    pq.write_table(pa.table({**cells, **texts, "y": [label(i) for i in range(N)]}), tmp_path / "data.parquet")
    (tmp_path / "data.yaml").write_text(propose(tmp_path / "data.parquet", "y", tmp_path).text, encoding="utf-8")
    found = columns(tmp_path)
    assert found["when"].type == "date"
    assert found["size"].type == "numeric"
