"""What `nnfit predict` does, with scikit-learn: the model of iris_sklearn.py and a CSV in, predictions as CSV out."""

from __future__ import annotations

import sys

import joblib
import pandas as pd

model, table, output = sys.argv[1:]
pipeline = joblib.load(model)
rows = pd.read_csv(table)[list(pipeline.feature_names_in_)]
pd.DataFrame({"prediction": pipeline.predict(rows)}).to_csv(output, index=False)
