"""The page: its sections in their order, and the one HTML file that they become.

Jinja2 escapes every text; what is not escaped are the pictures, which svg.py made, and style and script of nnfit. The
file asks nothing of anywhere: its policy forbids all but this style and this script, known by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from nnfit.errors import Problem
from nnfit.explain.rows import Rows
from nnfit.model.model import Model
from nnfit.progress import tracked
from nnfit.report.extra import require
from nnfit.report.facts import data, making
from nnfit.report.headline import headline, title_of
from nnfit.report.matters import matters, missing
from nnfit.report.network import learning, network
from nnfit.report.parts import Page, Section
from nnfit.report.performance import performance
from nnfit.report.told import Told, of_training
from nnfit.version import __version__
from nnfit.words import count, plain, short

TEMPLATES = Path(__file__).parent / "templates"


def page_of(
    model: Model,
    name: str,
    told: Told | None = None,
    rows: Rows | None = None,
    words: str = "",
    warnings: Iterable[Problem] = (),
    seconds: float | None = None,
    chosen: bool = False,
) -> Page:
    """The page of one model, called `name`.

    It tells of the rows `told`, by default those that the model did not learn from; what matters is asked of `rows`,
    which `words` name, and `chosen` says that early stopping looked at them. `warnings` and `seconds` are those of its
    training, where they are known.
    """
    told = told if told is not None else of_training(model)
    builders: tuple[Callable[[], Section | None], ...] = (
        lambda: headline(model, told, warnings),
        lambda: learning({name: model}),
        lambda: performance(model, told),
        lambda: missing(model, name) if rows is None else matters(rows, words, chosen),
        lambda: network(model),
        lambda: data(model),
        lambda: making(model, name, seconds),
    )
    found = [build() for build in tracked(builders, "sections of the report")]
    members = f", {count(len(model.theta), 'member')}" * (len(model.theta) > 1)
    subtitle = f"{short(name)}: {count(model.network.P, 'parameter')}{members}"
    return Page(title_of(model), subtitle, tuple(section for section in found if section is not None))


def html(page: Page) -> bytes:
    """The file; the same page gives the same bytes."""
    require()
    import jinja2

    def read(name: str) -> str:
        return (TEMPLATES / name).read_text("utf-8")

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined, finalize=harmless
    )
    script = read("script.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = environment.from_string(read("report.html")).render(
        page=page,
        style=read("style.css"),
        script=script,
        digest=digest,
        version=__version__,
        as_json=embedded,
    )
    return text.encode("utf-8", "replace")


def harmless(value: object) -> object:
    """What is shown, text without control characters, as those that turn the direction of writing; lines stay lines."""
    if type(value) is not str:  # nnfit's own markup is of another type
        return value
    return "\n".join(map(plain, value.split("\n")))


def embedded(value: object) -> str:
    """JSON that may stand within a script element: no `<` can end it."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
