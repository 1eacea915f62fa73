"""The names of the library: what `import nnfit` offers, and what it does not load before it is asked."""

from __future__ import annotations

import subprocess
import sys

import pytest

import nnfit


def test_the_public_names_are_there_and_listed() -> None:
    assert dir(nnfit) == sorted(nnfit.__all__)
    assert {
        name: getattr(nnfit, name).__name__ for name in ("train", "load", "Model", "Spec", "Result", "NnfitError")
    } == {name: name for name in ("train", "load", "Model", "Spec", "Result", "NnfitError")}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'nnfit' has no attribute 'fit_transform'"):
        nnfit.fit_transform  # noqa: B018


@pytest.mark.process
def test_importing_nnfit_loads_neither_numpy_nor_pandas() -> None:
    code = "import nnfit, sys; print(sorted({'numpy', 'pandas', 'yaml', 'rich', 'typer'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
