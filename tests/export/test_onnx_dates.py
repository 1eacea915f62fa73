"""Dates are read in an ONNX file as nnfit reads them, or come in as days; and scores between knots, to the digit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import onnxruntime
import pytest

from nnfit.data import dates, scales
from nnfit.data.columns import Date
from nnfit.data.feature import Feature
from nnfit.data.numeric import logarithm
from nnfit.data.recognition import DAYS, MONTHS, TIMES
from nnfit.export.onnx import numbers
from nnfit.export.onnx.dates import as_number, formatted, iso, parts, words
from nnfit.export.onnx.graph import Graph
from nnfit.export.onnx.proto import to_bytes

FORMS = [*DAYS, *MONTHS, *(DAYS[k % len(DAYS)] + time for k, time in enumerate(TIMES * 2) if time)]
MOMENTS = [
    *(datetime(1970, 1, 1), datetime(1969, 12, 31, 23, 59, 59), datetime(2000, 2, 29, 12, 30), datetime(1999, 12, 31)),
    *(datetime(2068, 3, 1, 0, 5), datetime(2024, 5, 5, 5, 5, 5, 250000), datetime(1971, 9, 30, 11, 59, 59, 999999)),
    *(datetime(2021, 1, 1) + timedelta(days=37 * k, hours=5 * k, minutes=k) for k in range(40)),
]


def evaluated(graph: Graph, tensor: str, cells: Sequence[Any]) -> Any:
    """What a tensor (n, 1) is for the cells of the input x."""
    graph.output(tensor, "found", "double", (1,))
    session = onnxruntime.InferenceSession(to_bytes(graph, {}), providers=["CPUExecutionProvider"])
    texts = isinstance(cells[0], str)
    return session.run(None, {"x": np.array(cells, object if texts else np.float64)[:, None]})[0][:, 0]


def expected(texts: Sequence[str], form: str | None) -> list[float]:
    """The days of each text as nnfit reads it; NaN for one that is no date."""
    found = []
    for text in texts:
        try:
            found.append(dates.parse(text, form))
        except (ValueError, OverflowError):
            found.append(np.nan)
    return found


def column(form: str | None) -> Feature:
    return Feature("x", Date(format=form), False, dates.Fitted(0, 0, 0, (0, 1) * 4))


@pytest.mark.parametrize("form", FORMS)
def test_every_format_that_init_proposes_is_read_as_nnfit_reads_it(form: str) -> None:
    assert not as_number(column(form))
    texts = [moment.strftime(form) for moment in MOMENTS]
    broken = [
        re.sub("[0-9]", "9", texts[0]),
        texts[1] + "x",
        "x" + texts[1],
        texts[2].replace("2", "é"),
        "no date",
        "0",
    ]
    unpadded = [re.sub(r"\b0([1-9])", r"\1", text) for text in texts]
    graph = Graph(["x"])
    found = evaluated(graph, formatted(graph, graph.input("x", "string"), form), texts + unpadded + broken)
    said = expected(texts + unpadded + broken, form)
    assert found == pytest.approx(said, abs=1e-11, nan_ok=True)
    assert np.isfinite(said[: len(texts)]).all()


ISO = [
    *(text for moment in MOMENTS for text in (moment.isoformat(), moment.isoformat(" "), moment.date().isoformat())),
    *("2024-1-1", "2024-2-29", "2023-2-29", "2024-13-01", "2024-00-10", "2024-04-31", "2024-12-32", "0000-01-01"),
    *(
        "0001-01-01",
        "9999-12-31",
        "1900-02-29",
        "2000-02-29",
        "2024-01-01T23:59",
        "2024-01-01 24:00",
        "2024-01-01T23:60",
    ),
    *("2024-01-01T10:00:00Z", "2024-01-01T10:00:00+05:30", "2024-01-01 00:10:00-11:45", "2024-01-01T10:00+00:00"),
    *("2024-01-01T10:00:60", "2024-01-01T10:00:00.5", "2024-01-01T10:00:00.123456+01:00", "2024-01-01T10:00:00+25:00"),
    *("2024-01-01-", "-2024-01-01", "2024-01-01Z", "2024-1-1T1:00", "", "today", "20240101T"),
]


def test_iso_8601_is_read_as_nnfit_reads_it() -> None:
    graph = Graph(["x"])
    found = evaluated(graph, iso(graph, graph.input("x", "string")), ISO)
    assert found == pytest.approx(expected(ISO, None), abs=1e-11, nan_ok=True)


def test_rare_forms_of_iso_8601_and_blanks_are_refused_by_the_file_and_not_read_wrong() -> None:
    rare = [" 2024-01-01", "2024-01-01 ", "20240101", "2024-W01-1", "2024-01-01T10", "2024-01-01T10:00:00+0530"]
    rare += ["2024-01-01+01:00"]  # the plus is what stands between day and time
    graph = Graph(["x"])
    assert np.isnan(evaluated(graph, iso(graph, graph.input("x", "string")), rare)).all()
    assert np.isfinite(expected(rare, None)).all()


@pytest.mark.parametrize("form", ["%Y%m%d", "%Y-%j", "%Y-%m-%d %z", "%d1%m1%Y", "%BY%Y", "%Y-%m-%d\t%H"])
def test_a_format_that_operators_cannot_cut_comes_in_as_days(form: str) -> None:
    assert as_number(column(form))


def test_a_format_is_its_parts_and_the_marks_between() -> None:
    assert words("%d.%m.%Y") == ["", "%d", ".", "%m", ".", "%Y", ""]
    assert words("100%% %Y%m") == ["100% ", "%Y", "", "%m", ""]
    assert [as_number(column(form)) for form in (None, "am %d.%m.%Y!", "%Y 年 %m", "%%%Y")] == [False] * 4


def test_the_parts_of_a_day_are_those_of_nnfit_for_ten_thousand_years() -> None:
    days = np.concatenate([np.arange(-719162, 2932897, 317), np.arange(19000, 20500), np.arange(19000, 19010) + 0.7])
    for part in range(len(dates.NAMES)):
        graph = Graph(["x"])
        found = evaluated(graph, parts(graph, graph.input("x", "double"))[part], days)
        assert found == pytest.approx(dates.parts(days)[:, part], abs=1e-15)


# --- numbers that lie on a knot ------------------------------------------------------------------------------------

TIES = np.array([-3.0] * 8 + [0.0] * 30 + [0.1, 0.2, 0.3] * 5 + [7.0] * 12 + [1e6])


@pytest.mark.parametrize("log1p", [False, True])
def test_scores_of_equal_knots_are_the_middle_ones_as_those_of_nnfit(log1p: bool) -> None:
    bend = logarithm if log1p else np.array
    knots = np.array(scales.SCALES["quantile"].fit(bend(TIES)))
    x = np.unique(np.concatenate([TIES, np.linspace(-4, 8, 500), [1e7, -1e300, 1e300]]))
    graph = Graph(["x"])
    own = graph.input("x", "double")
    own = numbers.logarithm(graph, own) if log1p else own
    found = evaluated(graph, numbers.normal_scores(graph, own, knots[None], numbers.SLACK if log1p else 0.0), x)
    assert found == pytest.approx(scales.normal_scores(bend(x), knots), abs=1e-9)


def test_logarithms_are_exact_near_zero_too() -> None:
    x = np.concatenate([np.logspace(-300, 300, 601), -np.logspace(-20, 20, 41), [0.0]])
    graph = Graph(["x"])
    found = evaluated(graph, numbers.logarithm(graph, graph.input("x", "double")), x)
    assert found == pytest.approx(logarithm(x), rel=1e-15, abs=0)
