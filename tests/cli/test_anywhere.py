"""Whatever the table, long or wide, of few rows or of too many texts: `nnfit init` writes a spec that trains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., Any]
LEAST = ("--time", "0.01")  # one epoch, of what is proposed where time is short
SEEN: dict[str, tuple[int, Callable[[np.random.Generator, int], dict[str, Any]], str]] = {
    "4 rows": (4, lambda rng, n: {"x": rng.normal(size=n), "y": [0.5, 1.25, 3.0, 2.0]}, "members: 4"),
    "100,000 rows": (100_000, lambda rng, n: {"x": rng.integers(0, 99, n), "y": rng.integers(0, 2, n)}, "full"),
    "300 columns": (
        *(300, lambda rng, n: dict(zip(names(300), rng.normal(size=(300, n)), strict=True)) | {"y": two(n)}),
        "numbers have no steps and waves beside them, to bend with: the inputs would be 7,500",
    ),
    "one class with 5 rows": (
        *(2000, lambda rng, n: {"x": rng.normal(size=n), "y": ["b" if i % 400 == 0 else "a" for i in range(n)]}),
        "2 classes",
    ),
    "10,000 categories": (
        *(20_000, lambda rng, n: {"x": texts(rng.permutation(n) ** 2 // 40_000), "z": np.arange(n) % 7, "y": two(n)}),
        "min_count: categories of fewer rows share an input",
    ),
    "free text": (
        *(500, lambda rng, n: {"x": texts(rng.permutation(n)), "z": rng.normal(size=n), "y": two(n)}),
        "x is left out",
    ),
    "half free text": (
        *(500, lambda rng, n: {"x": texts(np.arange(n) // 3), "z": rng.normal(size=n), "y": two(n)}),
        "x is left out: 167 different texts, each in too few rows to learn from",
    ),
    "500 columns and few numbers": (
        *(
            60,
            lambda rng, n: (
                {name: texts(rng.integers(0, 3, n)) for name in names(480)} | {"z": rng.normal(size=n), "y": two(n)}
            ),
        ),
        "z: {type: numeric, scale: clipped",
    ),
    "100 classes": (1000, lambda rng, n: {"x": rng.normal(size=n), "y": texts(np.arange(n) % 100)}, "100 classes"),
}


def names(count: int) -> list[str]:
    return [f"c{k}" for k in range(count)]


def texts(codes: Any) -> list[str]:
    return [f"v{code}w" for code in codes]


def two(n: int) -> list[str]:
    return ["ab"[i * 5 % 7 % 2] for i in range(n)]


@pytest.mark.parametrize("name", SEEN)
def test_the_proposal_trains_and_says_what_it_left_out(tmp_path: Path, run: Run, name: str) -> None:
    n, drawn, says = SEEN[name]
    columns = drawn(np.random.default_rng(0), n)
    rows = zip(*columns.values(), strict=True)
    table, spec = tmp_path / "data.csv", tmp_path / "spec.yaml"
    table.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n")
    said = run("init", table, "--target", "y", "--quick", "-o", spec)
    assert said.code == 0, said.err
    assert (says in spec.read_text()) == (says != "full")
    assert "Training takes about " in spec.read_text()
    assert run("init", table, "--target", "y", *LEAST, "-o", spec, "--force").code == 0
    trained = run("train", spec, "--quiet")
    assert trained.code == 0, trained.err


ROWS = "x,z,y\n" + "".join(f"{i * 7 % 101 / 10},{i * 3 % 17},{i * i % 23}.5\n" for i in range(400))


def test_a_time_is_fitted_and_what_was_cut_is_said(tmp_path: Path, run: Run) -> None:
    (tmp_path / "data.csv").write_text(ROWS)
    arguments = ("init", tmp_path / "data.csv", "--target", "y", "--time")
    whole, again = run(*arguments, "60"), run(*arguments, "60")
    assert (whole.code, whole.out) == (0, again.out)
    assert "# To take no more than" not in whole.out
    assert "on one core" not in whole.err
    short = run(*arguments, "0.52")
    cuts = "layers of 32 for 128, 4 members for 8, "
    (line,) = [line for line in short.out.splitlines() if line.startswith("# To take no more than 0.52 s: ")]
    assert cuts in line
    assert f"to train in 0.52 s on one core, the spec has {cuts}" in short.err
    assert "Training takes about 0.52 s on one core" in short.out


def test_a_time_that_cannot_be_met_gives_the_least_and_says_what_it_takes(tmp_path: Path, run: Run) -> None:
    (tmp_path / "data.csv").write_text(ROWS)
    said = run("init", tmp_path / "data.csv", "--target", "y", "--time", "1e-3")
    assert said.code == 0
    assert "training in 0.001 s on one core is not to be had: the least takes about 0.5 s" in said.err
    assert "epochs: 1 " in said.out


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon", ""])
def test_a_time_that_is_none_is_refused_by_name(tmp_path: Path, run: Run, seconds: str) -> None:
    (tmp_path / "data.csv").write_text(ROWS)
    said = run("init", tmp_path / "data.csv", "--target", "y", "--time", seconds)
    assert (said.code, said.out) == (2, "")
    assert "--time" in said.err
