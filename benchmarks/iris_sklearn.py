"""What `nnfit train configs/iris.yaml` does, with scikit-learn: from a CSV file to metrics and a saved model."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import joblib
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

Sets = dict[str, tuple[pd.DataFrame, "pd.Series[str]"]]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("csv", type=Path)
    parser.add_argument("model", type=Path, help="where the model goes")
    parser.add_argument("--target", required=True)
    parser.add_argument("--validation", type=float, required=True, help="share of the rows")
    parser.add_argument("--test", type=float, required=True, help="share of the rows")
    parser.add_argument("--hidden", type=int, nargs="+", required=True, help="neurons of each hidden layer")
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    return parser.parse_args()


def split(table: pd.DataFrame, target: str, validation: float, test: float) -> Sets:
    """Train, validation and test, stratified by class."""
    n = len(table)
    rest, last = train_test_split(table, test_size=round(test * n), stratify=table[target], random_state=0)
    first, middle = train_test_split(rest, test_size=round(validation * n), stratify=rest[target], random_state=0)
    parts = {"train": first, "validation": middle, "test": last}
    return {name: (part.drop(columns=target), part[target]) for name, part in parts.items()}


def train(sets: Sets, options: argparse.Namespace) -> Pipeline:
    network = MLPClassifier(
        options.hidden,
        alpha=0,
        batch_size=options.batch_size,
        learning_rate_init=options.learning_rate,
        max_iter=options.epochs,
        random_state=0,
        tol=0,
        n_iter_no_change=options.epochs,
    )
    model = make_pipeline(StandardScaler(), network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(*sets["train"])
    return model


def show_metrics(model: Pipeline, sets: Sets) -> None:
    for name, (X, y) in sets.items():
        probabilities, predicted = model.predict_proba(X), model.predict(X)
        print(
            f"{name} ({len(X)} rows): log_loss {log_loss(y, probabilities, labels=model.classes_):.4f}  "
            f"accuracy {accuracy_score(y, predicted):.4f}  f1_macro {f1_score(y, predicted, average='macro'):.4f}"
        )
    X, y = sets["test"]
    print("Confusion, test rows: true class by predicted class", confusion_matrix(y, model.predict(X)), sep="\n")


def main() -> None:
    options = arguments()
    sets = split(pd.read_csv(options.csv), options.target, options.validation, options.test)
    model = train(sets, options)
    show_metrics(model, sets)
    joblib.dump(model, options.model)


if __name__ == "__main__":
    main()
