"""scikit-learn's own checks of an estimator, of both of ours; which one cannot hold is declared, with its reason."""

from __future__ import annotations

from collections import Counter
from inspect import signature
from typing import Any

import pytest
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from nnfit.sklearn import NNClassifier, NNRegressor

pytestmark = pytest.mark.filterwarnings("ignore::nnfit.NnfitWarning")

WEIGHTS = "a weight of 2 is not the row twice, where rows are drawn into minibatches and folds"
DECLARED = {"check_sample_weight_equivalence_on_dense_data": WEIGHTS}
QUICK: dict[str, Any] = {"layers": (16,), "members": 2, "epochs": 20}


@parametrize_with_checks(
    [NNClassifier(**QUICK), NNRegressor(**QUICK)],
    expected_failed_checks=lambda estimator: DECLARED,
    **({"xfail_strict": True} if "xfail_strict" in signature(parametrize_with_checks).parameters else {}),  # 1.7 has it
)
def test_the_estimator_passes(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", [NNClassifier(), NNRegressor()])
def test_what_init_proposes_fails_in_nothing_but_what_is_declared(estimator: Any) -> None:
    found = check_estimator(estimator, expected_failed_checks=DECLARED, on_fail=None, on_skip=None)
    by_status = Counter(each["status"] for each in found)
    assert by_status["passed"] > 50
    assert [each["check_name"] for each in found if each["status"] == "xfail"] == list(DECLARED)
    assert [each["check_name"] for each in found if each["status"] == "failed"] == []
