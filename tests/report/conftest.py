"""The models whose pictures are drawn."""

from __future__ import annotations

import pytest
from pictures import Examples


@pytest.fixture(scope="session")
def examples() -> Examples:
    """Small models of every kind of target, by name."""
    return Examples()
