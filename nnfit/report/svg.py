"""A figure as SVG: for a page of many, in whose colours it is drawn, or as a file of its own."""

from __future__ import annotations

import io
import re
import warnings
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from nnfit.report.style import GRID, INK, PAPER, settings
from nnfit.words import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
HREF = f"{{{XLINK}}}href"
REFERENCE = re.compile(r"url\(#([^)]*)\)")
LONG = re.compile(r"-?\d+\.\d{3,}(?![\de])")  # a hundredth of a point is finer than any screen
FONT = re.compile(r"\s*font-family: [^;]*;?")
COLOUR = re.compile("|".join((INK, GRID, PAPER)))
VARIABLES = {INK: f"var(--ink, {INK})", GRID: f"var(--grid, {GRID})", PAPER: f"var(--paper, {PAPER})"}

ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)


def svg(figure: Figure, name: str, title: str) -> str:
    """The figure as an element of a page, in its font, as wide as there is room, in its colours of day and night.

    `name` stands before every id, so that many figures live in one page; `title` is what a screen reader says.
    Ink, grid and paper are the CSS variables --ink, --grid and --paper.
    """
    root = tree(figure)
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    own_ids(root, name)
    for element in root.iter():
        style = element.get("style")
        if style is not None:
            element.set("style", COLOUR.sub(lambda found: VARIABLES[found[0]], FONT.sub("", style)))
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title")
    told = ElementTree.Element(f"{{{SVG}}}title", {"id": f"{name}-title"})
    told.text = plain(title)
    root.insert(0, told)
    return ElementTree.tostring(root, "unicode")


def document(figure: Figure) -> bytes:
    """The figure as an SVG file."""
    root = tree(figure)
    own_ids(root, "nnfit")
    file = io.BytesIO()
    ElementTree.ElementTree(root).write(file, "utf-8", xml_declaration=True)
    return file.getvalue()


def tree(figure: Figure) -> ElementTree.Element:
    """The figure's SVG without what differs from run to run, comments, and style that would hold for a whole page."""
    file = io.BytesIO()
    with settings(), silent():
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    root = ElementTree.fromstring(file.getvalue())
    for element in root.iter():
        for child in list(element):
            if child.tag == f"{{{SVG}}}defs" and child.find(f"{{{SVG}}}style") is not None:
                element.remove(child)
        if element.tag != f"{{{SVG}}}text":
            element.text = None
        element.tail = None
        path = element.get("d")
        if path is not None:
            element.set("d", LONG.sub(lambda found: f"{float(found[0]):.2f}", " ".join(path.split())))
    root.set("stroke-linejoin", "round")
    root.set("overflow", "visible")  # another font may be wider than ours
    return root


class silent(warnings.catch_warnings):  # noqa: N801 (a context manager, as its parent)
    """No word on letters that the font lacks: SVG has them as text, and elsewhere a box says that one is missing.

    Nor on a picture that has been asked for in a size too small for its axes: it shows that itself.
    """

    def __enter__(self) -> None:
        super().__enter__()
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        warnings.filterwarnings("ignore", "Matplotlib currently does not support")
        warnings.filterwarnings("ignore", "constrained_layout not applied")


def own_ids(root: ElementTree.Element, name: str) -> None:
    """Put a name before every id that is referred to, and leave the others out."""
    used = set()
    for element in root.iter():
        for key, value in element.items():
            used.update(REFERENCE.findall(value))
            if key == HREF and value.startswith("#"):
                used.add(value[1:])
    for element in root.iter():
        for key, value in list(element.items()):
            if key == "id":
                if value in used:
                    element.set(key, f"{name}-{value}")
                else:
                    del element.attrib[key]
            elif key == HREF and value.startswith("#"):
                element.set(key, f"#{name}-{value[1:]}")
            elif "url(#" in value:
                element.set(key, REFERENCE.sub(rf"url(#{name}-\1)", value))
