"""scikit-learn is an extra: nothing of nnfit loads it but nnfit.sklearn, and that says how to install it."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.process

BEFORE = (
    "import sys, nnfit\nfor name in nnfit.__all__: getattr(nnfit, name)\nimport nnfit.cli.main, nnfit.report.make\n"
)


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_nothing_but_nnfit_sklearn_loads_scikit_learn() -> None:
    done = python(BEFORE + "print('sklearn' in sys.modules, 'nnfit.sklearn' in sys.modules)")
    assert done.stdout == "False False\n", done.stderr
    assert python(BEFORE + "import nnfit.sklearn; print('sklearn' in sys.modules)").stdout == "True\n"


def test_where_scikit_learn_is_missing_it_is_told_what_installs_it() -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import nnfit\n"
        "try: import nnfit.sklearn\n"
        "except nnfit.NnfitError as error: print(error.code, error)\n"
    )
    done = python(code)
    assert done.stdout == "needs-extra nnfit.sklearn needs sklearn; pip install 'nnfit[sklearn]'\n", done.stderr
