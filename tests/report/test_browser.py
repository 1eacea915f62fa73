"""The page in a browser: nothing goes wrong, nothing is asked for, and what a reader moves moves the numbers."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nnfit
from nnfit.report.make import of_models
from report.pages import KINDS, result, table
from report.test_page import NAMES, SECTIONS, hostile

pytestmark = [pytest.mark.browser, pytest.mark.process]

ROOT = Path(__file__).parents[2]
SEEN = [
    *(("configs", name) for name in ("iris", "penguins", "diabetes", "digits")),
    *(("kinds", kind) for kind in KINDS),
]
DAY = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"}
NIGHT = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"}
PHONE = {"viewport": {"width": 390, "height": 800}, "color_scheme": "light"}


@cache
def html(room: str, name: str, rows: bool) -> bytes:
    """The page of a spec in configs/, or of a kind of model; with rows or without."""
    if room == "configs":
        model = nnfit.train(ROOT / "configs" / f"{name}.yaml").model
        return of_models({f"{name}.npz": model}, pd.read_csv(ROOT / "datasets" / f"{name}.csv") if rows else None)
    data = table(0 if name == "many classes" else 1)
    return of_models({"m.npz": result(name).model}, data if rows else None)


@pytest.mark.parametrize(("room", "name"), SEEN, ids=[name for _, name in SEEN])
@pytest.mark.parametrize("rows", [False, True], ids=["without rows", "with rows"])
def test_a_page_opens_at_once_and_says_and_asks_nothing(opened: Any, room: str, name: str, rows: bool) -> None:
    for look in (DAY, NIGHT, PHONE):
        found = opened(html(room, name, rows), **look)
        assert found.said == []
        assert found.seconds < 1
        sections = found.page.evaluate("[...document.querySelectorAll('section')].map(each => each.id)")
        assert sections == [each for each in SECTIONS if each != "learning" or name != "no epoch"]
        wide, room_for = found.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= room_for, "nothing leaves the page to the right"


def test_ink_and_paper_change_places_at_night(opened: Any) -> None:
    colours = []
    for look in (DAY, NIGHT):
        page = opened(html("kinds", "two classes", False), **look).page
        ink, paper, tick = page.evaluate(
            "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor,"
            " getComputedStyle(document.querySelector('.picture svg text')).fill]"
        )
        assert tick == ink, "pictures have the page's ink"
        colours.append((ink, paper))
    (ink, paper), (night_ink, night_paper) = [[sum(eval(each[3:])) for each in pair] for pair in colours]
    assert ink < 200 < 600 < paper and night_paper < 200 < 600 < night_ink


def test_the_slider_moves_the_numbers(opened: Any) -> None:
    model = result("two classes").model
    page = opened(html("kinds", "two classes", False), **DAY).page
    (profile,) = model.aggregates.profile.classes  # type: ignore[union-attr]

    def shown() -> dict[str, str]:
        return dict(
            page.evaluate("[...document.querySelectorAll('[data-value]')].map(e => [e.dataset.value, e.textContent])")
        )

    for level in (0, 30, 77, 100):
        page.evaluate(
            """(level) => {
                const slider = document.querySelector('#threshold');
                slider.value = level;
                slider.dispatchEvent(new Event('input'));
            }""",
            level,
        )
        found = shown()
        tp, fp = profile.tp_at[level], profile.fp_at[level]
        assert (found["tp"], found["fp"]) == (str(tp), str(fp))
        assert (found["fn"], found["tn"]) == (str(profile.positives - tp), str(profile.negatives - fp))
        assert found["recall"] == f"{100 * tp / profile.positives:.1f} %"
        assert found["precision"] == (f"{100 * tp / (tp + fp):.1f} %" if tp + fp else "–")
        assert page.text_content("#threshold-value") == f"{level / 100:.2f}"
    page.focus("#threshold")
    page.keyboard.press("ArrowLeft")
    assert page.text_content("#threshold-value") == "0.99", "with the keyboard, too"


def test_a_table_is_sorted_by_a_click_and_the_other_way_by_another(opened: Any) -> None:
    page = opened(html("kinds", "folds", True), **DAY).page
    table = "document.querySelector('#figure-importance table.sortable')"
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    column = f"[...{table}.tBodies[0].rows].map(row => parseFloat(row.cells[1].textContent))"
    for direction, reverse in (("descending", True), ("ascending", False)):
        page.evaluate(f"{table}.tHead.rows[0].cells[1].querySelector('button').click()")
        values = page.evaluate(column)
        assert values == sorted(values, reverse=reverse) and len(values) == 4
        assert page.evaluate(f"{table}.tHead.rows[0].cells[1].getAttribute('aria-sort')") == direction


def test_without_scripts_it_is_there_to_be_read(opened: Any) -> None:
    found = opened(html("kinds", "two classes", True), java_script_enabled=False, **DAY)
    page = found.page
    assert found.said == [] and not page.locator(".slider").is_visible()
    assert page.locator("#figure-roc svg").is_visible() and page.locator("#headline table").is_visible()
    page.locator("#making summary").first.click()
    assert page.locator("#making pre").first.is_visible()


def test_names_from_a_table_run_nothing_and_stay_in_their_boxes(opened: Any) -> None:
    trained, frame = hostile(NAMES)
    for look in (DAY, PHONE):
        found = opened(of_models({NAMES["quotes"]: trained.model}, frame), **look)
        assert found.said == []
        wide, room_for = found.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= room_for
        outside = found.page.evaluate(
            """[...document.querySelectorAll('.picture svg')].flatMap(svg => {
                const box = svg.getBoundingClientRect();
                return [...svg.querySelectorAll('text')].map(text => text.getBoundingClientRect()).filter(
                    each => each.width && (each.left < box.left - 2 || each.right > box.right + 2
                        || each.top < box.top - 2 || each.bottom > box.bottom + 2));
            }).length"""
        )
        assert outside == 0, "every word of a picture lies within it"


def test_several_models_side_by_side(opened: Any) -> None:
    models = {"a.npz": result("three classes").model, "b.npz": result("folds").model}
    for data in (None, table(1)):
        found = opened(of_models(models, data), **PHONE)
        assert found.said == [] and found.seconds < 1
