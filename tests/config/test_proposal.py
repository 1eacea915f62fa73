"""`nnfit init` makes of any table a spec that is valid, fits the table, and trains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nnfit.config.loader import LoadedSpec, load_spec
from nnfit.config.proposal import propose
from nnfit.errors import DataError
from nnfit.fit.prepare import Prepared, prepare
from nnfit.model.model import Model

ROOT = Path(__file__).parent.parent.parent
TARGETS = {
    "iris": "species",
    "breast_cancer": "diagnosis",
    "digits": "digit",
    "diabetes": "progression",
    "penguins": "species",
    "perceptron": "species",
}


@pytest.fixture
def proposed(tmp_path: Path) -> Callable[..., tuple[str, LoadedSpec]]:
    def proposed(csv: str | bytes | Path, target: str | list[str] = "y") -> tuple[str, LoadedSpec]:
        data = csv
        if not isinstance(csv, Path):
            data = tmp_path / "data.csv"
            data.write_bytes(csv if isinstance(csv, bytes) else csv.encode())
        assert isinstance(data, Path)
        text = propose(data, target, tmp_path).text
        (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
        return text, load_spec(tmp_path / "spec.yaml")

    return proposed


@pytest.mark.parametrize("name", TARGETS)
def test_the_proposal_trains_untouched_and_beats_the_trivial_predictor(
    proposed: Callable, train: Callable[[Prepared], Model], name: str
) -> None:
    _, loaded = proposed(ROOT / f"datasets/{name}.csv", TARGETS[name])
    record = train(prepare(loaded)).record
    unseen, trivial = (record[key]["out_of_fold"] for key in ("metrics", "trivial"))
    key = "accuracy" if "accuracy" in unseen else "r2"
    assert unseen[key] > trivial[key] + 0.1
    if key == "accuracy":
        assert unseen["log_loss"] < trivial["log_loss"] - 0.1


ROWS = [(i, i * 0.37, "ab"[i % 2], i % 3) for i in range(30)]


def csv(header: str, row: Callable[..., str], sep: str = "\n") -> str:
    return sep.join([header, *(row(*values) for values in ROWS)]) + sep


def test_two_classes_get_one_logistic_neuron_and_bce(proposed: Callable) -> None:
    _, loaded = proposed(csv("x,z,y", lambda i, x, c, k: f"{x},{k},{c}"))
    assert (loaded.spec.loss, loaded.spec.network.layers[-1].activation.name) == ("bce", "logistic")


def test_few_whole_numbers_are_classes_and_many_numbers_are_not(proposed: Callable) -> None:
    assert proposed(csv("x,y", lambda i, x, c, k: f"{x},{k}"))[1].spec.loss == "cross_entropy"
    assert proposed(csv("z,y", lambda i, x, c, k: f"{k},{x}"))[1].spec.loss == "mse"


def test_markers_for_missing_cells_are_found(proposed: Callable) -> None:
    text, loaded = proposed(csv("x,z,y", lambda i, x, c, k: f"{x if i % 5 else '?'},{k if i % 7 else 'NA'},{c}"))
    assert loaded.spec.data.missing == ("?", "NA")
    assert loaded.spec.data.columns["x"].type == "numeric"
    assert "6 missing" in text


def test_an_identifier_and_a_constant_are_left_out_with_the_reason(proposed: Callable) -> None:
    text, loaded = proposed(csv("id,x,one,y", lambda i, x, c, k: f"{i},{x},1,{c}"))
    assert set(loaded.spec.data.ignore) == {"id", "one"}
    assert "# id is left out: another whole number in every row, and its name, say that it is an identifier" in text
    assert "# one is left out: the same in every row" in text


def test_semicolons_decimal_commas_and_latin_1_are_found(proposed: Callable) -> None:
    text = csv("größe;art;y", lambda i, x, c, k: f"{x:.2f};{c};{c}".replace(".", ","))
    _, loaded = proposed(text.encode("latin-1"))
    data = loaded.spec.data
    assert (data.separator, data.decimal, data.encoding) == (";", ",", "cp1252")
    assert data.columns["größe"].type == "numeric"
    prepare(loaded)


@pytest.mark.parametrize("name", ["no", "1", "a: b", "#x", "- y", "[z]", "é è", " lead", "trail ", "'q'", '"', "null"])
def test_any_column_name_is_written_so_that_it_reads_back(proposed: Callable, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    _, loaded = proposed(csv(f"{quoted},k,y", lambda i, x, c, k: f"{x},{k},{c}"))
    assert name in loaded.spec.data.columns
    prepare(loaded)


HOSTILE = [
    *("größe", "naïve", "年齢", "возраст", "العمر", "🌡️ temp", "👩‍👩‍👧", "a\u200bb", "e\u0301"),
    *("two\nlines", "tab\there", "bell\a", "del\x7f", "nel\x85", "nbsp\xa0", "\u2028line", "\u202eleft", "\ufffe"),
    *(
        "back\\slash",
        "#no comment",
        "a #b",
        "a: b: c",
        "{x}",
        "? q",
        "- ",
        "&a",
        "*a",
        "!t",
        "%d",
        "@x",
        "`x`",
        "|",
        ">",
    ),
    *("'", "''", '""', "<<", "~", "true", "1e3", "0x1F", "0o7", ".inf", "2024-01-01", "=", "...", "---", "x" * 2000),
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_names_and_texts_of_any_kind_read_back_the_same_and_stay_on_their_line(proposed: Callable, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    text, loaded = proposed(csv(f"{quoted},k,one,y", lambda i, x, c, k: f"{x},{quoted if k else c},{quoted},{c}"))
    assert set(loaded.spec.data.columns) == {name, "k"}
    prepared = prepare(loaded)
    assert name in prepared.features[1].categories.own
    assert all(line.isprintable() for line in text.splitlines())
    assert len(text.splitlines()) == len(text.split("\n")) - 1
    for target in (name, [name, "k"]) if name != "k" else ():
        try:
            _, loaded = proposed(csv(f"{quoted},k,y", lambda i, x, c, k: f"{i % 2},{i // 2 % 2},{x}"), target)
        except DataError as error:
            pytest.fail(str(error))
        assert loaded.spec.data.target[0] == name
    *_, loaded = proposed(csv(f"{quoted},k,y", lambda i, x, c, k: f"1,{x},{c}"))
    assert loaded.spec.data.ignore == (name,)


def test_what_can_be_read_is_written_as_it_is(proposed: Callable) -> None:
    names = ["größe", "年齢", "возраст", "naïve café", "🌡 Wärme", "Preis (€)"]
    text, _ = proposed(csv(",".join([*names, "y"]), lambda i, x, c, k: f"{x},{k},{k},{x},{k},{x},{c}"))
    for name in names:
        assert name in text
    assert "\\u" not in text


def test_the_name_of_the_file_may_be_of_any_kind(tmp_path: Path) -> None:
    for name in ("Übersicht 年.csv", "two\nlines.csv", "a: b.csv", "'q'.csv", "#.csv", "-.csv", "\u2028.csv"):
        (tmp_path / name).write_text(csv("x,y", lambda i, x, c, k: f"{x},{c}"), encoding="utf-8")
        (tmp_path / "spec.yaml").write_text(propose(tmp_path / name, "y", tmp_path).text, encoding="utf-8")
        prepare(load_spec(tmp_path / "spec.yaml"))


def wide(count: int, cell: Callable[[int, int], object], rows: int = 24) -> str:
    lines = [",".join([*(f"column_{j}" for j in range(count)), "y"])]
    lines += [",".join([*(str(cell(i, j)) for j in range(count)), "ab"[i % 2]]) for i in range(rows)]
    return "\n".join(lines) + "\n"


def test_a_wide_table_gets_a_spec_that_is_short_enough_and_trains(proposed: Callable) -> None:
    kinds = [
        lambda i: i % 5 * 0.5,
        lambda i: "k",
        lambda i: f"{i}%",
        lambda i: f"{i % 28 + 1}.1.2024",
        lambda i: "lots" if i == 3 else i % 5,
        lambda i: "abc"[i % 3],
    ]
    text, loaded = proposed(wide(900, lambda i, j: kinds[j % 6](i)))
    assert len(text.encode()) < 65_536
    prepared = prepare(loaded)
    assert len(prepared.features) == 750
    assert {feature.options.type for feature in prepared.features} == {"numeric", "date", "categorical"}
    assert prepared.features[1].options.suffix == "%"


def test_a_table_too_wide_for_a_spec_is_refused(proposed: Callable) -> None:
    with pytest.raises(DataError, match=r"the spec of \d,\d* columns would be larger than 64 KiB"):
        proposed(wide(1500, lambda i, j: f"{i}%", 20))


def test_a_target_that_is_not_there_is_named(proposed: Callable) -> None:
    with pytest.raises(DataError, match='missing: yy; did you mean "y"'):
        proposed(csv("x,y", lambda i, x, c, k: f"{x},{c}"), "yy")


def test_dates_and_booleans_are_recognised(proposed: Callable) -> None:
    text = csv("day,ok,y", lambda i, x, c, k: f"2024-01-{i % 28 + 1:02},{'yes' if k else 'no'},{c}")
    types = {name: column.type for name, column in proposed(text)[1].spec.data.columns.items()}
    assert types == {"day": "date", "ok": "boolean"}


def test_a_target_with_a_number_that_no_float_holds_is_refused(proposed: Callable) -> None:
    with pytest.raises(DataError, match='holds 29 numbers and 1 other text \\("1e400", first here\\)'):
        proposed(csv("x,y", lambda i, x, c, k: f"{x},{x if i else '1e400'}"))
