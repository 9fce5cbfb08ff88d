"""No test of this folder depends on what its processor is quick at."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _unasked_processor(unasked_processor):
    """See ``unasked_processor``."""
