from __future__ import annotations

from pathlib import Path

import pytest

from aae.checkpoints import Checkpoint
from aae.ui.session import Shelf


@pytest.fixture(scope="session")
def shelf():
    """The shipped models."""
    return Shelf(Path(__file__).parents[2] / "checkpoints")


@pytest.fixture
def checkpoint(shelf) -> Checkpoint:
    return shelf.first().checkpoint
