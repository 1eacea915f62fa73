"""scikit-learn's metrics, and the optima that its linear models find."""

import warnings

import numpy as np
import pytest
from builders import follow, group, network, optimizer
from hypothesis import given, settings
from hypothesis import strategies as st

from nnfit.core.batches import Examples
from nnfit.core.losses import LOSSES
from nnfit.core.plan import Plan
from nnfit.scoring.metrics import METRICS, confusion, per_class

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


def some_weights(rng, n):
    """None, or weights of the rows."""
    return rng.uniform(0.2, 2, n) if rng.random() < 0.5 else None


def found(name, *rows):
    return float(METRICS["classification"][name].of(*rows))


@cases
@seeds
def test_what_follows_from_the_predicted_classes_is_that_of_scikit_learn(seed):
    from sklearn import metrics

    rng = np.random.default_rng(seed)
    truth, label, p = classified(rng)
    w, K = some_weights(rng, len(p)), p.shape[1]
    rows = truth, label, p, w
    assert found("accuracy", *rows) == pytest.approx(metrics.accuracy_score(truth, label, sample_weight=w))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class that is predicted but does not occur is left out, as here
        balanced = metrics.balanced_accuracy_score(truth, label, sample_weight=w)
    assert found("balanced_accuracy", *rows) == pytest.approx(balanced)
    matrix = metrics.confusion_matrix(truth, label, labels=range(K), sample_weight=w)
    np.testing.assert_allclose(confusion(truth, label, K, w), matrix, rtol=1e-12)
    each = per_class(truth, label, K, w)
    for name, score in (
        ("precision", metrics.precision_score),
        ("recall", metrics.recall_score),
        ("f1", metrics.f1_score),
    ):
        expected = score(truth, label, labels=range(K), average=None, zero_division=np.nan, sample_weight=w)
        np.testing.assert_allclose(each[name], expected, rtol=1e-12, err_msg=name)
        expected = score(truth, label, average="macro", zero_division=0, sample_weight=w)
        assert found(f"{name}_macro", *rows) == pytest.approx(expected, rel=1e-12), name


@cases
@seeds
def test_what_follows_from_the_probabilities_is_that_of_scikit_learn_certain_and_wrong_ones_included(seed):
    from sklearn.metrics import brier_score_loss, log_loss

    rng = np.random.default_rng(seed)
    truth, label, p = classified(rng)
    w, K = some_weights(rng, len(p)), p.shape[1]
    certain = rng.random(len(p)) < 0.3
    p[certain] = np.eye(K)[rng.integers(K, size=certain.sum())]
    expected = log_loss(truth, p, labels=range(K), sample_weight=w)
    assert found("log_loss", truth, label, p, w) == pytest.approx(expected, rel=1e-12, abs=1e-15)
    expected = brier_score_loss(truth, p, labels=range(K), sample_weight=w)
    assert found("brier", truth, label, p, w) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@cases
@seeds
def test_what_follows_from_the_order_of_two_classes_is_that_of_scikit_learn_ties_included(seed):
    from sklearn.metrics import average_precision_score, roc_auc_score

    rng = np.random.default_rng(seed)
    truth, label, p = classified(rng, K=2)
    truth[:2] = 0, 1
    w = some_weights(rng, len(p))
    expected = roc_auc_score(truth, p[:, 1], sample_weight=w)
    assert found("roc_auc", truth, label, p, w) == pytest.approx(expected, rel=1e-12, abs=1e-15)
    expected = average_precision_score(truth, p[:, 1], sample_weight=w)
    assert found("average_precision", truth, label, p, w) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@cases
@seeds
def test_what_follows_from_the_order_of_many_classes_is_the_macro_mean_of_scikit_learn(seed):
    from sklearn.metrics import average_precision_score, roc_auc_score

    rng = np.random.default_rng(seed)
    K = int(rng.integers(3, 6))
    truth, label, p = (np.concatenate([part] * 3) for part in classified(rng, K))
    truth[:K] = range(K)
    w = some_weights(rng, len(p))
    one_hot = np.eye(K)[truth]
    expected = roc_auc_score(truth, p, multi_class="ovr", average="macro", sample_weight=w)
    assert found("roc_auc", truth, label, p, w) == pytest.approx(expected, rel=1e-12)
    expected = average_precision_score(one_hot, p, average="macro", sample_weight=w)
    assert found("average_precision", truth, label, p, w) == pytest.approx(expected, rel=1e-12)


@cases
@seeds
def test_the_calibration_error_is_the_gap_of_scikit_learn_s_calibration_curve(seed):
    from sklearn.calibration import calibration_curve

    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 200))
    p = rng.dirichlet(np.ones(3), n)
    truth, label = rng.integers(3, size=n), p.argmax(axis=1)
    confidence = p.max(axis=1)
    share_right, mean_confidence = calibration_curve(truth == label, confidence, n_bins=15)
    sizes = np.histogram(confidence, bins=np.linspace(0, 1, 16))[0]
    expected = (sizes[sizes > 0] / n * np.abs(share_right - mean_confidence)).sum()
    assert found("calibration_error", truth, label, p) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@cases
@seeds
def test_the_metrics_of_regression_are_those_of_scikit_learn(seed):
    from sklearn import metrics

    rng = np.random.default_rng(seed)
    n, K = rng.integers(2, 40), rng.integers(1, 4)
    y = rng.normal(rng.normal(), 10.0 ** rng.integers(-3, 4), (n, K))
    y_hat = y + rng.normal(size=(n, K))
    w = some_weights(rng, n)
    for name, score in (
        ("rmse", metrics.root_mean_squared_error),
        ("mae", metrics.mean_absolute_error),
        ("r2", metrics.r2_score),
        ("mape", metrics.mean_absolute_percentage_error),
    ):
        expected = score(y, y_hat, sample_weight=w)
        assert float(METRICS["regression"][name].of(y, y_hat, w)) == pytest.approx(expected, rel=1e-10), name


def optimum(sigma, loss, X, Y, learning_rate, w=None):
    """θ (K, N + 1) of one layer, trained from 0 by full-batch descent with momentum until nothing moves any more."""
    n, K = len(X), len(Y)
    net = network(X.shape[1], group(K, sigma), loss=loss)
    w = np.ones(n) if w is None else w / w.mean()
    data, theta = Examples(np.column_stack([np.ones(n), X]), Y, w[None, None]), np.zeros((1, net.P))
    rule = optimizer("sgd", learning_rate=learning_rate, momentum=0.9, nesterov=True)
    follow(net, theta, data, Plan(3000, n, rule))
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
