"""The page about a model: every section, true words, nothing from anywhere, whatever the names are."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nnfit
from nnfit.report.make import of_models
from report.pages import KINDS, LINEAR, SOFTMAX, N, Page, result, table

SECTIONS = ["headline", "learning", "predictions", "matters", "network", "data", "making"]
NAMES = {
    "script": "<script>alert(1)</script>",
    "quotes": "\"'><img src=x onerror=alert(1)>",
    "long": "long " * 400,
    "right to left": "שלום עולם \u202e txt",
    "mathematics": "$x^2$ \\frac{1}{2}",
    "template": "{{ 7 * 7 }} {% raw %}",
    "end of a comment": "--> ]]> &lt; &amp;",
}


@cache
def page(kind: str, rows: bool = False) -> Page:
    """The page of a model of a kind, without rows or with others than those of its training."""
    return Page(of_models({"m.npz": result(kind).model}, table(1) if rows else None).decode())


ASKED = ("two classes", "folds", "two numbers", "several 0/1")  # with rows, too: a page of these takes its time


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_has_its_sections_in_order_and_asks_nothing_of_anywhere(kind: str) -> None:
    for rows in (False, True) if kind in ASKED else (False,):
        found = page(kind, rows)
        expected = [name for name in SECTIONS if name != "learning" or kind != "no epoch"]
        assert found.sections == expected
        assert len(found.html.encode()) < 1_500_000
        for tag, attributes in found.elements:
            assert tag not in ("link", "iframe", "object", "embed", "base", "form"), tag
            for key, value in attributes.items():
                assert not key.startswith("on"), (tag, key)
                if key in ("src", "href", "xlink:href", "action", "data"):
                    assert str(value).startswith(("#", "data:image/png;base64,")), (tag, key, value)
        assert "url(http" not in found.html and "@import" not in found.html
        ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize("kind", ["two classes", "two numbers", "several 0/1"])
def test_every_picture_has_words_and_a_name_for_a_screen_reader(kind: str) -> None:
    found = page(kind, rows=True)
    ids = {attributes.get("id") for _, attributes in found.elements}
    pictures = found.all("svg")
    assert len(pictures) > 6
    for attributes in pictures:
        assert attributes["role"] == "img" and attributes["aria-labelledby"] in ids
        assert "viewbox" in attributes and "width" not in attributes
    assert len(found.all("caption")) == len(found.all("table"))
    assert found.all("html")[0]["lang"] == "en"


def test_a_page_without_rows_tells_of_those_that_were_not_learnt_from() -> None:
    for kind, words in (
        ("two classes", "27 test rows, which the model has not learnt from"),
        ("three classes", "validation rows, which the model has not learnt from"),
        ("folds", "each predicted by members that did not learn from it (out of fold)"),
    ):
        assert words in page(kind).text
    learnt = page("nothing held out")
    assert "Not evidence The model has learnt from all of these rows" in " ".join(learnt.text.split())


def test_the_headline_has_the_metrics_of_the_record() -> None:
    model = result("two classes").model
    text = page("two classes").text
    accuracy, prior = model.metrics["test"]["accuracy"], model.record["trivial"]["test"]["accuracy"]
    assert f"the predicted class is right in {100 * accuracy:.1f} % (95 % interval " in text
    assert f"The class frequencies alone: {100 * prior:.1f} %" in text
    model = result("a number").model
    assert f"its typical error (root mean square) is {model.metrics['test']['rmse']:.4g} (95 %" in page("a number").text


def test_rows_that_were_learnt_from_are_no_evidence(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "t.csv", index=False)
    spec = {"data": {"train": str(tmp_path / "t.csv"), "target": "two", "features": ["x"], "test": 0.3}}
    spec |= {
        "network": {"layers": [{"size": "auto", "activation": "logistic"}]},
        "loss": "bce",
        "training": {"epochs": 2},
    }
    model = nnfit.train(spec).model
    found = Page(of_models({"m.npz": model}, str(tmp_path / "t.csv")).decode())
    assert re.search(r"Not evidence\s+63 of 90 rows were learnt from \(27 are test rows\)", found.text)
    assert any("loud" in str(attributes.get("class")) for attributes in found.all("li"))


def test_what_matters_is_asked_of_rows_and_the_page_says_how_without() -> None:
    without, given = page("two numbers"), page("two numbers", rows=True)
    assert "nnfit report m.npz --data rows.csv" in without.text
    assert "importance of columns" not in without.text.lower()
    for words in ("Importance of columns", "Mean prediction by colour", "No value of a column", "The worst rows"):
        assert words in given.text
    worst = re.search(r"The worst rows.*?row.*?(\d+)", given.text, re.S)
    assert worst is not None and 0 <= int(worst[1]) < N


def test_where_it_is_worst_is_told_by_the_value_of_a_column() -> None:
    given = table(1)
    red = given["colour"] == "red"
    given.loc[red, "price"] += 500
    found = Page(of_models({"m.npz": result("a number").model}, given).decode())
    start = found.text.index("Where it is worst")
    told = found.text[start : found.text.index("The worst rows")]
    assert re.search(rf"colourred{red.sum()}[\d.]+ to [\d.]+yes", told), "one slice, and it is more than chance"


def test_a_slider_is_there_where_a_threshold_decides() -> None:
    found = page("two classes")
    (slider,) = [attributes for attributes in found.all("input") if attributes.get("type") == "range"]
    threshold = result("two classes").model.target.threshold
    assert slider["value"] == str(round(100 * threshold))
    assert not any(page(kind).all("input") for kind in ("three classes", "a number", "several 0/1"))


def test_a_decision_is_told_of_where_one_is_marked() -> None:
    assert "The dot is the decision" in page("two classes").text
    assert not any("The dot is the decision" in page(kind).text for kind in ("three classes", "several 0/1"))


def test_more_than_twelve_classes_are_told_by_their_largest_confusions() -> None:
    text = page("many classes").text
    assert "The largest confusions" in text and "True class (rows) by predicted class" not in text


def test_the_same_model_and_rows_give_the_same_bytes() -> None:
    assert of_models({"m.npz": result("folds").model}, table(1)).decode() == page("folds", rows=True).html


def hostile(names: dict[str, str]) -> tuple[nnfit.Result, pd.DataFrame]:
    """A model whose columns, classes and categories are called like that."""
    rng = np.random.default_rng(0)
    words = list(names.values())
    frame = pd.DataFrame({name: rng.normal(size=N) for name in words})
    frame["category " + words[0]] = rng.choice(words, N)
    target = "target " + words[1]
    frame[target] = rng.choice(words[:3], N)
    spec = {
        "data": {"train": "<DataFrame>", "target": target, "test": 0.3},
        "network": {"layers": [{"size": 3, "activation": "tanh"}, {"size": "auto", "activation": "softmax"}]},
        "loss": "cross_entropy",
        "training": {"epochs": 2},
    }
    return nnfit.train(spec, frame), frame


def test_names_from_a_table_stay_text() -> None:
    trained, frame = hostile(NAMES)
    for data in (None, frame):
        html = of_models({NAMES["script"]: trained.model}, data).decode()
        found = Page(html)
        assert len(found.all("script")) == 1, "nnfit's own"
        assert not found.all("img")
        assert "\u202e" not in html and "{{ 7 * 7 }}" in found.text
        assert "<script>alert(1)</script>" in found.text, "shown as it is written"
        shown = found.text[: found.text.index("The resolved spec")]
        assert 0 < max(len(word) for word in re.findall(r"long (?:long )*", shown)) <= 40


def test_several_models_stand_side_by_side() -> None:
    models = {"a.npz": result("three classes").model, "b.npz": result("folds").model}
    apart = Page(of_models(models).decode())
    assert apart.sections == ["headline", "learning", "specs"]
    assert "These are not the same rows" in apart.text
    paired = Page(of_models(models, table(1)).decode())
    assert paired.sections == ["headline", "pairs", "learning", "specs"]
    assert "training.resample" in paired.text
    same = Page(of_models({"a.npz": models["a.npz"], "again.npz": models["a.npz"]}, table(1)).decode())
    assert "0 keys of the resolved specs differ" in same.text and "better" not in same.text


def test_models_of_different_targets_are_not_compared() -> None:
    with pytest.raises(nnfit.NnfitError, match="compare models of one target"):
        of_models({"a.npz": result("three classes").model, "b.npz": result("a number").model}, table(1))


def test_an_older_model_is_told_as_far_as_it_is_known() -> None:
    trained = result("two classes").model
    old = {key: value for key, value in trained.record.items() if key not in ("aggregates", "compared", "input_mean")}
    model = nnfit.Model(trained.spec, trained.theta, trained.features, trained.target, trained.dialect, old)
    found = Page(of_models({"old.npz": model}).decode())
    assert found.sections == ["headline", "learning", "matters", "network", "data", "making"]
    assert "the predicted class is right in" in found.text
    bare = nnfit.Model(
        trained.spec, trained.theta, trained.features, trained.target, trained.dialect, {"versions": old["versions"]}
    )
    assert "How well is not known" in Page(of_models({"bare.npz": bare}).decode()).text


# --- the commands --------------------------------------------------------------------------------------------------


def test_the_command_writes_the_page_beside_the_model(run: Callable[..., Any], flower_model: Path) -> None:
    ended = run("report", flower_model)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"report written to {flower_model.with_suffix('.html')}\n"
    html = flower_model.with_suffix(".html").read_bytes()
    assert html == of_models({str(flower_model): nnfit.load(flower_model)})


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("flowers.npz", "-o", "page.pdf"), 2, "write -o page.html"),
        (("flowers.npz", "other.npz"), 2, "give -o FILE.html"),
        (("flowers.npz", "flowers.npz"), 2, "named twice"),
        (("flowers.csv",), 5, "not a model that nnfit wrote"),
        (("flowers.npz", "--data", "none.csv"), 4, "none.csv"),
        (("flowers.npz", "--data", "unlabelled.csv"), 4, "species"),
        (("flowers.npz", "--data", "flowers.csv", "-o", "flowers.csv"), 2, "write -o flowers.html"),
        (("flowers.npz", "-o", "none/page.html"), 7, "none"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_is_written(
    run: Callable[..., Any],
    flower_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    monkeypatch.chdir(flower_model.parent)
    pd.read_csv("flowers.csv").drop(columns="species").to_csv("unlabelled.csv", index=False)
    before = {path: path.read_bytes() for path in Path().iterdir()}
    ended = run("report", *arguments)
    assert ended.code == code and words in ended.err
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


@pytest.mark.parametrize(
    "more", [(), ("data.test=none",), ("data.test=none", "training.resample=folds", "network.members=3")]
)
def test_train_writes_the_page_with_what_matters_in_rows_not_learnt_from(
    run: Callable[..., Any], flowers: Path, more: tuple[str, ...]
) -> None:
    overrides = [word for each in more for word in ("--set", each)]
    ended = run("train", flowers / "flowers.yaml", "--quiet", "--report", flowers / "page.html", *overrides)
    assert ended.code == 0, ended.err
    found = Page((flowers / "page.html").read_text())
    assert found.sections == SECTIONS
    rows = (
        "15 test rows"
        if not more
        else "60 training rows, each"
        if len(more) > 1
        else "60 rows that the model has learnt from"
    )
    assert f"All of this is asked of {rows}" in found.text
    assert "seconds of training" in found.text
    assert "chose the epoch" not in found.text, "nothing has stopped this training early"


def test_a_page_is_called_html_whoever_writes_it(run: Callable[..., Any], flowers: Path) -> None:
    ended = run("train", flowers / "flowers.yaml", "--report", flowers / "page.pdf")
    assert (ended.code, ended.out) == (2, "") and f"write --report {flowers / 'page.html'}" in ended.err
    assert not [*flowers.glob("page.*"), *flowers.glob("*.npz")]


def test_what_is_to_be_said_of_the_rows_is_said_on_the_screen_too(run: Callable[..., Any], flower_model: Path) -> None:
    ended = run("report", flower_model, "--data", flower_model.parent / "flowers.csv")
    assert ended.code == 0 and "45 of 60 rows were learnt from (15 are test rows)" in ended.err


def test_folds_say_that_rows_chose_their_epoch_and_another_score_stands_beside() -> None:
    trained = result("folds")
    rows = table()
    assert "chose the epoch" not in page("folds").text
    found = nnfit.train(trained.model.spec, rows, overrides={"data.test": 0.2}).model
    text = Page(of_models({"m.npz": found}).decode()).text
    assert "(out of fold), the predicted class is right in" in text
    assert (
        f"Its training has also measured accuracy: {100 * found.metrics['test']['accuracy']:.1f} % on 18 test rows."
        in text
    )


def test_a_missing_package_is_named_with_its_command(
    run: Callable[..., Any], flower_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    spec = flower_model.parent / "flowers.yaml"
    for arguments in (("report", flower_model), ("train", spec, "--report", flower_model.parent / "page.html")):
        ended = run(*arguments)
        assert ended.code == 2 and "pip install 'nnfit[report]'" in ended.err
        assert "Traceback" not in ended.err
    assert not (flower_model.parent / "page.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize("classes", [12, 0])
def test_a_page_of_twelve_of_everything_stays_small(classes: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1500, 20))
    frame = pd.DataFrame(x, columns=[f"number {k}" for k in range(20)])
    names = ["y"] if classes else [f"target {k}" for k in range(12)]
    for k, name in enumerate(names):
        frame[name] = 100 * x[:, k] + rng.normal(size=1500)
    if classes:
        frame["y"] = [f"class {k}" for k in np.clip((2 * x[:, 0] + 6 + x[:, 1]).round().astype(int), 0, classes - 1)]
    spec = {
        "data": {"train": "<DataFrame>", "target": names},
        "network": {
            "layers": [{"size": 16, "activation": "relu"}, SOFTMAX if classes else LINEAR],
            "members": 30,
        },
        "loss": "cross_entropy" if classes else "mse",
        "training": {"epochs": 40, "resample": "folds", "batch_size": 256},
    }
    html = of_models({"m.npz": nnfit.train(spec, frame).model}, frame)
    assert 500_000 < len(html) < 1_500_000
