"""The printed formulas, evaluated as a reader would, give what predict gives, to the digits that are printed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nnfit
from nnfit.core.activations import ACTIVATIONS
from nnfit.errors import UsageError
from nnfit.explain.equations import MOST, Section, equations
from nnfit.model.model import Model

ROOT = Path(__file__).parent.parent.parent

# --- a reader ------------------------------------------------------------------------------------------------------

TOKEN = re.compile(
    r'\s*(?P<text>"(?:[^"\\]|\\.)*")|\s*(?P<number>\d+(?:\.\d+)?(?:e[−+]?\d+)?)'
    r"|\s*(?P<word>[A-Za-zŷΣ_][A-Za-z0-9_]*[₀-₉ᵢⱼₖ]*(?:⁽[⁰¹²³⁴-⁹]+⁾)?)|\s*(?P<sign>[-+−/^()|,=≥>√π…])"
)
EPOCH = date(1970, 1, 1)
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "tanh": math.tanh, "log": math.log, "sin": math.sin, "cos": math.cos, "√": math.sqrt, "sign": np.sign,
    "max": max, "min": min, "year": lambda day: day.year, "month": lambda day: day.month,
    "weekday": lambda day: day.weekday(), "days": lambda day: (day - EPOCH).days,
}  # fmt: skip
ENDS = {"if", "else", "is", "of"}


def tokens(formula: str) -> list[str]:
    found, at = [], 0
    while formula[at:].strip():
        match = TOKEN.match(formula, at)
        assert match, formula[at:]
        found.append(match[match.lastgroup or ""])
        at = match.end()
    return found


class Reader:
    """Evaluates one expression by recursive descent; products are written side by side."""

    def __init__(self, words: list[str], names: dict[str, Any], size: int) -> None:
        self.words, self.names, self.size, self.at = words, names, size, 0

    @property
    def next(self) -> str:
        return self.words[self.at] if self.at < len(self.words) else ""

    def take(self, *wanted: str) -> bool:
        if self.words[self.at : self.at + len(wanted)] != list(wanted):
            return False
        self.at += len(wanted)
        return True

    def whole(self) -> Any:
        value = self.choice()
        assert not self.next, self.words[self.at :]
        return value

    def choice(self) -> Any:
        value = self.sum()
        if self.take("if"):
            holds = self.condition()
            if not self.next and "greatest" in self.words:
                return value if holds else None
            assert self.take("else") or self.take(",")
            other = self.choice()
            return value if holds else other
        return value

    def condition(self) -> bool:
        left = self.sum()
        if self.take("="):
            return bool(left == self.sum())
        if self.take("≥"):
            return bool(left >= self.sum())
        if self.take(">"):
            return bool(left > self.sum())
        assert self.take("is")
        if self.take("missing"):
            return left is None
        if self.take("true"):
            return bool(left)
        if self.take("the", "greatest"):
            return bool(left == max(value for name, value in self.names.items() if re.fullmatch("p[₀-₉]+", name)))
        assert self.take("one", "of")
        several = [None if self.take("missing") else self.atom()]
        while self.take(","):
            several.append(None if self.take("missing") else self.atom())
        return left in several

    def sum(self) -> Any:
        value = self.product()
        while self.next in ("+", "−"):
            value = value + self.product() if self.take("+") else (self.take("−"), value - self.product())[1]
        return value

    def product(self) -> Any:
        value = self.unary()
        while True:
            if self.take("/"):
                value /= self.unary()
            elif self.next and self.next not in {*"+−),|=≥>", *ENDS}:
                value = value * self.unary()
            else:
                return value

    def unary(self) -> Any:
        if self.take("−"):
            return -self.unary()
        if self.next.startswith("Σ"):
            self.at += 1
            start, total = self.at, 0.0
            for j in range(1, self.size + 1):
                self.at = start
                self.names["j"] = j
                total += self.unary()
            return total
        if self.next in FUNCTIONS:
            function = FUNCTIONS[self.next]
            self.at += 1
            if not self.take("("):
                return function(self.unary())
            arguments = [self.choice()]
            while self.take(","):
                arguments.append(self.choice())
            assert self.take(")")
            return function(*arguments)
        value = self.atom()
        return value ** self.unary() if self.take("^") else value

    def atom(self) -> Any:
        word = self.next
        self.at += 1
        if word in ("(", "|"):
            value = self.choice()
            assert self.take(")" if word == "(" else "|")
            return abs(value) if word == "|" else value
        if word[0].isdigit():
            return float(word.replace("−", "-"))
        if word in ("e", "π"):
            return {"e": math.e, "π": math.pi}[word]
        if word in self.names:
            return self.names[word]
        if word.startswith('"'):
            return re.sub(r"\\(.)", r"\1", word[1:-1])
        index = {"ₖ": "k", "ⱼ": "j"}
        return self.names[re.sub("[ₖⱼ]", lambda found: indexed(self.names[index[found[0]]]), word)]


def indexed(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def read(sections: tuple[Section, ...], cells: dict[str, Any]) -> dict[str, Any]:
    """The names after all formulas; of members the ŷ of each are kept."""
    names: dict[str, Any] = dict(cells)
    fills = dict(
        re.fullmatch(r"where (.*) is missing it is (\S+)", line).groups()  # type: ignore[union-attr]
        for line in sections[0].formulas
        if line.startswith("where ")
    )
    outputs: list[dict[str, float]] = []
    for section in sections:
        if section.title.startswith("Layer 2"):
            outputs.append({})
        for line in section.formulas:
            if line.startswith("where "):
                continue
            left, right = (part.strip() for part in line.split(" = ", 1))
            ends = re.search(r", k = (\d+) … (\d+)$", right)
            size = len([each for each in section.formulas if each.startswith("z")]) or len(
                outputs[0] if outputs else {}
            )
            for k in range(int(ends[1]), int(ends[2]) + 1) if ends else [0]:
                text = right[: ends.start()] if ends else right
                key = left.replace("ₖ", indexed(k))
                scope = names | {"k": k}
                if left.startswith("x") and "is missing" not in text:
                    scope |= {name: cell(fill) for name, fill in fills.items() if names[name] is None}
                if ", u = " in text:
                    text, inner = text.split(", u = ")
                    scope["u"] = Reader(tokens(inner), scope, size).whole()
                names[key] = Reader(tokens(text), scope, size).whole()
                if key.startswith("ŷ"):
                    outputs[-1][key] = names[key]
    return names


def cell(text: str) -> Any:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return date.fromisoformat(text)
    return {"true": True, "false": False}.get(text) if text in ("true", "false") else float(text)


def value_of(model: Model, cells: dict[str, Any]) -> dict[str, Any]:
    """What the formulas say of a row; those of several members are read one after the other, and then averaged."""
    sections = equations(model)
    members = len(model.theta)
    if members == 1:
        return read(sections, cells)
    front, last = sections[0], sections[-1]
    depth = len(model.network.layers)
    y = [read((front, *sections[1 + m * depth : 1 + (m + 1) * depth]), cells) for m in range(members)]
    assert last.formulas[0] == f"ŷₖ = the mean of ŷₖ over the {members} members"
    mean = {key: float(np.mean([each[key] for each in y])) for key in y[0] if key.startswith("ŷ")}
    outputs = Section("Layer 2", tuple(f"{key} = {value:.17g}".replace("-", "−") for key, value in mean.items()))
    return read((Section("Inputs", ()), outputs, last._replace(formulas=last.formulas[1:])), {})


# --- small networks of every kind ----------------------------------------------------------------------------------


def mixed(n: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    a = rng.normal(1000, 2, n)
    day = pd.Timestamp("2019-03-01") + pd.to_timedelta(rng.integers(0, 900, n), "D")
    return pd.DataFrame(
        {
            "a": np.where(rng.random(n) < 0.2, np.nan, a),
            "b": rng.gamma(2, 3, n) - 4,
            "code": rng.choice(["red", 'a "b" \\', "", "rare", "odd"], n, p=[0.4, 0.3, 0.2, 0.05, 0.05]),
            "day": day.strftime("%Y-%m-%d"),
            "on": rng.choice(["yes", "no"], n),
            "y": 1e5 + 3 * (a - 1000) + rng.normal(size=n),
            "v": rng.normal(size=n),
            "kind": rng.choice(["low", "mid", "high"], n),
            "p": (a > 1000).astype(int),
            "q": rng.integers(0, 2, n),
        }
    )


def spec(target: Any, features: list[str], *layers: Any, columns: Any = None, loss: Any = None, **training: Any) -> Any:
    return {
        "data": {"target": target, "features": features, "columns": columns or {}},
        "network": {
            "layers": [{"size": size, "activation": sigma} for size, sigma in layers],
            "members": training.pop("members", 1),
        },
        "training": {"epochs": 5, "optimizer": {"name": "adam", "learning_rate": 0.05}, "baseline": False, **training},
        **({"loss": loss} if loss else {}),
    }


def activation(name: str) -> Any:
    return {"linear": {"name": "linear", "k": 0.7}, "leaky_relu": {"name": "leaky_relu", "k": 0.2}}.get(
        name, {"elu": {"name": "elu", "alpha": 0.6}}.get(name, name)
    )


FEW = ["a", "on"]
KINDS = {
    **{
        f"{name} within": spec("y", FEW, (3, activation(name)), (1, "linear"))
        for name in ACTIVATIONS
        if name != "step"
    },
    "a step": spec("p", FEW, (1, {"name": "step", "k": 0.1, "gradient": "straight_through"}), loss="mse"),
    "all types of columns": spec(
        "y", ["a", "b", "code", "day", "on"], (3, "tanh"), (1, "linear"),
        columns={"code": {"min_count": 9}, "b": {"bins": 3}, "a": {"degree": 2, "scale": "robust"}},
    ),
    "scales": spec(
        "y", ["a", "b"], (2, [{"name": "tanh", "size": 1}, {"name": "relu", "size": 1}]), (2, "softmax"), (1, "linear"),
        columns={"a": {"scale": "clipped", "missing": "mean"},
                 "b": {"log1p": True, "scale": "minmax", "indicator": True}},
    ),
    "steps and waves": spec(
        "y", ["a", "b"], (3, "tanh"), (1, "linear"),
        columns={"a": {"piecewise": 3, "periodic": 2, "amplitude": 0.3},
                 "b": {"log1p": True, "degree": 2, "scale": "robust", "piecewise": 2, "indicator": True}},
    ),
    "waves of a number as it is": spec(
        "y", ["b"], (2, "tanh"), (1, "linear"), columns={"b": {"scale": "none", "periodic": 1, "frequency": 0.05}}
    ),
    "a range": spec("y", FEW, (1, "linear"), clamp=True),
    "several targets": spec(["y", "v"], ["a", "b"], (3, "relu"), (2, "linear"), columns={"v": {"scale": "none"}}),
    "members": spec("y", FEW, (2, "tanh"), (1, "linear"), members=3),
    "two classes": spec("p", ["b"], (2, "tanh"), (1, "logistic")),
    "two classes by tanh": spec("p", ["b"], (2, "tanh"), (1, "tanh"), loss="mse"),
    "a threshold": spec("p", ["b"], (2, "tanh"), (2, "softmax"), threshold=0.3),
    "a temperature": spec("p", FEW, (2, "tanh"), (1, "logistic"),
                          resample="folds", members=3, calibration="temperature"),
    "classes": spec("kind", FEW, (2, "tanh"), (3, "softmax")),
    "classes with a temperature": spec(
        "kind", FEW, (2, "tanh"), (3, "softmax"), resample="folds", members=3, calibration="temperature"
    ),
    "classes by lines": spec("kind", FEW, (3, "linear"), loss="mse"),
    "several yes or no": spec(["p", "q"], FEW, (2, "tanh"), (2, "logistic")),
}  # fmt: skip
ROWS = 30


def cells_of(frame: pd.DataFrame, i: int, features: list[str]) -> dict[str, Any]:
    row = frame.iloc[i][features].to_dict()
    read: dict[str, Callable[[Any], Any]] = {
        "a": float, "b": float, "code": str, "day": date.fromisoformat, "on": lambda text: text == "yes"
    }  # fmt: skip
    return {name: None if value == "" or value != value else read[name](value) for name, value in row.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_printed_formulas_give_the_prediction_to_the_digits_they_have(kind: str) -> None:
    frame, keys = mixed(), KINDS[kind]
    model = nnfit.train(keys, frame).model
    predicted, target = model.predict(frame), model.target
    proba = model.predict_proba(frame).to_numpy() if model.classes else None
    told = 0
    for i in range(ROWS):
        names = value_of(model, cells_of(frame, i, keys["data"]["features"]))
        for k, (column, values) in enumerate(zip(target.columns, predicted.items(), strict=True)):
            value = values[1].iloc[i]
            if proba is None:
                assert names[column] == pytest.approx(value, abs=1e-3 * target.sd[k])
                told += abs(value - predicted.iloc[:, k].mean()) > 1e-3 * target.sd[k]
                continue
            several = len(target.columns) > 1
            p = names.get(f"p{indexed(k + 1)}")
            shown = proba[i, k] if several else proba[i, 1 if target.task == "binary" else 0]
            assert p == pytest.approx(shown, abs=2e-4)
            close = abs(np.sort(proba[i])[-1] - np.sort(proba[i])[-2]) < 1e-3
            assert close or names[column] == value
            told += not close
    assert told > ROWS / 2


# --- what is printed -----------------------------------------------------------------------------------------------


def test_the_worked_example_of_the_notes_fits_a_page(configs: Any) -> None:
    model = configs["notes_example"].model
    sections = equations(model)
    assert [section.title for section in sections] == ["Inputs", "Layer 2", "Layer 3", "Layer 4 (output)", "Prediction"]
    lines = [line for section in sections for line in (section.title, *section.formulas)]
    assert len(lines) <= 25
    assert max(map(len, lines)) <= 100
    assert sections[0].formulas == ("x₁ = x1", "x₂ = x2", "x₃ = x3", "x₄ = x4")
    assert sections[1].formulas[-1] == "aₖ⁽²⁾ = 1 / (1 + e^−zₖ⁽²⁾), k = 1 … 2"
    assert sections[-1].formulas == ("y = ŷ₁",)
    frame = pd.read_csv(ROOT / "datasets/notes_example.csv")
    for i, prediction in enumerate(model.predict(frame)["prediction"]):
        cells = frame.iloc[i][["x1", "x2", "x3", "x4"]].to_dict()
        assert value_of(model, cells)["y"] == pytest.approx(prediction, abs=1e-4)


def test_a_network_that_nobody_would_read_is_refused_with_its_number(configs: Any) -> None:
    with pytest.raises(UsageError) as caught:
        equations(configs["iris"].model)
    assert str(caught.value).startswith(f"a network of 131 parameters is not read as formulas, only one of {MOST} at")
    assert "nnfit inspect" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("bill length", '"bill length"'),
        ("max", '"max"'),
        ("x₁", '"x₁"'),
        ('a" + 1\n', r'"a\" + 1\n"'),
        ("back\\slash", r'"back\\slash"'),
        ("<script>", '"<script>"'),
        ("\u202eabc", r'"\u202eabc"'),
        ("m" * 2000, '"' + "m" * 39 + '…"'),
    ],
)
def test_a_name_that_is_no_plain_word_stands_in_quotes(name: str, shown: str) -> None:
    frame = pd.DataFrame({name: [1.0, 2.0, 4.0], "y": [1.0, 2.0, 3.0]})
    keys = spec("y", [name], (1, "linear"), columns={name: {"scale": "none"}})
    assert equations(nnfit.train(keys, frame).model)[0].formulas == (f"x₁ = {shown}",)


def test_numbers_beside_a_small_deviation_have_the_digits_that_it_needs() -> None:
    frame = pd.DataFrame({"year": [2021.0, 2022.0, 2023.5], "y": [1e6, 1e6 + 1, 1e6 + 2]})
    sections = equations(nnfit.train(spec("y", ["year"], (1, "linear")), frame).model)
    assert sections[0].formulas == ('x₁ = ("year" − 2022.1667) / 1.0274',)
    assert sections[-1].formulas == ("y = 1000001 + 0.8165 ŷ₁",)


def test_steps_and_waves_are_formulas_of_the_scaled_value() -> None:
    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0, 4.0], "y": [0.0, 1.0, 4.0, 9.0, 16.0]})
    columns = {"a": {"scale": "minmax", "piecewise": 3, "periodic": 1, "frequency": 1, "amplitude": 0.5}}
    assert equations(nnfit.train(spec("y", ["a"], (1, "linear"), columns=columns), frame).model)[0].formulas == (
        "x₁ = (a − 0) / 4",
        "x₂ = 0.5 (min(1, max(−1, (x₁ − 0) / 0.33333)) − 0.5)",
        "x₃ = 0.5 (min(1, max(0, (x₁ − 0.33333) / 0.33333)) − 0.5)",
        "x₄ = 0.5 (min(2, max(0, (x₁ − 0.66667) / 0.33333)) − 0.5)",
        "x₅ = 0.5 cos(2 π 0.67449 x₁)",
        "x₆ = 0.5 sin(2 π 0.67449 x₁)",
    )


def test_the_rank_of_a_number_is_told_in_words() -> None:
    frame = pd.DataFrame({"a": np.arange(1.0, 60), "y": np.arange(59.0)})
    keys = spec("y", ["a"], (1, "linear"), columns={"a": {"scale": "quantile"}})
    (text,) = equations(nnfit.train(keys, frame).model)[0].formulas
    assert text == (
        "x₁ = the normal score of the rank of a between the 101 quantiles of the training rows, from 1 to 59"
    )
