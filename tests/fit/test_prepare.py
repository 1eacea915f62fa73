"""Spec and data together: every name is held against the columns, both ends of the network against the data."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnfit.errors import DataError

Prepare = Callable[..., Any]

CSV = "id,length,colour,w,species\n" + "".join(
    f"{i},{i % 7},{('red', 'blue')[i % 2]},1,{('setosa', 'virginica')[i % 3 == 0]}\n" for i in range(30)
)
SPEC = """\
data:
  train: data.csv
  target: species
network:
  layers:
    - {size: auto, activation: softmax}
"""


def spec(more: str) -> str:
    return SPEC.replace("  target: species\n", f"  target: species\n  {more}\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            SPEC.replace("target: species", "target: specis"),
            'spec.yaml:3:3: data.target: data.csv has no column "specis"; did you mean "species"?',
        ),
        (spec("ignore: [ids]"), 'spec.yaml:4:3: data.ignore: data.csv has no column "ids"; did you mean "id"?'),
        (
            spec("weight: zzz"),
            'spec.yaml:4:3: data.weight: data.csv has no column "zzz"; it has id, length, colour, w, species',
        ),
        (
            spec("features: [length, color]"),
            'spec.yaml:4:3: data.features: data.csv has no column "color"; did you mean "colour"?',
        ),
        (
            spec("columns: {lenght: {type: numeric}}"),
            'spec.yaml:4:13: data.columns.lenght: data.csv has no column "lenght"; did you mean "length"?',
        ),
        (
            spec("features: [species]"),
            'spec.yaml:4:3: data.features: "species" is the target or the weight; remove it here',
        ),
        (spec("ignore: [id, length, colour, w]"), "spec.yaml:1:1: data: no column is left to learn from"),
        (
            SPEC.replace("layers:", "input: 7\n  layers:"),
            "spec.yaml:5:3: network.input: N₁ is 5 after encoding, not 7; write 5 or auto",
        ),
    ],
)
def test_a_spec_that_does_not_fit_the_data_is_refused_with_its_place(
    complaint: Callable[..., str], text: str, expected: str
) -> None:
    assert complaint(text, CSV) == expected


def test_all_names_that_are_no_columns_are_listed_at_once(complaint: Callable[..., str]) -> None:
    text = spec("ignore: [one]\n  weight: two\n  columns: {three: {type: numeric}}").replace("species", "zero")
    assert complaint(text, CSV) == (
        'spec.yaml:3:3: data.target: data.csv lacks 4 columns that the spec names: "zero", "one", "two", "three"; '
        "it has id, length, colour, w, species"
    )
    twice = complaint(spec("ignore: [lenght, zz]").replace("target: species", "target: spcies"), CSV)
    assert 'names: "spcies" (did you mean "species"?), "lenght" (did you mean "length"?), "zz"; it has' in twice
    one = complaint(spec("ignore: [lenght]\n  columns: {lenght: {type: numeric}}"), CSV)
    assert one.endswith('data.ignore: data.csv has no column "lenght"; did you mean "length"?')


def test_the_ends_of_the_network_are_filled_in(prepared: Prepare) -> None:
    ready = prepared(spec("ignore: [id, w]"), CSV)
    assert ready.spec.network.input == 3  # length, and two colours
    assert ready.spec.network.layers[-1].size == 2
    assert ready.network.N == (3, 2)
    checked = prepared(spec("ignore: [id, w]").replace("layers:", "input: 3\n  layers:"), CSV)
    assert checked.network == ready.network


def test_the_columns_that_were_inferred_stand_in_the_resolved_spec(prepared: Prepare) -> None:
    columns = prepared(spec("ignore: [id, w]"), CSV).spec.data.columns
    assert {name: column.type for name, column in columns.items()} == {"length": "numeric", "colour": "categorical"}


def test_only_the_features_that_are_named_are_used(prepared: Prepare) -> None:
    ready = prepared(spec("features: [colour, id]"), CSV)
    assert [feature.name for feature in ready.features] == ["id", "colour"]


def test_columns_that_are_not_used_may_hold_anything(prepared: Prepare) -> None:
    rows = "x,junk,y\n1,1,a\n2,2,b\n3,oops,a\n4,4,b\n"
    text = SPEC.replace("species", "y")
    assert len(prepared(text.replace("target: y", "target: y\n  ignore: [junk]"), rows).features) == 1
    assert len(prepared(text.replace("target: y", "target: y\n  features: [x]"), rows).features) == 1


def test_weights_are_scaled_to_a_mean_of_one_over_the_training_rows(prepared: Prepare) -> None:
    rows = "x,w,y\n" + "".join(f"{i},{i},{'ab'[i % 2]}\n" for i in range(20))
    text = SPEC.replace("target: species", "target: y\n  weight: w\n  test: 0.5\n  columns: {x: {scale: none}}")
    examples = prepared(text.replace("layers:", "dtype: float64\n  layers:"), rows).sets["train"].examples
    np.testing.assert_allclose(examples.w[0, 0], examples.X[:, 1] / examples.X[:, 1].mean())


@pytest.mark.parametrize("weight", ["-1", "x", ""])
def test_a_weight_that_is_none_is_refused_with_its_line(complaint: Callable[..., str], weight: str) -> None:
    rows = f"x,w,y\n1,1,a\n2,{weight},b\n3,1,b\n"
    found = complaint(SPEC.replace("target: species", "target: y\n  weight: w"), rows)
    assert found.startswith("data.csv:3:")
    assert '"w"' in found


def test_weights_that_are_all_zero_are_refused(complaint: Callable[..., str]) -> None:
    rows = "x,w,y\n1,0,a\n2,0,b\n"
    assert '"w"' in complaint(SPEC.replace("target: species", "target: y\n  weight: w"), rows)


def test_a_part_without_any_weight_is_an_error_that_names_it(prepared: Prepare) -> None:
    text = "data: {train: data.csv, target: y, weight: w, validation: 0.3}\n"
    csv = "x,w,y\n" + "".join(f"{i},{int(i == 0)},{i}\n" for i in range(30))
    with pytest.raises(DataError, match='the weight "w" is 0 in all rows of'):
        prepared(text + "network: {layers: [{size: 1, activation: linear}]}\n", csv)


@pytest.mark.parametrize("role", ["weight: y", "ignore: [y]"])
def test_the_target_has_no_other_role(complaint: Callable[..., str], role: str) -> None:
    rows = "x,y\n1,1\n2,2\n3,4\n"
    text = SPEC.replace("target: species", f"target: y\n  {role}").replace("softmax", "linear")
    assert complaint(text, rows).startswith(f"spec.yaml:4:3: data.{role.split(':')[0]}: ")


def texts(prepared: Any) -> list[str]:
    return [re.sub(r"\S*/(data\.csv|spec\.yaml)", r"\1", str(warning)) for warning in prepared.warnings]


def test_what_is_legal_but_hardly_meant_is_warned_of(prepared: Prepare) -> None:
    text = SPEC.replace("species", "y").replace("softmax", "tanh") + "training: {batch_size: 99}\n"
    found = texts(prepared(text, "x,z,y\n" + "".join(f"{i * i % 11},5,{i % 4}\n" for i in range(30))))
    assert len(found) == 3
    assert found[0] == (
        "spec.yaml:7:12: training.batch_size: 99 is more than the 30 training rows; each epoch is one update"
    )
    assert found[1].startswith("spec.yaml:6:20: network.layers[0].activation: its outputs lie in (−1, 1)")
    assert "data.columns: {y: {scale: none}}" in found[1]
    assert found[2].startswith("data.csv: ")
    assert "z" in found[2]


def test_a_spec_that_is_fine_is_not_warned_of(prepared: Prepare) -> None:
    assert texts(prepared(spec("ignore: [id, w]") + "training: {batch_size: 8}\n", CSV)) == []


def test_paths_are_relative_to_the_spec(prepared: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    ready = prepared(SPEC, CSV)
    assert ready.sources["train"].paths == (str(tmp_path / "data.csv"),)


def test_the_hash_is_that_of_the_training_file(prepared: Prepare) -> None:
    import hashlib

    for data in (CSV.encode(), b"\xef\xbb\xbf" + CSV.encode()):
        assert prepared(SPEC, data).sha256["train"] == hashlib.sha256(data).hexdigest()


def test_nesterov_without_momentum_is_warned_of(prepared: Prepare) -> None:
    option = "training.optimizer={name: sgd, nesterov: true%s}"
    found = prepared(SPEC, CSV, option % "").warnings
    assert [problem.sentence for problem in found if problem.place.key == "training.optimizer.nesterov"] == [
        "looks ahead along the momentum, which is 0, and so changes nothing; set momentum, 0.9 for example"
    ]
    found = prepared(SPEC, CSV, option % ", momentum: 0.9").warnings
    assert "training.optimizer.nesterov" not in [problem.place.key for problem in found]


DOUBLED = "x,z,y\n" + "".join(f"{i % 50 / 7:.4f},{i % 50 * 3 % 11},{'ab'[i % 50 % 2]}\n" for i in range(100))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            ("network.members=4", "training.resample=folds"),
            "100 of 100 rows are, value for value, there more than once: ",
        ),
        (("data.validation=0.3",), " validation rows are, value for value, training rows too"),
    ],
)
def test_rows_that_are_there_twice_are_told_where_they_make_a_score_easier(
    prepared: Callable[..., Any], more: tuple[str, ...], told: str
) -> None:
    spec = "data: {train: data.csv, target: y}\nnetwork: {layers: [{size: auto, activation: logistic}]}\n"
    (found,) = [w for w in prepared(spec, DOUBLED, *more).warnings if w.code == "repeated-rows"]
    assert told in found.message
    single = "\n".join(DOUBLED.splitlines()[:51]) + "\n"
    assert not [w for w in prepared(spec, single, *more).warnings if w.code == "repeated-rows"]
