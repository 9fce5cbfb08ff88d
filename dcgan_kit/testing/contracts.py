"""The contract of each kind as a check: what ``KINDS`` promises in words, tried out on a component."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from pydantic import ValidationError

from dcgan_kit.components.declaration import Component
from dcgan_kit.components.kinds import KINDS, Shape
from dcgan_kit.components.results import ImageSpec
from dcgan_kit.components.site import Site
from dcgan_kit.data.loading import broken_contract
from dcgan_kit.networks.building import as_layers
from dcgan_kit.testing.complaints import built, require, require_returned, told
from dcgan_kit.testing.probing import check_probe
from dcgan_kit.testing.scoring import check_extractor, check_score
from dcgan_kit.testing.training import (
    check_augmentation,
    check_latent,
    check_loss,
    check_optimizer,
    check_penalty,
    check_schedule,
)

BATCH = 4
_MAPS: tuple[Shape, ...] = ((8, 8, 16), (4, 6, 16))
_SHAPES: dict[str, tuple[Shape, ...]] = {
    "activation": (*_MAPS, (12,)),
    "normalization": _MAPS,
    "convolution": _MAPS,
    "downsample": _MAPS,
    "upsample": _MAPS,
    "regularizer": _MAPS,
    "projection": ((10,),),
    "head": _MAPS,
}
"""Where components of a kind are usually put."""
_FILTERS = (16, 8)
"""As many channels as are given, and fewer."""


def check_component(component: Component, *, shapes: Sequence[Shape] | None = None, **options: Any) -> None:
    """Check that a component keeps the contract of its kind.

    A component of a network is built at usual places, and must return fresh layers that keep the shape rule of the
    kind, give finite numbers and finite gradients, start from the same weights at the same place, and survive being
    saved. A component of another kind must return what ``KINDS[kind].returns`` says, and that must work.

    Args:
        component: what ``@component`` made.
        shapes: what a component of a network is given, without the batch; default: what is usual for the kind. For
            components of kinds ``data``, ``penalty``, ``augmentation``, ``extractor`` and ``score``: shapes of images.
        options: options of the component, where its defaults do not serve.

    Raises:
        AssertionError: it does not; the message says which component and what is wrong.
    """
    try:
        validated = dict(component.options(**options))
    except ValidationError as error:
        raise AssertionError(f"{component}: its options are not valid: {error}") from error
    if KINDS[component.kind].shape_rule is None:
        _CHECKS[component.kind](component, validated, shapes)
        return
    for shape in shapes or _SHAPES[component.kind]:
        for filters in _FILTERS:
            _check_layers(component, validated, shape, filters)


def _check_layers(component: Component, options: dict[str, Any], shape: Shape, filters: int) -> None:
    where = f"{component} at {shape} with {filters} filters"

    def build() -> tuple[list[Any], Any]:
        made = built(component, _site(shape, filters), options, where)
        layers = as_layers(made)
        if layers is None:
            raise AssertionError(f"{where}: must return {KINDS[component.kind].returns}. Received: {made!r:.200}")
        return layers, _model(layers, shape, where)

    layers, model = build()
    rule = KINDS[component.kind].shape_rule
    complaint = rule(shape, model.output_shape[1:], filters) if rule else None
    require(complaint is None, f"{where}: {complaint}. Received: {model.output_shape[1:]}")

    for name, x in (("normal noise", _noise(BATCH, *shape)), ("zeros", np.zeros((BATCH, *shape), "float32"))):
        for training in (False, True):
            _check_numbers(model, x, training, f"{where}, given {name}, training={training}")

    again, same = build()
    shared = {id(layer) for layer in layers} & {id(layer) for layer in again}
    require(not shared, f"{where}: must return fresh layers at each call, and returned one of them twice")
    # The first model has run in training by now; first weights are compared between two that have not.
    for one, other in zip(same.weights, build()[1].weights, strict=True):
        equal = np.array_equal(np.asarray(one), np.asarray(other))
        require(equal, f"{where}: first weights of {one.path} differ at the same place; draw them from site.seed()")
    _check_saving(same, _noise(BATCH, *shape), where)


def _site(shape: Shape, filters: int) -> Site:
    return Site(
        role="discriminator",
        block="stage1",
        slot="slot",
        input_shape=shape,
        filters=filters,
        bias=True,
        initializer=lambda seed: keras.initializers.RandomNormal(stddev=0.02, seed=seed),
    )


def _model(layers: list[Any], shape: Shape, where: str) -> Any:
    inputs = outputs = keras.Input(shape)
    for layer in layers:
        try:
            outputs = layer(outputs)
        except Exception as error:
            raise AssertionError(f"{where}: {layer.name} cannot be applied: {told(error)}") from error
        single = isinstance(outputs, keras.KerasTensor)
        require(single, f"{where}: {layer.name} must map one tensor to one tensor. Received: {outputs!r:.200}")
    return keras.Model(inputs, outputs)


def _check_numbers(model: Any, x: Any, training: bool, where: str) -> None:
    given = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(given)
        try:
            result = model(given, training=training)
        except Exception as error:
            raise AssertionError(f"{where}: failed: {told(error)}") from error
        total = tf.reduce_sum(tf.cast(result, tf.float32))
    require(bool(np.isfinite(result).all()), f"{where}: must be finite, and is not everywhere")
    variables = [variable.value for variable in model.trainable_variables]
    for gradient in tape.gradient(total, [given, *variables]):
        finite = gradient is None or bool(np.isfinite(tf.convert_to_tensor(gradient)).all())
        require(finite, f"{where}: must have finite gradients, and has not everywhere")


def _check_saving(model: Any, x: Any, where: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.keras")
        try:
            model.save(file)
            loaded = keras.saving.load_model(file, compile=False)
        except Exception as error:
            raise AssertionError(
                f"{where}: cannot be saved and loaded again: {told(error)}. A layer of your own needs "
                "@keras.saving.register_keras_serializable(package=...) and get_config()"
            ) from error
        close = np.allclose(model(x, training=False), loaded(x, training=False), atol=1e-6)
        require(close, f"{where}: gives other numbers after being saved and loaded")


def _check_constraint(component: Component, options: dict[str, Any], _: Any) -> None:
    wrap = built(component, _site((8, 8, 16), 1), options, str(component))
    require_returned(component, wrap, wrap is None or callable(wrap))
    if wrap is None:
        return
    for layer, shape in (
        (keras.layers.Conv2D(8, 3, name="conv"), (8, 8, 16)),
        (keras.layers.Conv2DTranspose(8, 4, strides=2, name="conv"), (8, 8, 16)),
        (keras.layers.Dense(8, name="dense"), (12,)),
    ):
        where = f"{component} of a {type(layer).__name__}"
        free = layer.compute_output_shape((None, *shape))
        held = wrap(layer)
        require(isinstance(held, keras.Layer), f"{where}: must give a keras.Layer. Received: {held!r:.200}")
        model = _model([held], shape, where)
        require(tuple(model.output_shape) == tuple(free), f"{where}: must not change the shape")
        for training in (False, True):
            _check_numbers(model, _noise(BATCH, *shape), training, where)
        _check_saving(model, _noise(BATCH, *shape), where)


def _check_initializer(component: Component, options: dict[str, Any], _: Any) -> None:
    first, again = (built(component, 1, options, str(component)) for _ in range(2))
    require_returned(component, first, isinstance(first, keras.initializers.Initializer))
    for shape in ((3, 3, 4, 8), (12, 8)):
        drawn = np.asarray(first(shape, "float32"))
        require(drawn.shape == shape, f"{component}: must draw {shape}. Received: {drawn.shape}")
        require(bool(np.isfinite(drawn).all()), f"{component}: must draw finite numbers")
        same = np.array_equal(drawn, np.asarray(again(shape, "float32")))
        require(same, f"{component}: must draw the same for the same seed")


def _check_data(component: Component, options: dict[str, Any], shapes: Sequence[Shape] | None) -> None:
    for height, width, channels in shapes or ((28, 28, 1),):
        spec = ImageSpec(height, width, channels)
        complaint = broken_contract(built(component, spec, options, str(component)), spec)
        require(not complaint, f"{component}: must return dcgan_kit.Images {complaint}")


_CHECKS: dict[str, Callable[[Component, dict[str, Any], Sequence[Shape] | None], None]] = {
    "constraint": _check_constraint,
    "initializer": _check_initializer,
    "latent": check_latent,
    "loss": check_loss,
    "penalty": check_penalty,
    "augmentation": check_augmentation,
    "optimizer": check_optimizer,
    "schedule": check_schedule,
    "probe": check_probe,
    "data": _check_data,
    "extractor": check_extractor,
    "score": check_score,
}


def _noise(*shape: int) -> Any:
    return np.random.default_rng(0).standard_normal(shape).astype("float32")
