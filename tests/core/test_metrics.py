"""Each metric on cases small enough to be worked out by hand."""

import math

import numpy as np
import pytest

from nnfit.core.metrics import METRICS, accuracy, confusion, f1_macro, log_loss, mae, r2, rmse, roc_auc

TRUTH = np.array([0, 0, 0, 1, 1, 2])
LABEL = np.array([0, 0, 1, 1, 2, 2])


def scores(*second_class):
    """p (n, 2) from the probabilities of the second class."""
    p = np.array(second_class)
    return np.column_stack([1 - p, p])


def uniform(labels, K=3):
    return np.full((len(labels), K), 1 / K)


def column(*values):
    return np.array(values, float)[:, None]


def test_a_row_of_the_confusion_is_a_true_class_and_a_column_a_predicted_one():
    assert confusion(TRUTH, LABEL, 3).tolist() == [[2, 1, 0], [0, 1, 1], [0, 0, 1]]


def test_a_class_that_never_occurs_has_its_row_and_column_of_zeros():
    assert confusion(TRUTH, LABEL, 4).tolist() == [[2, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]]


def test_accuracy_is_the_share_of_hits():
    assert accuracy(TRUTH, LABEL, uniform(TRUTH)) == pytest.approx(4 / 6)


def test_f1_macro_is_the_mean_of_the_f1_of_the_classes():
    # Precision and recall: 2/2 and 2/3; 1/2 and 1/2; 1/2 and 1/1.
    assert f1_macro(TRUTH, LABEL, uniform(TRUTH)) == pytest.approx((4 / 5 + 1 / 2 + 2 / 3) / 3)


def test_f1_macro_counts_a_class_that_is_only_predicted_and_not_one_that_is_neither():
    truth, label = np.array([0, 0, 1]), np.array([0, 2, 1])
    assert f1_macro(truth, label, uniform(truth, 4)) == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_log_loss_is_the_mean_negative_logarithm_of_the_probability_of_the_true_class():
    p = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
    assert log_loss(np.array([1, 1]), np.array([0, 1]), p) == pytest.approx((math.log(4) + math.log(1.25)) / 2)


def test_log_loss_of_a_certain_and_wrong_prediction_is_large_and_finite():
    p = np.array([[1.0, 0.0]])
    assert log_loss(np.array([1]), np.array([0]), p) == pytest.approx(52 * math.log(2))
    assert log_loss(np.array([0]), np.array([0]), p) == pytest.approx(0, abs=1e-15)


def test_roc_auc_is_the_share_of_pairs_in_order():
    # Of the four pairs (0.1, 0.4), (0.1, 0.8), (0.5, 0.4), (0.5, 0.8) three are in order.
    truth = np.array([0, 0, 1, 1])
    assert roc_auc(truth, truth, scores(0.1, 0.5, 0.4, 0.8)) == pytest.approx(3 / 4)
    assert roc_auc(truth, truth, scores(0.1, 0.2, 0.4, 0.8)) == 1
    assert roc_auc(1 - truth, truth, scores(0.1, 0.2, 0.4, 0.8)) == 0


def test_a_tie_counts_half_in_roc_auc():
    truth = np.array([0, 0, 1, 1])
    assert roc_auc(truth, truth, scores(0.5, 0.5, 0.5, 0.5)) == 0.5
    assert roc_auc(truth, truth, scores(0.1, 0.5, 0.5, 0.8)) == pytest.approx(3.5 / 4)


def test_roc_auc_does_not_exist_for_one_class_or_for_three():
    one = np.array([1, 1])
    assert math.isnan(roc_auc(one, one, scores(0.2, 0.6)))
    assert math.isnan(roc_auc(1 - one, one, scores(0.2, 0.6)))
    assert math.isnan(roc_auc(TRUTH, LABEL, uniform(TRUTH)))


def test_rmse_and_mae_are_in_the_unit_of_the_target():
    y, y_hat = column(1, 2, 3, 4), column(1, 2, 3, 8)
    assert rmse(y, y_hat) == 2
    assert mae(y, y_hat) == 1


def test_r2_is_the_share_of_the_spread_that_is_explained():
    y = column(1, 2, 3, 4)
    assert r2(y, y) == 1
    assert r2(y, column(2.5, 2.5, 2.5, 2.5)) == 0
    assert r2(y, column(1, 2, 3, 6)) == pytest.approx(1 - 4 / 5)
    assert r2(y, column(4, 3, 2, 1)) == pytest.approx(1 - 20 / 5)


@pytest.mark.parametrize("constant", [2.0, 0.1, 1e9 / 3])
def test_r2_of_a_constant_target_is_1_if_it_is_met_and_else_0(constant):
    y = np.full((3, 1), constant)
    assert r2(y, y) == 1
    assert r2(y, y + 1) == 0


def test_several_targets_are_averaged_each_in_its_own_unit():
    y = np.array([[0.0, 0], [2, 200]])
    y_hat = np.array([[1.0, 0], [3, 400]])
    assert rmse(y, y_hat) == pytest.approx((1 + 200 / math.sqrt(2)) / 2)
    assert mae(y, y_hat) == pytest.approx((1 + 100) / 2)
    assert r2(y, y_hat) == pytest.approx((0 + -1) / 2)


@pytest.mark.parametrize("name", METRICS["classification"])
def test_every_metric_of_a_perfect_classifier_is_its_best(name):
    truth = np.array([0, 1, 1, 0])
    result = METRICS["classification"][name](truth, truth, np.eye(2)[truth])
    assert isinstance(result, float)
    assert result == pytest.approx(0 if name == "log_loss" else 1, abs=1e-12)


@pytest.mark.parametrize("name", METRICS["regression"])
def test_every_metric_of_a_perfect_regression_is_its_best(name):
    y = np.random.default_rng(1).normal(size=(5, 2))
    result = METRICS["regression"][name](y, y)
    assert isinstance(result, float)
    assert result == (1 if name == "r2" else 0)
