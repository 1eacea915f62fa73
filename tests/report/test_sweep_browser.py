"""The page of a sweep in a browser: by day and night, on screens of any width and on paper, nothing is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nnfit
from nnfit.report.from_sweep import page_of_sweep
from nnfit.report.sweep import page_bytes
from report.sweeps import MAKERS, made

pytestmark = [pytest.mark.browser, pytest.mark.process]

ROOT = Path(__file__).parents[2]
WIDTHS = (360, 800, 1400)
OUTSIDE = """[...document.querySelectorAll('.picture svg')].flatMap(svg => {
    const box = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('text')].filter(text => {
        const each = text.getBoundingClientRect();
        return each.width && (each.left < box.left - 2 || each.right > box.right + 2
            || each.top < box.top - 2 || each.bottom > box.bottom + 2);
    }).map(text => text.textContent);
})"""
EMPTY = """[...document.querySelectorAll('.picture svg')].filter(svg => {
    const box = svg.getBoundingClientRect();
    return box.width < 100 || box.height < 50 || !svg.querySelector('path, circle, use');
}).length"""
CUT = """[...document.querySelectorAll('.wide, .picture')].filter(
    each => each.scrollWidth > each.clientWidth + 1).length"""
WIDE = "[document.documentElement.scrollWidth, innerWidth]"


def look(width: int, night: bool = False) -> dict[str, Any]:
    """A window so wide, by day or by night."""
    return {"viewport": {"width": width, "height": 900}, "color_scheme": "dark" if night else "light"}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The page of the sweep in configs/."""
    swept = nnfit.sweep(ROOT / "configs/sweeps/iris.yaml", tmp_path_factory.mktemp("sweep") / "out", jobs=1)
    return page_of_sweep(swept, (swept.folder / "best.yaml").read_bytes())


def page(name: str, real: bytes) -> bytes:
    """The page of a kind of sweep."""
    return real if name == "real" else page_bytes(made(name))


@pytest.mark.parametrize("name", [*MAKERS, "real"])
def test_a_page_asks_and_says_nothing_and_has_room_on_any_screen(opened: Any, real: bytes, name: str) -> None:
    for each in [*(look(width) for width in WIDTHS), look(1400, night=True)]:
        found = opened(page(name, real), **each)
        assert found.said == []
        assert found.seconds < 2
        for folded in (True, False):
            wide, room_for = found.page.evaluate(WIDE)
            assert wide <= room_for, f"at {each['viewport']['width']} px something leaves the page to the right"
            if folded:
                found.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        assert found.page.evaluate(OUTSIDE) == [], "every word of a picture lies within it"
        assert found.page.evaluate(EMPTY) == 0, "every picture is there"


@pytest.mark.parametrize("name", ["eight", "real"])
def test_at_night_ink_and_paper_change_places_in_pictures_too(opened: Any, real: bytes, name: str) -> None:
    light = []
    for night in (False, True):
        ink, paper, tick = opened(page(name, real), **look(1400, night)).page.evaluate(
            "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor,"
            " getComputedStyle(document.querySelector('.picture svg text')).fill]"
        )
        assert tick == ink
        light.append([sum(map(int, each[4:-1].split(","))) for each in (ink, paper)])
    (ink, paper), (night_ink, night_paper) = light
    assert ink < 200 < 600 < paper and night_paper < 200 < 600 < night_ink


@pytest.mark.parametrize("name", ["eight", "hostile", "real"])
def test_on_paper_it_is_black_on_white_with_every_picture_whatever_the_screen(
    opened: Any, real: bytes, name: str
) -> None:
    found = opened(page(name, real), **look(700, night=True))
    found.page.emulate_media(media="print", color_scheme="dark")
    paper, ink = found.page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert sum(map(int, paper[4:-1].split(","))) > 600 > 200 > sum(map(int, ink[4:-1].split(",")))
    wide, room_for = found.page.evaluate(WIDE)
    assert wide <= room_for
    assert found.page.evaluate(CUT) == 0, "what is to be scrolled on a screen is whole on paper"
    assert found.page.evaluate(EMPTY) == 0
    assert found.page.pdf(format="A4").startswith(b"%PDF")
    assert found.said == []
