"""The same training in nnfit, scikit-learn and PyTorch, the bare matrix products in it, and its peak memory.

    N    neurons of each layer, inputs and outputs included; ReLU below a softmax
    m    examples of a batch

Everyone shuffles the rows in each epoch, computes in float32 with Adam, and returns the training cost of the last
epoch. The time is the processor's, which other work on the machine does not count in, for the epochs alone: data,
networks, initial weights and optimizers are made before. With scikit-learn it is that of a `fit` that goes on after one
epoch, so that the weights are there; its checks of the data are counted, and take a few milliseconds. It gives two
classes one logistic output, the others two softmax outputs.

    python benchmarks/fits.py NAME

is one of them, nnfit, sklearn, torch or bare, in a process of its own, which `Other` talks to over a pipe: it may be
another Python, with another version of nnfit. The functions of nnfit are called as 0.1.0 has them, and as this version.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from rounds import Lap

RATE = 0.001  # the learning rate
Epochs = Callable[[], float]
Products = list[tuple[np.ndarray, np.ndarray, np.ndarray]]  # A, B and where A B goes


class Task(NamedTuple):
    """What is to be trained."""

    N: tuple[int, ...]
    m: int
    rows: int
    epochs: int
    members: int = 1


def data_of(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Normal inputs X (rows, N₁) and the classes that a random linear map gives them."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((task.rows, task.N[0]), np.float32)
    return X, (X @ rng.standard_normal((task.N[0], task.N[-1]), np.float32)).argmax(axis=1)


# --- the contestants: of a task, a function that makes weights anew, and gives the epochs that are to be timed --------


def of_nnfit(task: Task) -> Callable[[], Epochs]:
    from nnfit.core.initialization import initialize
    from nnfit.core.training import Plan, begin, fit

    examples, network, adam = examples_of(task), network_of(task.N), adam_of_nnfit()
    plan = Plan(task.epochs, task.m, *adam)

    def fresh() -> Epochs:
        generators = [np.random.default_rng(k) for k in range(task.members)]
        state = begin(initialize(network, task.members, "float32", generators, bias=0.0), *adam)

        def epochs() -> float:
            *_, last = fit(network, state, examples, plan, [0])
            return float(last.cost.mean())

        return epochs

    return fresh


def of_sklearn(task: Task) -> Callable[[], Epochs]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    X, classes = data_of(task)
    warnings.simplefilter("ignore", ConvergenceWarning)

    def fresh() -> Epochs:
        model = MLPClassifier(
            task.N[1:-1],
            solver="adam",
            alpha=0,
            batch_size=task.m,
            learning_rate_init=RATE,
            max_iter=1,
            shuffle=True,
            random_state=0,
            tol=0,
            n_iter_no_change=task.epochs,  # so that no fit stops early
            warm_start=True,
        )
        model.fit(X, classes)
        model.set_params(max_iter=task.epochs)

        def epochs() -> float:
            model.fit(X, classes)
            if model.n_iter_ != task.epochs or model.coefs_[0].dtype != np.float32:
                raise RuntimeError("scikit-learn did not train all epochs in float32")
            return float(model.loss_curve_[-1])

        return epochs

    return fresh


def of_torch(task: Task) -> Callable[[], Epochs]:
    import torch

    torch.set_num_threads(1)
    X, classes = map(torch.from_numpy, data_of(task))

    def fresh() -> Epochs:
        torch.manual_seed(0)
        layers: list[torch.nn.Module] = []
        for inputs, outputs in pairwise(task.N):
            layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
        model = torch.nn.Sequential(*layers[:-1])
        optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
        cost_of = torch.nn.CrossEntropyLoss()  # softmax included

        def epochs() -> float:
            for _ in range(task.epochs):
                total = 0.0
                for index in torch.randperm(len(X)).split(task.m):
                    optimizer.zero_grad()
                    cost = cost_of(model(X[index]), classes[index])
                    cost.backward()
                    optimizer.step()
                    total += cost.item() * len(index)
            return total / len(X)

        return epochs

    return fresh


def of_products(task: Task) -> Callable[[], Epochs]:
    """The matrix products of the steps and nothing else; the last batch of an epoch may be smaller."""
    rest = [products_of_step(task.N, task.rows % task.m)] if task.rows % task.m else []
    steps = [products_of_step(task.N, task.m)] * (task.rows // task.m) + rest

    def epochs() -> float:
        for _ in range(task.epochs):
            for step in steps:
                for A, B, out in step:
                    np.matmul(A, B, out=out)
        return 0.0

    return lambda: epochs


CONTESTANTS = {"nnfit": of_nnfit, "sklearn": of_sklearn, "torch": of_torch, "bare": of_products}


# --- nnfit, as this version and 0.1.0 have it ------------------------------------------------------------------------


def is_0_1_0() -> bool:
    """Whether this Python has that version, in which activations and optimizers are given by their names."""
    from nnfit.version import __version__

    return __version__ == "0.1.0"


def adam_of_nnfit() -> tuple[Any, ...]:
    from nnfit.core import optimizers

    if is_0_1_0():
        parameters = {each.name: each.default for each in optimizers.OPTIMIZERS["adam"].parameters}
        return "adam", {**parameters, "learning_rate": RATE}
    return (optimizers.Adam(learning_rate=RATE),)


def network_of(N: tuple[int, ...]) -> Any:
    from nnfit.core import activations
    from nnfit.core.network import Group, Network

    relu, softmax = ("relu", "softmax") if is_0_1_0() else (activations.ReLU(), activations.Softmax())
    hidden = tuple((Group(size, relu),) for size in N[1:-1])
    return Network(N[0], (*hidden, (Group(N[-1], softmax),)), "cross_entropy")


def examples_of(task: Task) -> Any:
    """The data as nnfit holds them: ones before X, one-hot Y (K, n), weights of one."""
    from nnfit.core.batches import Examples

    X, classes = data_of(task)
    ones = np.ones((1, 1, len(X)), X.dtype)
    Y = (classes == np.arange(task.N[-1])[:, None]).astype(X.dtype)
    return Examples(np.hstack([ones[0].T, X]), Y, ones)


def products_of_step(N: tuple[int, ...], m: int) -> Products:
    """The matrix products of one nnfit step on m examples, in arrays of the same layout.

    L forward, Θ⁽ⁱ⁾ a⁽ⁱ⁾;  L of the gradient, δ⁽ⁱ⁺¹⁾ a⁽ⁱ⁾ᵀ;  L − 1 back, Θ⁽ⁱ⁾[:, 1:]ᵀ δ⁽ⁱ⁺¹⁾
    """
    from nnfit.core.initialization import initialize
    from nnfit.core.network import views

    network = network_of(N)
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


def peak_memory(task: Task) -> dict[str, int]:
    """The peak of an nnfit fit of one epoch, its data included, and the parts it consists of, in bytes."""
    tracemalloc.start()
    fresh = of_nnfit(task._replace(epochs=1))
    tracemalloc.reset_peak()
    fresh()()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    N, m = task.N, task.m
    return {
        "peak": peak,
        "data": sum(array.nbytes for array in examples_of(task)),
        "4 × parameters": 4 * 4 * network_of(N).P,
        # of each example: x and y; a and δ of every layer; the scratch of the largest
        "one batch": 4 * m * (N[0] + 1 + N[-1] + 2 * sum(N[1:]) + max(N[1:])),
    }


# --- one of them in a process of its own -----------------------------------------------------------------------------


class Other:
    """A contestant in a process of its own, of which one thread computes, on one core that all of them have."""

    def __init__(self, name: str, python: str, environment: Mapping[str, str]) -> None:
        command = [python, __file__, name]
        self.process = subprocess.Popen(
            command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.version: str = self.ask()

    def ask(self, *words: Any) -> Any:
        """Say something, if there is anything to say, and wait for the answer."""
        assert self.process.stdin
        assert self.process.stdout
        if words:
            print(json.dumps(words), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{' '.join(map(str, self.process.args))} ended early")  # it has said why
        return json.loads(answer)

    def take(self, task: Task) -> None:
        """Make the data of a task."""
        self.ask("take", *task)

    def run(self) -> Lap:
        """Train once."""
        return Lap(*self.ask("run"))

    def end(self) -> None:
        self.process.communicate()


def serve(name: str) -> None:
    """What the process of a contestant does: it says its version, takes tasks, and trains when it is told to."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    from nnfit.version import __version__

    print(json.dumps(__version__), flush=True)
    fresh: Callable[[], Epochs]
    for line in sys.stdin:
        word, *values = json.loads(line)
        answer: Any = None
        if word == "take":
            N, *rest = values
            fresh = CONTESTANTS[name](Task(tuple(N), *rest))
        elif word == "memory":
            N, *rest = values
            answer = peak_memory(Task(tuple(N), *rest))
        else:
            epochs = fresh()
            start = time.process_time()
            result = epochs()
            answer = time.process_time() - start, result
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
