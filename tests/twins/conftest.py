"""What the tests of twins share: no processor is asked what it is quick at."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module", autouse=True)
def _unasked_processor(unasked_processor):
    """See ``unasked_processor``."""
