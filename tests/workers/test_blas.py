"""How many threads matrix products have: what the environment says of it is read as the libraries read it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from nnfit.workers import blas


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that says nothing, on a machine of five cores."""
    for variable in blas.VARIABLES:
        monkeypatch.delenv(variable)
    monkeypatch.setattr(blas, "bound", lambda: 5)
    return monkeypatch


def test_what_the_command_sets_is_what_is_found(environment: pytest.MonkeyPatch) -> None:
    environment.setattr(os, "environ", {})
    blas.set_blas_threads(3)
    assert os.environ == dict.fromkeys(blas.VARIABLES, "3")
    assert blas.blas_threads() == 3
    blas.set_blas_threads()
    assert blas.blas_threads() == 1


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({}, 5),
        ({"OMP_NUM_THREADS": "2"}, 2),
        ({"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "4"}, 4),
        ({"OPENBLAS_NUM_THREADS": "0", "MKL_NUM_THREADS": " 3 "}, 3),
        ({"OMP_NUM_THREADS": "2,1"}, 2),
        *(({"OPENBLAS_NUM_THREADS": text}, 5) for text in ("", "many", "-1", "²", "1.5", "9" * 30)),
    ],
)
def test_the_first_variable_that_is_a_number_counts_and_else_every_core(
    environment: pytest.MonkeyPatch, said: dict[str, str], found: int
) -> None:
    for name, text in said.items():
        environment.setenv(name, text)
    assert blas.blas_threads() == found


@pytest.mark.process
def test_work_is_spread_without_numpy() -> None:
    """The number of threads must be said before it is loaded."""
    code = "import sys; from nnfit.workers import blas, cores, threads; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
