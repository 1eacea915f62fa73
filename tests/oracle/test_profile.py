"""The points of the curves are those of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from nnfit.scoring.profile import BINS, of_class

pytestmark = pytest.mark.oracle
calibration = pytest.importorskip("sklearn.calibration")
metrics = pytest.importorskip("sklearn.metrics")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_roc_precision_recall_and_calibration_are_those_of_sklearn(seed: int, ties: bool, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    p = rng.random(300)
    p = p.round(1) if ties else p
    y = rng.random(300) < p**2
    w = rng.random(300) if weighted else None
    found = of_class("yes", y, p, w, points=None)
    fpr, tpr, _ = metrics.roc_curve(y, p, sample_weight=w, drop_intermediate=False)
    assert np.allclose(found.roc, (fpr, tpr), rtol=1e-4)
    precision, recall, _ = metrics.precision_recall_curve(y, p, sample_weight=w, drop_intermediate=False)
    assert np.allclose(found.precision_recall, (recall[::-1], precision[::-1]), rtol=1e-4)
    if not weighted:
        share, mean = calibration.calibration_curve(y, p, n_bins=len(BINS) - 1)
        own = [(m, s) for m, s in zip(found.mean_in_bin, found.share_in_bin, strict=True) if m is not None]
        assert np.allclose(own, np.transpose([mean, share]), rtol=1e-4)
