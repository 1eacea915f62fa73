"""PyTorch's gradients and optimizers, from the same θ on the same rows, lead to the same θ."""

import itertools

import numpy as np
import pytest
from builders import LEGAL_PAIRS, group, network, train

from nnfit.core.activations import ACTIVATIONS
from nnfit.core.batches import Examples
from nnfit.core.initialization import initialize
from nnfit.core.network import views

pytestmark = pytest.mark.oracle

HIDDEN = ["tanh", "relu", "logistic", "softmax", "linear"]
MORE = ["leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus"]
LEGAL = [pair for pair in LEGAL_PAIRS if pair[0] in HIDDEN]
K, N = 3, 4


@pytest.fixture(scope="module")
def torch():
    import torch

    torch.set_num_threads(1)
    return torch


def problem(hidden, sigma, loss, n, weighted, members=1):
    """A network, θ at its start, and rows; the hidden layers may mix activations."""
    rng = np.random.default_rng(1)
    layers = [tuple(group(size, name) for name, size in layer) for layer in hidden]
    net = network(N, *layers, group(K, sigma), loss=loss)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, N))])
    if loss == "cross_entropy":
        Y = np.eye(K)[:, rng.integers(K, size=n)]
    else:
        Y = (
            rng.normal(size=(K, n))
            if loss in ("mse", "rss", "mae", "huber")
            else rng.integers(0, 2, (K, n)).astype(float)
        )
    w = rng.uniform(0.2, 2, (1, 1, n)) if weighted else np.ones((1, 1, n))
    generators = [np.random.default_rng([2, k]) for k in range(members)]
    return net, initialize(net, members, "float64", generators), Examples(X, Y, w / w.mean())


def trained(net, theta, data, epochs, batch_size, name, **parameters):
    """θ as nnfit trains it, and the cost of each epoch."""
    theta = theta.copy()
    costs = train(net, theta, data, epochs, batch_size, name, 3, **parameters)
    return theta, np.array(costs)


class Twin:
    """The same network in PyTorch, sample-major, biases apart from weights, one member."""

    def __init__(self, torch, net, theta):
        self.torch, self.net = torch, net
        self.layers = [
            (torch.tensor(Theta[0, :, 1:].copy(), requires_grad=True), torch.tensor(Theta[0, :, 0], requires_grad=True))
            for Theta in views(net, theta)
        ]
        self.parameters = [parameter for layer in self.layers for parameter in layer]

    def activate(self, name, z):
        torch = self.torch
        return {
            "linear": lambda z: z,
            "logistic": torch.sigmoid,
            "tanh": torch.tanh,
            "relu": torch.relu,
            "softmax": lambda z: torch.softmax(z, dim=1),
            "leaky_relu": torch.nn.functional.leaky_relu,
            "elu": torch.nn.functional.elu,
            "selu": torch.selu,
            "gelu": lambda z: torch.nn.functional.gelu(z, approximate="tanh"),
            "silu": torch.nn.functional.silu,
            "mish": torch.nn.functional.mish,
            "softplus": torch.nn.functional.softplus,
        }[name](z)

    def cost(self, x, y, w):
        F, a = self.torch.nn.functional, x
        for i, ((weight, bias), layer) in enumerate(zip(self.layers, self.net.layers, strict=True), 1):
            z = F.linear(a, weight, bias)
            if i < len(self.layers):
                parts = z.split([group.size for group in layer], dim=1)
                a = self.torch.cat(
                    [self.activate(part.sigma.name, rows) for part, rows in zip(layer, parts, strict=True)], dim=1
                )
        sigma, loss = self.net.layers[-1][0].sigma.name, self.net.loss
        if loss == "cross_entropy":
            return (w * F.cross_entropy(z, y.argmax(dim=1), reduction="none")).mean()
        if (sigma, loss) == ("logistic", "bce"):
            return (w[:, None] * F.binary_cross_entropy_with_logits(z, y, reduction="none")).sum() / len(x)
        y_hat = self.activate(sigma, z)
        if loss == "bce":
            return (w[:, None] * F.binary_cross_entropy(y_hat, y, reduction="none")).sum() / len(x)
        if loss in ("mae", "huber"):
            each = (F.l1_loss if loss == "mae" else F.huber_loss)(y_hat, y, reduction="none")
            return (w[:, None] * each).sum() / len(x)
        squares = (w[:, None] * F.mse_loss(y_hat, y, reduction="none")).sum()
        return squares if loss == "rss" else squares / (2 * len(x))

    def train(self, data, epochs, batch_size, optimizer):
        """Take the minibatches in the order in which `minibatches` draws them."""
        torch, n = self.torch, len(data.X)
        X, Y, w = torch.tensor(data.X[:, 1:].copy()), torch.tensor(data.Y.T.copy()), torch.tensor(data.w[0, 0])
        for number in range(1, epochs + 1):
            rng = np.random.default_rng([3, number, 0])
            order = torch.arange(n) if batch_size >= n else torch.tensor(rng.permutation(n))
            for rows in order.split(batch_size):
                optimizer.zero_grad()
                self.cost(X[rows], Y[rows], w[rows]).backward()
                optimizer.step()
        return self.theta()

    def theta(self):
        theta = np.empty((1, self.net.P))
        for Theta, (weight, bias) in zip(views(self.net, theta), self.layers, strict=True):
            Theta[0, :, 1:], Theta[0, :, 0] = weight.detach().numpy(), bias.detach().numpy()
        return theta


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("hidden", [[], *HIDDEN])
@pytest.mark.parametrize(("sigma", "loss"), LEGAL)
def test_one_step_of_gradient_descent_is_that_of_autograd(torch, hidden, sigma, loss, weighted):
    layers = [[(hidden, 5)], [(hidden, 3)]] if hidden else []
    net, theta, data = problem(layers, sigma, loss, 20, weighted)
    twin = Twin(torch, net, theta)
    expected = twin.train(data, 1, 20, torch.optim.SGD(twin.parameters, lr=0.1))
    found, _ = trained(net, theta, data, 1, 20, "sgd", learning_rate=0.1)
    assert np.abs(expected - theta).max() > 1e-3
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("output", ["linear", "itself"])
@pytest.mark.parametrize("sigma", MORE)
def test_one_step_through_every_other_activation_is_that_of_autograd(torch, sigma, output):
    layers = [[(sigma, 5)], [("tanh", 2), (sigma, 3), ("relu", 1)], [(sigma, 3)]]
    net, theta, data = problem(layers, sigma if output == "itself" else output, "mse", 20, weighted=True)
    twin = Twin(torch, net, theta)
    expected = twin.train(data, 1, 20, torch.optim.SGD(twin.parameters, lr=0.1))
    found, _ = trained(net, theta, data, 1, 20, "sgd", learning_rate=0.1)
    assert np.abs(expected - theta).max() > 1e-3
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "parameters", "of_torch"),
    [("leaky_relu", {"k": 0.3}, {"negative_slope": 0.3}), ("elu", {"alpha": 0.7}, {"alpha": 0.7})]
    + [(sigma, {}, {}) for sigma in MORE],
)
def test_values_and_slopes_are_those_of_pytorch_at_sums_of_every_size(torch, name, parameters, of_torch):
    F = torch.nn.functional
    z = torch.tensor(np.concatenate([np.linspace(-90, 90, 1801), np.linspace(-1, 1, 201)]), requires_grad=True)
    function = getattr(F, name)
    expected = function(
        z, **({"approximate": "tanh"} if name == "gelu" else {"threshold": 1e3} if name == "softplus" else of_torch)
    )
    expected.sum().backward()
    a = z.detach().numpy()[None, None].copy()
    scratch, delta = np.empty_like(a), np.ones_like(a)
    sigma = ACTIVATIONS[name](**parameters)
    sigma.value(a, scratch)
    sigma.vjp(a, delta, scratch)
    np.testing.assert_allclose(a[0, 0], expected.detach().numpy(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(delta[0, 0], z.grad.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("sigma", "loss"), LEGAL)
def test_one_step_through_a_mixed_layer_is_that_of_autograd(torch, sigma, loss, weighted):
    layers = [[("relu", 2), ("tanh", 3), ("linear", 1)], [("logistic", 2), ("relu", 3)]]
    net, theta, data = problem(layers, sigma, loss, 20, weighted)
    twin = Twin(torch, net, theta)
    expected = twin.train(data, 1, 20, torch.optim.SGD(twin.parameters, lr=0.1))
    found, _ = trained(net, theta, data, 1, 20, "sgd", learning_rate=0.1)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("sigma", "loss"), LEGAL)
def test_the_cost_is_that_of_pytorch(torch, sigma, loss, weighted):
    net, theta, data = problem([[("tanh", 5)]], sigma, loss, 20, weighted)
    with torch.no_grad():
        expected = Twin(torch, net, theta).cost(
            *(torch.tensor(part) for part in (data.X[:, 1:], data.Y.T, data.w[0, 0]))
        )
    _, costs = trained(net, theta, data, 1, 20, "sgd", learning_rate=0.1)
    assert costs.item() == pytest.approx(expected.item(), rel=1e-12)


# nnfit's name and settings, and PyTorch's.
OPTIMIZER_PAIRS = {
    "adam": ("adam", {"learning_rate": 0.01}, "Adam", {"lr": 0.01}),
    "adam with settings of its own": (
        "adam",
        {"learning_rate": 0.02, "beta1": 0.5, "beta2": 0.9, "epsilon": 1e-3},
        "Adam",
        {"lr": 0.02, "betas": (0.5, 0.9), "eps": 1e-3},
    ),
    "sgd": ("sgd", {"learning_rate": 0.05}, "SGD", {"lr": 0.05}),
    "momentum": ("sgd", {"learning_rate": 0.005, "momentum": 0.9}, "SGD", {"lr": 0.005, "momentum": 0.9}),
    "nesterov": (
        "sgd",
        {"learning_rate": 0.005, "momentum": 0.9, "nesterov": True},
        "SGD",
        {"lr": 0.005, "momentum": 0.9, "nesterov": True},
    ),
    "adamw": ("adamw", {"learning_rate": 0.01}, "AdamW", {"lr": 0.01}),
    "adamw with settings of its own": (
        "adamw",
        {"learning_rate": 0.02, "beta1": 0.5, "beta2": 0.9, "epsilon": 1e-3, "weight_decay": 0.5},
        "AdamW",
        {"lr": 0.02, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.5},
    ),
    "adagrad": ("adagrad", {"learning_rate": 0.05}, "Adagrad", {"lr": 0.05}),
    "adagrad with settings of its own": (
        "adagrad",
        {"learning_rate": 0.05, "epsilon": 1e-3},
        "Adagrad",
        {"lr": 0.05, "eps": 1e-3},
    ),
    "rmsprop": ("rmsprop", {"learning_rate": 0.005}, "RMSprop", {"lr": 0.005}),
    "rmsprop with settings of its own": (
        "rmsprop",
        {"learning_rate": 0.002, "alpha": 0.9, "momentum": 0.8, "epsilon": 1e-3},
        "RMSprop",
        {"lr": 0.002, "alpha": 0.9, "momentum": 0.8, "eps": 1e-3},
    ),
}


def decays_weights_alone(layers, torch_name):
    """PyTorch's parameters in two groups, so that its weight decay leaves the biases alone as nnfit's does."""
    weights, biases = ([layer[part] for layer in layers] for part in (0, 1))
    return [{"params": weights}, {"params": biases} | ({"weight_decay": 0.0} if torch_name == "AdamW" else {})]


@pytest.mark.parametrize("batch_size", [1, 16, 50])
@pytest.mark.parametrize(
    ("sigma", "loss"), [("softmax", "cross_entropy"), ("logistic", "bce"), ("linear", "mse"), ("tanh", "mse")]
)
@pytest.mark.parametrize("pair", OPTIMIZER_PAIRS)
def test_ten_epochs_in_minibatches_are_those_of_pytorch(torch, pair, sigma, loss, batch_size):
    # 50 rows leave a smaller last batch of 2 after three of 16.
    name, parameters, torch_name, torch_parameters = OPTIMIZER_PAIRS[pair]
    net, theta, data = problem([[("tanh", 6)], [("relu", 4)]], sigma, loss, 50, weighted=True)
    twin = Twin(torch, net, theta)
    groups = decays_weights_alone(twin.layers, torch_name)
    optimizer = getattr(torch.optim, torch_name)(groups, **torch_parameters)
    expected = twin.train(data, 10, batch_size, optimizer)
    found, _ = trained(net, theta, data, 10, batch_size, name, **parameters)
    assert np.abs(expected - theta).max() > 1e-2
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("pair", OPTIMIZER_PAIRS)
def test_twenty_full_batch_steps_are_those_of_pytorch(torch, pair):
    name, parameters, torch_name, torch_parameters = OPTIMIZER_PAIRS[pair]
    net, theta, data = problem([[("tanh", 6)]], "linear", "mse", 50, weighted=False)
    twin = Twin(torch, net, theta)
    groups = decays_weights_alone(twin.layers, torch_name)
    expected = twin.train(data, 20, 50, getattr(torch.optim, torch_name)(groups, **torch_parameters))
    found, _ = trained(net, theta, data, 20, 50, name, **parameters)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_each_of_many_members_is_a_pytorch_network_of_its_own(torch):
    net, theta, data = problem([[("tanh", 6)]], "softmax", "cross_entropy", 50, weighted=True, members=3)
    found, _ = trained(net, theta, data, 10, 16, "adam", learning_rate=0.01)
    for k in range(3):
        twin = Twin(torch, net, theta[k : k + 1])
        expected = twin.train(data, 10, 16, torch.optim.Adam(twin.parameters, lr=0.01))
        np.testing.assert_allclose(found[k : k + 1], expected, rtol=1e-9, atol=1e-9)
    assert all(not np.allclose(found[i], found[j]) for i, j in itertools.combinations(range(3), 2))
