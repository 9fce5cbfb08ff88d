"""What tests of probes share: an empty cache."""

import pytest


@pytest.fixture(autouse=True)
def _empty_cache(cache):
    """See ``cache``."""
