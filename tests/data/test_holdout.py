from __future__ import annotations

import numpy as np
import pytest

from dcgan_kit import DataError, Images
from dcgan_kit.data.batch_order import batch_indices
from dcgan_kit.data.holdout import split


@pytest.fixture
def images():
    """100 images whose pixels are their number, labelled with it."""
    pixels = np.arange(100, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)
    return Images(pixels, np.arange(100))


def numbers(images):
    return images.batch(np.arange(len(images)))[:, 0, 0, 0].tolist()


def test_both_parts_together_are_everything_once(images):
    training, held_out = split(images, 0.2, seed=3)
    assert (len(training), len(held_out)) == (80, 20)
    assert sorted(numbers(training) + numbers(held_out)) == list(range(100))


def test_labels_go_along(images):
    for part in split(images, 0.2, seed=3):
        assert part.labels.tolist() == numbers(part)
    assert [part.labels for part in split(Images(images.pixels), 0.5, seed=0)] == [None, None]


def test_the_seed_decides(images):
    assert numbers(split(images, 0.2, seed=3)[1]) == numbers(split(images, 0.2, seed=3)[1])
    assert numbers(split(images, 0.2, seed=3)[1]) != numbers(split(images, 0.2, seed=4)[1])


def test_what_is_held_out_is_not_the_beginning_of_an_epoch(images):
    held_out = set(numbers(split(images, 0.2, seed=3)[1]))
    for epoch in range(5):
        order = batch_indices(100, 100, 3, epoch)
        assert held_out not in (set(order[:20]), set(order[80:]))


def test_nothing_may_be_held_out(images):
    training, held_out = split(images, 0.0, seed=0)
    assert numbers(training) == list(range(100))
    assert len(held_out) == 0


def test_a_part_may_be_split(images):
    training, test = split(images, 0.2, seed=0)
    training, validation = split(training, 0.25, seed=0)
    assert (len(training), len(validation), len(test)) == (60, 20, 20)
    assert sorted(numbers(training) + numbers(validation) + numbers(test)) == list(range(100))
    assert validation.labels.tolist() == numbers(validation)


def test_a_mapped_file_is_not_copied(images, tmp_path):
    np.save(tmp_path / "a.npy", images.pixels)
    mapped = Images(np.load(tmp_path / "a.npy", mmap_mode="r"))
    for part in split(mapped, 0.5, seed=0):
        assert part.pixels is mapped.pixels
        batch = part.batch(np.array([[0, 1], [2, 3]]))
        assert batch.shape == (2, 2, 2, 2, 1)
        assert type(batch) is np.ndarray
        assert batch[..., 0, 0, 0].ravel().tolist() == part.indices[:4].tolist()


@pytest.mark.parametrize("held_out", [-0.1, 1.0, 2.0, float("nan")])
def test_a_fraction_out_of_range(held_out, images):
    with pytest.raises(DataError, match=r"at least 0 and below 1. Received: "):
        split(images, held_out, seed=0)


@pytest.mark.parametrize(("held_out", "count"), [(0.004, 0), (0.999, 100)])
def test_a_fraction_that_leaves_nothing(held_out, count, images):
    with pytest.raises(DataError, match=rf"a held-out fraction of {held_out} of 100 images is {count} images: give a"):
        split(images, held_out, seed=0)
