"""What the spec asks for, and the target does not have, is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

SPEC = """\
data: {train: data.csv, target: y}
network: {layers: [{size: auto, activation: OUT}]}
training: {epochs: 20, batch_size: full}
"""
TWO = "x,y\n" + "".join(f"{i % 5},{'ab'[i % 2]}\n" for i in range(20))
THREE = "x,y\n" + "".join(f"{i % 5},{'abc'[i % 3]}\n" for i in range(20))
NUMBERS = "x,y\n1,1\n2,2\n3,3\n"


@pytest.mark.parametrize(
    ("activation", "csv", "threshold", "message"),
    [
        (
            "logistic",
            TWO,
            "{maximize: f1}",
            "training.threshold: needs rows that are not learnt from; set data.validation, or training.resample: folds",
        ),
        ("linear", NUMBERS, "0.2", "training.threshold: a threshold is for one target of two classes"),
        ("softmax", THREE, "0.2", "training.threshold: a threshold is for one target of two classes"),
    ],
)
def test_what_has_no_threshold_is_refused(
    complaint: Callable[..., str], activation: str, csv: str, threshold: str, message: str
) -> None:
    assert message in complaint(SPEC.replace("OUT", activation), csv, f"training.threshold={threshold}")
