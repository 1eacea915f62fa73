"""What the tests of specs that extend others share."""

from __future__ import annotations

from pathlib import Path

import pytest
from families import PARENT


@pytest.fixture
def here(flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a table and a spec that others extend."""
    monkeypatch.chdir(flowers)
    Path("parent.yaml").write_text(PARENT)
