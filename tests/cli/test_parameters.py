"""What typer would have pydantic settle is settled without it, to the same value; its errors stay typer's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from nnfit.cli.parameters import UNSETTLED, settled

Run = Callable[..., Any]


class Word(StrEnum):
    one = "one"


@pytest.mark.parametrize(
    ("value", "kind", "least", "expected"),
    [
        ("a", str, None, "a"),
        ("", str, None, ""),
        (True, bool, None, True),
        ("12", int, 1, 12),
        (3, int, 1, 3),
        ("a.csv", Path, None, Path("a.csv")),
        (["a", "b"], list[str], None, ["a", "b"]),
        ((), list[str], None, []),
        ("0", int, 1, UNSETTLED),
        ("21", int, 1, UNSETTLED),
        ("1.5", int, 1, UNSETTLED),
        ("٣", int, 1, UNSETTLED),
        ("9" * 5000, int, 1, UNSETTLED),
        (True, int, 1, UNSETTLED),
        ("a\0b", Path, None, UNSETTLED),
        ("", Path, None, UNSETTLED),
        ("\udc80", str, None, UNSETTLED),
        (["a", "\udc80"], list[str], None, UNSETTLED),
        ("one", Word, None, UNSETTLED),
        ("1", float, None, UNSETTLED),
    ],
)
def test_a_value_is_settled_only_where_it_is_plain(value: Any, kind: Any, least: float | None, expected: Any) -> None:
    found = settled(value, kind, least, 20)
    assert found is expected if expected is UNSETTLED else (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize("wrong", ["0", "-1", "1.5", "two", ""])
def test_a_wrong_number_is_still_told_by_typer(run: Run, wrong: str) -> None:
    ended = run("train", "spec.yaml", "--threads", wrong)
    assert ended.code == 2
    assert "--threads" in ended.err


def test_an_argument_that_is_not_there_is_still_told(run: Run) -> None:
    ended = run("predict", "model.npz")
    assert ended.code == 2
    assert "DATA" in ended.err


@pytest.mark.process
def test_a_command_on_a_small_file_loads_neither_pandas_nor_pydantic(flower_model: Path) -> None:
    data = flower_model.parent / "flowers.csv"
    code = f"""\
import sys
sys.argv = ["nnfit", "predict", {str(flower_model)!r}, {str(data)!r}, "--proba", "-o", {str(data.with_name("p.csv"))!r}]
from nnfit.cli.main import main
try:
    main()
except SystemExit as ended:
    print(sorted({{"numpy", "pandas", "pydantic"}} & set(sys.modules)), ended.code)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.stdout.splitlines()[-1] == "['numpy'] 0", ended.stderr
