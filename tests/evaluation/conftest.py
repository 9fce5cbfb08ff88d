"""What the tests of scores share: a small set of images, a cheap extractor, an empty cache."""

from __future__ import annotations

import numpy as np
import pytest

from dcgan_kit import Accumulator, Extractor, Features, Gathering, Images, Score, component
from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.evaluation.selection import ChosenExtractor, build_score, choice_of


@pytest.fixture(autouse=True)
def _empty_cache(cache):
    """See ``cache``."""


@pytest.fixture(scope="session")
def registry():
    return load_builtins().registry


@pytest.fixture
def images():
    """Return a function (count, seed=0, shape=(8, 8, 1)) -> Images of noise."""

    def images(count, seed=0, shape=(8, 8, 1)):
        random = np.random.default_rng(seed)
        return Images(random.integers(0, 256, (count, *shape), np.uint8), np.arange(count) % 3)

    return images


@component("extractor")
def pooled(images):
    """Mean of each row.  (N, H, W, C) → (N, H)."""


class Counting:
    """An extractor that remembers how many images it saw."""

    def __init__(self, key="k0"):
        self.seen = 0
        self.chosen = ChosenExtractor(pooled.owned_by("tests"), f"pooled@{key}", Extractor(self.describe, key))

    def describe(self, pixels):
        self.seen += len(pixels)
        return Features(pixels.mean(axis=(2, 3)).astype(np.float32))


@pytest.fixture
def counting():
    """The class of extractors that count."""
    return Counting


@pytest.fixture
def scores(registry):
    """Return a function (*names) -> scores at work."""
    return lambda *names: [build_score(choice_of("score", name, registry)) for name in names]


@pytest.fixture
def own_score():
    """Return a function (compare, needs_training=False) -> a score that keeps the sum of all pixels, called ``own``."""
    from dcgan_kit.evaluation.selection import ChosenScore

    class Sum(Accumulator):
        def __init__(self):
            self.total = 0.0

        def add(self, pixels, description):
            self.total += float(pixels.sum())

        def summary(self):
            return {"total": np.array(self.total)}

    @component("score")
    def own():
        """Sum of pixels.  pixels → float."""

    def own_score(compare, needs_training=False):
        made = Score(Gathering("sum", Sum, "pixels"), compare, {"own": "lower"}, needs_training)
        return ChosenScore(own.owned_by("tests"), "", made)

    return own_score
