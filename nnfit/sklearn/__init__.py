"""nnfit as estimators of scikit-learn: NNClassifier and NNRegressor, for pipelines, searches and cross-validation."""

from nnfit.extras import require

require("sklearn", "nnfit.sklearn needs", "sklearn")

from nnfit.sklearn.estimators import NNClassifier, NNRegressor  # noqa: E402 (behind the question whether it is there)

__all__ = ["NNClassifier", "NNRegressor"]
