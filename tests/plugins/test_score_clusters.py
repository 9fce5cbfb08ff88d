"""NDB and Jensen-Shannon divergence."""

from __future__ import annotations

import numpy as np
import pytest
from dcgan_kit_plugins import score
from dcgan_kit_plugins.score import clusters

CORNERS = 10.0 * np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


def around(corners, each, seed):
    return np.concatenate([CORNERS[c] + np.random.RandomState(seed + c).randn(each, 2) for c in corners])


def test_clusters_that_lie_apart_are_found():
    points = around(range(4), 50, 0)
    centres = clusters.centres(points, 4, 0)
    for corner in range(4):
        own = points[50 * corner : 50 * corner + 50].mean(axis=0)
        assert np.abs(centres - own).sum(axis=1).min() < 1e-9
    assert clusters.shares(points, centres) == pytest.approx([0.25] * 4)


def test_the_same_seed_gives_the_same_centres():
    points = np.random.RandomState(1).randn(300, 3)
    np.testing.assert_array_equal(clusters.centres(points, 9, 5), clusters.centres(points, 9, 5))
    assert not np.array_equal(clusters.centres(points, 9, 5), clusters.centres(points, 9, 6))


def test_there_are_no_more_centres_than_different_points():
    assert len(clusters.centres(np.repeat(CORNERS, 10, axis=0), 9, 0)) == 4
    assert len(clusters.centres(np.ones((10, 3)), 5, 0)) == 1


def test_a_missing_mode_is_a_bin_that_differs(compared):
    real, fake = around(range(4), 50, 0), around(range(3), 67, 20)
    found = compared(score.ndb(bins=4), fake, real)
    # All four differ: three have a third each instead of a quarter, which 200 images do not tell; the fourth has none.
    assert found["ndb"] == 0.25
    p, q = np.array([1 / 3, 1 / 3, 1 / 3, 0.0]), np.full(4, 0.25)
    middle = (p + q) / 2
    bits = (p[:3] @ np.log2(p[:3] / middle[:3]) + q @ np.log2(q / middle)) / 2
    assert found["js"] == pytest.approx(bits, rel=1e-9)


def test_equal_sets_fill_bins_alike(compared):
    points = np.random.RandomState(2).randn(200, 4)
    assert compared(score.ndb(), points, points) == {"ndb": 0.0, "js": 0.0}


def test_sets_that_never_meet_differ_by_one_bit(compared):
    assert clusters.jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(1.0)
    found = compared(score.ndb(bins=2), around([0], 50, 0), np.concatenate([around([3], 50, 9)]))
    assert np.isfinite(list(found.values())).all()


def test_about_one_bin_in_twenty_differs_by_chance():
    random = np.random.RandomState(3)
    p, q = (random.multinomial(20_000, np.full(1000, 1e-3)) / 20_000 for _ in range(2))
    assert clusters.different_bins(p, 20_000, q, 20_000) == pytest.approx(0.05, abs=0.02)


def test_a_collapsed_reference_is_one_bin_for_all(compared):
    assert compared(score.ndb(bins=3), np.zeros((5, 2)), np.ones((40, 2))) == {"ndb": 0.0, "js": 0.0}


def test_more_bins_than_real_images_are_refused(compared):
    with pytest.raises(ValueError, match=r"50 bins need as many real images at least. Received: 20"):
        compared(score.ndb(bins=50), np.zeros((20, 2)), np.zeros((20, 2)))
