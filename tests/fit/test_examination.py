"""The proof of the gradients and the health of a network, on the training rows of its spec."""

from __future__ import annotations

import pandas as pd

from nnfit.config.loader import load_spec
from nnfit.fit.examination import gradient_check
from nnfit.fit.prepare import prepare


def test_the_gradients_of_a_network_agree_with_central_differences() -> None:
    layers = [{"size": 5, "activation": "tanh"}, {"size": "auto", "activation": "linear"}]
    keys = {"layers": layers, "initialization": {"bias": 0.5}}
    rows = range(50)
    frame = pd.DataFrame({"x": [i % 7 for i in rows], "z": [i * i % 5 for i in rows], "y": [i % 11 for i in rows]})
    data = {"target": "y", "validation": 0.2}
    loaded = load_spec({"data": data, "network": keys}, frames=["train"])
    result = gradient_check(prepare(loaded, {"train": frame}))
    assert result.checked == 15 + 6
    assert result.max_relative_error < 1e-8
