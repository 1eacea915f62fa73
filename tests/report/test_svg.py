"""A figure in a page: one element that brings nothing with it, takes the page's colours, and is heard."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from pictures import HOSTILE, Examples

from nnfit.report import figures, style
from nnfit.report.kinds import KINDS
from nnfit.report.svg import HREF, SVG, document, svg
from nnfit.scoring.profile import Profile, of_class

KNOWN = {
    *("svg", "title", "g", "path", "use", "defs", "clipPath", "rect", "text", "image", "linearGradient", "stop"),
}


def tree(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)


def roc() -> Profile:
    p = np.linspace(0, 1, 50)
    return Profile(50, (of_class("yes", p > 0.4, p),))


@pytest.mark.parametrize("name", ["hostile", "hostile_numbers"])
def test_every_picture_is_one_element_that_refers_to_nothing_outside(examples: Examples, name: str) -> None:
    for kind, row in KINDS.items():
        if not examples[name].takes(row) or (name == "hostile_numbers" and row.target == "any" and kind != "weights"):
            continue
        root = tree(svg(row.draw(examples[name].request(row)), "f1", HOSTILE["script"]))
        assert root.tag == f"{{{SVG}}}svg"
        assert {element.tag.removeprefix(f"{{{SVG}}}") for element in root.iter()} <= KNOWN, kind
        ids = [element.get("id") for element in root.iter() if element.get("id")]
        assert len(ids) == len(set(ids)), kind
        assert all(each.startswith("f1-") for each in ids if each), kind
        for element in root.iter():
            for key, value in element.items():
                assert not key.startswith("on"), kind
                if key.endswith("href"):
                    assert value.startswith(("#f1-", "data:image/png;base64,")), kind
                    assert not value.startswith("#") or value[1:] in ids, kind
                for reference in re.findall(r"url\((.*?)\)", value):
                    assert reference[1:] in ids, kind


def test_it_is_heard_by_its_title_and_has_the_width_that_there_is() -> None:
    root = tree(svg(figures.roc(roc()), "roc", 'ROC of "<yes>"\x07'))
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "roc-title")
    assert root[0].tag == f"{{{SVG}}}title"
    assert (root[0].get("id"), root[0].text) == ("roc-title", 'ROC of "<yes>"\\x07')
    assert root.get("width") is root.get("height") is None
    assert re.fullmatch(r"0 0 [\d.]+ [\d.]+", root.get("viewBox") or "")


def test_ink_grid_and_paper_are_those_of_the_page() -> None:
    text = svg(figures.roc(roc()), "a", "ROC")
    for name, light in (("ink", style.INK), ("grid", style.GRID), ("paper", style.PAPER)):
        assert f"var(--{name}, {light})" in text
        assert light not in text.replace(f"var(--{name}, {light})", "")
    assert "font-family" not in text
    assert "<style" not in text


def test_a_file_has_colours_that_every_program_knows() -> None:
    text = document(figures.roc(roc())).decode()
    assert text.startswith("<?xml")
    assert "var(" not in text
    assert "'DejaVu Sans'" in text
    assert tree(text).get("width") == "331.2pt"


def test_two_figures_in_a_page_share_no_id() -> None:
    first, second = (svg(figures.roc(roc()), name, "ROC") for name in ("a", "b"))
    ids = [set(re.findall(r'id="([^"]*)"', text)) for text in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_texts_are_texts(examples: Examples) -> None:
    root = tree(svg(figures.network(examples["hostile"].model), "n", "Network"))
    texts = [element.text for element in root.iter(f"{{{SVG}}}text")]
    assert "<script>alert(1)</scrip…" in texts
    assert not list(root.iter(f"{{{SVG}}}script"))
    assert not [element for element in root.iter() if element.get(HREF, "").startswith("javascript:")]
