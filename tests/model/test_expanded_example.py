"""A worked example of φ(x): two numbers of one row, 4 steps and 2 waves beside each, and a network of 18, 3 and 1.

What is expected is arithmetic on single numbers: means, deviations and quantiles of six training rows, what a number
becomes by them, and back-propagation weight by weight. What came out is frozen below.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from math import cos, erf, floor, pi, sin, sqrt, tanh
from pathlib import Path

import numpy as np
import pytest

from nnfit.core.network import views
from nnfit.data.table import read_table
from nnfit.model.model import Model
from nnfit.model.tracing import Traced, traces

STEPS, WAVES, AMPLITUDE, SPREAD, HIDDEN = 4, 2, 0.5, 0.3, 3
EXACT = 1e-12
TABLE = {
    "u": [0.2, 1.7, -0.9, 3.1, 0.4, 2.2],
    "v": [10.0, 40.0, 20.0, 25.0, 35.0, 90.0],
    "y": [0.3, -0.8, 1.1, 0.05, -0.4, 0.7],
}
ROW = {"u": 0.9, "v": 130.0, "y": 0.6}  # v is beyond the training rows
SPEC = """\
data:
  train: data.csv
  target: y
  columns:
    u: {type: numeric, piecewise: 4, periodic: 2, amplitude: 0.5}
    v: {type: numeric, piecewise: 4, periodic: 2, amplitude: 0.5}
    y: {type: numeric, scale: none}
network: {layers: [{size: 3, activation: tanh}, {size: 1, activation: linear}], dtype: float64}
training: {epochs: 0, baseline: false}
"""


# --- by hand -------------------------------------------------------------------------------------------------------


def float32(x: float) -> float:
    """The nearest number of single precision, which knots have."""
    rounded: float = struct.unpack("f", struct.pack("f", x))[0]
    return rounded


def quantile(sorted_numbers: list[float], share: float) -> float:
    """The number below which a share lies, by a straight line between two."""
    place = share * (len(sorted_numbers) - 1)
    below = min(floor(place), len(sorted_numbers) - 2)
    low, high = sorted_numbers[below], sorted_numbers[below + 1]
    return low + (place - below) * (high - low)


def frequency(share: float) -> float:
    """f below which a share of |N(0, SPREAD²)| lies, erf(f / (SPREAD √2)) = share, by halving."""
    low, high = 0.0, 10 * SPREAD
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if erf(middle / (SPREAD * sqrt(2))) < share else (low, middle)
    return (low + high) / 2


def inputs(name: str) -> list[float]:
    """What one number of the row becomes."""
    numbers, x = TABLE[name], ROW[name]
    n = len(numbers)
    mean = sum(numbers) / n
    sd = sqrt(sum((number - mean) * (number - mean) for number in numbers) / n)
    z = (x - mean) / sd
    knots = [float32((quantile(sorted(numbers), t / STEPS) - mean) / sd) for t in range(STEPS + 1)]
    found = [z]
    for t in range(STEPS):
        rise = (z - knots[t]) / (knots[t + 1] - knots[t])
        least = -1.0 if t == 0 else 0.0
        most = 2.0 if t == STEPS - 1 else 1.0
        found.append(AMPLITUDE * (min(most, max(least, rise)) - 0.5))
    waves = [frequency((k + 0.5) / WAVES) for k in range(WAVES)]
    found += [AMPLITUDE * cos(2 * pi * f * z) for f in waves]
    found += [AMPLITUDE * sin(2 * pi * f * z) for f in waves]
    return found


X = [*inputs("u"), *inputs("v")]
N = len(X)

# θ: some numbers that are neither large nor alike; [k][j] leads from j to k, and j = 0 is the bias.
THETA_1 = [[sin(1.3 * (j + 1) + 0.7 * k) / 2 for j in range(N + 1)] for k in range(HIDDEN)]
THETA_2 = [0.25, -0.75, 0.5, 1.25]

# Forward
Z_2 = [THETA_1[k][0] + sum(THETA_1[k][j + 1] * X[j] for j in range(N)) for k in range(HIDDEN)]
A_2 = [tanh(z) for z in Z_2]
Z_3 = THETA_2[0] + sum(THETA_2[k + 1] * A_2[k] for k in range(HIDDEN))
COST = (ROW["y"] - Z_3) * (ROW["y"] - Z_3) / 2

# Backward: δ is ∂C/∂z
DELTA_3 = Z_3 - ROW["y"]
DELTA_2 = [DELTA_3 * THETA_2[k + 1] * (1 - A_2[k] * A_2[k]) for k in range(HIDDEN)]
GRADIENT_1 = [[DELTA_2[k]] + [DELTA_2[k] * X[j] for j in range(N)] for k in range(HIDDEN)]
GRADIENT_2 = [DELTA_3] + [DELTA_3 * A_2[k] for k in range(HIDDEN)]

# --- what came out -------------------------------------------------------------------------------------------------

FROZEN_X = [
    *(-0.1609853114748606, 0.25, 0.15624999570676756, -0.25, -0.25),
    *(0.4976645249733711, 0.4698449668001561, -0.04827028675105305, -0.1710137631085879),
    *(3.6223388731776454, 0.25, 0.25, 0.25, 0.6402439133001535),
    *(-0.28432208411249865, -0.00027201001613961037, 0.4112918094077795, 0.49999992601054566),
]
FROZEN_Z_2 = [1.3639401192194205, 0.8471891663050302, -0.06800808921849977]
FROZEN_A_2 = [0.8773037703231332, 0.6895981716010378, -0.06790343475352832]
FROZEN_Z_3, FROZEN_COST = -0.14805803538374146, 0.27979541215109144
FROZEN_GRADIENT_2 = [-0.7480580353837414, -0.6562741348626722, -0.5158594534520925, 0.05079570999753246]
FROZEN_DELTA_2 = [0.129229696877375, -0.19616114974003387, -0.9307610402552061]  # and GRADIENT_1 is δ xᵀ


@pytest.fixture
def example(trained: Callable[..., Model], tmp_path: Path) -> tuple[Model, Traced]:
    """The model of the training rows with these weights, and the row traced through it."""
    rows = zip(*TABLE.values(), strict=True)
    model = trained(SPEC, "u,v,y\n" + "".join(f"{u},{v},{y}\n" for u, v, y in rows))
    theta = np.full_like(model.theta, np.nan)
    for part, found in zip(views(model.network, theta), ([THETA_1], [[THETA_2]]), strict=True):
        part[...] = found
    model = replace(model, theta=theta)
    (tmp_path / "row.csv").write_text("u,v,y\n{u},{v},{y}\n".format_map(ROW))
    table = read_table(str(tmp_path / "row.csv"), model.dialect, model.kinds | model.target.kinds, others=False)
    (row,) = traces(model, table, 1)
    return model, row


def close(found: object, expected: object) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=EXACT)


def test_the_hand_is_steady() -> None:
    close(X, FROZEN_X)
    close(Z_2, FROZEN_Z_2)
    close(A_2, FROZEN_A_2)
    close([Z_3, COST], [FROZEN_Z_3, FROZEN_COST])
    close(GRADIENT_1, [[delta, *(delta * x for x in FROZEN_X)] for delta in FROZEN_DELTA_2])
    close(GRADIENT_2, FROZEN_GRADIENT_2)


def test_the_inputs_of_the_row_are_those_worked_out_by_hand(example: tuple[Model, Traced]) -> None:
    model, row = example
    close(row.x, X)
    names = ["u", *(f"u step {t}" for t in (1, 2, 3, 4)), "u cos 1", "u cos 2", "u sin 1", "u sin 2"]
    assert [name for feature in model.features for name in feature.inputs] == names + [
        name.replace("u", "v", 1) for name in names
    ]


def test_forward_and_back_are_as_worked_out_by_hand(example: tuple[Model, Traced]) -> None:
    _, row = example
    up = row.trace
    assert up.gradient is not None
    assert up.cost is not None
    for found, expected in zip([*up.z, *up.a], ([Z_2], [[Z_3]], [A_2], [[Z_3]]), strict=True):
        close(found, expected)
    close(up.cost, [COST])
    for found, expected in zip(up.gradient, ([GRADIENT_1], [[GRADIENT_2]]), strict=True):
        close(found, expected)
    assert row.prediction["y"] == pytest.approx(FROZEN_Z_3, abs=EXACT)
