"""What the tests of the benchmarks share."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest


@pytest.fixture
def program(monkeypatch):
    """Return a function name -> module of benchmarks/. The modules import each other by name."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module
