from __future__ import annotations

import numpy as np
import pytest
from dcgan_kit_plugins import score
from dcgan_kit_plugins.score import feature_accumulators

from dcgan_kit import Features
from dcgan_kit.testing import check_component

SCORES = score.dcgan_kit_components()
RANDOM = np.random.RandomState(7)


def normal(mean, covariance):
    """A summary of a law."""
    root = np.linalg.cholesky(np.asarray(covariance, float)).T
    return {"mean": np.asarray(mean, float), "root": root, "count": np.array(2.0)}


def fd(compared, one, other):
    return compared(score.frechet(), one, other)["fd"]


@pytest.mark.parametrize("component", SCORES, ids=lambda c: c.name)
def test_contract(component):
    check_component(component)


def test_contract_of_colours_and_sides_that_differ():
    check_component(score.spectrum, shapes=[(16, 24, 3)])
    check_component(score.checkerboard, shapes=[(16, 24, 3), (32, 32, 4)])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (normal(np.zeros(5), np.eye(5)), normal(np.ones(5), np.eye(5)), 5.0),
        (normal(np.zeros(5), np.eye(5)), normal(np.zeros(5), 4 * np.eye(5)), 5.0),
        (normal([0, 0], [[2, 1], [1, 2]]), normal([0, 0], [[3, 0], [0, 1]]), 8 - 2 * np.sqrt(14)),
    ],
)
def test_frechet_of_normal_laws_in_closed_form(one, other, expected):
    from dcgan_kit_plugins.score.distances import frechet_distance

    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-12)
    assert frechet_distance(other, one) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("seed", "n", "m", "d", "distance", "kernel"),
    [(0, 200, 200, 16, 2.1093125057, 0.0997278707), (1, 64, 50, 128, 156.8768249683, 0.0174422050)],
)
def test_published_vectors(compared, vectors, seed, n, m, d, distance, kernel):
    one, other = vectors(seed, n, m, d)
    assert fd(compared, one, other) == pytest.approx(distance, abs=1e-9)
    assert compared(score.kid(), one, other) == {"kid": pytest.approx(kernel, abs=1e-9)}


def test_frechet_is_the_formula_with_the_nuclear_norm_of_the_centred_sets(compared, vectors):
    one, other = vectors(2, 30, 40, 50)
    a, b = (np.cov(x.T) for x in (one, other))
    scaled = [(x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (one, other)]
    shared = np.linalg.norm(scaled[0] @ scaled[1].T, "nuc")
    expected = np.sum((one.mean(0) - other.mean(0)) ** 2) + np.trace(a) + np.trace(b) - 2 * shared
    assert fd(compared, one, other) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("name", ["frechet", "kid"])
def test_distances_know_neither_sides_nor_order_nor_axes(compared, vectors, name):
    one, other = vectors(3, 60, 45, 20)
    made = getattr(score, name)()
    (value,) = compared(made, one, other).values()
    rotation = np.linalg.qr(RANDOM.randn(20, 20))[0]
    changed = [
        (other, one), (one[::-1], other), (one[:, ::-1], other[:, ::-1]), (one @ rotation, other @ rotation)
    ]  # fmt: skip
    for sides in changed:
        assert compared(made, *sides) == {"fd" if name == "frechet" else "kid": pytest.approx(value, rel=1e-9)}


def test_frechet_of_a_set_with_itself_is_0_and_grows_by_the_square_of_the_scale(compared, vectors):
    one, other = vectors(4, 60, 45, 20)
    assert fd(compared, one, one) == pytest.approx(0.0, abs=1e-10)
    assert fd(compared, 3.0 * one, 3.0 * other) == pytest.approx(9.0 * fd(compared, one, other), rel=1e-10)


@pytest.mark.parametrize("batch", [1, 7, 64, 3000])
def test_moments_do_not_depend_on_how_features_come(vectors, monkeypatch, batch):
    monkeypatch.setattr(feature_accumulators, "LEAST_BUFFERED", batch)
    features = vectors(5, 300, 2, 8)[0] + 1000.0
    moments = feature_accumulators.Moments()
    for start in range(0, len(features), batch):
        moments.add(None, Features(features[start : start + batch]))
    summary = moments.summary()
    np.testing.assert_allclose(summary["mean"], features.mean(0), rtol=1e-13)
    np.testing.assert_allclose(summary["root"].T @ summary["root"], np.cov(features.T), rtol=1e-9, atol=1e-12)
    assert summary["count"] == 300


def test_frechet_of_fewer_images_than_features_and_of_a_collapsed_set(compared, vectors):
    one, _ = vectors(6, 9, 2, 40)
    collapsed = np.repeat(one[:1], 12, axis=0)
    alone = np.sum((one.mean(0) - one[0]) ** 2) + np.trace(np.cov(one.T))
    assert fd(compared, collapsed, one) == pytest.approx(alone, rel=1e-12)
    assert fd(compared, collapsed, collapsed) == 0.0
    assert fd(compared, collapsed, collapsed + 2.0) == pytest.approx(160.0, rel=1e-12)
    flat = np.concatenate([one, np.zeros_like(one)], axis=1)
    assert fd(compared, flat, flat + np.repeat([0.0, 1.0], 40)) == pytest.approx(40.0, rel=1e-9)


def test_float32_features_are_summed_in_float64(compared):
    features = (RANDOM.randn(4000, 3) * 1e-3 + 100.0).astype(np.float32)
    moments = feature_accumulators.Moments()
    moments.add(None, Features(features))
    exact = features.astype(np.float64)
    np.testing.assert_allclose(moments.summary()["mean"], exact.mean(0), rtol=1e-14)


def test_kid_of_equal_laws_is_0_on_the_mean():
    from dcgan_kit_plugins.score.distances import kernel_distance

    random = np.random.RandomState(0)
    distances = [kernel_distance(random.randn(40, 8), random.randn(30, 8), 1000)[0] for _ in range(100)]
    assert abs(np.mean(distances)) < 3 * np.std(distances) / 10
    assert min(distances) < 0.0 < max(distances)


def test_kid_of_blocks_is_their_mean_with_its_error(compared, vectors):
    one, other = vectors(8, 40, 50, 6)
    single = [compared(score.kid(), one[i::2], other[i::2])["kid"] for i in range(2)]
    numbers = compared(score.kid(block=25), one, other)
    assert numbers["kid"] == pytest.approx(np.mean(single), rel=1e-12)
    assert numbers["kid_error"] == pytest.approx(abs(single[0] - single[1]) / 2, rel=1e-9)


def test_kid_of_a_collapsed_set_is_exact(compared):
    # All kernels are (x·y / D + 1)³: 2³ within ones, 1 within zeros and between.
    ones, zeros = np.ones((5, 4)), np.zeros((6, 4))
    assert compared(score.kid(), ones, zeros)["kid"] == pytest.approx(8.0 + 1.0 - 2.0)


def test_classifier_score_of_balanced_certainty_is_the_number_of_classes(compared):
    certain = np.tile(np.eye(10), (12, 1))
    assert compared(score.classifier_score(), certain, certain) == {"classifier_score": pytest.approx(10.0)}
    alike = np.full((60, 10), 0.1)
    assert compared(score.classifier_score(), alike, alike) == {"classifier_score": pytest.approx(1.0)}
    one_class = np.tile(np.eye(10)[:1], (60, 1))
    assert compared(score.classifier_score(), one_class, alike) == {"classifier_score": pytest.approx(1.0)}


@pytest.mark.parametrize("wrong", [[[0.5, 0.6]], [[-0.1, 1.1]], [[np.nan, 1.0]], [0.5, 0.5]])
def test_what_are_no_probabilities_is_refused(wrong):
    with pytest.raises(ValueError, match="must be finite, 0 or more"):
        score.classifier_score().gathering.start().add(None, Features(np.zeros((1, 1)), np.asarray(wrong)))


@pytest.mark.parametrize("name", ["frechet", "kid", "precision_recall", "density_coverage", "ndb", "memorization"])
class TestWrongFeatures:
    def test_not_finite(self, name):
        for bad in (np.nan, np.inf):
            with pytest.raises(ValueError, match="features are NaN or infinite"):
                getattr(score, name)().gathering.start().add(None, Features(np.array([[0.0, bad]])))

    def test_no_matrix_of_floats(self, name):
        for bad in (np.zeros(3), np.zeros((2, 2), int)):
            with pytest.raises(ValueError, match=r"features must be float \(N, D\)"):
                getattr(score, name)().gathering.start().add(None, Features(bad))

    def test_another_length_than_before(self, name):
        accumulator = getattr(score, name)().gathering.start()
        accumulator.add(None, Features(np.zeros((2, 3))))
        with pytest.raises(ValueError, match="features have 4 numbers, and had 3 before"):
            accumulator.add(None, Features(np.zeros((2, 4))))

    def test_another_length_on_the_other_side(self, compared, name):
        one, other = RANDOM.randn(50, 3), RANDOM.randn(50, 4)
        with pytest.raises(ValueError, match=r"different lengths: (3, 4|4, 3)"):
            compared(getattr(score, name)(), one, other, one)

    def test_no_image(self, name):
        with pytest.raises(ValueError, match=r"there is no image|at least 2 images. Received: 0"):
            getattr(score, name)().gathering.start().summary()


@pytest.mark.parametrize("name", ["frechet", "kid", "precision_recall", "density_coverage", "ndb"])
def test_a_single_image_is_refused(compared, name):
    with pytest.raises(ValueError, match=r"at least|as many|2 images|k-th|need"):
        compared(getattr(score, name)(), np.zeros((1, 3)), np.zeros((1, 3)))
