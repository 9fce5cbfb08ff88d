from __future__ import annotations

import keras
import numpy as np
import pytest
from dcgan_kit_plugins import projection
from pydantic import ValidationError

from dcgan_kit.testing import check_component

PROJECTIONS = projection.dcgan_kit_components()


@pytest.mark.parametrize("component", PROJECTIONS, ids=lambda c: c.name)
def test_contract(component):
    check_component(component, shapes=[(10,)])


@pytest.mark.parametrize(
    ("component", "options", "expected"),
    [
        (projection.dense, {}, (4, 4, 8)),
        (projection.dense, {"size": 7}, (7, 7, 8)),
        (projection.dense, {"size": (3, 5)}, (3, 5, 8)),
        (projection.learned_constant, {}, (4, 4, 8)),
        (projection.learned_constant, {"size": (3, 5), "modulate": False}, (3, 5, 8)),
        (projection.transposed_conv, {}, (4, 4, 8)),
        (projection.transposed_conv, {"kernel_size": 3, "stride": 2}, (3, 3, 8)),
        (projection.transposed_conv, {"kernel_size": (3, 5)}, (3, 5, 8)),
        (projection.transposed_conv, {"stride": 5}, (5, 5, 8)),
        (projection.transposed_conv, {"stride": 5, "padding": "same"}, (5, 5, 8)),
        (projection.transposed_conv, {"stride": 5, "padding": "symmetric"}, (5, 5, 8)),
    ],
)
def test_sizes(component, options, expected, model_of):
    assert model_of(component, (10,), **options).output_shape[1:] == expected


def test_dense_ends_in_a_plain_reshape(layers_of):
    # The builder moves it behind a normalization of the flat features.
    *_, last = layers_of(projection.dense, (10,))
    assert type(last) is keras.layers.Reshape


def test_transposed_conv_is_dense_with_a_bias_for_each_filter(model_of, noise):
    z = noise(2, 10)
    model = model_of(projection.transposed_conv, (10,), filters=3)
    kernel, bias = (np.asarray(weight) for weight in model.weights)
    np.testing.assert_allclose(model(z), np.einsum("bz,hwfz->bhwf", z, kernel) + bias, atol=1e-6)


def test_learned_constant_is_a_map_whose_channels_the_latent_vector_scales(model_of, noise):
    z = noise(3, 10)
    model = model_of(projection.learned_constant, (10,), filters=6, size=(2, 3))
    kernel, learned = (np.asarray(weight) for weight in model.weights)
    assert (kernel.shape, learned.shape) == ((10, 6), (2, 3, 6))
    np.testing.assert_allclose(model(z), learned[None] * (z @ kernel)[:, None, None], atol=1e-6)


def test_learned_constant_alone_is_the_same_for_every_latent_vector(model_of, noise):
    check_component(projection.learned_constant, shapes=[(10,)], modulate=False, without=["input_gradient"])
    model = model_of(projection.learned_constant, (10,), filters=6, size=2, modulate=False)
    (learned,) = (np.asarray(weight) for weight in model.weights)
    for count in (1, 5):
        np.testing.assert_array_equal(model(noise(count, 10)), np.broadcast_to(learned, (count, 2, 2, 6)))
    with pytest.raises(AssertionError, match="no gradient reaches its input"):
        check_component(projection.learned_constant, shapes=[(10,)], modulate=False)


def test_first_map_of_learned_constant(model_of):
    drawn = np.asarray(model_of(projection.learned_constant, (10,), filters=512).weights[1])
    assert (drawn.mean(), drawn.std()) == (pytest.approx(0, abs=0.03), pytest.approx(1, abs=0.03))
    ones = model_of(
        projection.learned_constant, (10,), initializer=lambda seed: keras.initializers.Ones(), modulate=False
    )
    assert (np.asarray(ones.weights[0]) == 1).all()


def test_parameters_of_published_projections(model_of):
    # R3GAN at CIFAR size: a map of 768 channels, and a dense layer of 64 latent numbers.
    r3gan = model_of(projection.learned_constant, (64,), filters=768)
    assert r3gan.count_params() == 80 * 768
    radford = model_of(projection.dense, (100,), filters=1024, bias=False)
    assert radford.count_params() == 100 * 16384
    pytorch = model_of(projection.transposed_conv, (100,), filters=512, bias=False)
    assert pytorch.count_params() == 4 * 4 * 512 * 100


def test_modulate_is_yes_or_no():
    with pytest.raises(ValidationError):
        projection.learned_constant.options(modulate="dense")


@pytest.mark.parametrize("options", [{"size": 0}, {"size": 2000}, {"size": (4,)}, {"filters": 3}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValidationError):
        projection.dense.options(**options)
