"""The checks of training components: latents, losses, penalties, augmentations, schedules and optimizers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcgan_kit.adversarial.random_streams import StepStream
from dcgan_kit.components.component import Component
from dcgan_kit.components.contracts.training import AdversarialLoss, Augmentation, ClassLoss, Penalty
from dcgan_kit.components.kinds import Shape
from dcgan_kit.testing.complaints import built, called, finite, reached, require, require_returned

BATCH = 4
STEPS = 1000
CLASSES = 3
IMAGES: tuple[Shape, ...] = ((8, 8, 1), (12, 6, 3), (8, 10, 4))


def check_latent(component: Component, options: dict[str, Any], _: Any, __: bool) -> None:
    """Check that a latent component draws vectors of the requested size, and the same vectors for the same seed."""
    draw = built(component, None, options, str(component))
    require_returned(component, draw, callable(draw))
    compiled = tf.function(draw, autograph=False)
    drawn = [np.asarray(draw(5, tf.constant(seed))) for seed in ([0, 1], [0, 1], [0, 2], [1, 1])]
    size = options["size"]
    require(drawn[0].shape == (5, size), f"{component}: must draw (5, {size}). Received: {drawn[0].shape}")
    require(drawn[0].dtype == np.float32, f"{component}: must draw float32. Received: {drawn[0].dtype}")
    require(finite(drawn[0]), f"{component}: must draw finite numbers")
    require(np.array_equal(drawn[0], drawn[1]), f"{component}: must draw the same for the same seed")
    for other in drawn[2:]:
        require(not np.array_equal(drawn[0], other), f"{component}: must draw different vectors for another seed")
    traced = np.asarray(called(f"{component}, in a tf.function", compiled, 5, tf.constant([0, 1])))
    require(np.allclose(traced, drawn[0], atol=1e-6), f"{component}: must draw the same inside a tf.function")


def check_loss(component: Component, options: dict[str, Any], _: Any, __: bool) -> None:
    """Check that both losses are finite scalars with finite gradients, and draw random numbers only from ``random``.

    The gradient of the generator's loss must reach the logits of generated images. The gradient of the discriminator's
    loss must reach the logits of generated and of real images. It may be zero for some logits (a hinge loss is flat
    beyond its margin), but not for all.
    """
    loss = built(component, None, options, str(component))
    require_returned(component, loss, isinstance(loss, AdversarialLoss))
    for name in ("generator", "discriminator"):
        moved = np.zeros(2, bool)
        for low, high in ((-1.0, 1.0), (-80.0, 80.0)):
            real, fake = tf.constant([[low], [0.0], [high]]), tf.constant([[high], [low], [0.0]])
            where = f"{component}, of the {name}, for logits from {low:g} to {high:g}"
            moved |= _check_loss_of(where, getattr(loss, name), real, fake)
        for kind, found in zip(("real", "generated"), moved, strict=True):
            needed = name == "discriminator" or kind == "generated"
            message = f"{component}, of the {name}: no gradient reaches the logits of {kind} images"
            require(bool(found) or not needed, message)


def _check_loss_of(where: str, loss: Callable[..., Any], real: Any, fake: Any) -> list[bool]:
    def value() -> Any:
        return _tensor(loss(real, fake, StepStream(0, 1, "loss")))

    first, gradients = _with_gradients(where, value, [real, fake])
    _require_scalar(where, first)
    _require_finite_gradients(where, gradients)
    require(gradients[1] is not None, f"{where}: must depend on the logits of generated images")
    _require_repeated(where, first, value)
    return [reached(gradient) for gradient in gradients]


def check_penalty(component: Component, options: dict[str, Any], shapes: Sequence[Shape] | None, _: bool) -> None:
    """Check that a penalty is a finite scalar, with finite gradients with respect to the discriminator's weights.

    This must also hold for a flat discriminator.
    """
    penalty = built(component, (-1.0, 1.0), options, str(component))
    require_returned(component, penalty, isinstance(penalty, Penalty))
    whole = isinstance(penalty.every, int) and not isinstance(penalty.every, bool) and penalty.every >= 1
    require(whole, f"{component}: every must be a whole number from 1 up. Received: {penalty.every!r:.100}")
    for shape in shapes or IMAGES:
        real, fake = (images(seed, shape) for seed in (0, 1))
        moved = False
        for scale, kind in ((0.3, "a usual"), (3.0, "a steep"), (0.0, "a flat")):
            where = f"{component}, of {kind} discriminator of {shape}"
            moved |= _check_penalty_of(where, penalty, real, fake, discriminator_weights(shape, scale))
        require(moved, f"{component} of {shape}: its gradients by the discriminator's weights are always 0")


def _check_penalty_of(where: str, penalty: Penalty, real: Any, fake: Any, weights: list[Any]) -> bool:
    def value() -> Any:
        return _tensor(
            penalty.value(lambda images: discriminator(images, weights), real, fake, StepStream(0, 1, "penalty"))
        )

    first, gradients = _with_gradients(where, value, weights)
    _require_scalar(where, first)
    _require_finite_gradients(where, gradients)
    depends = any(gradient is not None for gradient in gradients)
    require(depends, f"{where}: must have gradients by the discriminator's weights, and has none")
    _require_repeated(where, first, value)
    return any(map(reached, gradients))


def check_augmentation(component: Component, options: dict[str, Any], shapes: Sequence[Shape] | None, _: bool) -> None:
    """Check that an augmentation keeps shape and dtype, changes nothing at probability 0, and passes gradients on."""
    augmentation = built(component, None, options, str(component))
    require_returned(component, augmentation, isinstance(augmentation, Augmentation))
    for shape in shapes or IMAGES:
        drawn = images(0, shape)
        for probability in (0.0, 0.5, 1.0):
            where = f"{component} of {shape} at probability {probability:g}"
            _check_augmentation_of(where, augmentation, drawn, probability)
    _check_state(component, augmentation)


def _check_augmentation_of(where: str, augmentation: Augmentation, images: Any, probability: float) -> None:
    def change() -> Any:
        return _tensor(augmentation.transform(images, tf.constant(probability), StepStream(0, 1, "augmentation")))

    changed, gradients = _with_gradients(where, change, [images])
    same = changed.shape == images.shape and changed.dtype == images.dtype
    expected, received = (f"{x.dtype.name} {tuple(x.shape)}" for x in (images, changed))
    require(same, f"{where}: must return {expected}. Received: {received}")
    require(finite(changed), f"{where}: must return finite numbers")
    # At a higher probability an augmentation may remove a whole image, for example by a cutout.
    needed = probability == 0.0
    flows = reached(gradients[0]) if needed else gradients[0] is not None
    require(flows, f"{where}: must pass gradients on to the images")
    _require_finite_gradients(where, gradients)
    if probability == 0.0:
        require(np.allclose(changed, images, atol=1e-6), f"{where}: must not change the images")
    _require_repeated(where, changed, change)


def _check_state(component: Component, augmentation: Augmentation) -> None:
    numbers = isinstance(augmentation.state, tuple) and all(type(x) in (int, float) for x in augmentation.state)
    shown = f"Received: {augmentation.state!r:.100}"
    require(numbers and finite(augmentation.state), f"{component}: state must be a tuple of finite numbers. {shown}")
    probable = bool(augmentation.state) and 0.0 <= augmentation.state[0] <= 1.0
    require(probable, f"{component}: its state must begin with a probability, from 0 to 1. {shown}")
    if augmentation.adapt is None:
        return
    adapt = tf.function(augmentation.adapt, autograph=False)
    for logit in (50.0, -50.0):
        where, state = f"{component}, adapting to logits of {logit:g}", tf.constant(augmentation.state, tf.float32)
        for _ in range(20):
            now = called(where, adapt, state, tf.fill((BATCH, 1), logit))
            expected, received = (f"{x.dtype.name} {tuple(x.shape)}" for x in (state, now))
            require(expected == received, f"{where}: must return a state of {expected}. Received: {received}")
            require(finite(now), f"{where}: must keep its state finite")
            within = 0.0 <= float(now[0]) <= 1.0
            require(within, f"{where}: must keep the probability from 0 to 1. Received: {float(now[0]):g}")
            state = now


def check_class_loss(component: Component, options: dict[str, Any], _: Any, __: bool) -> None:
    """Check that both functions return a finite scalar, the same each time, and pass gradients to the class logits."""
    loss = built(component, None, options, str(component))
    require_returned(component, loss, isinstance(loss, ClassLoss))
    logits = tf.random.stateless_normal((BATCH, CLASSES), (0, 0))
    classes = tf.one_hot(tf.range(BATCH) % CLASSES, CLASSES)

    def of_generator(logits: Any) -> Any:
        return _tensor(loss.generator(logits, classes))

    def of_discriminator(logits: Any) -> Any:
        return _tensor(loss.discriminator(logits, classes, -logits, classes))

    for name, function in (("generator", of_generator), ("discriminator", of_discriminator)):
        where = f"{component}, {name}"
        with tf.GradientTape() as tape:
            tape.watch(logits)
            first = called(where, partial(function, logits))
        _require_scalar(where, first)
        gradient = tape.gradient(first, logits, unconnected_gradients="zero")
        require(finite(gradient), f"{where}: must have finite gradients, and some are not")
        _require_repeated(where, first, partial(function, logits))


def check_schedule(component: Component, options: dict[str, Any], _: Any, __: bool) -> None:
    """Check that a schedule returns a finite factor, 0 or more, at the first step, in the middle and at the end."""
    schedule = built(component, None, options, str(component))
    require_returned(component, schedule, callable(schedule))
    for step in (0, 1, STEPS // 2, STEPS - 1, STEPS):
        _check_schedule_at(f"{component} at step {step} of {STEPS}", schedule, tf.constant(float(step)))


def _check_schedule_at(where: str, schedule: Callable[..., Any], step: Any) -> None:
    def factor() -> Any:
        return _tensor(schedule(step, STEPS))

    first = called(where, factor)
    _require_scalar(where, first)
    require(float(first) >= 0.0, f"{where}: must not be negative. Received: {float(first):g}")
    _require_repeated(where, first, factor)


def check_optimizer(component: Component, options: dict[str, Any], _: Any, __: bool) -> None:
    """Check that the factory returns a new Keras optimizer, which moves weights against their gradient.

    It must move them in the same way each time, eagerly and compiled. It must keep its state in variables, so that
    checkpoints hold it.
    """
    first, again = (built(component, None, options, str(component)) for _ in range(2))
    require_returned(component, first, isinstance(first, keras.optimizers.Optimizer))
    require(first is not again, f"{component}: must return a fresh optimizer at each call")
    variable = keras.Variable(np.ones((3, 2), "float32"))
    first.build([variable])
    first.apply([tf.ones((3, 2))], [variable])
    moved = np.asarray(variable)
    require(finite(moved), f"{component}: must move weights to finite numbers")
    require(bool((moved < 1.0).all()), f"{component}: must move weights against their gradient")
    _check_steps(component, options)


def _check_steps(component: Component, options: dict[str, Any]) -> None:
    """Check that three steps give the same weights eagerly, repeated, compiled, and resumed after the first step."""
    ends = {}
    for mode in ("eagerly", "a second time", "inside a tf.function", "from a checkpoint"):
        optimizer, variable = (
            built(component, None, options, str(component)),
            keras.Variable(np.ones((3, 2), "float32")),
        )
        optimizer.build([variable])
        step = _applied(optimizer, variable)
        if mode == "inside a tf.function":
            step = tf.function(step, autograph=False)
        for number in range(3):
            gradient = tf.constant(_normal(number, 3, 2))
            called(f"{component}, {mode}", step, gradient)
            if number == 0 and mode == "from a checkpoint":
                saved = [np.asarray(v) for v in optimizer.variables]
                optimizer = built(component, None, options, str(component))
                optimizer.build([variable])
                for own, value in zip(optimizer.variables, saved, strict=True):
                    own.assign(value)
                step = _applied(optimizer, variable)
        ends[mode] = np.asarray(variable)
    for mode, end in ends.items():
        require(finite(end), f"{component}: must move weights to finite numbers")
        same = np.allclose(end, ends["eagerly"], rtol=1e-4, atol=1e-6)
        require(
            same,
            f"{component}: {mode}, must move weights in the same way; keep its state in variables of add_variable()",
        )


def _applied(optimizer: Any, variable: Any) -> Callable[[Any], None]:
    def step(gradient: Any) -> None:
        optimizer.apply([gradient], [variable])

    return step


def discriminator_weights(shape: Shape, scale: float) -> list[Any]:
    """Return the weights of a discriminator of images of a shape, of which ``scale`` is the standard deviation."""
    height, width, channels = shape
    features = -(-height // 2) * -(-width // 2) * 8
    sizes = ((3, 3, channels, 8), (features, 1))
    return [tf.Variable(scale * _normal(seed, *size)) for seed, size in enumerate(sizes, 2)]


def discriminator(images: Any, weights: Sequence[Any]) -> Any:
    """Return the logits (B, 1) of images, by a convolution and a dense layer."""
    kernel, dense = weights
    maps = tf.tanh(tf.nn.conv2d(images, kernel, 2, "SAME"))
    return tf.matmul(tf.reshape(maps, (maps.shape[0], -1)), dense)


def _with_gradients(where: str, function: Callable[[], Any], sources: list[Any]) -> tuple[Any, list[Any]]:
    with tf.GradientTape() as tape:
        tape.watch(sources)
        value = called(where, function)
    return value, tape.gradient(value, sources)


def _require_scalar(where: str, value: Any) -> None:
    require(tuple(value.shape) == (), f"{where}: must be a scalar. Received: shape {tuple(value.shape)}")
    require(value.dtype == tf.float32, f"{where}: must be float32. Received: {value.dtype.name}")
    require(finite(value), f"{where}: must be finite")


def _require_finite_gradients(where: str, gradients: list[Any]) -> None:
    every = all(gradient is None or finite(tf.convert_to_tensor(gradient)) for gradient in gradients)
    require(every, f"{where}: must have finite gradients")


def _require_repeated(where: str, value: Any, function: Callable[[], Any]) -> None:
    again = called(where, function)
    # Sums on a GPU can differ in their last digits.
    same = np.allclose(value, again, rtol=1e-5, atol=1e-6)
    require(same, f"{where}: must be the same for the same random stream; draw random numbers from 'random' alone")
    traced = called(f"{where}, in a tf.function", tf.function(function, autograph=False))
    require(np.allclose(value, traced, rtol=1e-4, atol=1e-5), f"{where}: must be the same inside a tf.function")


def images(seed: int, shape: Shape) -> Any:
    """Return float32 images between -1 and 1, the same at every call with the same seed."""
    return tf.constant(np.tanh(_normal(seed, BATCH, *shape)))


def _tensor(value: Any) -> Any:
    return tf.convert_to_tensor(value)


def _normal(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")
