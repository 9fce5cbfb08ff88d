"""Checks before training that networks can be compiled, trained and saved."""

from __future__ import annotations

import json
from typing import Any

import keras
import tensorflow as tf

from dcgan_kit.adversarial.error_owner import blaming
from dcgan_kit.adversarial.precision import set_precision
from dcgan_kit.adversarial.random_streams import StepStream
from dcgan_kit.adversarial.training_components import Parts, build_optimizer
from dcgan_kit.components.component import Component
from dcgan_kit.errors import ComponentError, Problem, RecipeError
from dcgan_kit.networks.fused_forward import forward_of
from dcgan_kit.networks.keras_internals import layers_within, weightless
from dcgan_kit.networks.network import Network, Networks
from dcgan_kit.networks.side_inputs import inputs_of
from dcgan_kit.networks.xla_faults import xla_faults
from dcgan_kit.recipes.choices import choices_of
from dcgan_kit.recipes.nodes import dotted
from dcgan_kit.recipes.resolved import Precision, ResolvedRecipe


def require_trainable(recipe: ResolvedRecipe, networks: Networks, parts: Parts, third_party: frozenset[str]) -> None:
    """Trace each network that has a third-party layer, as training does, in each precision that the recipe may mean.

    Args:
        recipe: the recipe to train.
        networks: its networks, built or symbolic; afterwards they compute in float32.
        parts: the other components of training.
        third_party: names of third-party plugins; layers of built-in plugins are known to pass.

    Raises:
        ComponentError: a third-party layer fails in training, cannot be compiled as the recipe asks, or cannot be
            saved.
        RecipeError: the recipe asks for XLA, which cannot compile the networks; or a recovery could not lower a
            learning rate.
    """
    require_compilable(recipe, networks)
    _require_rates(recipe)
    _require_class_loss(recipe, networks)
    with weightless(), blaming(networks, third_party):
        copy_of(networks.generator.model)
    for network in (networks.generator, networks.discriminator):
        if not any(part.owner in third_party for part in network.parts):
            continue
        for precision in _precisions(recipe.training.precision):
            set_precision(networks, precision)
            try:
                with weightless(), blaming(networks, third_party):
                    _trace(recipe, network, parts)
            except ComponentError as error:
                raise ComponentError(f"{error}{_hint(recipe, precision)}", error.path) from error
            finally:
                set_precision(networks, "float32")


def require_compilable(recipe: ResolvedRecipe, networks: Networks) -> None:
    """Check that XLA can compile the recipe and computes it rightly, if the recipe asks for XLA.

    Raises:
        RecipeError: it cannot, or does not.
    """
    reasons = unsupported_by_xla(recipe, networks)
    if recipe.training.xla == "on" and reasons:
        message = f"{'; '.join(reasons)}; choose auto or off"
        raise RecipeError([Problem(recipe.mark(("training", "xla")), "training.xla", message)])


def unsupported_by_xla(recipe: ResolvedRecipe, networks: Networks) -> list[str]:
    """Return why the recipe must train without XLA, one reason for each cause, with its places; empty: it need not.

    The causes are layers of its networks that ``xla_faults`` knows, and components that declare ``without_xla``.
    """
    places: dict[Component, list[str]] = {}
    for choice in choices_of(recipe):
        if choice.component.without_xla:
            places.setdefault(choice.component, []).append(dotted(choice.path))
    declared = [
        f"{component} does without XLA: {component.without_xla} ({', '.join(dict.fromkeys(found))})"
        for component, found in places.items()
    ]
    return xla_faults(layers_within(networks.generator.model, networks.discriminator.model)) + declared


def rate_of(optimizer: Any) -> float | None:
    """The learning rate of an optimizer, or None if the optimizer has its own schedule."""
    rate = optimizer.get_config()["learning_rate"]
    return float(rate) if isinstance(rate, int | float) else None


def _require_rates(recipe: ResolvedRecipe) -> None:
    """Check that a recovery can lower both learning rates; otherwise training would fail again in the same way."""
    if not recipe.training.recover.times:
        return
    plans = {"generator": recipe.training.generator, "discriminator": recipe.training.discriminator}
    own = [
        f"{role}: {plan.optimizer.component.name}"
        for role, plan in plans.items()
        if rate_of(build_optimizer(recipe, plan.optimizer)) is None
    ]
    if own:
        path = ("training", "recover", "times")
        message = (
            f"cannot lower the learning rate of an optimizer that has its own schedule ({', '.join(own)}); choose 0"
        )
        raise RecipeError([Problem(recipe.mark(path), "training.recover.times", message)])


def _require_class_loss(recipe: ResolvedRecipe, networks: Networks) -> None:
    """Check that class logits have a loss, and that the loss has class logits."""
    classifies = networks.discriminator.model.outputs[0].shape[-1] > 1
    path = ("training", "class_loss")
    if classifies and recipe.training.class_loss is None:
        message = "is missing: the discriminator returns class logits; name a component of kind class_loss"
        raise RecipeError([Problem(recipe.mark(path, ("discriminator", "output", "head")), dotted(path), message)])
    if recipe.training.class_loss is not None and not classifies:
        message = "the discriminator returns no class logits; give it `head: auxiliary_classifier`, or leave this out"
        raise RecipeError([Problem(recipe.mark(path), dotted(path), message)])


def copy_of(generator: Any) -> Any:
    """Return a copy of a generator with its own weights.

    This also checks that training can save the generator at its end.

    Raises:
        Exception: whatever a layer raises.
    """
    for layer in generator.layers:
        _serialized(layer)
    return keras.models.clone_model(generator)


def _serialized(layer: Any) -> str:
    # ``blaming`` finds the failing layer in the traceback by the name ``layer``.
    return json.dumps(keras.saving.serialize_keras_object(layer))


def _precisions(wanted: Precision) -> tuple[Precision, ...]:
    """The precisions that a recipe may mean; which one ``auto`` means depends on the machine."""
    return ("float32", "mixed_bfloat16") if wanted == "auto" else (wanted,)


def _hint(recipe: ResolvedRecipe, precision: Precision) -> str:
    if precision == "float32":
        return ""
    may = "may mean" if recipe.training.precision == "auto" else "is"
    wanted = recipe.training.precision
    cause = f"training.precision {wanted!r} {may} {precision}" if wanted != precision else f"computing in {precision}"
    return f" ({cause}: cast constants to inputs.dtype, or choose training.precision=float32)"


def _trace(recipe: ResolvedRecipe, network: Network, parts: Parts) -> None:
    """Trace a network's forward pass and gradients in training; with XLA, compile as far as its HLO."""
    forward = forward_of(network.model, fused=False)
    training = recipe.training
    rows = max(1, training.batch_size // training.accumulate)

    classes = tf.zeros((rows, recipe.classes or 0))

    def run(x: Any) -> Any:
        return tf.cast(forward(inputs_of(network.model, x, classes), training=True), tf.float32)

    def discriminator(images: Any) -> Any:
        return run(images)[:, :1]

    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(run(x))
            if network.role == "discriminator" and parts.penalty is not None:
                total += parts.penalty.value(discriminator, x, x, StepStream(0, 0, "check"))
        return tape.gradient(total, x, unconnected_gradients="zero")

    inputs = tf.TensorSpec((rows, *network.model.inputs[0].shape[1:]), tf.float32)
    if training.xla == "on":
        tf.function(step, jit_compile=True, autograph=False).experimental_get_compiler_ir(inputs)(stage="hlo")
    else:
        tf.function(step, autograph=False).get_concrete_function(inputs)
