from __future__ import annotations

import numpy as np
import pytest

from dcgan_kit.data.loading import load_split_images
from dcgan_kit.evaluation.generated_batches import EVALUATION_STEP, GeneratedSamples, generated_pixels
from dcgan_kit.networks.builder import build_networks
from dcgan_kit.runs.image_grid import generated, latent_vectors


def drawn(recipe, count):
    generator = build_networks(recipe).generator.model
    return generator, GeneratedSamples(recipe, generator, count, load_split_images(recipe).training)


def test_samples_show_each_class_as_often_as_the_training_images(classed):
    recipe = classed().recipe
    training = load_split_images(recipe).training
    _, samples = drawn(recipe, 300)
    assert np.bincount(samples.classes) == pytest.approx(np.bincount(training.labels), abs=1)
    assert sum(map(len, samples.batches())) == 300


@pytest.mark.parametrize("sampling", ["running", "batch"])
def test_the_images_that_classes_are_taken_from_are_those_of_the_scores(classed, sampling):
    """Also where a normalization uses the statistics of the batch, so that a batch of one class would differ."""
    _, samples = drawn(classed(f"generator.normalization={{use: conditional_batch, sampling: {sampling}}}").recipe, 300)
    done = []
    kept = samples.kept(lambda *progress: done.append(progress))
    np.testing.assert_array_equal(kept, np.concatenate(list(samples.batches())))
    assert done == [(256, 300), (300, 300)]


def test_without_classes_samples_are_those_of_their_latent_vectors(tiny):
    recipe = tiny().recipe
    generator, samples = drawn(recipe, 20)
    assert samples.classes is None
    latent = latent_vectors(recipe, 20, recipe.training.seed, EVALUATION_STEP)
    expected = generated(generator, latent, recipe.image.range)
    np.testing.assert_array_equal(np.concatenate(list(samples.batches())), expected)
    pixels = generated_pixels(recipe, generator, 20, load_split_images(recipe).training)
    np.testing.assert_array_equal(np.concatenate(list(pixels)), expected)
