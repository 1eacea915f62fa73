"""What tests of pictures share: small models of every kind, their rows, and what is seen on a figure."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

import nnfit
from nnfit.data.frames import read_frame
from nnfit.data.table import Table
from nnfit.model.model import Model
from nnfit.report import style, svg
from nnfit.report.extra import load_alone
from nnfit.report.kinds import KINDS, Kind, Request

load_alone()

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "quotes": "\"'`]]><!--",
    "long": "ab" * 1000,
    "right_to_left": "עברית العربية",
    "math": "$x^2$ \\frac{1}{2} $",
    "control": "a\n\x00\x1b[31m\u202eb",
    "unknown_letters": "漢字 😀",
}


class Example(NamedTuple):
    """A model and rows with a target."""

    model: Model
    frame: pd.DataFrame

    @property
    def table(self) -> Table:
        """The rows as the model reads them."""
        return read_frame(self.frame, self.model.dialect, self.model.labelled_kinds, others=False)

    def request(self, kind: Kind, **options: Any) -> Request:
        """What `nnfit plot` would hand to a kind."""
        return Request({"m.npz": self.model}, self.table if kind.data != "none" else None, **options)

    def takes(self, kind: Kind) -> bool:
        """Whether the kind is of such a model."""
        return kind.models != "none" and kind.target in ("any", "classes" if self.model.classes else "real")


def frame(n: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n)).round(3)
    return pd.DataFrame({"a": a, "b": b, "colour": rng.choice(["red", "green", "blue"], n)})


def trained(data: pd.DataFrame, target: Any, **overrides: Any) -> Example:
    layers = [{"size": 5, "activation": "tanh"}, {"size": "auto", "activation": overrides.pop("output")}]
    spec = {"data": {"target": target}, "network": {"layers": layers}, "training": {"epochs": 8}}
    found = nnfit.train(spec, data, overrides={key.replace("__", "."): value for key, value in overrides.items()})
    return Example(found.model, data)


def classes() -> Example:
    data = frame()
    kind = np.digitize(data["a"] + data["b"], [-0.5, 0.7])
    return trained(data.assign(kind=np.array(["low", "middle", "high"])[kind]), "kind", output="softmax")


def members() -> Example:
    data = frame(120)
    kind = np.where(data["a"] * data["b"] > 0, "yes", "no")
    stop = {"patience": 3}
    return trained(
        data.assign(kind=kind),
        "kind",
        output="logistic",
        network__members=3,
        data__validation=0.25,
        training__early_stopping=stop,
        training__threshold=0.4,
        network__layers__0__activation=[{"name": "tanh", "size": 2}, {"name": "relu", "size": 3}],
    )


def several() -> Example:
    data = frame()
    return trained(data.assign(u=(data["a"] > 0) * 1, v=(data["b"] > 0) * 1), ["u", "v"], output="logistic")


def real() -> Example:
    data = frame(90)
    return trained(data.assign(price=(10 * data["a"] - 3 * data["b"]).round(2)), "price", output="linear")


def reals() -> Example:
    data = frame(15)
    return trained(data.assign(p=data["a"] ** 2, q=data["b"]), ["p", "q"], output="linear")


def many() -> Example:
    data = frame(140)
    for k in range(14):
        data[f"x{k}"] = np.random.default_rng(k).normal(size=140).round(2)
    kind = [f"class {i % 14}" for i in range(140)]
    return trained(data.assign(kind=kind), "kind", output="softmax", network__layers__0__size=45)


def hostile() -> Example:
    data = frame(80).rename(columns={"a": HOSTILE["script"], "b": HOSTILE["math"], "colour": HOSTILE["long"]})
    names = list(HOSTILE.values())
    data[HOSTILE["right_to_left"]] = [names[i % len(names)] for i in range(80)]
    data[HOSTILE["unknown_letters"]] = np.arange(80) % 7
    data[HOSTILE["quotes"]] = [names[i % 6] for i in range(80)]
    return trained(data, HOSTILE["quotes"], output="softmax")


def hostile_numbers() -> Example:
    data = frame(60).rename(columns={"a": HOSTILE["control"], "b": HOSTILE["long"]})
    return trained(data.assign(**{HOSTILE["math"]: np.arange(60.0)}), HOSTILE["math"], output="linear")


MAKERS: dict[str, Callable[[], Example]] = {
    each.__name__: each for each in (classes, members, several, real, reals, many, hostile, hostile_numbers)
}


class Examples(dict[str, Example]):
    """Each is trained when it is first asked for."""

    def __missing__(self, name: str) -> Example:
        return self.setdefault(name, MAKERS[name]())


def seen(figure: Figure) -> list[Text]:
    """The texts that are drawn with a figure."""
    drawn: list[Text] = []
    draw = Text.draw

    def noted(text: Text, renderer: Any) -> None:
        drawn.append(text)
        draw(text, renderer)

    with pytest.MonkeyPatch.context() as patch, style.settings(), svg.silent():
        patch.setattr(Text, "draw", noted)
        FigureCanvasAgg(figure).draw()
    return [text for text in dict.fromkeys(drawn) if text.get_visible() and text.get_text().strip()]


def untidy(figure: Figure) -> list[str]:
    """The texts that leave the figure, or lie over one another."""
    texts = seen(figure)
    boxes = [text.get_window_extent() for text in texts]
    page = figure.bbox
    wrong = [
        f"{text.get_text()!r} leaves the figure"
        for text, box in zip(texts, boxes, strict=True)
        if box.x0 < page.x0 - 1 or box.y0 < page.y0 - 1 or box.x1 > page.x1 + 1 or box.y1 > page.y1 + 1
    ]
    for (text, box), (other, beside) in combinations(zip(texts, boxes, strict=True), 2):
        across = min(box.x1, beside.x1) - max(box.x0, beside.x0)
        up = min(box.y1, beside.y1) - max(box.y0, beside.y0)
        # slanted names have boxes larger than themselves
        if across > 1 and up > 1 and not (text.get_rotation() % 90 or other.get_rotation() % 90):
            wrong.append(f"{text.get_text()!r} lies over {other.get_text()!r}")
    return wrong


PAIRS = [(name, kind) for name in MAKERS for kind in KINDS if kind != "activations"]
