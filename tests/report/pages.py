"""Models of every kind with their tables, and what is read out of a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd

import nnfit

N = 90
SOFTMAX, LOGISTIC, LINEAR = ({"size": "auto", "activation": name} for name in ("softmax", "logistic", "linear"))


def table(seed: int = 0) -> pd.DataFrame:
    """A number, a text with missing cells, a date, a truth value, and targets of all kinds."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=N)
    noise = rng.normal(size=(N, 3))
    return pd.DataFrame(
        {
            "x": x.round(3),
            "colour": rng.choice(["red", "blue", ""], N),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, N), "D"),
            "open": rng.choice(["yes", "no"], N),
            "price": (100 * x + 10 * noise[:, 0]).round(2),
            "size": (x**2 + noise[:, 1]).round(3),
            "two": np.where(x + noise[:, 2] > 0.5, "big", "small"),
            "three": np.select([x < -0.5, x < 0.5], ["low", "middle"], "high"),
            "many": [f"class {k}" for k in np.clip((4 * x + 7).round().astype(int), 0, 14)],
            "a": (x > 0).astype(int).astype(str),
            "b": (noise[:, 0] > 0).astype(int).astype(str),
        }
    ).astype({"day": str})


FOLDS = {"training.resample": "folds", "network.members": 3, "training.early_stopping": {"patience": 5}}
KINDS: dict[str, tuple[list[str], dict[str, Any], str, dict[str, Any]]] = {
    "two classes": (
        ["two"],
        LOGISTIC,
        "bce",
        {"data.test": 0.3, "training.threshold": {"maximize": "f1"}, "data.validation": 0.2},
    ),
    "three classes": (["three"], SOFTMAX, "cross_entropy", {"data.validation": 0.3}),
    "many classes": (["many"], SOFTMAX, "cross_entropy", {"data.test": 0.5}),
    "folds": (["three"], SOFTMAX, "cross_entropy", FOLDS),
    "a number": (["price"], LINEAR, "mse", {"data.test": 0.3}),
    "two numbers": (["price", "size"], LINEAR, "mse", FOLDS),
    "steps and waves": (
        ["price"],
        LINEAR,
        "mse",
        {"data.test": 0.3, "data.columns": {"x": {"piecewise": 4, "periodic": 2, "amplitude": 0.5}}},
    ),
    "several 0/1": (["a", "b"], LOGISTIC, "bce", {"data.test": 0.3}),
    "nothing held out": (["two"], LOGISTIC, "bce", {}),
    "no epoch": (["two"], LOGISTIC, "bce", {"training.epochs": 0}),
}


@cache
def result(kind: str) -> nnfit.Result:
    """A model of a kind."""
    target, output, loss, more = KINDS[kind]
    inputs = ["x", "colour", "day", "open"]
    spec = {
        "data": {"train": "<DataFrame>", "target": target, "features": inputs},
        "network": {"layers": [{"size": 5, "activation": "tanh"}, output]},
        "loss": loss,
        "training": {"epochs": 12, "optimizer": {"name": "adam", "learning_rate": 0.02}},
    }
    return nnfit.train(spec, table(), overrides=more)


@dataclass
class Page(HTMLParser):
    """What a page holds: its text, its sections in order, and every element with its attributes."""

    html: str
    text: str = ""
    sections: list[str] = field(default_factory=list)
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element."""
        found = dict(attrs)
        self.elements.append((tag, found))
        self.open.append(tag)
        if tag == "section":
            self.sections.append(str(found["id"]))

    def handle_endtag(self, tag: str) -> None:
        """The end of one."""
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Text, but for what a browser does not show."""
        if not {"script", "style"} & set(self.open):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of a name."""
        return [attributes for name, attributes in self.elements if name == tag]
