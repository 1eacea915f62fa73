"""What a sweep comes to, in words: a line for a trial, on the screen of Python and in the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import nnfit
from nnfit.sweeps.results import brief, table

Written = Callable[..., Path]


def test_a_trial_is_printed_in_a_line(place: Path) -> None:
    swept = nnfit.sweep(place / "sweep.yaml", jobs=1)
    row = swept.ranking()[0]
    assert str(row).startswith(f"<Row of trial {row.number}: done, score ")
    assert str(row.parameters) in str(row)
    assert len(str(row)) < 200 and len(str(row.outcomes[0])) < 80
    assert row.outcomes[0].groups


def test_a_message_of_many_lines_is_one_in_the_table(place: Path) -> None:
    swept = nnfit.sweep(place / "sweep.yaml", jobs=1)
    message = "no\n  such\r\nfile \x1b[2J " + "long " * 100
    outcomes = {id: each._replace(status="failed", message=message) for id, each in swept.outcomes.items()}
    lines = table(replace(swept, outcomes=outcomes)).decode().splitlines()
    assert len(lines) == 5
    assert all("failed: no such file \\x1b[2J long long" in line and "…" in line for line in lines[1:])
    assert len(brief(message)) == 200
    assert brief("as it is") == "as it is"


def test_a_model_in_place_of_a_spec_is_told_what_to_give(place: Path) -> None:
    swept = nnfit.sweep(place / "sweep.yaml", jobs=1)
    with pytest.raises(nnfit.NnfitError, match=r"not Model; give its spec, as model\.spec$"):
        nnfit.train(swept.best)  # type: ignore[arg-type]
