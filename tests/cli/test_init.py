"""What `nnfit init` writes trains, on any table that can be trained, and a stranger is told what it did."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

QUICK = [*("--set", "training.epochs=2", "--set", "network.layers.0.size=3", "--set", "network.layers.1.size=3")]
INPUTS: dict[str, Callable[[int], str]] = {
    "numbers": lambda i: f"{i * 7 % 5 + 0.5}",
    "texts": lambda i: "ab"[i % 2],
    "names": lambda i: f"name {i}",
    "one value": lambda i: "k",
    "nothing": lambda i: "",
    "counted": str,
    "gaps": lambda i: "" if i % 2 else f"{i * 1.5}",
    "days": lambda i: f"2024-01-{i % 28 + 1:02}",
    "dollars": lambda i: f'"$1,{i % 10}00.50"',
    "mixed": lambda i: "x" if i == 0 else str(i),
    "vast": lambda i: f"{(-1) ** i * 1e308:g}",
}
TARGETS: dict[str, Callable[[int], str]] = {
    "two classes": lambda i: "01"[i % 2],
    "three classes": lambda i: "abc"[i % 3],
    "one class": lambda i: "a",
    "a class with one row": lambda i: "b" if i == 0 else "a",
    "a class for each row": lambda i: f"c{i}",
    "numbers": lambda i: f"{i * 1.25 + 0.1:.2f}",
    "whole numbers": lambda i: str(i * i),
    "dollars": lambda i: f"${i * 3 + 1}.50",
    "numbers with gaps": lambda i: "" if i % 2 == 0 else f"{i * 1.5}",
    "classes with gaps": lambda i: ["", "a", "b"][i % 3],
    "nothing": lambda i: "",
    "vast": lambda i: f"{i}e307",
}


def may_be_refused(cells: set[str], error: str, alone: bool) -> bool:
    """With one value, or none, there is nothing to learn; and without an input nothing to learn from."""
    if not cells - {""}:
        return "is missing in every row" in error
    if len(cells - {""}) == 1:
        return "has a single value; there is nothing to learn" in error
    vast = any("e307" in cell for cell in cells) and "whose square is beyond all numbers" in error
    return vast or (alone and "no column is left to learn from (x: " in error)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 8, 9, 16])
def test_whatever_small_table_it_is_what_init_writes_is_checked_trained_and_predicts(
    tmp_path: Path, run: Callable[..., Any], n: int
) -> None:
    table, spec, model = (tmp_path / name for name in ("data.csv", "spec.yaml", "spec.npz"))
    inputs = list(INPUTS.values())
    written = 0
    for k, target in enumerate(TARGETS.values()):
        x = inputs[(k * 3 + 2 * n) % len(inputs)]
        alone = (k + n) % 3 == 0
        rows = [f"{x(i)},{'' if alone else f'{i * 5 % 3},'}{target(i)}" for i in range(n)]
        table.write_text("\n".join(["x,y" if alone else "x,z,y", *rows]) + "\n")
        said = run("init", table, "--target", "y", "-o", spec)
        if said.code:
            assert (said.code, said.out, said.err.count("\n")) == (4, "", 1)
            assert may_be_refused({target(i) for i in range(n)}, said.err, alone), said.err
            assert not spec.exists()
            continue
        written += 1
        checked = run("check", spec, *QUICK)
        assert checked.code == 0, checked.out
        assert "more than the" not in checked.out
        trained = run("train", spec, *QUICK, "--quiet")
        assert trained.code == 0, trained.err
        assert run("predict", model, table).out.count("\n") == n + 1
        assert run("evaluate", model, table).code == 0
        spec.unlink()
    assert written >= (0 if n == 1 else 3)


HEADER = "id,remark,price,share,day,one,size,quality"


def wine(n: int = 60) -> str:
    rows = [
        f'{3 * i},"remark {i} of a taster","${1000 + 37 * i:,}.00",{i % 40}%,{i % 12 + 1}/{i % 28 + 1}/2024,x,'
        f"{i * 7 % 11},{i * 5 % 7 + 3 if i % 20 else ''}"
        for i in range(n)
    ]
    return "\n".join([HEADER, *rows]) + "\n"


def test_a_stranger_reads_what_was_left_out_inferred_and_read_specially_in_that_order(
    tmp_path: Path, run: Callable[..., Any]
) -> None:
    (tmp_path / "wine.csv").write_text(wine())
    ended = run("init", tmp_path / "wine.csv", "--target", "quality", "-o", tmp_path / "wine.yaml")
    assert ended.out == ""
    assert ended.err.splitlines() == [
        "id is left out: another whole number in every row, and its name, say that it is an identifier",
        "remark is left out: free text: 57 of 57 rows have one of their own",
        "one is left out: the same in every row",
        "quality has 7 whole values, 3 to 9: taken as classes; --task regression for a number",
        "3 of 60 rows have no quality, and are left out",
        'price is read as numbers, "$3,183.00" as 3183: {type: numeric, thousands: ",", prefix: "$"}',
        'share is read as numbers, "39%" as 39: {type: numeric, suffix: "%"}',
        'day is read as dates, "12/24/2024" as 2024-12-24: {type: date, format: "%m/%d/%Y"}',
        f"wrote {tmp_path / 'wine.yaml'}, and .nnfit.schema.json beside it, for editors; "
        f"try: nnfit check {tmp_path / 'wine.yaml'}",
    ]


def test_the_task_is_what_is_asked_for(tmp_path: Path, run: Callable[..., Any]) -> None:
    (tmp_path / "wine.csv").write_text(wine())
    asked = run("init", tmp_path / "wine.csv", "--target", "quality", "--task", "regression")
    assert "loss: mse" in asked.out
    assert "quality has 7 whole values, 3 to 9: taken as a number\n" in asked.err
    assert run("init", tmp_path / "wine.csv", "--target", "quality", "--task", "guess").code == 2
    text = run("init", tmp_path / "wine.csv", "--target", "remark", "--task", "regression")
    assert (text.code, text.out) == (4, "")
    assert "--task regression asks for numbers" in text.err


def test_several_targets_are_all_predicted(tmp_path: Path, run: Callable[..., Any]) -> None:
    (tmp_path / "wine.csv").write_text(wine())
    spec = tmp_path / "wine.yaml"
    assert run("init", tmp_path / "wine.csv", "--target", "price", "--target", "size", "-o", spec).code == 0
    assert run("train", spec, *QUICK, "--quiet").code == 0
    header = run("predict", tmp_path / "wine.npz", tmp_path / "wine.csv").out.partition("\n")[0]
    assert header == "prediction_price,prediction_size"
    twice = run("init", tmp_path / "wine.csv", "--target", "price", "--target", "price")
    assert (twice.code, twice.out) == (2, "")


def test_many_lines_of_a_kind_are_counted_and_the_rest_stands_in_the_spec(
    tmp_path: Path, run: Callable[..., Any]
) -> None:
    names = [f"c{j}" for j in range(50)]
    rows = [",".join([*["1"] * 50, str(i % 7), "ab"[i % 2]]) for i in range(30)]
    (tmp_path / "data.csv").write_text("\n".join([",".join([*names, "x", "y"]), *rows]) + "\n")
    ended = run("init", tmp_path / "data.csv", "--target", "y")
    assert ended.err.count("is left out: the same in every row") == 20
    assert "… and 30 more are left out: the comments of the spec name them\n" in ended.err
    assert ended.out.count("is left out: the same in every row") == 50


def test_names_that_would_fake_a_line_are_escaped(tmp_path: Path, run: Callable[..., Any]) -> None:
    (tmp_path / "data.csv").write_text(
        '"a\nwrote it\x1b[2J",x,y\n' + "".join(f"1,{i % 7},{i % 2}\n" for i in range(30))
    )
    err = run("init", tmp_path / "data.csv", "--target", "y").err
    assert "a\\nwrote it\\x1b[2J is left out: the same in every row\n" in err


def test_what_numbers_are_expanded_to_is_tried_by_folds_and_told_unless_quick(
    tmp_path: Path, run: Callable[..., Any]
) -> None:
    table = tmp_path / "data.csv"
    rows = [f"{i * 37 % 101},{i * 53 % 89},{(i * 37 % 101) ** 2 % 7}" for i in range(2000)]
    table.write_text("\n".join(["a,b,y", *rows]) + "\n")
    tried = run("init", str(table), "--target", "y", "--task", "regression")
    quick = run("init", str(table), "--target", "y", "--task", "regression", "--quick")
    assert tried.code == quick.code == 0
    assert "trying what the numbers are best expanded to; --quick does without" in tried.err
    assert "2,000 rows, each by a network that did not learn from it" in tried.err
    assert "2,000 rows, each by a network that did not learn from it" in tried.out
    assert "trying" not in quick.err
    assert "did not learn from it" not in quick.out
    assert "piecewise: 16, periodic: 4, amplitude: 0.2" in quick.out


def test_of_many_numbers_or_of_two_values_nothing_is_expanded(tmp_path: Path, run: Callable[..., Any]) -> None:
    table = tmp_path / "data.csv"
    header = ",".join(["flag", *(f"x{k}" for k in range(101)), "y"])
    rows = [
        ",".join([str(i % 2), *(f"{(i * (k % 10 + 1)) % 11}.5" for k in range(101)), "ab"[i % 3 == 0]])
        for i in range(40)
    ]
    table.write_text("\n".join([header, *rows]) + "\n")
    wide = run("init", str(table), "--target", "y")
    assert "piecewise" not in wide.out
    few = [",".join(row.split(",")[:3] + row.split(",")[-1:]) for row in [header, *rows]]
    table.write_text("\n".join(few) + "\n")
    narrow = run("init", str(table), "--target", "y").out.splitlines()
    assert [("piecewise" in line) for line in narrow if line.lstrip().startswith(("flag:", "x1:"))] == [False, True]


# As yaml-language-server takes a comment for its own, and the schema out of it.
MODELINE = (re.compile(r"^#\s+yaml-language-server\s*:"), re.compile(r"\$schema(?:=|:\s*)(\S+)"))


def test_an_editor_finds_the_schema_beside_the_spec_and_takes_the_spec_by_it(
    tmp_path: Path, run: Callable[..., Any]
) -> None:
    (tmp_path / "wine.csv").write_text(wine())
    ended = run("init", tmp_path / "wine.csv", "--target", "quality", "-o", tmp_path / "wine.yaml")
    assert ended.code == 0
    text = (tmp_path / "wine.yaml").read_text("utf-8")
    first = text.partition("\n")[0]
    assert MODELINE[0].match(first)
    (named,) = MODELINE[1].findall(first)
    assert not Path(named).is_absolute()  # it holds on every machine that has the folder
    schema = json.loads((tmp_path / named).read_text("utf-8"))
    assert (tmp_path / named).read_text("utf-8") == run("schema").out
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(text))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(text.replace("epochs:", "epoch:")))


def test_the_schema_is_written_again_where_it_is_of_another_version_and_only_there(
    tmp_path: Path, run: Callable[..., Any]
) -> None:
    (tmp_path / "wine.csv").write_text(wine())
    schema = tmp_path / ".nnfit.schema.json"
    schema.write_text("{}")
    for told in (True, False):
        spec = tmp_path / f"{told}.yaml"
        ended = run("init", tmp_path / "wine.csv", "--target", "quality", "-o", spec)
        assert (ended.code, ".nnfit.schema.json" in ended.err) == (0, told)
        assert schema.read_text("utf-8") == run("schema").out
    schema.unlink()
    schema.mkdir()
    ended = run("init", tmp_path / "wine.csv", "--target", "quality", "-o", tmp_path / "other.yaml")
    assert (ended.code, ended.err) == (7, f"nnfit: {schema}: cannot be written: is a folder\n")
    assert not (tmp_path / "other.yaml").exists()


def test_a_spec_that_goes_to_a_stream_names_no_schema(tmp_path: Path, run: Callable[..., Any]) -> None:
    (tmp_path / "wine.csv").write_text(wine())
    for where in ((), ("-o", "/dev/stdout")):
        ended = run("init", tmp_path / "wine.csv", "--target", "quality", *where)
        assert (ended.code, "yaml-language-server" in ended.out) == (0, False)
    assert [path.name for path in tmp_path.iterdir()] == ["wine.csv"]
