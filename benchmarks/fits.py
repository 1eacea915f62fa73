"""The same training in nnfit, scikit-learn and PyTorch, the bare matrix products in it, and its peak memory.

    N    neurons of each layer, inputs and outputs included; ReLU below a softmax
    m    examples of a batch

Every fit starts from new weights, shuffles the rows in each epoch, computes in float32 with Adam, and returns the
training cost of its last epoch. scikit-learn gives two classes one logistic output, the others two softmax outputs.
"""

from __future__ import annotations

import tracemalloc
import warnings
from itertools import pairwise

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from nnfit.core.activations import ReLU, Softmax
from nnfit.core.batches import Examples
from nnfit.core.initialization import initialize
from nnfit.core.network import Group, Network, views
from nnfit.core.optimizers import Adam
from nnfit.core.parameter import Array
from nnfit.core.training import Plan, begin, fit

RATE = 0.001  # the learning rate
Products = list[tuple[Array, Array, Array]]  # A, B and where A B goes


def make_data(N: tuple[int, ...], rows: int) -> tuple[Array, Array]:
    """Normal inputs X (rows, N₁) and the classes that a random linear map gives them."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, N[0]), np.float32)
    return X, (X @ rng.standard_normal((N[0], N[-1]), np.float32)).argmax(axis=1)


def to_examples(X: Array, classes: Array, K: int) -> Examples:
    """The data as nnfit holds them: ones before X, one-hot Y (K, n), weights of one."""
    ones = np.ones((1, 1, len(X)), X.dtype)
    Y = (classes == np.arange(K)[:, None]).astype(X.dtype)
    return Examples(np.hstack([ones[0].T, X]), Y, ones)


def to_network(N: tuple[int, ...]) -> Network:
    hidden = tuple((Group(size, ReLU()),) for size in N[1:-1])
    return Network(N[0], (*hidden, (Group(N[-1], Softmax()),)), "cross_entropy")


def fit_nnfit(N: tuple[int, ...], examples: Examples, m: int, epochs: int, members: int = 1) -> float:
    network = to_network(N)
    generators = [np.random.default_rng(k) for k in range(members)]
    theta = initialize(network, members, "float32", generators, bias=0.0)
    adam = Adam(learning_rate=RATE)
    *_, last = fit(network, begin(theta, adam), examples, Plan(epochs, m, adam), [0])
    return float(last.cost.mean())


def fit_sklearn(N: tuple[int, ...], X: Array, classes: Array, m: int, epochs: int) -> float:
    model = MLPClassifier(
        N[1:-1],
        solver="adam",
        alpha=0,
        batch_size=m,
        learning_rate_init=RATE,
        max_iter=epochs,
        shuffle=True,
        random_state=0,
        tol=0,
        n_iter_no_change=epochs,  # so that no fit stops early
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, classes)
    if model.n_iter_ != epochs or model.coefs_[0].dtype != np.float32:
        raise RuntimeError("scikit-learn did not train all epochs in float32")
    return float(model.loss_curve_[-1])


def fit_torch(N: tuple[int, ...], X: torch.Tensor, classes: torch.Tensor, m: int, epochs: int) -> float:
    torch.manual_seed(0)
    layers: list[torch.nn.Module] = []
    for inputs, outputs in pairwise(N):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    cost_of = torch.nn.CrossEntropyLoss()  # softmax included
    for _ in range(epochs):
        total = 0.0
        for index in torch.randperm(len(X)).split(m):
            optimizer.zero_grad()
            cost = cost_of(model(X[index]), classes[index])
            cost.backward()
            optimizer.step()
            total += cost.item() * len(index)
    return total / len(X)


def products_of_step(N: tuple[int, ...], m: int) -> Products:
    """The matrix products of one nnfit step on m examples, in arrays of the same layout.

    L forward, Θ⁽ⁱ⁾ a⁽ⁱ⁾;  L of the gradient, δ⁽ⁱ⁺¹⁾ a⁽ⁱ⁾ᵀ;  L − 1 back, Θ⁽ⁱ⁾[:, 1:]ᵀ δ⁽ⁱ⁺¹⁾
    """
    network = to_network(N)
    theta = initialize(network, 1, "float32", [np.random.default_rng(0)])
    Theta, gradient = views(network, theta), views(network, np.empty_like(theta))
    x = np.random.default_rng(0).standard_normal((m, N[0] + 1), np.float32)
    hidden = [np.ones((1, size + 1, m), np.float32) for size in N[1:-1]]
    a = [x.T, *hidden]
    z = [*(array[:, 1:] for array in hidden), np.empty((1, N[-1], m), np.float32)]
    delta = [np.ones((1, size, m), np.float32) for size in N[1:]]
    products = [(Theta[i], a[i], z[i]) for i in range(len(Theta))]
    for i in range(len(Theta) - 1, 0, -1):
        products.append((delta[i], a[i].mT, gradient[i]))
        products.append((Theta[i][:, :, 1:].mT, delta[i], delta[i - 1]))
    return [*products, (delta[0], a[0].mT, gradient[0])]


def products_of_epoch(N: tuple[int, ...], rows: int, m: int) -> list[Products]:
    """The matrix products of one epoch, batch by batch; the last batch may be smaller."""
    rest = [products_of_step(N, rows % m)] if rows % m else []
    return [products_of_step(N, m)] * (rows // m) + rest


def multiply(epoch: list[Products], epochs: int) -> None:
    for _ in range(epochs):
        for step in epoch:
            for A, B, out in step:
                np.matmul(A, B, out=out)


def peak_memory(N: tuple[int, ...], rows: int, m: int) -> dict[str, int]:
    """The peak of an nnfit fit of one epoch, its data included, and the parts it consists of, in bytes."""
    tracemalloc.start()
    examples = to_examples(*make_data(N, rows), N[-1])
    tracemalloc.reset_peak()
    fit_nnfit(N, examples, m, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {
        "peak": peak,
        "data": sum(array.nbytes for array in examples),
        "4 × parameters": 4 * 4 * to_network(N).P,
        # of each example: x and y; a and δ of every layer; the scratch of the largest
        "one batch": 4 * m * (N[0] + 1 + N[-1] + 2 * sum(N[1:]) + max(N[1:])),
    }
