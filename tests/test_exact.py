"""With hidden layers left out and L-BFGS in float64, a training is regression: the textbook's numbers must come out.

Longley and Wampler1 are datasets of NIST's Statistical Reference Datasets with certified coefficients.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from nnfit.core.network import views
from nnfit.fit.prepare import Prepared
from nnfit.model.model import Model

Train = Callable[..., Model]

SPEC = """\
data: {train: data.csv, target: y, columns: {COLUMNS}}
network: {layers: [{size: auto, activation: OUTPUT}], dtype: float64}
training: {epochs: 2000, batch_size: full, optimizer: {name: lbfgs, tolerance: 0}}
"""
LONGLEY = """\
83.0 234289 2356 1590 107608 1947 60323
88.5 259426 2325 1456 108632 1948 61122
88.2 258054 3682 1616 109773 1949 60171
89.5 284599 3351 1650 110929 1950 61187
96.2 328975 2099 3099 112075 1951 63221
98.1 346999 1932 3594 113270 1952 63639
99.0 365385 1870 3547 115094 1953 64989
100.0 363112 3578 3350 116219 1954 63761
101.2 397469 2904 3048 117388 1955 66019
104.6 419180 2822 2857 118734 1956 67857
108.4 442769 2936 2798 120445 1957 68169
110.8 444546 4681 2637 121950 1958 66513
112.6 482704 3813 2552 123366 1959 68655
114.2 502601 3931 2514 125368 1960 69564
115.7 518173 4806 2572 127852 1961 69331
116.9 554894 4007 2827 130081 1962 70551
"""
LONGLEY_CERTIFIED = [
    -3482258.63459582,
    15.0618722713733,
    -0.358191792925910e-01,
    -2.02022980381683,
    -1.03322686717359,
    -0.511041056535807e-01,
    1829.15146461355,
]
WAMPLER = [[x**power for power in range(1, 6)] + [sum(x**power for power in range(6))] for x in range(21)]


def table(rows: list[list[Any]]) -> str:
    names = [f"x{i}" for i in range(1, len(rows[0]))]
    return "\n".join([",".join([*names, "y"]), *(",".join(map(str, row)) for row in rows)]) + "\n"


def spec(inputs: int, output: str = "linear") -> str:
    columns = ", ".join(f"x{i}: {{type: numeric}}" for i in range(1, inputs + 1))
    return SPEC.replace("COLUMNS", columns).replace("OUTPUT", output)


def coefficients(model: Model) -> np.ndarray:
    """The rows (K, N + 1) of θ on the inputs as they are in the file, and for a real target in its unit."""
    Theta = views(model.network, model.theta)[0][0]
    mean, sd = (np.array([feature.fitted.scale[i] for feature in model.features]) for i in (0, 1))
    slopes = Theta[:, 1:] / sd
    found = np.column_stack([Theta[:, 0] - slopes @ mean, slopes])
    if model.target.task == "regression":
        found = found * model.target.sd[0]
        found[:, 0] += model.target.mean[0]
    return found


def solved(rows: list[list[str]]) -> list[float]:
    """The normal equations in exact fractions."""
    A = [[Fraction(1), *map(Fraction, row)] for row in rows]
    size = len(A[0]) - 1
    M = [[sum(row[i] * row[j] for row in A) for j in range(size + 1)] for i in range(size)]
    for i in range(size):
        pivot = next(j for j in range(i, size) if M[j][i])
        M[i], M[pivot] = M[pivot], M[i]
        M[i] = [value / M[i][i] for value in M[i]]
        for j in range(size):
            if j != i:
                M[j] = [a - M[j][i] * b for a, b in zip(M[j], M[i], strict=True)]
    return [float(row[-1]) for row in M]


def test_the_certified_values_here_are_those_of_the_data() -> None:
    rows = [line.split() for line in LONGLEY.splitlines()]
    np.testing.assert_allclose(solved(rows), LONGLEY_CERTIFIED, rtol=1e-14)
    assert solved([list(map(str, row)) for row in WAMPLER]) == [1.0] * 6


def test_longley_has_its_certified_coefficients(trained: Train) -> None:
    model = trained(spec(6), table([line.split() for line in LONGLEY.splitlines()]))
    np.testing.assert_allclose(coefficients(model)[0], LONGLEY_CERTIFIED, rtol=1e-11)


def test_wampler_has_its_certified_coefficients(trained: Train) -> None:
    model = trained(spec(5), table(WAMPLER))
    np.testing.assert_allclose(coefficients(model)[0], np.ones(6), rtol=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_linear_regression_equals_the_normal_equations(trained: Train, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(200, 5)) * [1, 10, 0.1, 3, 1] + [0, 5, 1, -20, 100]
    y = X @ rng.normal(size=5) + rng.normal(size=200)
    model = trained(spec(5), table(np.column_stack([X, y]).tolist()))
    A = np.column_stack([np.ones(200), X])
    np.testing.assert_allclose(coefficients(model)[0], np.linalg.lstsq(A, y, rcond=None)[0], rtol=1e-10)


@pytest.mark.oracle
@pytest.mark.parametrize(("classes", "output"), [("ab", "logistic"), ("abc", "softmax")])
def test_logistic_and_softmax_regression_equal_the_unpenalised_optimum(
    trained: Train, classes: str, output: str
) -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)
    X = rng.normal(size=(400, 4)) * [1, 5, 0.3, 2] + [0, 3, 1, -4]
    z = X @ rng.normal(size=(4, len(classes))) * 0.3 + rng.gumbel(size=(400, len(classes)))
    y = np.array(list(classes))[z.argmax(axis=1)]
    model = trained(spec(4, output), table([[*row, k] for row, k in zip(X.tolist(), y, strict=True)]))
    peer = LogisticRegression(C=np.inf, tol=1e-12, max_iter=100_000, solver="newton-cg").fit(X, y)
    expected, found = np.column_stack([peer.intercept_, peer.coef_]), coefficients(model)
    if output == "softmax":  # one vector may be added to every row
        expected, found = expected - expected.mean(axis=0), found - found.mean(axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.oracle
def test_it_reaches_the_optimum_of_torch(prepared: Callable[..., Prepared], train: Callable[[Prepared], Model]) -> None:
    import torch

    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(150, 3)), rng.integers(0, 3, 150)
    rows = [[*row, "abc"[k]] for row, k in zip(X.tolist(), y, strict=True)]
    ready = prepared(spec(3, "softmax"), table(rows), "training.l2=0.01")
    model = train(ready)
    inputs = torch.from_numpy(ready.sets["train"].examples.X[:, 1:])
    theta = torch.zeros((3, 4), dtype=torch.float64, requires_grad=True)
    peer = torch.optim.LBFGS(
        [theta], max_iter=2000, tolerance_grad=1e-13, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure() -> Any:
        peer.zero_grad()
        z = inputs @ theta[:, 1:].T + theta[:, 0]
        cost = torch.nn.functional.cross_entropy(z, torch.from_numpy(y)) + 0.005 * (theta[:, 1:] ** 2).sum()
        cost.backward()
        return cost

    peer.step(closure)
    expected, found = theta.detach().numpy(), views(model.network, model.theta)[0][0]
    np.testing.assert_allclose(found[:, 1:], expected[:, 1:], atol=1e-8)
    np.testing.assert_allclose(found[:, 0] - found[:, 0].mean(), expected[:, 0] - expected[:, 0].mean(), atol=1e-8)
