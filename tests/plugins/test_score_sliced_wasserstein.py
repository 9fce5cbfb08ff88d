"""The sliced Wasserstein distance of patches."""

from __future__ import annotations

import numpy as np
import pytest
from dcgan_kit_plugins import data, score
from dcgan_kit_plugins.score import patch_distances
from dcgan_kit_plugins.score.patch_distances import PatchQuantiles, distances, laplacian_pyramid, projected
from scipy import ndimage, stats

from dcgan_kit import Features, ImageSpec


@pytest.fixture(scope="module")
def clothes():
    return data.fashion_mnist_4k(ImageSpec(28, 28, 1)).pixels


def summary(*batches):
    accumulator = PatchQuantiles()
    for pixels in batches:
        accumulator.add(pixels, Features(np.zeros((len(pixels), 0))))
    return accumulator.summary()


def test_the_levels_add_up_to_the_image(clothes):
    *levels, image = laplacian_pyramid(clothes[:4])
    assert [level.shape[1:] for level in (*levels, image)] == [(28, 28, 1), (14, 14, 1)]
    spread = np.zeros((4, 28, 28, 1))
    spread[:, ::2, ::2] = image
    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])[None, :, :, None] / 64
    again = levels[0] + ndimage.convolve(spread, kernel, mode="mirror")
    assert again == pytest.approx(clothes[:4].astype(float), abs=1e-3)


@pytest.mark.parametrize("shape", [(17, 20, 3), (64, 31, 1), (15, 15, 4)])
def test_any_size_has_its_levels(shape):
    pixels = np.random.default_rng(0).integers(0, 256, (3, *shape), np.uint8)
    expected = [scale for scale in (1, 2, 4, 8, 16) if min(-(-side // scale) for side in shape[:2]) >= 14]
    assert [f"level_{scale}" for scale in expected] == list(summary(pixels))


def test_the_distance_along_each_direction_is_that_of_scipy():
    random = np.random.default_rng(0)
    one, other = random.standard_normal((300, 32, 7, 7, 1)), random.standard_gamma(2.0, (200, 32, 7, 7, 1))
    found = np.abs(projected(one) - projected(other)).mean(axis=1)
    normalized = [((side - side.mean()) / side.std()).reshape(-1, 49) for side in (one, other)]
    directions = np.random.Generator(np.random.Philox(0)).standard_normal((49, 512))
    directions /= np.linalg.norm(directions, axis=0)
    for number in (0, 17, 511):
        expected = stats.wasserstein_distance(*(side @ directions[:, number] for side in normalized))
        assert found[number] == pytest.approx(expected, abs=2e-3)


def test_the_sizes_of_batches_change_nothing(clothes):
    whole, parts = summary(clothes[:600]), summary(clothes[:100], clothes[100:101], clothes[101:600])
    assert set(distances(whole, parts).values()) == {0.0}


def test_of_many_images_a_random_choice_is_kept(clothes, monkeypatch):
    ordered = clothes[np.argsort(data.fashion_mnist_4k(ImageSpec(28, 28, 1)).labels, kind="stable")]
    first, every = summary(ordered[:400]), summary(ordered[::5])
    monkeypatch.setattr(patch_distances, "MOST_IMAGES", 400)
    kept, again = summary(*np.split(ordered, 16)), summary(ordered[:900], ordered[900:])
    assert distances(kept, every)[2] < 0.5 * distances(first, every)[2]
    assert set(distances(kept, again).values()) == {0.0}


def test_what_it_sees_and_what_it_does_not_see(compared, clothes):
    real, fake = clothes[::2], clothes[1::2].astype(float)
    floor = compared(score.sliced_wasserstein(), fake, real)
    noisy = compared(
        score.sliced_wasserstein(), fake + 25.0 * np.random.default_rng(0).standard_normal(fake.shape), real
    )
    pale = compared(score.sliced_wasserstein(), 0.5 * fake, real)
    assert noisy["swd_1"] > 3.0 * floor["swd_1"]
    assert pale == pytest.approx(floor, rel=0.01)
    assert floor["swd"] == pytest.approx((floor["swd_1"] + floor["swd_2"]) / 2)


def test_images_that_are_too_small_or_of_another_size(compared):
    small = np.zeros((4, 13, 40, 1), np.uint8)
    with pytest.raises(ValueError, match=r"at least 14 pixels a side\. Received: \(13, 40\)"):
        summary(small)
    with pytest.raises(ValueError, match="another number of channels"):
        summary(np.zeros((2, 16, 16, 1), np.uint8), np.zeros((2, 16, 16, 3), np.uint8))
    with pytest.raises(ValueError, match="sizes must be equal"):
        distances(summary(np.zeros((2, 16, 16, 1), np.uint8)), summary(np.zeros((2, 32, 32, 1), np.uint8)))
    with pytest.raises(ValueError, match="there is no image"):
        PatchQuantiles().summary()
    flat = np.full((4, 28, 28, 1), 9, np.uint8)
    assert set(compared(score.sliced_wasserstein(), flat, flat).values()) == {0.0}
