"""A page of a model file that claims what no training leaves: it is refused at load, or drawn without a warning."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import nnfit
from nnfit.model.model import Model
from nnfit.report.make import of_models
from report.pages import result

Change = Callable[[dict[str, Any]], object]


def first(found: dict[str, Any]) -> dict[str, Any]:
    """The profile of the first class or target."""
    each: dict[str, Any] = (found["profile"]["classes"] or found["profile"]["targets"])[0]
    return each


def line(value: object, found: dict[str, Any], members: int = 1) -> list[list[object]]:
    """A learning curve that is the same at every epoch."""
    return [[value] * len(found["curves"]["epochs"])] * members


REFUSED: list[tuple[str, str, Change]] = [
    ("a number", "a number is not", lambda a: first(a)["density"][0].__setitem__(0, 1e308)),
    ("a number", "a number is not", lambda a: first(a).update(edges=[-1.7e308, 1.7e308], density=[[1]])),
    ("a number", "edges do not rise", lambda a: first(a).update(edges=[0, 1e-320], density=[[1]])),
    ("a number", "edges do not rise", lambda a: first(a).update(residual_edges=[1e9, 1e9 + 1e-6], residuals=[1])),
    ("a number", "percentiles", lambda a: first(a).update(band_middle=first(a)["band_low"], band_low=[9e9])),
    ("a number", "not that of this target", lambda a: a["profile"]["targets"].append(first(a))),
    ("two classes", "not that of this target", lambda a: a["profile"]["classes"].append(first(a))),
    ("two classes", "not that of this target", lambda a: first(a).update(index=0)),
    ("two classes", "not that of this target", lambda a: first(a).update(tp_at=[], fp_at=[])),
    ("several 0/1", "not that of this target", lambda a: first(a).update(tp_at=[0] * 101, fp_at=[0] * 101)),
    ("two classes", "tp falls", lambda a: first(a)["tp"].__setitem__(0, first(a)["tp"][-1] + 1)),
    ("two classes", "fp falls", lambda a: first(a).update(negatives=0)),
    ("two classes", "tp_at falls", lambda a: first(a)["tp_at"].reverse()),
    ("two classes", "bins", lambda a: first(a).update(share_in_bin=[None] * 10)),
    ("two classes", "a number is not", lambda a: first(a)["mean_in_bin"].__setitem__(0, 7)),
    ("two classes", "a number is not", lambda a: first(a).update(positives=1e300)),
    ("two classes", "interval ends", lambda a: a["intervals"].update(accuracy=[1e308, -5])),
    ("two classes", "no such set", lambda a: a.update(rows="x" * 100_000)),
    ("two classes", "no such set", lambda a: a.update(rows=["test"])),
    ("two classes", "not so many columns", lambda a: a.update(missing=[0] * 300_000)),
    ("two classes", "whole number", lambda a: a.update(missing=[2**54])),
    ("two classes", "do not rise", lambda a: a["curves"]["epochs"].reverse()),
    ("two classes", "do not rise", lambda a: a["curves"]["epochs"].__setitem__(-1, 13)),
    ("folds", "do not rise", lambda a: a["curves"].update(kept=[13, 1, 1])),
    ("folds", "not those of the spec", lambda a: a["curves"].update(members=4)),
    ("folds", "fit each other", lambda a: a["curves"].update(cost=[], validation=None)),
    ("folds", "fit each other", lambda a: a["curves"].update(cost=line(1, a, 4), validation=None)),
    ("two classes", "a number is not", lambda a: a["curves"].update(cost=line(1e308, a))),
    ("two classes", "health", lambda a: a["health"].update(layers=[])),
    ("two classes", "health", lambda a: a["health"]["layers"][0].update(number=99)),
    ("two classes", "health", lambda a: a["health"]["layers"].reverse()),
    ("two classes", "health", lambda a: a["health"]["layers"][0]["units"][0].__setitem__(0, "relu")),
    ("two classes", "health", lambda a: a["health"]["layers"][0]["units"][0].__setitem__(1, 10**6)),
    ("two classes", "health", lambda a: a["health"]["layers"][0]["units"][0].__setitem__(2, 6)),
    ("two classes", "a number is not", lambda a: a["health"]["layers"][0].update(gradient=-1)),
]
STRANGE: list[tuple[str, Change]] = [
    ("a number", lambda a: first(a)["density"][0].__setitem__(0, 2**53)),
    ("a number", lambda a: first(a).update(edges=[-1e151, 1e151], density=[[1]])),
    ("a number", lambda a: first(a).update(edges=[0, 1e-300], density=[[0.5]])),
    ("a number", lambda a: first(a).update(residual_edges=[-1e151, 1e151], residuals=[2**53])),
    ("a number", lambda a: first(a).update(band_low=[-1e151] * len(first(a)["band_low"]))),
    ("a number", lambda a: first(a).update(band_mean=[1e151] * len(first(a)["band_low"]))),
    ("a number", lambda a: a["profile"].update(targets=[], rows=0)),
    ("two classes", lambda a: a["profile"].update(classes=[], rows=2**53)),
    ("two classes", lambda a: first(a).update(positives=2**53, negatives=2**53)),
    ("folds", lambda a: first(a).update(rows_in_bin=[5e-324] * 10, share_in_bin=[0.5] * 10, mean_in_bin=[None] * 10)),
    ("folds", lambda a: first(a).update(own=[2**53] * 20, others=[0] * 20)),
    ("two classes", lambda a: a["intervals"].update({"accuracy": [-1.7e308, 1.7e308], "x" * 9999: "?"})),
    ("two classes", lambda a: a["curves"]["cost"][0].__setitem__(0, 1e300)),
    ("folds", lambda a: a["curves"].update(cost=line(1e300, a, 3), validation=line(-1e300, a, 3))),
    ("folds", lambda a: a["curves"].update(cost=line(5e-324, a, 3), validation=line(None, a, 3))),
    ("two classes", lambda a: a["health"]["layers"][0].update(gradient=1.7e308)),
    ("two classes", lambda a: a["health"]["layers"][1].update(gradient=0)),
]


def changed(kind: str, change: Change) -> Model:
    """A model whose file says something else of its rows."""
    model = result(kind).model
    record = json.loads(json.dumps(model.record))
    change(record["aggregates"])
    return replace(model, record=record)


@pytest.mark.parametrize(("kind", "words", "change"), REFUSED)
def test_what_no_training_leaves_is_refused_at_load(kind: str, words: str, change: Change, tmp_path: Path) -> None:
    changed(kind, change).save(tmp_path / "m.npz")
    with pytest.raises(nnfit.NnfitError, match=f"metadata: aggregates: .*{words}"):
        nnfit.load(tmp_path / "m.npz")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("kind", "change"), STRANGE)
def test_what_a_training_may_leave_is_drawn_without_a_warning(kind: str, change: Change, tmp_path: Path) -> None:
    changed(kind, change).save(tmp_path / "m.npz")
    assert b"</html>" in of_models({"m.npz": nnfit.load(tmp_path / "m.npz")})
