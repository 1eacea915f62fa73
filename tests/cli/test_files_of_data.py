"""Tables as people have them, through the commands: packed, Parquet, Arrow, several files, of other programs."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
import yaml
from documents import commands, ended

import nnfit
from nnfit.config.loader import load_spec
from nnfit.fit.prepare import paths_of
from nnfit.model import learnt

Run = Callable[..., Any]

SPEC = """\
data:
  train: t.csv
  target: y
  ignore: [id]
  test: 0.25
network:
  layers: [{size: 3, activation: tanh}, {size: auto, activation: softmax}]
training: {epochs: 3, batch_size: 8, baseline: false}
"""


def frame(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    k = np.arange(n)
    number = (3 * (k % 3) + rng.normal(0, 0.5, n)).round(3)
    days = pd.date_range("2024-01-01", periods=n).date
    return pd.DataFrame(
        {
            "id": k,
            "x": np.where(k % 11 == 5, np.nan, number),
            "flag": k % 4 == 1,
            "day": days,
            "colour": np.array(["red", "blue"])[k % 2],
            "y": np.array(["p", "q", "r"])[k % 3],
        }
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spec and its table in all the forms that it may have."""
    monkeypatch.chdir(tmp_path)
    table = frame()
    Path("spec.yaml").write_text(SPEC)
    table.to_csv("t.csv", index=False)
    text = Path("t.csv").read_bytes()
    Path("t.csv.gz").write_bytes(gzip.compress(text))
    with pa.CompressedOutputStream("t.csv.zst", "zstd") as stream:
        stream.write(text)
    table.to_csv("t.tsv", index=False, sep="\t")
    Path("parts").mkdir()
    for k in range(3):
        table[k * 20 : (k + 1) * 20].to_csv(f"parts/{k}.csv", index=False)
    table.to_parquet("t.parquet", row_group_size=25)
    pyarrow.feather.write_feather(pa.Table.from_pandas(table), "t.feather", chunksize=10)
    return tmp_path


FORMS = ["t.csv.gz", "t.csv.zst", "t.tsv", "parts/*.csv", "[parts/0.csv, 'parts/[12].csv']", "t.parquet", "t.feather"]


def theta(path: str) -> list[bytes]:
    with np.load(path) as arrays:
        return [arrays[name].tobytes() for name in sorted(arrays) if name.startswith("theta")]


@pytest.fixture
def model(folder: Path, run: Run) -> str:
    assert run("train", "spec.yaml", "-o", "m.npz", "--quiet").code == 0
    return "m.npz"


# --- training ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_the_weights_are_those_of_the_one_csv(run: Run, model: str, form: str) -> None:
    words = ("train", "spec.yaml", "-o", "other.npz", "--depfile", "m.d", "--quiet", "--set", f"data.train={form}")
    assert run(*words).code == 0
    assert theta("other.npz") == theta(model)
    files = ["parts/0.csv", "parts/1.csv", "parts/2.csv"] if "parts" in form else [form]
    assert Path("m.d").read_text().splitlines()[0] == f"other.npz: spec.yaml {' '.join(files)}"
    stored = nnfit.load("other.npz")
    assert stored.spec.data.train == (("parts/0.csv", "parts/[12].csv") if form.startswith("[") else form)
    assert run("verify", "other.npz", "--blas-threads", "1").code == 0
    assert run("evaluate", "other.npz", "t.csv", "--json").out.count('"learnt_from": 45') == 1
    ended = run("predict", "other.npz", yaml.safe_load(form) if form[0] != "[" else "parts/*.csv")
    assert ended.out == run("predict", model, "t.csv").out


def test_python_takes_a_list_and_a_glob(folder: Path, model: str) -> None:
    spec = yaml.safe_load(SPEC)
    for files in (["parts/0.csv", "parts/1.csv", "parts/2.csv"], "parts/*.csv", ("parts/*.csv",)):
        result = nnfit.train(spec | {"data": spec["data"] | {"train": files}})
        result.model.save("python.npz")
        assert theta("python.npz") == theta(model)


def test_validation_and_test_may_be_several_files_and_paths_are_from_the_folder_of_the_spec(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("specs").mkdir()
    Path("specs/base.yaml").write_text(SPEC.replace("t.csv", "../parts/0.csv").replace("0.25", "['../parts/[12].csv']"))
    Path("specs/s.yaml").write_text("extends: base.yaml\n")
    Path("s.yaml").write_text("extends: specs/base.yaml\n")
    for spec in ("specs/s.yaml", "s.yaml"):
        assert run("train", spec, "-o", "m.npz", "--json", "m.json", "--quiet").code == 0
        assert json.loads(Path("m.json").read_text())["rows"] == 60
    assert nnfit.load("m.npz").spec.data.test == ("parts/[12].csv",)
    assert paths_of(load_spec("specs/s.yaml"))["test"].paths == ("parts/1.csv", "parts/2.csv")


def test_a_folder_whose_name_looks_like_a_glob_holds_files_too(run: Run, folder: Path) -> None:
    Path("a[b]").mkdir()
    Path("parts").rename("a[b]/parts")
    Path("a[b]/s.yaml").write_text(SPEC.replace("t.csv", "parts/*.csv"))
    assert run("train", "a[b]/s.yaml", "-o", "m.npz", "--quiet").code == 0


@pytest.mark.parametrize(
    ("train", "code", "expected"),
    [
        ("none/*.csv", 4, "none/*.csv: matches no file"),
        ("[t.csv, '-']", 3, "--set data.train=[t.csv, '-']: data.train: training reads files, and not standard input"),
        ("[t.csv, ./t.csv]", 4, "t.csv: is named twice in one table"),
        ("[t.csv, t.csv]", 3, '--set data.train=[t.csv, t.csv]: data.train: "t.csv" stands there twice'),
        ("parts", 4, "parts: is a folder; name a file in it, or several by a glob, FOLDER/*.csv"),
        ("[parts/0.csv, gone.csv]", 4, "gone.csv: cannot be read: No such file or directory"),
    ],
)
def test_what_is_no_table_to_train_on_is_named(run: Run, folder: Path, train: str, code: int, expected: str) -> None:
    ended = run("train", "spec.yaml", "-o", "m.npz", "--quiet", "--set", f"data.train={train}")
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith(f"nnfit: {expected}")
    assert run("check", "spec.yaml", "--set", f"data.train={train}").code == code


def test_an_output_never_replaces_one_of_several_inputs(run: Run, model: str) -> None:
    ended = run("predict", model, "parts/*.csv", "-o", "parts/1.csv")
    assert ended == (7, "", "nnfit: parts/1.csv: cannot be written: is also an input\n")


# --- rows that were learnt from ------------------------------------------------------------------------------------


def test_rows_of_any_form_are_known_to_be_learnt_from(run: Run, folder: Path) -> None:
    words = ("train", "spec.yaml", "-o", "m.npz", "--quiet", "--set", "data.train=parts/*.csv")
    assert run(*words).code == 0
    model = nnfit.load("m.npz")
    for form in ("t.csv", "t.parquet", "parts/*.csv"):
        assert json.loads(run("evaluate", "m.npz", form, "--json").out)["learnt_from"] == 45
    from nnfit.data.table import read_table

    table = read_table("t.csv", model.dialect, model.labelled_kinds, others=False)
    assert ("parts/0.csv", "parts/1.csv", "parts/2.csv") in set(learnt.candidates(model, table))
    Path("parts/2.csv").unlink()
    assert json.loads(run("evaluate", "m.npz", "t.csv", "--json").out)["learnt_from"] is None


def test_a_part_that_a_glob_finds_later_is_no_reason_to_forget_the_others(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home := folder / "run[1]").mkdir()
    Path("spec.yaml").rename(home / "spec.yaml")
    Path("parts").rename(home / "parts")
    monkeypatch.chdir(home)
    assert run("train", "spec.yaml", "-o", "m.npz", "--quiet", "--set", "data.train=parts/*.csv").code == 0
    files = ["parts/0.csv", "parts/1.csv", "parts/2.csv"]
    assert nnfit.load("m.npz").record["files"] == {"train": files}
    assert run("verify", "m.npz", "--blas-threads", "1").code == 0
    frame().to_csv("parts/3.csv", index=False)
    ended = run("verify", "m.npz", "--blas-threads", "1")
    expected = "other bytes came out: data.train matches other files now: it has parts/3.csv besides\n"
    assert (ended.code, ended.err) == (5, f"nnfit: m.npz: {expected}")
    monkeypatch.chdir(folder)
    for table in ("t.csv", *(f"run[1]/{file}" for file in files)):
        learnt = json.loads(run("evaluate", "run[1]/m.npz", table, "--json").out)["learnt_from"]
        assert learnt is not None, table
        assert table != "t.csv" or learnt == 45
    with (home / "parts/1.csv").open("a") as file:
        file.write("60,1,True,2024-01-01,red,p\n")
    assert json.loads(run("evaluate", "run[1]/m.npz", "t.csv", "--json").out)["learnt_from"] is None


# --- predictions ---------------------------------------------------------------------------------------------------


def test_predictions_are_the_same_in_every_form(run: Run, model: str) -> None:
    words = ("predict", model, "t.parquet", "--proba", "--keep", "id", "--keep", "x", "--keep", "flag", "--keep", "day")
    expected = run(*words).out
    assert expected.splitlines()[1].startswith("0,0.063,False,2024-01-01,")
    for name in ("o.csv", "o.tsv", "o.csv.gz", "o.csv.zst", "o.parquet", "o.arrow", "o.feather"):
        assert (run(*words, "-o", name).code, run(*words).out) == (0, expected)
        again = Path(name).read_bytes()
        assert run(*words, "-o", name).code == 0
        assert Path(name).read_bytes() == again
    assert Path("o.csv").read_text() == gzip.decompress(Path("o.csv.gz").read_bytes()).decode() == expected
    assert pa.input_stream("o.csv.zst", compression="zstd").read().decode() == expected
    assert Path("o.tsv").read_text() == expected.replace(",", "\t")
    written = pq.read_table("o.parquet")
    assert [str(each) for each in written.schema.types] == [
        *("int64", "double", "bool", "date32[day]", "string", "double", "double", "double")
    ]
    assert written.column("x").null_count == frame()["x"].isna().sum()
    assert pyarrow.feather.read_table("o.feather").equals(written)
    assert Path("o.arrow").read_bytes() == Path("o.feather").read_bytes()
    numbers = pd.read_csv(io.StringIO(expected))
    assert written.column("probability_p").to_pylist() == numbers["probability_p"].tolist()
    assert written.column("prediction").to_pylist() == numbers["prediction"].tolist()


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_what_is_kept_of_parts_of_other_types_loses_nothing(run: Run, model: str, form: str) -> None:
    from datetime import UTC, date, datetime

    noon = datetime(2024, 1, 1, 12, 30)
    sorts: dict[str, tuple[pa.Array, pa.Array]] = {
        "null": (pa.nulls(1), pa.array(["a"])),
        "int": (pa.array([1], pa.int32()), pa.array([2**40])),
        "real": (pa.array([1]), pa.array([0.5])),
        "time": (pa.array([noon], pa.timestamp("ms")), pa.array([noon], pa.timestamp("ns"))),
        "kind": (pa.array(["b"]).dictionary_encode(), pa.array(["a"])),
        "dated": (pa.array([date(2024, 1, 1)]), pa.array([noon])),
        "zone": (pa.array([noon.replace(tzinfo=UTC)], pa.timestamp("us", "UTC")), pa.array([noon])),
    }
    Path("sorts").mkdir()
    rows = pa.Table.from_pandas(frame().drop(columns=["y", "id"]))
    for k in range(2):
        own = rows.slice(k, 1)
        for name, both in sorts.items():
            own = own.append_column(name, both[k])
        pq.write_table(own, f"sorts/{k}.parquet")
    good = ["null", "int", "real", "time", "kind"]
    words = [word for name in good for word in ("--keep", name)]
    assert run("predict", model, "sorts/*.parquet", *words, "-o", f"o.{form}").code == 0
    found = pq.read_table("o.parquet") if form == "parquet" else pyarrow.feather.read_table("o.arrow")
    assert [str(found.schema.field(name).type) for name in good] == [
        *("string", "int64", "double", "timestamp[ns]", "string")
    ]
    assert [found.column(name).to_pylist() for name in good] == [
        *([None, "a"], [1, 2**40], [1.0, 0.5], [noon, noon], ["b", "a"])
    ]
    for name in ("dated", "zone"):
        ended = run("predict", model, "sorts/*.parquet", "--keep", name, "-o", f"o.{form}")
        assert ended.code == 4
        expected = f'sorts/1.parquet: column "{name}" is timestamp[us] here, and '
        assert ended.err.startswith(f"nnfit: {expected}")
        assert run("predict", model, "sorts/*.parquet", "--keep", name).code == 0


def test_what_is_kept_of_a_text_is_the_text(run: Run, model: str) -> None:
    Path("new.csv").write_text("x,flag,day,colour,note\n1.50,True,2024-01-01,red,007\n,False,2024-01-02,blue,\n")
    assert run("predict", model, "new.csv", "--keep", "x", "--keep", "note", "-o", "o.parquet").code == 0
    found = pq.read_table("o.parquet")
    assert (found.column("x").to_pylist(), found.column("note").to_pylist()) == (["1.50", ""], ["007", ""])


def test_what_is_no_text_is_kept_in_parquet_alone(run: Run, model: str) -> None:
    table = pa.Table.from_pandas(frame()).append_column("list", pa.array([[k] for k in range(60)]))
    pq.write_table(table, "lists.parquet")
    assert run("predict", model, "lists.parquet", "--keep", "list", "-o", "o.parquet").code == 0
    assert pq.read_table("o.parquet").column("list").equals(table.column("list"))
    ended = run("predict", model, "lists.parquet", "--keep", "list", "-o", "o.csv")
    assert ended.code == 4
    assert "a column of list<element: int64> is no text; write Parquet" in ended.err


def test_a_failed_prediction_leaves_what_was_there(run: Run, model: str) -> None:
    Path("o.parquet").write_text("before")
    frame().assign(colour="green").to_parquet("new.parquet")
    ended = run("predict", model, "new.parquet", "-o", "o.parquet")
    assert ended.code == 4
    assert 'new.parquet:1:5: column "colour": no training row has "green" (rows 1, 2, 3, 4, 5, …)' in ended.err
    assert Path("o.parquet").read_text() == "before"


def test_a_cell_is_named_by_its_own_file(run: Run, model: str) -> None:
    table = frame()
    table.loc[40:, "colour"] = "green"
    for k in range(3):
        table[k * 20 : (k + 1) * 20].to_csv(f"parts/{k}.csv", index=False)
    ended = run("predict", model, "parts/*.csv")
    assert ended.code == 4
    assert ended.err.startswith(
        'nnfit: parts/2.csv:2:5: column "colour": no training row has "green" (lines parts/2.csv:2, parts/2.csv:3, '
    )
    Path("parts/1.csv").write_text(Path("parts/1.csv").read_text().replace(",r", ",s"))
    assert 'parts/1.csv:2:6: the target "y" is "s"' in run("evaluate", model, "parts/[01].csv").err


def test_standard_input_may_be_any_of_these(run: Run, model: str) -> None:
    expected = run("predict", model, "t.csv").out
    metrics = json.loads(run("evaluate", model, "t.csv", "--json").out)["metrics"]
    for form in ("t.csv", "t.csv.gz", "t.csv.zst", "t.parquet", "t.feather"):
        data = Path(form).read_bytes()
        assert run("predict", model, "-", stdin=data).out == expected
        assert json.loads(run("evaluate", model, "-", "--json", stdin=data).out)["metrics"] == metrics


def test_what_is_wrong_in_standard_input_is_told(run: Run, model: str) -> None:
    text = "x,flag,day,colour,y\n1,True,2024-01-01,red,p\ntwo,True,2024-01-01,red,p\n"
    ended = run("evaluate", model, "-", stdin=text)
    assert ended.code == 4
    assert ended.err.startswith('nnfit: standard input:3:1: column "x": expected a number, got "two"; ')


def test_dates_of_a_file_with_types_need_no_format(run: Run, folder: Path) -> None:
    german = frame().assign(day=[f"{day:%d.%m.%Y}" for day in frame()["day"]])
    german.to_csv("t.csv", index=False)
    assert run("train", "spec.yaml", "-o", "g.npz", "--quiet", "--set", 'data.columns.day.format="%d.%m.%Y"').code == 0
    assert run("predict", "g.npz", "t.parquet").out == run("predict", "g.npz", "t.csv").out


# --- files that another program wrote ------------------------------------------------------------------------------


@pytest.fixture
def other(model: str) -> tuple[str, ...]:
    """The options for other.csv, written with semicolons, decimal commas and in UTF-16."""
    text = frame().to_csv(index=False, sep=";", decimal=",")
    Path("other.csv").write_bytes(text.encode("utf-16"))
    return ("--separator", ";", "--decimal", ",", "--encoding", "utf-16")


def test_options_say_how_another_file_is_written(run: Run, model: str, other: tuple[str, ...]) -> None:
    assert run("predict", model, "other.csv", *other).out == run("predict", model, "t.csv").out
    for command in ("evaluate", "explain"):
        one, same = (run(command, model, *words, "--json").out for words in (("t.csv",), ("other.csv", *other)))
        drop = ("seconds", "learnt_from", "warnings")
        assert {k: v for k, v in json.loads(one).items() if k not in drop} == {
            k: v for k, v in json.loads(same).items() if k not in drop
        }
    for words in (("explain", model, "DATA", "--row", "3"), ("trace", model, "DATA", "--row", "3", "--json")):
        one, same = (
            run(*[file if word == "DATA" else word for word in words], *more)
            for file, more in (("t.csv", ()), ("other.csv", other))
        )
        assert one.out.replace("t.csv", "") == same.out.replace("other.csv", "")
    Path("m2.npz").write_bytes(Path(model).read_bytes())
    assert run("compare", model, "m2.npz", "--data", "other.csv", *other).code == 0
    assert run("report", model, "--data", "other.csv", *other, "-o", "r.html").code == 0
    assert json.loads(run("evaluate", model, "other.csv", *other, "--json").out)["learnt_from"] == 45


def test_without_them_the_message_names_them(run: Run, model: str, other: tuple[str, ...]) -> None:
    ended = run("predict", model, "other.csv", "--encoding", "utf-16")
    assert ended.code == 4
    assert '; it is read with separator ",", encoding utf-16, ' in ended.err
    assert ": as the training file, or as --separator, --encoding and --decimal say\n" in ended.err


def test_the_remedy_names_what_the_file_was_read_with(run: Run, model: str) -> None:
    table = frame().assign(x="many")
    table.to_csv("bad.tsv", index=False, sep="\t")
    table.to_csv("bad.csv", index=False, sep=";")
    table.to_parquet("bad.parquet")
    assert (
        'got "many"; it is read with separator a tab, encoding utf-8, decimal "."'
        in run("predict", model, "bad.tsv").err
    )
    assert '; it is read with separator ";",' in run("predict", model, "bad.csv", "--separator", ";").err
    ended = run("predict", model, "bad.parquet")
    assert ended.err.endswith(
        'got "many"; convert the column to the type that it had in training; missing cells are null\n'
    )


def test_a_decimal_mark_is_that_of_every_column(run: Run, folder: Path) -> None:
    rows = "".join(f'"{k % 9 + 1}.{k:03},50 €";{k % 5},5;{"ab"[k % 2]}\n' for k in range(40))
    Path("t.csv").write_text(f"price;x;y\n{rows}".replace('"', ""))
    Path("s.yaml").write_text(
        SPEC.replace("ignore: [id]", "separator: ';'\n  decimal: ','\n  columns: {price: {thousands: ., suffix: €}}")
    )
    assert run("train", "s.yaml", "-o", "m.npz", "--quiet").code == 0
    plain = "".join(f"{(k % 9 + 1) * 1000 + k}.50 €,{k % 5}.5,{'ab'[k % 2]}\n" for k in range(40))
    Path("plain.csv").write_text(f"price,x,y\n{plain}")
    found = run("predict", "m.npz", "plain.csv", "--separator", ",", "--decimal", ".", "--proba")
    assert found.out == run("predict", "m.npz", "t.csv", "--proba").out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--separator", ";;"), "--separator ;;: expected one printable ASCII character, or a tab"),
        (("--separator", '"'), '--separator ": a quote cannot separate cells'),
        (("--decimal", "x"), '--decimal x: "x" cannot be a decimal mark'),
        (("--decimal", ","), '--decimal ,: "," is both the separator and the decimal mark; give --separator and'),
        (("--encoding", "klingon"), '--encoding klingon: there is no text encoding "klingon"'),
    ],
)
def test_marks_with_which_no_file_is_written_are_usage_errors(
    run: Run, model: str, words: tuple[str, ...], expected: str
) -> None:
    for command in (("predict", model, "t.csv"), ("evaluate", model, "t.csv")):
        ended = run(*command, *words)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith(f"nnfit: {expected}")


def test_a_tab_may_be_written_as_shells_do(run: Run, model: str) -> None:
    Path("tabs.txt").write_bytes(Path("t.tsv").read_bytes())
    expected = run("predict", model, "t.csv").out
    for words in (("t.tsv",), ("tabs.txt", "--separator", "\\t"), ("tabs.txt", "--separator", "\t")):
        assert run("predict", model, *words).out == expected


# --- init ----------------------------------------------------------------------------------------------------------

INIT = ("--target", "y", "-o", "made.yaml", "--quick", "--force")


@pytest.mark.parametrize("form", ["t.csv.gz", "t.csv.zst", "t.tsv", "parts/*.csv", "t.parquet", "t.feather"])
def test_init_writes_a_spec_that_trains(run: Run, folder: Path, form: str) -> None:
    ended = run("init", form, *INIT)
    assert ended.code == 0
    data = yaml.safe_load(Path("made.yaml").read_text())["data"]
    assert (data["train"], data["target"]) == (form, "y")
    assert {name: column["type"] for name, column in data["columns"].items()} == {
        "x": "numeric",
        "flag": "boolean",
        "day": "date",
        "colour": "categorical",
    }
    assert run("check", "made.yaml").code == 0


def test_init_takes_the_types_of_a_file_and_looks_at_plain_texts_alone(run: Run, folder: Path) -> None:
    table = frame()
    code = [str(k % 5) for k in range(60)]
    table.assign(code=pd.Categorical(code), price=[f"${k % 7}.50" for k in range(60)]).to_parquet("typed.parquet")
    assert run("init", "typed.parquet", *INIT).code == 0
    columns = yaml.safe_load(Path("made.yaml").read_text())["data"]["columns"]
    assert {columns[name]["type"] for name in ("code", "colour")} == {"categorical"}
    assert columns["price"]["prefix"] == "$"
    assert run("check", "made.yaml").code == 0
    table.assign(y=np.arange(60) / 7).to_parquet("real.parquet")
    assert run("init", "real.parquet", *INIT).code == 0
    assert yaml.safe_load(Path("made.yaml").read_text())["loss"] == "mse"
    assert run("check", "made.yaml").code == 0


def test_init_writes_what_was_said_into_the_spec(run: Run, folder: Path) -> None:
    text = frame().to_csv(index=False, sep="!", decimal=",").replace("red", "größe")
    Path("odd.tsv").write_bytes(text.encode("cp437"))
    ended = run("init", "odd.tsv", *INIT, "--separator", "!", "--decimal", ",", "--encoding", "cp437")
    assert ended.code == 0
    data = yaml.safe_load(Path("made.yaml").read_text())["data"]
    assert (data["separator"], data["decimal"], data["encoding"]) == ("!", ",", "cp437")
    assert run("check", "made.yaml").code == 0
    Path("commas.tsv").write_bytes(Path("t.csv").read_bytes())  # the name says tabs
    assert run("init", "commas.tsv", *INIT).code == 0
    assert yaml.safe_load(Path("made.yaml").read_text())["data"]["separator"] == ","
    assert run("check", "made.yaml").code == 0


def test_the_commands_of_the_page_run(run: Run, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (root / "datasets/penguins.csv").read_text()
    table = pd.read_csv(io.StringIO(text))
    lines = text.splitlines(keepends=True)
    Path("penguins.csv.gz").write_bytes(gzip.compress(text.encode()))
    Path("parts").mkdir()
    for k in range(2):
        Path(f"parts/{k}.csv").write_text(lines[0] + "".join(lines[1 + k * 172 : 173 + k * 172]))
    table.to_parquet("penguins.parquet")
    Path("other.txt").write_bytes(table.to_csv(index=False, sep=";", decimal=",").encode("cp1252"))
    Path("tabs.txt").write_text(text.replace(",", "\t"))
    shown = list(commands("docs/data.md"))
    assert len(shown) == 6
    for command, _ in shown:
        assert ended(run, command).code == 0, command
    assert nnfit.load("penguins.npz").spec.data.train == "parts/*.csv"


def test_names_of_files_are_hostile_text(run: Run, model: str) -> None:
    Path("a\x1b[31m.csv").write_text("x\n1\n")
    ended = run("predict", model, "a\x1b*.csv")
    assert ended.code == 4
    assert "\x1b" not in ended.err
