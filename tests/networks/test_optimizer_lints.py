"""Lints of what moves the weights, and of layers of plugins that stop it: the cases beyond test_lint.py."""

from __future__ import annotations

import pytest

from dcgan_kit.networks.builder import build_networks
from dcgan_kit.networks.lint import lint

PLUGIN = '''
from typing import Literal

import keras
from dcgan_kit import component, hookimpl


@component("constraint")
def frozen(*, on: bool = True):
    """Freeze."""

    def freeze(layer):
        layer.trainable = not on
        return layer

    return freeze


@component("head")
def ended(*, by: Literal["sigmoid", "tanh", "softplus", "linear"]):
    """End in an activation."""
    return [keras.layers.Flatten(), keras.layers.Dense(1, activation=by)]


@component("head")
def ended_by_layer():
    """End in a layer of its own."""
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1), keras.layers.Activation("sigmoid")])


@component("initializer")
def one_shape(seed):
    """Draw no large kernel that has only one channel."""

    class OneShape(keras.initializers.Initializer):
        def __call__(self, shape, dtype=None):
            if shape[-1] == 1 and shape[-2] >= 4096:
                raise ValueError("one channel")
            return 100.0 * keras.ops.ones(shape, dtype)

    return OneShape()


@hookimpl
def dcgan_kit_components():
    return [frozen, ended, ended_by_layer, one_shape]
'''


@pytest.fixture(scope="module")
def found(base, tmp_path_factory):
    """Return a function (lint, *overrides) -> [(key, message)], with the components above."""
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "stopped.py").write_text(PLUGIN)

    def found(name, *overrides):
        recipe = base(*overrides, folder=folder)
        advice = lint(recipe, build_networks(recipe, symbolic=True))
        return [(item.key, item.message) for item in advice if item.lint == name]

    return found


def test_a_frozen_layer_is_named(found):
    told = "stage2_downsample of the discriminator is not trainable: its kernel stays as it was drawn"
    given = "discriminator.stages.1.constraint={use: frozen, on: %s}"
    assert told in [message for _, message in found("frozen_layer", given % "true")]
    assert found("frozen_layer", given % "false") == []


@pytest.mark.parametrize("by", ["sigmoid", "tanh"])
def test_a_bounded_logit_is_named(found, by):
    given = f"discriminator.output.head={{use: ended, by: {by}}}"
    told = "ended ends in a bounded activation; return the logit itself"
    assert found("bounded_logit", given) == [("discriminator.output.head", told)]


@pytest.mark.parametrize("by", ["softplus", "linear"])
def test_a_logit_without_a_bound_is_not(found, by):
    assert found("bounded_logit", f"discriminator.output.head={{use: ended, by: {by}}}") == []


def test_a_bounded_logit_inside_a_model_is_named(found):
    assert len(found("bounded_logit", "discriminator.output.head=ended_by_layer")) == 1


def test_an_activation_before_the_head_bounds_no_logit(found):
    assert found("bounded_logit", "discriminator.output.activation=sigmoid") == []


def test_steps_that_are_too_small_are_named(found):
    told = "all steps together move each by 0.00026 % of that at most"
    (item,) = found("step_size", "training.generator.optimizer.learning_rate=5.0e-9")
    assert item[0] == "training.generator.optimizer"
    assert told in item[1]


@pytest.mark.parametrize(
    "more",
    [
        # Its step depends on the gradient.
        "training.optimizer={use: sgd, learning_rate: 0.1}",
        # Deviation of he_normal for 4 x 4 x 4 weights: 0.18.
        "discriminator.initializer=he_normal",
    ],
)
def test_steps_that_fit_are_not(found, more):
    given = "training.discriminator.optimizer.learning_rate=1.0e-2"
    assert found("step_size", *((given, more) if "he_normal" in more else (more,))) == []


@pytest.mark.parametrize(
    "bound",
    ["discriminator.constraint=spectral", "training.penalty=gradient_penalty", "training.discriminator.weight_clip=1"],
)
def test_a_bounded_critic_is_not_named(found, bound):
    assert found("unbounded_loss", "training.loss=wasserstein", bound) == []


@pytest.mark.parametrize("loss", ["hinge", "least_squares", "minimax", "relativistic_paired"])
def test_losses_with_a_lowest_value_need_no_bound(found, loss):
    assert found("unbounded_loss", f"training.loss={loss}") == []


def test_first_weights_of_a_constraint_do_not_run_as_they_were_drawn(found):
    large = "discriminator.initializer={use: normal, stddev: 2.0}"
    assert len(found("large_first_weights", large)) > 0
    assert found("large_first_weights", large, "discriminator.constraint=spectral") == []


def test_an_initializer_that_cannot_be_drawn_gets_no_advice(found):
    """Of a kernel with 4,096 filters of 4 x 4 weights, one channel is drawn."""
    given = "generator.stages=[{filters: 4096, initializer: one_shape}]"
    assert "stage1" not in str(found("large_first_weights", given))
    assert "stage1" in str(found("large_first_weights", given.replace("4096", "512")))
