"""What XLA must compute as TensorFlow does, of components that take part in training besides the networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from dcgan_kit.adversarial.random_streams import StepStream
from dcgan_kit.components.contracts.training import AdversarialLoss, Augmentation, ClassLoss, Penalty
from dcgan_kit.components.kinds import Shape
from dcgan_kit.testing.training import BATCH, CLASSES, IMAGES, STEPS, discriminator, discriminator_weights, images
from dcgan_kit.testing.xla import Case

_SEED = (0, 1)
SHAPES: tuple[Shape, ...] = (IMAGES[0], (7, 5, 3))
"""Shapes of images: square, and with odd, unequal sides."""


def _latent(draw: Any, where: str, _: Any) -> Iterator[Case]:
    yield Case(where, lambda seed: {"a latent vector": draw(BATCH, seed)}, (tf.constant(_SEED),))


def _loss(loss: AdversarialLoss, where: str, _: Any) -> Iterator[Case]:
    for name, function in {"generator": loss.generator, "discriminator": loss.discriminator}.items():
        for high in (1.0, 80.0):
            logits = tf.constant([[-high], [0.3], [high]]), tf.constant([[high], [-high], [0.1]])
            given = f"of the {name}, for logits from {-high:g} to {high:g}"
            yield Case(f"{where}, {given}", partial(_of_logits, function), logits)


def _of_logits(function: Callable[..., Any], real: Any, fake: Any) -> dict[str, Any]:
    return _differentiated(
        lambda: function(real, fake, StepStream(*_SEED, "loss")),
        {"the logits of real images": real, "the logits of generated images": fake},
    )


def _class_loss(loss: ClassLoss, where: str, _: Any) -> Iterator[Case]:
    classes = tf.one_hot(tf.range(BATCH) % CLASSES, CLASSES)

    def generator(logits: Any) -> dict[str, Any]:
        return _differentiated(lambda: loss.generator(logits, classes), {"the logits": logits})

    def both(logits: Any) -> dict[str, Any]:
        return _differentiated(lambda: loss.discriminator(logits, classes, -logits, classes), {"the logits": logits})

    logits = tf.random.stateless_normal((BATCH, CLASSES), _SEED)
    yield Case(f"{where}, generator", generator, (logits,))
    yield Case(f"{where}, discriminator", both, (logits,))


def _penalty(penalty: Penalty, where: str, shapes: Sequence[Shape]) -> Iterator[Case]:
    for shape in shapes:
        weights = [weight.numpy() for weight in discriminator_weights(shape, 0.3)]

        def step(real: Any, fake: Any, *weights: Any) -> dict[str, Any]:
            def value() -> Any:
                stream = StepStream(*_SEED, "penalty")
                return penalty.value(lambda images: discriminator(images, weights), real, fake, stream)

            return _differentiated(value, {f"weight {place}": weight for place, weight in enumerate(weights)})

        tensors = (images(0, shape), images(1, shape), *map(tf.constant, weights))
        yield Case(f"{where} of {shape}", step, tensors)


def _augmentation(augmentation: Augmentation, where: str, shapes: Sequence[Shape]) -> Iterator[Case]:
    for shape in shapes:

        def step(given: Any, probability: Any, direction: Any) -> dict[str, Any]:
            with tf.GradientTape() as tape:
                tape.watch(given)
                changed = augmentation.transform(given, probability, StepStream(*_SEED, "augmentation"))
                total = tf.reduce_sum(changed * direction)
            return {"an image": changed, "the gradient of the images": tape.gradient(total, given)}

        yield Case(f"{where} of {shape}", step, (images(0, shape), tf.constant(0.7), images(1, shape)))
    if augmentation.adapt is not None:
        adapt = augmentation.adapt
        state, logits = tf.constant(augmentation.state, tf.float32), tf.constant([[0.5], [-1.0], [2.0]])
        yield Case(f"{where}, adapting", lambda *given: {"the state": adapt(*given)}, (state, logits))


def _schedule(schedule: Any, where: str, _: Any) -> Iterator[Case]:
    steps = tf.constant([0.0, 1.0, STEPS / 3, STEPS / 2, STEPS - 1.0, STEPS])

    def factors(steps: Any) -> dict[str, Any]:
        return {"the factor": tf.stack([tf.convert_to_tensor(schedule(step, STEPS)) for step in tf.unstack(steps)])}

    yield Case(where, factors, (steps,))


def _optimizer(optimizer: Any, where: str, _: Any) -> Iterator[Case]:
    weight = keras.Variable(tf.ones((3, 2)), name="weight")
    optimizer.build([weight])

    def steps(*gradients: Any) -> dict[str, Any]:
        for gradient in gradients:
            optimizer.apply([gradient], [weight])
        return {}

    gradients = tuple(tf.random.stateless_normal((3, 2), (0, number)) for number in range(3))
    yield Case(where, steps, gradients, (weight, *optimizer.variables))


def _differentiated(value: Callable[[], Any], sources: dict[str, Any]) -> dict[str, Any]:
    """Return a value, and its gradient by each of its sources."""
    with tf.GradientTape() as tape:
        tape.watch(list(sources.values()))
        found = tf.convert_to_tensor(value())
    gradients = tape.gradient(found, sources, unconnected_gradients="zero")
    return {"the value": found, **{f"the gradient of {name}": gradient for name, gradient in gradients.items()}}


TRAINING_CASES: dict[str, Callable[[Any, str, Sequence[Shape]], Iterator[Case]]] = {
    "latent": _latent,
    "loss": _loss,
    "class_loss": _class_loss,
    "penalty": _penalty,
    "augmentation": _augmentation,
    "schedule": _schedule,
    "optimizer": _optimizer,
}
"""Kind → function (what the component made, where, shapes of images) that yields cases."""
