"""The proof of the gradients and the health of a network, on the training rows of its spec."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from covering import all_pairs

from nnfit.config.loader import load_spec
from nnfit.core.losses import LOSSES
from nnfit.data.columns import TYPES
from nnfit.data.scales import SCALES
from nnfit.diagnostics.gradcheck import GradientCheck
from nnfit.fit.examination import gradient_check
from nnfit.fit.prepare import Prepared, prepare
from nnfit.fit.resampling import resampled
from nnfit.fit.run import initial, start


def test_the_gradients_of_a_network_agree_with_central_differences() -> None:
    layers = [{"size": 5, "activation": "tanh"}, {"size": "auto", "activation": "linear"}]
    keys = {"layers": layers, "initialization": {"bias": 0.5}}
    rows = range(50)
    frame = pd.DataFrame({"x": [i % 7 for i in rows], "z": [i * i % 5 for i in rows], "y": [i % 11 for i in rows]})
    data = {"target": "y", "validation": 0.2}
    loaded = load_spec({"data": data, "network": keys}, frames=["train"])
    result = gradient_check(prepare(loaded, {"train": frame}))
    assert result.checked == 15 + 6
    assert result.max_relative_error < 1e-8


# --- columns of every kind -----------------------------------------------------------------------------------------

BOTH = {"piecewise": 3, "periodic": 2}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"scale {name}": ("number", {"scale": name}) for name in SCALES},
    **{f"both, scale {name}": ("number", {"scale": name, **BOTH}) for name in SCALES},
    "degree": ("number", {"degree": 3}),
    "bins": ("number", {"bins": 4}),
    "log1p": ("number", {"log1p": True}),
    "piecewise": ("number", {"piecewise": 4}),
    "periodic": ("number", {"periodic": 3, "frequency": 1.0}),
    "all beside": ("number", {"log1p": True, "degree": 2, "amplitude": 0.3, **BOTH}),
    "piecewise with gaps": ("gaps", {"missing": "mean", **BOTH}),
    "a constant": ("constant", {"amplitude": 2.0, **BOTH}),
    "boolean": ("truth", {"type": "boolean"}),
    "date": ("day", {"type": "date"}),
    "categorical": ("word", {"type": "categorical", "min_count": 4}),
}
LOSS = {
    "mse": ("linear", "real"),
    "rss": ("tanh", "real"),
    "mae": ("linear", "real"),
    "huber": ("linear", "real"),
    "bce": ("logistic", "two"),
    "cross_entropy": ("softmax", "three"),
}


def table() -> pd.DataFrame:
    rng, n = np.random.default_rng(6), 60
    number = rng.normal(2, 1, n)
    return pd.DataFrame(
        {
            "number": number,
            "gaps": np.where(rng.random(n) < 0.2, np.nan, number),
            "constant": np.full(n, 3.5),
            "truth": rng.choice(["yes", "no"], n),
            "day": [f"2024-{rng.integers(1, 13):02}-{rng.integers(1, 29):02}" for _ in range(n)],
            "word": rng.choice(["a", "b", "c", "rare", "odd"], n, p=[0.4, 0.3, 0.2, 0.05, 0.05]),
            "other": rng.normal(size=n),
            "real": np.sin(number) / 2 + rng.normal(0, 0.1, n),
            "two": rng.choice(["p", "q"], n),
            "three": rng.choice(["p", "q", "r"], n),
        }
    )


def ready(kind: str, loss: str, members: int) -> Prepared:
    (name, keys), (sigma, target) = KINDS[kind], LOSS[loss]
    columns = {name: keys, **({"real": {"scale": "none"}} if target == "real" else {})}
    spec = {
        "data": {"target": target, "features": [name, "other"], "columns": columns},
        "network": {
            "layers": [{"size": 4, "activation": "tanh"}, {"size": "auto", "activation": sigma}],
            "members": members,
            "initialization": {"data_driven": True, "output_gain": 0.5},
        },
        "loss": loss,
        "training": {"resample": "folds" if members > 1 else "none"},
    }
    return prepare(load_spec(spec, frames=["train"]), {"train": table()})


def test_the_walk_has_every_type_every_scale_and_every_loss() -> None:
    assert {keys.get("type", "numeric") for _, keys in KINDS.values()} == set(TYPES)
    assert {keys.get("scale", "standard") for _, keys in KINDS.values() if "type" not in keys} == set(SCALES)
    assert set(LOSS) == set(LOSSES)


@pytest.mark.filterwarnings("ignore::nnfit.NnfitWarning")
@pytest.mark.parametrize(("kind", "loss", "members"), all_pairs(product(KINDS, LOSS, (1, 3))))
def test_the_gradient_is_the_derivative_whatever_the_columns_the_loss_and_the_members(
    kind: str, loss: str, members: int
) -> None:
    prepared = ready(kind, loss, members)
    result = gradient_check(prepared)
    each = sum(min(rows, 50) + min(rows * (columns - 1), 50) for rows, columns in prepared.network.shapes)
    assert (result.checked, result.skipped) == (members * each, 0)
    assert result.max_relative_error < 1e-8


def test_it_is_taken_at_the_weights_that_training_starts_from(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared, seen = ready("piecewise", "mse", 3), []

    def look(network: Any, theta: Any, *rest: Any) -> GradientCheck:
        seen.append(theta)
        return GradientCheck(0, 1, 0, 1, 0, 0)

    monkeypatch.setattr("nnfit.fit.examination.check_gradient", look)
    gradient_check(prepared)
    np.testing.assert_array_equal(seen[0], start(prepared).state.theta)
    assert not np.array_equal(seen[0], initial(prepared))
    np.testing.assert_array_equal(seen[0], initial(prepared, resampled(prepared)[0]))
