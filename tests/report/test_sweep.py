"""The page of a sweep: true words of what came out, pictures with room, and nothing from anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from pictures import untidy

from nnfit.report import figures
from nnfit.report.luck import Luck, apart, luck
from nnfit.report.sweep import page_bytes
from nnfit.report.swept import Parameter, Sweep, brief, labels, tails, text
from nnfit.report.varied import levels, mattered, of_cells
from nnfit.scoring.selection import Scores, expected_best, selection
from report.pages import Page
from report.sweeps import LAYERS, MAKERS, RATE, SIZE, made, of_rows, sweep, table
from report.test_figures import nameless

ALL = ["headline", "best", "chance", "parameters", "parallel", "together", "learning", "wrong", "making"]


@cache
def page(name: str) -> Page:
    """The page of a sweep of a kind."""
    return Page(page_bytes(made(name)).decode())


def words(name: str) -> str:
    """Its text in one line."""
    return " ".join(page(name).text.split())


@pytest.mark.parametrize("name", MAKERS)
def test_a_page_asks_nothing_of_anywhere_and_every_picture_has_its_numbers(name: str) -> None:
    found = page(name)
    assert found.sections == [each for each in ALL if each in found.sections]
    assert len(found.html.encode()) < 1_000_000
    for tag, attributes in found.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form", "img"), tag
        assert not any(key.startswith("on") for key in attributes), attributes
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert len(found.all("script")) == 1
    for attributes in found.all("svg"):
        assert attributes["role"] == "img" and attributes["aria-labelledby"] in ids
    assert "nan" not in found.text.replace("nnfit", "").lower().split()


def test_a_page_has_its_sections_in_order_and_the_same_sweep_gives_the_same_bytes() -> None:
    assert page("eight").sections == ALL
    assert page("failed").sections == ["headline", "wrong", "making"]
    assert page("none_yet").sections == ["headline", "making"]
    again = replace(made("two"))
    assert page_bytes(again).decode() == page("two").html


@pytest.mark.parametrize("name", [name for name in MAKERS if name not in ("failed", "none_yet")])
def test_the_pictures_name_their_axes_and_no_text_lies_over_another(name: str) -> None:
    own, found = made(name), mattered(made(name))
    drawn = [figures.against(own, each) for each in own.axes]
    if len(own.axes) > 1:
        a, b = found.axes[:2]
        middle, n, _ = of_cells(own, a, b)
        drawn += [figures.cells(own, a, b, middle, n)]
        drawn += [figures.plane(own, a, b)] if len(a.edges) and len(b.edges) else []
    if len(own.order) > 1:
        drawn.append(figures.leaders(own, own.order[:20], None, None))
    for figure in drawn:
        assert untidy(figure) == []
        assert nameless(figure) == []
    if len(own.axes) > 1:
        assert untidy(figures.parallel(own, own.axes[:8])) == []


def test_the_headline_says_what_ran_what_is_best_and_what_it_scores() -> None:
    own = made("one")
    best = int(own.trials["log_loss"].idxmin())
    rate, score = own.trials[RATE][best], own.trials["log_loss"][best]
    assert "40 trials, drawn at random over 1 parameter: 36 done, 4 diverged." in words("one")
    assert f"The best is trial {best + 1}, with learning_rate {rate:.4g}." in words("one")
    assert f"Its log_loss on 30 validation rows is {score:.4f}; the lower, the better." in words("one")
    second = np.sort(own.trials["log_loss"])[1] - score
    assert f"is next, {second:.4f} behind; whether that is more than chance is not known." in words("one")
    accuracy = made("categories").trials["accuracy"]
    assert f"The best is trial {accuracy.idxmax() + 1}" in words("categories")
    assert f"{accuracy.max():.4f}; the higher, the better." in words("categories")
    lead = accuracy.max() - np.sort(accuracy)[-2]
    assert f"is next, {lead:.4f} behind; whether" in words("categories")
    assert "120 trials of 200 planned" in words("eight") and "80 trials of 200 have not run yet" in words("eight")


def test_the_optimism_is_that_of_the_bootstrap_over_rows_and_the_test_rows_are_said_to_be_touched_once() -> None:
    own = made("two")
    assert own.scores is not None
    found = selection(own.scores, higher=False)
    assert found is not None and found.best == own.order[0]
    assert f"by about {found.optimism:.3f}: expect about {found.score + found.optimism:.3f} on new rows" in words("two")
    other = f"another trial comes first in {100 * (1 - found.chosen[found.best]):.1f} % of the draws"
    assert other in words("two")
    assert "On 40 test rows, which chose nothing and were looked at once, by the best alone, its log_loss is" in words(
        "two"
    )
    assert "0.2300 (95 % interval 0.1800 to 0.2900)" in words("two")
    assert "no test rows" in words("one") and "no test rows" not in words("two")


def noisy(
    T: int, n: int, rng: np.random.Generator, top: int | None = None, repeat: int = 0, one_by_one: bool = False
) -> Sweep:
    """Trials that differ by nothing: scores of n rows of all, of the top alone, or of repeats."""
    values = rng.normal(size=(T, n)) + rng.normal(size=n) * (0 if repeat else 2)
    score = values.mean(axis=1)
    own = [Parameter(RATE, log=True)]
    sd = values.std(axis=1, ddof=1) if repeat else np.nan
    trials = table(own, [np.geomspace(1e-4, 1, T).tolist()], score, sd=sd)
    places = np.argsort(score)[:top]
    if repeat:  # of which some are hard for all trials
        repeats = values + 5 * rng.normal(size=n) if one_by_one else None
        return sweep(own, trials, repeat=repeat, repeats=repeats)
    return sweep(own, trials, scores=Scores(values[places], np.ones(n)), scored=(places + 1).tolist())


@pytest.mark.parametrize(
    ("by", "more", "n"),
    [
        ("rows", {}, 60),
        ("noise", {"top": 10}, 60),
        ("repeats", {"repeat": 8}, 8),
        ("repeats", {"repeat": 8, "one_by_one": True}, 8),
    ],
)
def test_on_noise_the_best_is_told_to_be_as_much_too_good_as_it_is(by: str, more: dict[str, int], n: int) -> None:
    rng = np.random.default_rng(11)
    found = []
    for _ in range(40):
        each = luck(noisy(60, n, rng, **more))
        assert each is not None and each.by == by
        found.append(each.optimism)
    assert np.mean(found) == pytest.approx(expected_best(60) / np.sqrt(n), rel=0.1)


def test_repeats_that_share_rows_are_not_as_sure_as_their_number() -> None:
    own = noisy(40, 8, np.random.default_rng(0), repeat=8)
    alone, shared = luck(own), luck(replace(own, redrawn=0.25))
    assert alone is not None and shared is not None
    assert shared.error == pytest.approx(alone.error * np.sqrt(1 + 8 * 0.25))  # Nadeau and Bengio 2003
    assert "other seeds and splits" in Page(page_bytes(replace(own, redrawn=0.25)).decode()).text
    alike = " ".join(Page(page_bytes(own).decode()).text.split())
    assert "not of other rows" in alike and re.search(r"expect between \S+ and \S+ on these rows by other seeds", alike)


@pytest.mark.parametrize("more", [{}, {"top": 10}])
def test_trials_that_differ_by_nothing_are_not_told_apart_from_the_best_of_them(more: dict[str, int]) -> None:
    rng = np.random.default_rng(5)
    told = []
    for _ in range(20):
        own = noisy(60, 60, rng, **more)
        found = luck(own)
        assert found is not None
        told.append(59 - apart(own, found))
    assert np.mean(told) < 4  # of 59; by intervals of their own it would be 16


def test_of_repeats_the_learning_curves_are_said_to_be_of_the_first_seed() -> None:
    assert "of the best trials, by the first of their seeds: dashed" in words("eight")
    assert "first of their seeds" not in words("two")


def test_repeats_on_the_same_rows_do_not_hide_what_the_rows_have_chosen() -> None:
    rng = np.random.default_rng(2)
    found = []
    for _ in range(30):  # trials that differ by nothing; their seeds by little, their rows by much
        values = rng.normal(size=(30, 100))
        repeats = values.mean(axis=1)[:, None] + 0.01 * rng.normal(size=(30, 5))
        own = [Parameter(RATE, log=True)]
        trials = table(own, [np.geomspace(1e-4, 1, 30).tolist()], repeats.mean(axis=1), sd=repeats.std(axis=1, ddof=1))
        scores = Scores(values, np.ones(100))
        each = luck(sweep(own, trials, repeat=5, repeats=repeats, scores=scores, scored=range(1, 31)))
        assert each is not None and each.by == "rows"
        found.append(each.optimism)
    assert np.mean(found) == pytest.approx(expected_best(30) / 10, rel=0.1)


def test_bad_trials_that_spread_more_do_not_make_the_good_ones_less_sure() -> None:
    own = noisy(40, 8, np.random.default_rng(0), repeat=8)
    worse = own.trials.copy()
    bad = worse["log_loss"].rank() > 21
    worse.loc[bad, ["log_loss", "sd"]] += 100
    first, second = luck(own), luck(replace(own, trials=worse))
    assert first is not None and second is not None and first.error == second.error


def test_of_the_rows_of_the_top_alone_no_bootstrap_is_made_as_their_choice_is_over() -> None:
    own = made("many")
    found = luck(own)
    assert found is not None and found.by == "noise" and found.chosen is None
    assert "in the mean if all near it are equally good, by less if they are not" in words("many")
    assert "at worst" not in words("many") and "by up to" not in words(
        "many"
    )  # chance gives more in half of all sweeps
    whole = luck(replace(own, scores=of_rows(own.score), scored=tuple(own.number)))
    assert whole is not None and whole.by == "rows"


def test_halving_counts_those_that_were_halted_among_the_many() -> None:
    own = made("halving")
    found = luck(own)
    assert isinstance(found, Luck) and found.by == "noise" and found.running == 27
    assert "3 done, 24 halted after fewer epochs" in words("halving")
    assert "a value that starts slowly looks worse here than it may be" in words("halving")
    assert "starts slowly" not in words("eight")
    halted = own.ranks[[status == "halted" for status in own.status]]
    assert halted.min() > 3  # whatever their scores of fewer epochs
    epochs = own.numbers("epochs")
    assert own.ranks[epochs == 27].max() < own.ranks[epochs == 9].min()
    better = own.trials.copy()
    better.loc[epochs == 9, "log_loss"] = 0.01  # as a log-loss may be, of a network that fits too much later on
    again = replace(own, trials=better)
    assert again.ranks[epochs == 27].max() < again.ranks[epochs == 9].min() and again.order == own.order


def test_the_best_of_a_value_is_of_trials_that_went_to_the_end() -> None:
    own = [Parameter(SIZE, (8, 16))]
    score = np.array([0.1, 0.2, 0.3, 0.4])
    halving = sweep(own, table(own, [[8, 8, 16, 16]], score, status=["halted", "done", "halted", "halted"]))
    cells = levels(halving, halving.axes[0])
    assert cells.header[2] == "best at the end"
    assert [row[2] for row in cells.rows] == ["0.2000", ""]
    whole = levels(replace(halving, trials=halving.trials.assign(status="done")), halving.axes[0])
    assert whole.header[2] == "best" and [row[2] for row in whole.rows] == ["0.1000", "0.3000"]


def test_what_matters_is_found_and_few_trials_are_said_to_be_few() -> None:
    found = mattered(made("eight"))
    clear = [found.axes[k].path for k, each in enumerate(found.effects) if each.clear]
    assert clear[0] == RATE and "network.layers.0.activation" in clear[:2]
    assert "What matters most is learning_rate" in words("eight")
    assert "Whether learning_rate makes a difference, 3 trials cannot tell." in words("three")
    assert mattered(made("three")).effects == ()


def test_effects_that_add_up_are_not_said_to_move_each_others_best_value() -> None:
    own = [Parameter("a"), Parameter("b")]
    rng = np.random.default_rng(0)
    a, b = rng.uniform(size=(2, 200))
    trials = table(own, [a.tolist(), b.tolist()], 10 * (a - 0.3) ** 2 + 10 * (b - 0.6) ** 2)
    found = " ".join(Page(page_bytes(sweep(own, trials)).decode()).text.split())
    assert "They interact" in found  # of ranks the sum is none, which is no word of where the best is
    assert "may be that the best value of one depends on the other, or that each matters less where" in found


def test_a_best_at_the_end_of_a_range_is_told() -> None:
    own = [Parameter(SIZE, (8, 16, 32))]
    sizes = [8, 16, 32] * 8
    score = 1 / np.array(sizes) + 1e-4 * np.arange(24)
    found = Page(page_bytes(sweep(own, table(own, [sizes], score))).decode())
    assert "The best size, 32, is at the end of what was tried" in " ".join(found.text.split())
    score = np.abs(np.array(sizes) - 16) + 1e-4 * np.arange(24)
    found = Page(page_bytes(sweep(own, table(own, [sizes], score))).decode())
    assert "is at the end" not in found.text


def test_what_went_wrong_is_listed_with_its_message() -> None:
    assert "3 trials, on a grid over 1 parameter: 1 diverged, 2 failed." in words("failed")
    assert "There is no best" in words("failed")
    for told in ("no such file", "the cost is not finite", "1000"):
        assert told in words("failed")
    assert "data/mass.csv: no such file" in words("eight")


def test_names_and_values_of_a_file_are_text() -> None:
    found = page("hostile")
    assert "<script>alert(1)</script>" in found.text and "&lt;script&gt;alert(1)" in found.html
    for each in ("\u202e", "\x00", "\x1b"):
        assert each not in found.html
    assert "{{ 7 * 7 }}" in found.text and "$x^2$" in found.text


def test_scores_that_compare_with_none_are_no_scores() -> None:
    own = [Parameter(RATE)]
    score = np.array([0.3, np.inf, 1e300, np.nan, 0.4])
    status = ["done", "done", "done", "done", "failed"]
    found = sweep(own, table(own, [[1.0, 2, 3, 4, 5]], score, status=status))
    assert found.order == [0] and np.isfinite(found.score).tolist() == [True, False, False, False, False]


def test_one_bad_trial_does_not_press_the_others_into_a_line() -> None:
    own = [Parameter(RATE, log=True)]
    rate = np.geomspace(1e-3, 1, 30)
    score = 0.3 + 0.1 * np.abs(np.log10(rate) + 2)
    score[-1] = 1e12
    found = sweep(own, table(own, [rate.tolist()], score))
    (axis,) = figures.against(found, found.axes[0]).axes
    assert axis.get_ylim()[1] < 1
    assert "worse than the axis shows" in [line.get_label() for line in axis.lines]


@pytest.mark.parametrize("as_text", [False, True])
def test_subtrees_are_told_by_their_values_and_in_full_in_the_table(as_text: bool) -> None:
    import json

    own = made("subtrees")
    if as_text:  # as trials.csv has them
        trials = own.trials.assign(**{"network.layers": [json.dumps(each) for each in own.trials["network.layers"]]})
        own = replace(own, trials=trials)
    axis = own.axes[0]
    assert axis.labels == ("A: 8 relu, auto softmax", "B: 8 relu, 8 relu, auto softmax", "C: 64 tanh, auto softmax")
    assert axis.codes.tolist() == [0, 1, 2] * 16
    assert axis.texts[0] == "[{size: 8, activation: relu}, {size: auto, activation: softmax}]"
    assert axis.texts[0] in words("subtrees")


def test_values_are_named_by_the_shortest_that_tells_them_apart() -> None:
    paths = ["network.layers.0.size", "network.layers.1.size", "training.optimizer.learning_rate", "seed"]
    assert tails(paths) == ["layers.0.size", "layers.1.size", "learning_rate", "seed"]
    assert tails(["data.columns.0"]) == ["columns.0"]
    assert labels([16, "auto", None, True]) == ("16", "auto", "null", "true")
    assert labels([{"a": 1}, {"b": 1}]) == ("A: 1", "B: 1")
    assert (brief(0.0123456), brief(LAYERS[0]), text(1e-5)) == ("0.01235", "8 relu, auto softmax", "1e-05")


@pytest.mark.parametrize("kind", ["range", "log range", "values", "whole numbers", "many values"])
def test_a_parameter_is_drawn_as_what_it_is(kind: str) -> None:
    parameter: Parameter
    make: dict[str, Callable[[], tuple[Parameter, list[float]]]] = {
        "range": lambda: (Parameter("a"), np.linspace(0, 1, 20).tolist()),
        "log range": lambda: (Parameter("a", log=True), np.geomspace(1e-3, 1, 20).tolist()),
        "values": lambda: (Parameter("a", (0, 1e-4, 1e-2)), [0, 1e-4, 1e-2, 0] * 5),
        "whole numbers": lambda: (Parameter("a"), [1, 2, 3, 4] * 5),
        "many values": lambda: (Parameter("a", tuple(range(20))), list(range(20))),
    }
    parameter, values = make[kind]()
    (axis,) = sweep([parameter], table([parameter], [values], np.linspace(0.2, 0.4, 20))).axes
    assert axis.log == (kind == "log range")
    assert bool(len(axis.edges)) == (kind in ("range", "log range", "many values"))
    assert axis.labels == {"values": ("0", "0.0001", "0.01"), "whole numbers": ("1", "2", "3", "4")}.get(kind, ())


def test_a_table_read_from_a_file_gives_the_same_page() -> None:
    import io

    own = made("eight")
    again = pd.read_csv(io.StringIO(own.trials.to_csv(index=False)), keep_default_na=True)
    again["message"] = again["message"].fillna("")
    assert page_bytes(replace(own, trials=again)).decode() == page("eight").html
