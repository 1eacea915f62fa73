"""scikit-learn's metrics, and the optima that its linear models find."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnfit.core.batches import Examples
from nnfit.core.losses import LOSSES
from nnfit.core.metrics import METRICS, confusion
from nnfit.core.network import Group, Network
from nnfit.core.training import Plan, begin, fit

pytestmark = pytest.mark.oracle

seeds = given(seed=st.integers(0, 2**32 - 1))
cases = settings(deadline=None, max_examples=200)


def classified(rng, K=None):
    """truth, label and p of a few rows; few values of p, so that ties occur; not every class need occur."""
    K = K or int(rng.integers(2, 6))
    n = int(rng.integers(2, 40))
    p = rng.integers(1, 6, (n, K)).astype(float)
    p /= p.sum(axis=1, keepdims=True)
    return rng.integers(K, size=n), p.argmax(axis=1), p


@cases
@seeds
def test_accuracy_is_that_of_scikit_learn(seed):
    from sklearn.metrics import accuracy_score

    truth, label, p = classified(np.random.default_rng(seed))
    assert METRICS["classification"]["accuracy"](truth, label, p) == pytest.approx(accuracy_score(truth, label))


@cases
@seeds
def test_the_confusion_is_that_of_scikit_learn(seed):
    from sklearn.metrics import confusion_matrix

    truth, label, p = classified(np.random.default_rng(seed))
    K = p.shape[1]
    np.testing.assert_array_equal(confusion(truth, label, K), confusion_matrix(truth, label, labels=range(K)))


@cases
@seeds
def test_f1_macro_is_that_of_scikit_learn(seed):
    from sklearn.metrics import f1_score

    truth, label, p = classified(np.random.default_rng(seed))
    expected = f1_score(truth, label, average="macro", zero_division=0)
    assert METRICS["classification"]["f1_macro"](truth, label, p) == pytest.approx(expected, rel=1e-12)


@cases
@seeds
def test_log_loss_is_that_of_scikit_learn_certain_and_wrong_predictions_included(seed):
    from sklearn.metrics import log_loss

    rng = np.random.default_rng(seed)
    truth, label, p = classified(rng)
    certain = rng.random(len(p)) < 0.3
    p[certain] = np.eye(p.shape[1])[rng.integers(p.shape[1], size=certain.sum())]
    expected = log_loss(truth, p, labels=range(p.shape[1]))
    assert METRICS["classification"]["log_loss"](truth, label, p) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@cases
@seeds
def test_roc_auc_is_that_of_scikit_learn_ties_included(seed):
    from sklearn.metrics import roc_auc_score

    truth, label, p = classified(np.random.default_rng(seed), K=2)
    truth[:2] = 0, 1
    expected = roc_auc_score(truth, p[:, 1])
    assert METRICS["classification"]["roc_auc"](truth, label, p) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@cases
@seeds
def test_the_metrics_of_regression_are_those_of_scikit_learn(seed):
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    rng = np.random.default_rng(seed)
    n, K = rng.integers(2, 40), rng.integers(1, 4)
    y = rng.normal(rng.normal(), 10.0 ** rng.integers(-3, 4), (n, K))
    y_hat = y + rng.normal(size=(n, K))
    for name, score in (("rmse", root_mean_squared_error), ("mae", mean_absolute_error), ("r2", r2_score)):
        assert METRICS["regression"][name](y, y_hat) == pytest.approx(score(y, y_hat), rel=1e-10), name


def optimum(sigma, loss, X, Y, learning_rate, w=None):
    """θ (K, N + 1) of one layer, trained from 0 by full-batch descent with momentum until nothing moves any more."""
    n, K = len(X), len(Y)
    net = Network(X.shape[1], ((Group(K, sigma, {"k": 1.0} if sigma == "linear" else {}),),), loss)
    w = np.ones(n) if w is None else w / w.mean()
    data, theta = Examples(np.column_stack([np.ones(n), X]), Y, w[None, None]), np.zeros((1, net.P))
    parameters = {"learning_rate": learning_rate, "momentum": 0.9, "nesterov": True}
    for _ in fit(net, begin(theta, "sgd", parameters), data, Plan(3000, n, "sgd", parameters), [0]):
        pass
    return theta.reshape(K, -1)


def overlapping(K):
    """Rows of K classes that no plane separates, so that an optimum exists; and example weights."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(120, 3))
    score = X @ rng.normal(size=(3, K)) + rng.gumbel(size=(120, K))
    return X, score.argmax(axis=1), rng.uniform(0.2, 2, 120)


@pytest.mark.parametrize("weighted", [False, True])
def test_one_logistic_neuron_with_bce_finds_the_optimum_of_logistic_regression(weighted):
    from sklearn.linear_model import LogisticRegression

    X, y, w = overlapping(2)
    w = w if weighted else None
    # C = ∞ is no penalty.
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12).fit(X, y, w)
    theta = optimum("logistic", "bce", X, y[None].astype(float), 1.0, w)
    np.testing.assert_allclose(theta[0], np.r_[model.intercept_, model.coef_[0]], rtol=1e-8)


@pytest.mark.parametrize("weighted", [False, True])
def test_one_softmax_layer_with_cross_entropy_finds_the_optimum_of_logistic_regression(weighted):
    from sklearn.linear_model import LogisticRegression

    X, y, w = overlapping(3)
    w = w if weighted else None
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12).fit(X, y, w)
    theta = optimum("softmax", "cross_entropy", X, np.eye(3)[y].T, 1.0, w)
    # A constant added to all classes changes no probability, so coefficients are compared from their mean.
    expected = np.column_stack([model.intercept_, model.coef_])
    np.testing.assert_allclose(theta - theta.mean(axis=0), expected - expected.mean(axis=0), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", [name for name in LOSSES if name in ("mse", "rss")])
def test_one_linear_layer_finds_the_optimum_of_linear_regression(loss, weighted):
    from sklearn.linear_model import LinearRegression

    rng = np.random.default_rng(5)
    X = rng.normal(size=(60, 3))
    Y = rng.normal(size=(2, 3)) @ X.T + rng.normal(size=(2, 60)) + 1
    w = rng.uniform(0.2, 2, 60) if weighted else None
    model = LinearRegression().fit(X, Y.T, w)
    theta = optimum("linear", loss, X, Y, 0.1 if loss == "mse" else 0.1 / len(X), w)
    np.testing.assert_allclose(theta, np.column_stack([model.intercept_, model.coef_]), rtol=1e-9)
