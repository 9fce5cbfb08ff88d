"""Precision, recall, density, coverage, memorization."""

from __future__ import annotations

import numpy as np
import pytest
from dcgan_kit_plugins import score
from dcgan_kit_plugins.score import neighbours, training_distance


def manifolds(compared, k, real, fake):
    numbers = compared(score.precision_recall(k=k), fake, real) | compared(score.density_coverage(k=k), fake, real)
    return tuple(numbers[name] for name in ("precision", "recall", "density", "coverage"))


@pytest.mark.parametrize(
    ("k", "expected"), [(3, (0.445, 0.96, 0.318333, 0.54)), (5, (0.545, 0.995, 0.304, 0.67))], ids=["k=3", "k=5"]
)
def test_published_vectors(compared, vectors, k, expected):
    assert manifolds(compared, k, *vectors(0, 200, 200, 16)) == pytest.approx(expected, abs=1e-6)


def by_definition(real, fake, k):
    """Precision, recall (closed balls), density, coverage (open ones), pair by pair."""

    def radius(points):
        distances = np.linalg.norm(points[:, None] - points, axis=-1)
        return np.sort(distances, axis=1)[:, k]  # the 0th is the point itself

    between = np.linalg.norm(real[:, None] - fake, axis=-1)
    real_radius, fake_radius = radius(real)[:, None], radius(fake)
    return (
        (between <= real_radius).any(0).mean(),
        (between <= fake_radius).any(1).mean(),
        (between < real_radius).sum() / (k * len(fake)),
        (between < real_radius).any(1).mean(),
    )


def test_the_formulas_point_by_point(compared, vectors):
    real, fake = vectors(2, 40, 30, 5)
    assert manifolds(compared, 4, real, fake) == pytest.approx(by_definition(real, fake, 4))


def grid(seed, count, side, size=4):
    return np.random.default_rng(seed).integers(0, side, (count, size)).astype(float)


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize(
    ("real", "fake"),
    [
        (grid(0, 60, 3)[:40], grid(0, 60, 3)[20:]),
        (grid(1, 50, 2), grid(2, 30, 2)),
        (grid(3, 30, 5, 1), grid(4, 40, 5, 1)),
        (np.repeat(grid(5, 10, 9), 6, 0), np.repeat(grid(6, 15, 9), 2, 0)),
        (np.concatenate([grid(7, 30, 4), np.zeros((20, 4))]), np.ones((12, 4))),
        (np.zeros((9, 3)), np.zeros((7, 3))),
        (grid(8, 25, 3), grid(8, 25, 3)),
    ],
    ids=["shared rows", "corners", "on a line", "copies", "constant columns", "one point", "the same"],
)
def test_ties_are_inside_for_precision_and_recall_and_outside_for_density_and_coverage(compared, real, fake, k):
    # Distances on a grid are exact, so that surfaces are hit; moved and scaled they no longer are.
    expected = by_definition(real, fake, k)
    for moved in (lambda x: x, lambda x: 0.1 * x + 123.4):
        assert manifolds(compared, k, moved(real), moved(fake)) == pytest.approx(expected)


def test_equal_laws_have_density_1_and_the_coverage_that_chance_gives(compared):
    random = np.random.RandomState(0)
    _, _, density, coverage = manifolds(compared, 5, random.randn(1000, 8), random.randn(1000, 8))
    n = m = 1000
    expected = 1 - np.prod([(n - 1 - i) / (n + m - 1 - i) for i in range(5)])
    assert expected == pytest.approx(0.969, abs=5e-4)
    assert coverage == pytest.approx(expected, abs=0.02)
    assert density == pytest.approx(1.0, abs=0.05)


def test_manifolds_know_neither_order_nor_axes_and_swap_with_their_sides(compared, vectors):
    real, fake = vectors(6, 60, 45, 8)
    found = manifolds(compared, 3, real, fake)
    rotation = np.linalg.qr(np.random.RandomState(1).randn(8, 8))[0]
    for one, other in ((real[::-1], fake), (real, fake[::-1]), (real @ rotation, fake @ rotation)):
        assert manifolds(compared, 3, one, other) == pytest.approx(found, rel=1e-12)
    precision, recall, _, _ = manifolds(compared, 3, fake, real)
    assert (recall, precision) == found[:2]


@pytest.mark.slow
def test_the_example_of_prdc():
    """github.com/clovaai/generative-evaluation-prdc: of their draw .4772, .4705, 1.0555, .9735."""
    random = np.random.RandomState(0)
    found = neighbours.manifolds(random.randn(10_000, 1000), random.randn(10_000, 1000), 5)
    assert found.precision == pytest.approx(0.4772, abs=0.03)
    assert found.recall == pytest.approx(0.4705, abs=0.03)
    assert found.density == pytest.approx(1.0555, abs=0.15)
    assert found.coverage == pytest.approx(0.9735, abs=0.01)


@pytest.mark.parametrize("entries", [1, 100, 999, 2**22])
def test_chunks_of_any_size_give_the_same(vectors, entries):
    real, fake = vectors(4, 60, 50, 6)
    assert neighbours.manifolds(real, fake, 3, entries) == neighbours.manifolds(real, fake, 3)
    # Equal sets have ties everywhere.
    assert neighbours.manifolds(real, real, 3, entries) == neighbours.manifolds(real, real, 3)


def test_equal_sets_lie_in_each_other(compared, vectors):
    real, _ = vectors(5, 60, 2, 6)
    precision, recall, density, coverage = manifolds(compared, 3, real, real)
    assert (precision, recall, coverage) == (1.0, 1.0, 1.0)
    # Each ball holds its own centre and two neighbours; the third lies on its surface.
    assert density == pytest.approx(1.0)


@pytest.mark.parametrize("far", [0.0, 1e6])
def test_collapsed_sets_have_balls_of_no_size(compared, far):
    """Duplicates are neighbours at distance 0, and rounding must not part them, however far from 0 they lie.

    A closed ball of no size holds its centre, an open one nothing.
    """
    point = np.full((1, 7), far) + np.linspace(0.1, 0.7, 7)
    real = np.repeat(point, 10, axis=0)
    assert manifolds(compared, 3, real, np.repeat(point, 8, axis=0)) == (1.0, 1.0, 0.0, 0.0)
    assert manifolds(compared, 3, real, np.repeat(point + 1.0, 8, axis=0)) == (0.0, 0.0, 0.0, 0.0)


def test_k_must_have_as_many_neighbours(compared):
    few = np.zeros((5, 2))
    with pytest.raises(ValueError, match=r"nearest 5 neighbours of an image need at least 6 images. Received: 5"):
        compared(score.density_coverage(k=5), few, few)


def test_sides_are_not_swapped(compared):
    """Fakes in one corner of the real images: all are among them, and cover little."""
    random = np.random.RandomState(1)
    real = random.uniform(size=(400, 2))
    fake = random.uniform(size=(400, 2)) * 0.2 + 0.1
    precision, recall, _, coverage = manifolds(compared, 3, real, fake)
    assert precision > 0.9
    assert max(recall, coverage) < 0.1


def test_nearest_finds_rows_and_distances():
    random = np.random.RandomState(2)
    among = random.randn(30, 4)
    distance, index = neighbours.nearest(among[[7, 3]] + [[0.0] * 4, [1e-3] * 4], among)
    assert index.tolist() == [7, 3]
    assert distance == pytest.approx([0.0, 2e-3], rel=1e-6)
    assert distance[0] == 0.0


def test_memorization_tells_copies_from_new_images(compared):
    random = np.random.RandomState(3)
    training, held_out, new = (random.randn(300, 6) for _ in range(3))
    copies = compared(score.memorization(), training[:200], held_out, training)
    assert copies["memorization_ratio"] == 0.0
    # 200 fakes at distance 0 from 300 held-out ones, all farther: U is 0.
    assert copies["memorization_z"] == pytest.approx(-(200 * 300 / 2) / np.sqrt(200 * 300 * 501 / 12))
    fresh = compared(score.memorization(), new, held_out, training)
    assert fresh["memorization_ratio"] == pytest.approx(1.0, abs=0.1)
    assert abs(fresh["memorization_z"]) < 3.0


@pytest.mark.parametrize(("ratio", "z", "ill"), [(0.4, -9.0, True), (0.95, -9.0, False), (0.4, -4.0, False)])
def test_copies_are_called_memorized(ratio, z, ill):
    reported = score.memorization.build(None, {}).warn({"memorization_ratio": ratio, "memorization_z": z})
    assert reported.startswith("memorized: images are 0.40 times as far") == ill
    assert bool(reported) == ill


def test_memorization_refuses_a_reference_that_was_trained_on(compared):
    images = np.random.RandomState(4).randn(20, 3)
    with pytest.raises(ValueError, match="held-out images or more are also training images"):
        compared(score.memorization(), images, images, images)


def test_mann_whitney_counts_pairs_and_halves_ties():
    x, y = np.array([1.0, 2.0, 3.0]), np.array([2.0, 0.0])
    u = 1 + 1.5 + 2
    assert training_distance.mann_whitney(x, y) == pytest.approx((u - 3) / np.sqrt(6 * 6 / 12))
    assert training_distance.mann_whitney(x, x) == 0.0
