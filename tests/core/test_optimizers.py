"""Each optimizer against its formula, and what every optimizer must keep to."""

import numpy as np
import pytest
from builders import GRADIENT_OPTIMIZERS, examples, group, network, optimizer, start, train

from nnfit.core import training
from nnfit.core.network import views
from nnfit.core.optimizers import OPTIMIZERS
from nnfit.core.training import begin, decaying, updating

STEPS = 20
P = 11
DECAYS = np.arange(P) % 3 > 0  # as if every third parameter were a bias


def sgd(gradients, theta, eta):
    for g in gradients:
        theta = theta - eta * g
        yield theta


def momentum(gradients, theta, eta, mu):
    v = 0.0
    for g in gradients:
        v = mu * v + g
        theta = theta - eta * v
        yield theta


def nesterov(gradients, theta, eta, mu):
    v = 0.0
    for g in gradients:
        v = mu * v + g
        theta = theta - eta * (g + mu * v)
        yield theta


def adam(gradients, theta, eta, beta1, beta2, epsilon):
    m = v = 0.0
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        theta = theta - eta * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + epsilon)
        yield theta


def adamw(gradients, theta, eta, beta1, beta2, epsilon, share):
    # The decay is decoupled, so Adam's own step is the difference of two of its points.
    before = np.zeros_like(theta)
    for after in adam(gradients, before, eta, beta1, beta2, epsilon):
        theta = theta - eta * share * DECAYS * theta + (after - before)
        before = after
        yield theta


def adagrad(gradients, theta, eta, epsilon):
    v = 0.0
    for g in gradients:
        v = v + g**2
        theta = theta - eta * g / (np.sqrt(v) + epsilon)
        yield theta


def rmsprop(gradients, theta, eta, alpha, mu, epsilon):
    v = b = 0.0
    for g in gradients:
        v = alpha * v + (1 - alpha) * g**2
        b = mu * b + g / (np.sqrt(v) + epsilon)
        theta = theta - eta * b
        yield theta


# The table's name, the settings that differ from the defaults, and the formula.
CASES = [
    ("sgd", {"learning_rate": 0.1}, lambda g, theta: sgd(g, theta, 0.1)),
    ("sgd", {"learning_rate": 0.1, "nesterov": True}, lambda g, theta: sgd(g, theta, 0.1)),
    ("sgd", {"learning_rate": 0.1, "momentum": 0.9}, lambda g, theta: momentum(g, theta, 0.1, 0.9)),
    ("sgd", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}, lambda g, theta: nesterov(g, theta, 0.1, 0.9)),
    ("adam", {}, lambda g, theta: adam(g, theta, 0.001, 0.9, 0.999, 1e-8)),
    (
        "adam",
        {"learning_rate": 0.3, "beta1": 0.5, "beta2": 0.75, "epsilon": 0.125},
        lambda g, theta: adam(g, theta, 0.3, 0.5, 0.75, 0.125),
    ),
    ("adam", {"beta1": 0.0, "beta2": 0.0}, lambda g, theta: adam(g, theta, 0.001, 0.0, 0.0, 1e-8)),
    ("adamw", {}, lambda g, theta: adamw(g, theta, 0.001, 0.9, 0.999, 1e-8, 0.01)),
    (
        "adamw",
        {"learning_rate": 0.25, "beta1": 0.5, "beta2": 0.75, "epsilon": 0.125, "weight_decay": 0.5},
        lambda g, theta: adamw(g, theta, 0.25, 0.5, 0.75, 0.125, 0.5),
    ),
    ("adagrad", {}, lambda g, theta: adagrad(g, theta, 0.01, 1e-10)),
    ("adagrad", {"learning_rate": 0.5, "epsilon": 0.125}, lambda g, theta: adagrad(g, theta, 0.5, 0.125)),
    ("rmsprop", {}, lambda g, theta: rmsprop(g, theta, 0.01, 0.99, 0, 1e-8)),
    (
        "rmsprop",
        {"learning_rate": 0.1, "alpha": 0.5, "momentum": 0.75, "epsilon": 0.125},
        lambda g, theta: rmsprop(g, theta, 0.1, 0.5, 0.75, 0.125),
    ),
]
every_case = pytest.mark.parametrize(("name", "settings"), [case[:2] for case in CASES])
every_optimizer = pytest.mark.parametrize("name", GRADIENT_OPTIMIZERS)


def mask(theta):
    """`decays` for θ, in its dtype."""
    return DECAYS[: theta.shape[1]].astype(theta.dtype)


def updates_of(theta, gradient, decays, name, **settings):
    """The update of θ by an optimizer, with its memory as at the start."""
    rule = optimizer(name, **settings)
    blocks = updating(theta, gradient, begin(theta, rule).slots, decays, rule)
    return lambda t, eta=rule.learning_rate: [update(t, eta) for update in blocks]


def path(name, settings, gradients, theta):
    """θ after every step, as the optimizer of nnfit takes it, in place."""
    theta, gradient = theta.copy(), np.empty_like(theta)
    update = updates_of(theta, gradient, mask(theta), name, **settings)
    for t, g in enumerate(gradients, 1):
        gradient[:] = g
        update(t)
        np.testing.assert_array_equal(gradient, g)
        yield theta.copy()


def problem(M=3, dtype="float64"):
    """Gradients of all sizes, some of them 0, as in a network with dead neurons."""
    rng = np.random.default_rng(1)
    gradients = rng.normal(size=(STEPS, M, P)) * 10.0 ** rng.integers(-6, 3, (M, P))
    gradients[:, :, 0] = 0
    return gradients.astype(dtype), rng.normal(size=(M, P)).astype(dtype)


@pytest.mark.parametrize(("name", "settings", "formula"), CASES)
def test_twenty_steps_are_those_of_the_formula(name, settings, formula):
    gradients, theta = problem()
    steps = zip(path(name, settings, gradients, theta), formula(gradients, theta), strict=True)
    for t, (found, expected) in enumerate(steps, 1):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12, err_msg=f"step {t}")
    assert t == STEPS


@pytest.mark.parametrize("block", [1, 7, 30])
@every_case
def test_the_size_of_the_blocks_changes_nothing(monkeypatch, name, settings, block):
    gradients, theta = problem()
    *_, whole = path(name, settings, gradients, theta)
    monkeypatch.setattr(training, "BLOCK", block)
    rule = optimizer(name)
    assert len(updating(theta, theta, begin(theta, rule).slots, mask(theta), rule)) > 1
    *_, in_blocks = path(name, settings, gradients, theta)
    assert in_blocks.tobytes() == whole.tobytes()


@every_case
def test_members_do_not_see_each_other(name, settings):
    gradients, theta = problem()
    *_, together = path(name, settings, gradients, theta)
    for k in range(len(theta)):
        *_, alone = path(name, settings, gradients[:, k : k + 1], theta[k : k + 1])
        assert alone.tobytes() == together[k : k + 1].tobytes()


@every_case
def test_float32_stays_float32_and_keeps_to_the_path_of_float64(name, settings):
    gradients, theta = problem(dtype="float32")
    assert begin(theta, optimizer(name, **settings)).slots.dtype == np.float32
    *_, single = path(name, settings, gradients, theta)
    *_, double = path(name, settings, gradients.astype("float64"), theta.astype("float64"))
    assert single.dtype == np.float32
    moved = np.abs(double - theta).max(axis=0)
    assert (np.abs(single - double) <= 1e-4 * moved + 1e-6).all()


@every_optimizer
def test_a_gradient_of_0_moves_nothing_but_what_decays(name):
    theta = np.ones((2, 4))
    *_, after = path(name, {}, np.zeros((STEPS, 2, 4)), theta)
    share = optimizer(name).learning_rate * getattr(optimizer(name), "weight_decay", 0)
    np.testing.assert_array_equal(after[:, [0, 3]], 1)
    np.testing.assert_allclose(after[:, [1, 2]], (1 - share) ** STEPS, rtol=1e-14)


def test_weight_decay_falls_on_every_weight_of_a_network_and_on_no_bias():
    net = network(3, group(4, "tanh"), (group(2, "linear"), group(1, "tanh")), loss="mse")
    Theta = views(net, decaying(net, np.dtype("float32"))[None])
    assert [matrix.dtype for matrix in Theta] == [np.float32] * 2
    for matrix in Theta:
        assert not matrix[:, :, 0].any()
        assert (matrix[:, :, 1:] == 1).all()


def test_training_with_more_weight_decay_gives_smaller_weights():
    net = network(3, group(4, "tanh"), group(2, "linear"), loss="mse")
    data = examples(np.random.default_rng(2), net, 30)
    sizes = []
    for share in (0, 1, 10):
        theta = start(net)
        train(net, theta, data, 50, 10, "adamw", learning_rate=0.02, weight_decay=share)
        sizes.append(sum(float((matrix[:, :, 1:] ** 2).sum()) for matrix in views(net, theta)))
    assert sizes[0] > 1.1 * sizes[1] > 1.1**2 * sizes[2]


@every_optimizer
def test_the_first_step_leads_downhill(name):
    gradients, theta = problem()
    after = next(path(name, {}, gradients, theta))
    uphill = gradients[0] != 0
    assert (np.sign(after - theta)[uphill] == -np.sign(gradients[0])[uphill]).all()


# AdaGrad's steps shrink by themselves; RMSprop's are about η long however flat the bowl, so there η must fall.
RATES = {"adagrad": lambda t: 1, "rmsprop": lambda t: 0.1 * 0.98**t}


@every_optimizer
def test_the_minimum_of_a_bowl_is_found(name):
    # C = ½ Σ c θ², whose gradient is c θ; the steepest direction is ten times as steep as the flattest.
    steepness, theta = np.array([[1.0, 3.0, 10.0]]), np.array([[1.0, -2.0, 3.0]])
    gradient = np.empty_like(theta)
    update = updates_of(theta, gradient, np.zeros(3), name)
    for t in range(1, 1001):
        np.multiply(steepness, theta, gradient)
        update(t, RATES.get(name, lambda t: 0.05)(t))
    assert np.abs(theta).max() < 1e-6


def test_adam_takes_a_first_step_of_the_learning_rate_whatever_the_gradient():
    gradients = np.array([[[1e-3, -1.0, 1e4]]])
    after = next(path("adam", {"learning_rate": 0.25}, gradients, np.zeros((1, 3))))
    assert after[0].tolist() == pytest.approx([-0.25, 0.25, -0.25], rel=1e-4)


def test_memory_is_kept_only_where_the_formula_has_some():
    def slots(name, **settings):
        return len(begin(np.zeros((1, 2)), optimizer(name, **settings)).slots)

    assert slots("sgd") == 0
    assert slots("sgd", momentum=0.5) == 1
    assert slots("adam") == slots("adamw") == 2
    assert slots("adagrad") == slots("rmsprop") == 1
    assert slots("rmsprop", momentum=0.5) == 2
    assert slots("lbfgs", history=3) == 6


def test_every_optimizer_but_lbfgs_has_a_learning_rate_that_can_be_set():
    assert set(GRADIENT_OPTIMIZERS) == set(OPTIMIZERS) - {"lbfgs"}
    for name in GRADIENT_OPTIMIZERS:
        assert optimizer(name, learning_rate=0.125).learning_rate == 0.125
    with pytest.raises(TypeError, match="learning_rate"):
        optimizer("lbfgs", learning_rate=0.125)
