"""A table with columns of every type, small models of it, and their ONNX files, run and checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pandas as pd

import nnfit
from nnfit.data.frames import read_frame
from nnfit.export.onnx import to_onnx
from nnfit.export.onnx.check import Checked, check
from nnfit.export.onnx.rows import drawn
from nnfit.model.model import Model


def table(n: int = 90) -> pd.DataFrame:
    """Columns of every type, with gaps; what they make of y, c, several real and several 0/1 targets."""
    rng = np.random.default_rng(7)
    day = pd.to_datetime("2021-01-01") + pd.to_timedelta(rng.integers(0, 1500, n), unit="D")
    frame = pd.DataFrame(
        {
            "x": np.where(rng.random(n) < 0.1, np.nan, rng.normal(50, 9, n)).round(1),
            "wide": np.exp(rng.normal(10, 3, n)),
            "near 0": np.exp(rng.normal(-25, 2, n)),
            "count": rng.poisson(2, n),
            "price": [f"$1,{k:03d}.50" for k in rng.integers(0, 999, n)],
            "open": rng.choice(["yes", "no", ""], n, p=[0.5, 0.4, 0.1]),
            "when": day.strftime("%Y-%m-%d"),
            "written": day.strftime("%d. %B %Y, %I:%M %p"),
            "packed": day.strftime("%Y%m%d"),
            "kind": rng.choice(["a", "b", "c", "d", "", "?"], n),
            "code": rng.integers(0, 5, n).astype(str),
        }
    )
    x = frame["x"].fillna(50) - 50
    return frame.assign(
        c=np.array(["pear", "apple", "fig"])[np.clip(np.round(x / 9 + rng.normal(0, 0.5, n)) + 1, 0, 2).astype(int)],
        two=np.where(x + rng.normal(0, 3, n) > 0, "sí", "no"),
        y=1000 * x + frame["count"],
        y2=frame["count"] / 100,
        m1=(x > 0).astype(int),
        m2=(frame["count"] > 2).astype(int),
    )


FRAME = table()
TARGETS = ["c", "two", "y", "y2", "m1", "m2"]
COLUMNS = {
    "price": {"type": "numeric", "thousands": ",", "prefix": "$"},
    "written": {"type": "date", "format": "%d. %B %Y, %I:%M %p"},
    "packed": {"type": "date", "format": "%Y%m%d"},
    "kind": {"type": "categorical", "min_count": 16},
    "code": {"type": "categorical"},
    "wide": {"type": "numeric", "log1p": True},
    "near 0": {"type": "numeric", "log1p": True, "scale": "robust"},
}


def trained(
    target: str | list[str] = "c",
    frame: pd.DataFrame = FRAME,
    x: dict[str, Any] | None = None,
    count: dict[str, Any] | None = None,
    output: str = "auto",
    hidden: Any = "tanh",
    **overrides: Any,
) -> Model:
    """A small network on a frame, with some options of the column x; overrides by path, `__` for the dot."""
    ignored = [name for name in TARGETS if name in frame and name not in np.atleast_1d(target)]
    columns = {name: column for name, column in COLUMNS.items() if name in frame}
    classes = [name for name in np.atleast_1d(target).tolist() if name in ("m1", "m2")]
    columns |= {name: {"type": "categorical"} for name in classes}
    layers = [
        {"size": 6, "activation": hidden},
        {"size": "auto"} | ({} if output == "auto" else {"activation": output}),
    ]
    if output == "auto":
        real = np.atleast_1d(target)[0] in ("y", "y2")
        layers[-1]["activation"] = "linear" if real else "logistic" if classes or target == "two" else "softmax"
    spec = {
        "data": {
            "target": target,
            "ignore": ignored,
            "missing": ["?", "-99"],
            "columns": columns
            | {name: {"type": "numeric", **own} for name, own in (("x", x), ("count", count)) if own},
        },
        "network": {"layers": layers},
        "training": {
            "epochs": 2,
            "batch_size": 16,
            "baseline": False,
            "optimizer": {"name": "adam", "learning_rate": 0.03},
        },
    }
    said = {key.replace("__", "."): value for key, value in overrides.items()}
    return nnfit.train(spec, frame, overrides=said).model


def checked(model: Model, frame: pd.DataFrame | None = FRAME) -> Checked:
    """The file of a model, run on rows of a frame, or drawn ones, and on hostile ones."""
    rows = drawn(model) if frame is None else read_frame(frame, model.dialect, model.kinds, others=False)
    return check(model, to_onnx(model), rows)


def run(file: bytes, **rows: list[Any]) -> list[Any]:
    """The outputs of a file for some columns, in onnxruntime."""
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    feed = {name: np.array(cells, object if isinstance(cells[0], str) else float) for name, cells in rows.items()}
    return list(session.run(None, {name: cells[:, None] for name, cells in feed.items()}))
