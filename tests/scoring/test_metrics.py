"""Each metric on cases small enough to be worked out by hand."""

import math

import numpy as np
import pytest

from nnfit.scoring.metrics import (
    METRICS,
    accuracy,
    average_precision,
    balanced_accuracy,
    brier,
    calibration_error,
    confusion,
    f1_macro,
    log_loss,
    mae,
    mape,
    per_class,
    precision_macro,
    r2,
    recall_macro,
    rmse,
    roc_auc,
)

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


def test_roc_auc_does_not_exist_for_one_class():
    one = np.array([1, 1])
    for metric in (roc_auc, average_precision):
        assert math.isnan(metric(one, one, scores(0.2, 0.6)))
        assert math.isnan(metric(1 - one, one, scores(0.2, 0.6)))
        assert math.isnan(metric(one, one, uniform(one)))


THREE = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.5, 0.4, 0.1], [0.1, 0.3, 0.6]])


def test_roc_auc_of_three_classes_is_the_mean_of_each_against_the_rest():
    # Of class 0 (0.6, 0.2) against (0.5, 0.1) three pairs of four are in order; of class 1 0.4 against 0.3, 0.5 and
    # 0.3 two of three; of class 2 0.6 against all of the rest.
    truth = np.array([0, 0, 1, 2])
    assert roc_auc(truth, truth, THREE) == pytest.approx((3 / 4 + 2 / 3 + 1) / 3)


def test_a_class_that_does_not_occur_is_left_out_of_the_mean_over_classes():
    truth = np.array([0, 0, 1, 1])
    # Class 0: 0.6, 0.2 against 0.5, 0.1; class 1: 0.4, 0.3 against 0.3, 0.5, one tie.
    assert roc_auc(truth, truth, THREE) == pytest.approx((3 / 4 + 1.5 / 4) / 2)


def test_average_precision_adds_the_precision_at_every_gain_of_recall():
    truth = np.array([1, 0, 1, 0])
    # From the highest score: a hit (precision 1), a miss, a hit (precision 2/3), a miss.
    assert average_precision(truth, truth, scores(0.9, 0.8, 0.7, 0.1)) == pytest.approx(1 / 2 + 2 / 3 / 2)
    # Tied rows are one threshold.
    assert average_precision(truth, truth, scores(0.5, 0.5, 0.5, 0.5)) == pytest.approx(1 / 2)


def test_precision_recall_and_f1_of_a_class_come_from_its_hits():
    found = per_class(TRUTH, LABEL, 4)
    for name, expected in {
        "precision": [1, 1 / 2, 1 / 2, math.nan],
        "recall": [2 / 3, 1 / 2, 1, math.nan],
        "f1": [4 / 5, 1 / 2, 2 / 3, math.nan],
    }.items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-15)
    p = uniform(TRUTH, 4)
    assert precision_macro(TRUTH, LABEL, p) == pytest.approx(2 / 3)
    assert recall_macro(TRUTH, LABEL, p) == balanced_accuracy(TRUTH, LABEL, p) == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)


def test_a_class_that_is_only_predicted_has_no_recall_and_counts_against_the_mean_but_not_in_balanced_accuracy():
    truth, label = np.array([0, 0, 1]), np.array([0, 2, 1])
    assert np.isnan(per_class(truth, label, 3)["recall"]).tolist() == [False, False, True]
    assert recall_macro(truth, label, uniform(truth)) == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert balanced_accuracy(truth, label, uniform(truth)) == pytest.approx((1 / 2 + 1) / 2)


def test_brier_is_the_square_from_one_hot_and_half_of_it_for_two_classes():
    assert brier(np.array([1, 0]), np.array([1, 0]), scores(0.7, 0.2)) == pytest.approx((0.09 + 0.04) / 2)
    p = np.array([[0.5, 0.25, 0.25]])
    assert brier(np.array([0]), np.array([0]), p) == pytest.approx(0.25 + 2 * 0.0625)


def test_the_calibration_error_is_the_mean_gap_of_the_bins():
    # Two rows with confidence 0.9, one right: |1/2 − 0.9|; two with 0.6, both right: |1 − 0.6|.
    p = scores(0.9, 0.9, 0.6, 0.6)
    truth, label = np.array([1, 0, 1, 1]), np.array([1, 1, 1, 1])
    assert calibration_error(truth, label, p) == pytest.approx((0.4 + 0.4) / 2)
    # 0.6 is the upper end of its bin, (8/15, 9/15], so a little less shares it and a little more does not.
    truth, label = np.array([1, 0]), np.array([1, 1])
    assert calibration_error(truth, label, scores(0.59, 0.6)) == pytest.approx(abs(0.41 - 0.6) / 2)
    assert calibration_error(truth, label, scores(0.61, 0.6)) == pytest.approx((0.39 + 0.6) / 2)


def test_a_perfectly_calibrated_guess_has_no_calibration_error_and_a_certain_wrong_one_all_of_it():
    truth, label = np.array([1, 1, 1, 0]), np.array([1, 1, 1, 1])
    assert calibration_error(truth, label, scores(0.75, 0.75, 0.75, 0.75)) == pytest.approx(0)
    assert calibration_error(1 - label, label, scores(1.0, 1.0, 1.0, 1.0)) == 1


def test_mape_is_a_share_and_is_not_defined_where_a_target_is_0():
    assert mape(column(1, 2, -4), column(1.5, 2, -3)) == pytest.approx((0.5 + 0 + 0.25) / 3)
    assert math.isnan(mape(column(1, 0), column(1, 0)))


def test_r2_of_one_row_is_not_defined():
    assert math.isnan(r2(column(1), column(1)))
    assert np.isnan(r2(column(1), column(1), np.ones((3, 1)))).tolist() == [True] * 3


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


LOWER_IS_BETTER = ("log_loss", "brier", "calibration_error", "rmse", "mae", "mape")


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("name", METRICS["classification"])
def test_every_metric_of_a_perfect_classifier_is_its_best(name, K):
    truth = np.array([0, 1, 1, 0, K - 1])
    result = METRICS["classification"][name].of(truth, truth, np.eye(K)[truth])
    assert float(result) == pytest.approx(0 if name in LOWER_IS_BETTER else 1, abs=1e-12)


@pytest.mark.parametrize("name", METRICS["regression"])
def test_every_metric_of_a_perfect_regression_is_its_best(name):
    y = np.random.default_rng(1).normal(size=(5, 2))
    assert float(METRICS["regression"][name].of(y, y)) == (0 if name in LOWER_IS_BETTER else 1)


def some_rows(kind, n=12):
    """What the metrics of one kind of task take; few values of p, so that ties occur."""
    rng = np.random.default_rng(2)
    if kind == "regression":
        return rng.normal(size=(n, 2)), rng.normal(size=(n, 2))
    p = rng.integers(1, 4, (n, 3)).astype(float)
    p /= p.sum(axis=1, keepdims=True)
    return rng.integers(3, size=n), p.argmax(axis=1), p


EVERY = pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in METRICS for name in METRICS[kind]])


@EVERY
def test_every_metric_knows_whether_more_of_it_is_better(kind, name):
    assert METRICS[kind][name].higher == (name not in LOWER_IS_BETTER)


@EVERY
def test_a_row_of_weight_2_counts_like_two_rows_and_one_of_weight_0_not_at_all(kind, name):
    metric, rows = METRICS[kind][name].of, some_rows(kind)
    w = np.array([2, 1, 0, 1, 3, 1, 1, 0, 1, 1, 2, 1])
    repeated = [np.repeat(part, w, axis=0) for part in rows]
    assert float(metric(*rows, w.astype(float))) == pytest.approx(float(metric(*repeated)), rel=1e-12)
    assert float(metric(*rows, w * 7.5)) == pytest.approx(float(metric(*repeated)), rel=1e-12)
    assert float(metric(*rows, w.astype(float))) != pytest.approx(float(metric(*rows)), rel=1e-6)


@EVERY
def test_many_weightings_at_once_give_what_each_gives_alone(kind, name):
    metric, rows = METRICS[kind][name].of, some_rows(kind)
    w = np.random.default_rng(3).integers(0, 3, (20, 12)).astype(float)
    w[0] = 0
    w[0, :2] = 1  # two rows alone
    together = metric(*rows, w)
    assert together.shape == (20,)
    for found, each in zip(together, w, strict=True):
        np.testing.assert_allclose(found, metric(*rows, each), rtol=1e-9, atol=1e-12)


def test_resamples_of_a_single_row_have_no_spread_to_explain():
    y = column(1.1, 2.3, 4.7)
    assert r2(y, y + 1, np.array([[3.0, 0, 0], [0, 0, 3]])).tolist() == [0, 0]
