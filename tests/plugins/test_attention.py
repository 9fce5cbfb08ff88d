from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from dcgan_kit_plugins import attention
from dcgan_kit_plugins.attention.layers import Gate
from dcgan_kit_plugins.constraint.layers import SpectralNormalization
from pydantic import ValidationError

from dcgan_kit.networks.constraints import constrained, unconstrained
from dcgan_kit.testing import check_component

ATTENTIONS = attention.dcgan_kit_components()
PLAIN = {"pool": False, "output": False, "value_ratio": 1, "bias": True}
"""The block of github.com/heykeetae/Self-Attention-GAN."""


@pytest.mark.parametrize("component", ATTENTIONS, ids=lambda c: c.name)
def test_contract(component):
    check_component(component, shapes=[(5, 6, 16)])


def test_contract_without_pooling_and_output():
    check_component(attention.self_attention, shapes=[(3, 2, 9)], **PLAIN)


@pytest.fixture
def block(place):
    """Return a function (component, shape, **options) -> the model that a component returns."""

    def block(component, shape, **options):
        return component.build(place(shape), dict(component.options(**options)))

    return block


def softmax(scores):
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def pooled(maps):
    batch, height, width, channels = maps.shape
    return maps.reshape(batch, height // 2, 2, width // 2, 2, channels).max((2, 4))


def rows(maps):
    return maps.reshape(len(maps), -1, maps.shape[-1])


def drawn(model, spread=0.3):
    """Give every weight of a model random numbers, and return them by layer."""
    random = np.random.default_rng(5)
    for weight in model.weights:
        weight.assign(spread * random.standard_normal(weight.shape))
    return {w.path.split("/")[-2] + "." + w.name: np.asarray(w) for w in model.weights}


@pytest.mark.parametrize("gate", [0.0, 0.5, -2.0])
def test_self_attention_is_the_formula_of_its_authors(gate, block, noise):
    x = noise(3, 4, 6, 16)
    model = block(attention.self_attention, (4, 6, 16))
    weights = drawn(model)
    model.get_layer("gate").gate.assign(gate)
    theta, phi, g, output = (weights[f"{name}.kernel"][0, 0] for name in ("theta", "phi", "g", "output"))
    assert (theta.shape, phi.shape, g.shape, output.shape) == ((16, 2), (16, 2), (16, 8), (8, 16))
    shares = softmax(rows(x @ theta) @ rows(pooled(x @ phi)).transpose(0, 2, 1))
    expected = x + gate * (shares @ rows(pooled(x @ g)) @ output).reshape(x.shape)
    np.testing.assert_allclose(model(x), expected, atol=1e-5)


def test_self_attention_without_pooling_and_output(block, noise):
    x = noise(3, 4, 5, 16)
    model = block(attention.self_attention, (4, 5, 16), **PLAIN)
    weights = drawn(model)
    theta, phi, g = (rows(x @ weights[f"{n}.kernel"][0, 0] + weights[f"{n}.bias"]) for n in ("theta", "phi", "g"))
    expected = x + weights["gate.gate"] * (softmax(theta @ phi.transpose(0, 2, 1)) @ g).reshape(x.shape)
    np.testing.assert_allclose(model(x), expected, atol=1e-5)


@pytest.mark.parametrize("channels", [8, 64, 128])
def test_parameters_and_a_gate_that_starts_at_0(channels, block, noise):
    model = block(attention.self_attention, (4, 4, channels))
    assert model.count_params() == 1.25 * channels**2 + 1
    x = noise(2, 4, 4, channels)
    np.testing.assert_array_equal(model(x), x)
    plain = block(attention.self_attention, (4, 4, channels), **PLAIN)
    assert plain.count_params() == 1.25 * channels**2 + 1 + 1.25 * channels


def test_squeeze_excitation_is_its_formula(block, noise):
    x = noise(3, 4, 5, 16)
    model = block(attention.squeeze_excitation, (4, 5, 16), ratio=4)
    weights = drawn(model)
    hidden = np.maximum(x.mean((1, 2)) @ weights["reduce.kernel"] + weights["reduce.bias"], 0)
    scales = 1 / (1 + np.exp(-(hidden @ weights["expand.kernel"] + weights["expand.bias"])))
    np.testing.assert_allclose(model(x), x * scales[:, None, None], atol=1e-5)
    # Hu et al. 2017, section 4: 2 C² / r, without biases.
    free = block(attention.squeeze_excitation, (4, 5, 64), bias=False)
    assert free.count_params() == 2 * 64**2 / 16


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_with_an_open_gate(policy, block, noise):
    # 1,024 positions: a sum of so many small numbers in 8 bits would lose most of them.
    x = noise(2, 32, 32, 16)
    model = block(attention.self_attention, (32, 32, 16), pool=False)
    drawn(model)
    expected = np.asarray(model(x)) - x
    for layer in model._flatten_layers(include_self=False):
        layer.dtype_policy = policy
    half = tf.cast(x, policy.removeprefix("mixed_"))
    result = np.asarray(tf.cast(model(half), tf.float32)) - x
    assert np.abs(result - expected).mean() < 0.05 * np.abs(expected).mean() + 0.01


@pytest.mark.parametrize("pool", [True, False])
def test_xla_gives_the_values_and_gradients_of_eager(pool, block, noise, determinism):
    # Where operations must give the same twice, XLA refuses the gradient of max pooling.
    determinism(False)
    model = block(attention.self_attention, (6, 4, 16), pool=pool)
    drawn(model)

    def step(x):
        with tf.GradientTape() as tape:
            y = model(x, training=True)
            total = tf.reduce_sum(y * noise(*y.shape))
        return y, *tape.gradient(total, [weight.value for weight in model.trainable_weights])

    x = tf.constant(noise(2, 6, 4, 16))
    for one, other in zip(step(x), tf.function(step, jit_compile=True)(x), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_gradients_of_the_input_are_those_of_differences(block, noise):
    model = block(attention.self_attention, (4, 4, 8))
    drawn(model)
    x, way = noise(1, 4, 4, 8), np.random.default_rng(3).standard_normal((1, 4, 4, 8)).astype("float32")
    with tf.GradientTape() as tape:
        values = tf.constant(x)
        tape.watch(values)
        total = tf.reduce_sum(model(values) ** 2)
    along = float(tf.reduce_sum(tape.gradient(total, values) * way))
    ahead, behind = (float(tf.reduce_sum(model(x + sign * 1e-3 * way) ** 2)) for sign in (1, -1))
    assert along == pytest.approx((ahead - behind) / 2e-3, rel=0.02)


@pytest.mark.parametrize("component", ATTENTIONS, ids=lambda c: c.name)
def test_a_constraint_reaches_every_kernel(component, block, noise):
    made = [block(component, (4, 4, 16))]
    held, wrapped = constrained(made, SpectralNormalization)
    assert len(wrapped) == (4 if component is attention.self_attention else 2)
    x = noise(2, 4, 4, 16)
    held[0](x, training=True)
    inside = [layer for wrapper in wrapped for layer in wrapper._flatten_layers()]
    assert list(unconstrained(held, inside)) == []


def test_inner_layers_have_readable_names(block):
    model = block(attention.self_attention, (4, 4, 16))
    assert {weight.path for weight in model.weights} == {
        "theta/kernel", "phi/kernel", "g/kernel", "output/kernel", "gate/gate"
    }  # fmt: skip
    assert [type(layer) for layer in model.layers if not type(layer).__module__.startswith("keras.")] == [Gate]


def test_first_weights_differ_and_come_from_the_initializer_option(block):
    model = block(attention.self_attention, (4, 4, 16))
    assert not np.array_equal(model.get_layer("theta").kernel, model.get_layer("phi").kernel)
    five = keras.initializers.Constant(5.0)
    fives = block(attention.squeeze_excitation, (4, 4, 16), initializer=lambda seed: five)
    assert (np.asarray(fives.get_layer("reduce").kernel) == 5.0).all()


def test_only_a_map_has_attention(place):
    for component in ATTENTIONS:
        with pytest.raises(ValueError, match=r"needs a map \(H, W, C\). Received: shape \(12,\)"):
            component(place((12,)))


def test_channels_must_be_enough_for_the_ratio(place):
    with pytest.raises(ValueError, match=r"query_ratio must be at most the map's channels. Received: query_ratio=8, 7"):
        attention.self_attention(place((4, 4, 7)))
    with pytest.raises(ValueError, match=r"ratio must be at most the map's channels. Received: ratio=16, 8 channels"):
        attention.squeeze_excitation(place((4, 4, 8)))


def test_values_are_added_as_they_are_without_output(place):
    with pytest.raises(ValueError, match=r"without output, value_ratio must be 1. Received: value_ratio=2"):
        attention.self_attention(place((4, 4, 16)), output=False)


def test_memory_of_the_weights_is_bounded(place):
    # 128² · 64² numbers of 4 bytes are 1/4 GiB, four times that without pooling, sixteen times at twice the side.
    assert attention.self_attention(place((128, 128, 8)))
    assert attention.self_attention(place((128, 128, 8)), pool=False)
    message = r"need 4.0 GiB, and may need at most 1 GiB: 65536 x 16384 numbers. Received: map 256x256, pool=True"
    with pytest.raises(ValueError, match=message):
        attention.self_attention(place((256, 256, 8)))


def test_a_row_of_pixels_cannot_be_pooled(place):
    with pytest.raises(ValueError, match=r"at least 2x2 pixels. Received: map 1x8; set pool to false"):
        attention.self_attention(place((1, 8, 16)))
    assert attention.self_attention(place((1, 8, 16)), pool=False)


@pytest.mark.parametrize(
    ("component", "options"),
    [
        (attention.self_attention, {"query_ratio": 0}),
        (attention.self_attention, {"heads": 2}),
        (attention.squeeze_excitation, {"ratio": 2.5}),
    ],
)
def test_options_out_of_range_are_refused(component, options):
    with pytest.raises(ValidationError):
        component.options(**options)
