"""Networks that are told the class of each image: what takes it, and what a recipe must say."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dcgan_kit.errors import RecipeError
from dcgan_kit.networks.builder import build_networks
from dcgan_kit.networks.fused_forward import forward_of
from dcgan_kit.networks.summary import summarize

CLASSES = ("condition={classes: 3}",)
LATENT = 6
IN_GENERATOR = {
    "concatenate": ("generator.input.conditioning=concatenate",),
    "embedding": ("generator.input.conditioning={use: concatenate, embedding: 5}",),
    "multiply": ("generator.input.conditioning=multiply",),
    "conditional_batch": ("generator.normalization=conditional_batch",),
    "maps": ("generator.stages.0.conditioning=label_map",),
}
IN_DISCRIMINATOR = {
    "concatenate": ("discriminator.stages.0.conditioning=concatenate",),
    "projection": ("discriminator.output.head=projection",),
    "classifier": ("discriminator.output.head=auxiliary_classifier", "training.class_loss=cross_entropy"),
    "depthwise": ("discriminator.output.head=depthwise_projection",),
}
PAIRS = [*zip(IN_GENERATOR, [*IN_DISCRIMINATOR, "projection"], strict=True)]
"""Every means in each network, in as few pairs of networks as may be."""


@pytest.fixture
def networks(networks_of):
    """Return a function (*overrides) -> both networks of a tiny conditional recipe."""
    return lambda *overrides: networks_of(*CLASSES, *overrides, symbolic=False)


def inputs(model, count=4):
    """Noise, and each class in turn."""
    noise = np.random.default_rng(0).standard_normal((count, *model.inputs[0].shape[1:])).astype("float32")
    return [tf.constant(noise), tf.one_hot(np.arange(count) % 3, 3)]


@pytest.mark.parametrize("name", IN_GENERATOR)
def test_the_class_changes_what_the_generator_makes(networks, name):
    model = networks(*IN_GENERATOR[name], *IN_DISCRIMINATOR["projection"]).generator.model
    assert [tensor.name for tensor in model.inputs] == ["latent", "label"]
    latent, label = inputs(model)
    for variable in model.trainable_variables:
        # Scales of classes start equal.
        variable.assign_add(np.random.default_rng(1).normal(0.0, 0.1, variable.shape))
    other = tf.roll(label, 1, axis=1)
    assert np.abs(model([latent, label]) - model([latent, other])).max() > 1e-4


def test_one_hot_classes_of_a_dense_projection_are_the_rows_of_its_kernel(networks):
    network = networks(*IN_GENERATOR["concatenate"], *IN_DISCRIMINATOR["projection"]).generator
    dense = next(layer for layer in network.model.layers if isinstance(layer, keras.layers.Dense))
    assert dense.kernel.shape == (LATENT + 3, 4 * 4 * 8)


def test_each_dense_layer_of_the_input_gets_the_class(networks):
    order = "[conditioning, projection: {size: 1, filters: 5}, normalization, conditioning, projection, reshape]"
    given = ("generator.input.conditioning=concatenate", f"generator.input.order={order}")
    network = networks(*given, *IN_DISCRIMINATOR["projection"]).generator
    kernels = [layer.kernel.shape for layer in network.model.layers if isinstance(layer, keras.layers.Dense)]
    assert kernels == [(LATENT + 3, 5), (5 + 3, 4 * 4 * 8)]
    assert network.part_of("input_reshape").output_shape == (4, 4, 8)


def test_conditional_batch_norm_by_hand(networks):
    network = networks("generator.normalization=conditional_batch", *IN_DISCRIMINATOR["projection"]).generator
    layer = network.part_of("input_normalization").layers[0]
    named = {weight.path.rpartition("/")[0].rpartition("/")[2] + "/" + weight.name: weight for weight in layer.weights}
    scale, shift = named["scale/kernel"], named["shift/kernel"]
    assert scale.shape == shift.shape == (3, 8)
    scale.assign(np.arange(24.0).reshape(3, 8))
    shift.assign(np.ones((3, 8)))
    x = np.random.default_rng(0).standard_normal((4, 4, 4, 8)).astype("float32")
    classes = np.array([2, 0, 1, 2])
    normalized = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)
    expected = normalized * np.asarray(scale)[classes][:, None, None] + 1.0
    np.testing.assert_allclose(layer([x, np.eye(3, dtype="float32")[classes]], training=True), expected, atol=1e-4)


def test_self_modulated_batch_norm_by_hand(base):
    model = build_networks(base("generator.normalization=self_modulated_batch")).generator
    layer = model.part_of("input_normalization").layers[0]
    named = {weight.path.rpartition("/")[0].rpartition("/")[2] + "/" + weight.name: weight for weight in layer.weights}
    random = np.random.default_rng(0)
    for name, weight in named.items():
        if "moving" not in name:
            weight.assign(random.standard_normal(weight.shape))
    weights = {name: np.asarray(weight) for name, weight in named.items()}
    x = random.standard_normal((5, 4, 4, 8)).astype("float32")
    z = random.standard_normal((5, model.model.input_shape[1])).astype("float32")
    hidden = np.maximum(z @ weights["hidden/kernel"] + weights["hidden/bias"], 0)
    scale, shift = (hidden @ weights[f"{name}/kernel"] + weights[f"{name}/bias"] for name in ("scale", "shift"))
    normalized = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)
    expected = normalized * scale[:, None, None] + shift[:, None, None]
    np.testing.assert_allclose(layer([x, z], training=True), expected, rtol=1e-4, atol=1e-4)


def test_projection_head_by_hand(networks):
    network = networks(*IN_GENERATOR["concatenate"], *IN_DISCRIMINATOR["projection"]).discriminator
    head = network.parts[-1].layers[0]
    x = np.random.default_rng(0).standard_normal((3, 4, 4, 8)).astype("float32")
    label = np.eye(3, dtype="float32")
    pooled = x.sum((1, 2))
    dense, embedding = (next(w for w in head.weights if f"{n}/kernel" in w.path) for n in ("dense", "embedding"))
    expected = pooled @ np.asarray(dense) + (np.asarray(embedding) * pooled).sum(1, keepdims=True)
    np.testing.assert_allclose(head([x, label]), expected, rtol=1e-4)


def test_an_auxiliary_classifier_takes_no_class(networks):
    network = networks(*IN_GENERATOR["concatenate"], *IN_DISCRIMINATOR["classifier"]).discriminator
    assert len(network.model.inputs) == 1
    assert network.model.output_shape == (None, 4)


@pytest.mark.parametrize("synchronized", [False, True])
@pytest.mark.parametrize(("one", "other"), [("conditional_batch", "projection"), ("maps", "concatenate")])
def test_the_fused_forward_pass_is_that_of_the_model(networks, one, other, synchronized):
    built = networks(*IN_GENERATOR[one], *IN_DISCRIMINATOR[other])
    for network in (built.generator, built.discriminator):
        x = inputs(network.model)
        forward = forward_of(network.model, synchronized=synchronized)
        for training in (False, True):
            expected = network.model(x, training=training)
            np.testing.assert_allclose(forward(x, training), expected, atol=2e-5)


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_xla_gives_eagers_values_and_gradients(networks, pair):
    built = networks(*IN_GENERATOR[pair[0]], *IN_DISCRIMINATOR[pair[1]])
    for network in (built.generator, built.discriminator):
        model, forward = network.model, forward_of(network.model)

        def differentiated(given, model=model, forward=forward):
            with tf.GradientTape() as tape:
                tape.watch(given)
                y = forward(given, training=True)
                loss = tf.reduce_sum(y * tf.cos(tf.reshape(tf.range(tf.size(y), dtype=tf.float32), tf.shape(y))))
            return [y, *tape.gradient(loss, [given[0], *(weight.value for weight in model.trainable_variables)])]

        given = inputs(model)[: len(model.inputs)]
        compiled = tf.function(differentiated, jit_compile=True, autograph=False)(given)
        for one, other in zip(differentiated(given), compiled, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * max(1.0, np.abs(one).max()))


def test_batch_norm_inside_a_conditional_one_is_synchronized_and_fused(networks):
    model = networks(*IN_GENERATOR["conditional_batch"], *IN_DISCRIMINATOR["projection"]).generator.model
    assert len(forward_of(model, synchronized=True).synchronized) == 2
    assert sum("fused batch normalization" in line for line in forward_of(model).fused) == 2


def test_a_constraint_reaches_an_embedding_and_no_scale(networks):
    given = ("discriminator.constraint=spectral", *IN_GENERATOR["concatenate"], *IN_DISCRIMINATOR["projection"])
    found = networks(*given).discriminator
    assert not any(part.unconstrained for part in found.parts)


def test_scales_of_classes_are_no_kernels_that_a_constraint_leaves_out(networks):
    given = ("generator.constraint=spectral", "generator.normalization=conditional_batch")
    found = networks(*given, *IN_DISCRIMINATOR["projection"]).generator
    assert any("vector_u" in weight.path for weight in found.model.weights)
    assert not any(part.unconstrained for part in found.parts)


def test_summaries_count_what_classes_cost(networks):
    network = networks(*IN_GENERATOR["conditional_batch"], *IN_DISCRIMINATOR["projection"]).generator
    row = next(row for row in summarize(network).rows if row.name == "input_normalization")
    assert row.trainable_parameters == 2 * 3 * 8
    assert row.macs == 2 * 3 * 8


def test_the_saved_generator_needs_only_keras(networks, tmp_path):
    model = networks(*IN_GENERATOR["conditional_batch"], *IN_DISCRIMINATOR["projection"]).generator.model
    model.save(tmp_path / "generator.keras")
    loaded = keras.saving.load_model(tmp_path / "generator.keras")
    np.testing.assert_allclose(loaded(inputs(model)), model(inputs(model)), atol=1e-6)
    modules = {type(layer).__module__.partition(".")[0] for layer in loaded.layers}
    assert modules == {"keras"}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ((*IN_DISCRIMINATOR["projection"],), "no component of the generator takes the class"),
        ((*IN_GENERATOR["concatenate"],), "no component of the discriminator takes the class"),
        ((*IN_GENERATOR["maps"], "generator.input.conditioning=label_map"), "must be a map"),
        (
            (*IN_GENERATOR["concatenate"], "discriminator.stages.0.normalization=self_modulated_batch"),
            "takes the latent vectors, which only the generator has",
        ),
    ],
)
def test_what_does_not_fit_is_said_with_its_place(networks, overrides, message):
    with pytest.raises(RecipeError, match=message):
        networks(*overrides)


def test_a_component_that_takes_the_class_needs_a_condition(base):
    recipe = base(*IN_GENERATOR["conditional_batch"])
    with pytest.raises(RecipeError, match="the recipe has no classes: add condition"):
        build_networks(recipe)


def test_the_latent_vector_modulates_every_normalization(base):
    recipe = base("generator.normalization=self_modulated_batch")
    model = build_networks(recipe).generator.model
    assert len(model.inputs) == 1
    x = inputs(model)[0]
    np.testing.assert_allclose(forward_of(model)(x, False), model(x, training=False), atol=1e-5)
