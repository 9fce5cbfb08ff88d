"""The input of probes: the networks of a session at one step, on a fixed batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_kit.adversarial.session import Session
from dcgan_kit.components.contracts.probe import LayerSlot, Mode, Of, Role
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.networks.network import JOIN, Network, applied
from dcgan_kit.networks.resampling import Operation
from dcgan_kit.networks.side_inputs import LABEL, LATENT, inputs_of
from dcgan_kit.networks.trace import trace
from dcgan_kit.probing.frozen_passes import PROBING_STEP, Passes
from dcgan_kit.runs.image_grid import classes_in_turn, latent_vectors, one_hot

LARGEST_BATCH = 64
"""Largest probe batch. More images would be slow at large sizes, and statistics of a channel also use its whole map."""
_STREAM = 2**63 - 2
"""Second half of the random key that chooses real images. The order and the split of training use other values."""
_SWEEP = np.linspace(-20.0, 20.0, 4001, dtype=np.float32)
_FLAT = 0.01


class FixedBatch:
    """The batch on which probes examine a session, the same from step 0 to the last step.

    Args:
        session: the session with the networks.
        images: training images; the chosen ones depend only on the recipe's seed and the number of images.
    """

    def __init__(self, session: Session, images: Images) -> None:
        recipe = session.recipe
        self.session, self.images = session, images
        self.size = min(recipe.training.batch_size, LARGEST_BATCH)
        seed = recipe.training.seed
        self._chosen = np.random.Generator(np.random.Philox(key=[seed, _STREAM])).permutation(len(images))
        self.passes = Passes(session, *self.batch(0))
        networks = session.state.networks
        self.places: dict[Role, tuple[LayerSlot, ...]] = {
            "generator": _places(networks.generator),
            "discriminator": _places(networks.discriminator),
        }
        self._operations: dict[LayerSlot, tuple[Operation, ...]] = {}
        self._limits: dict[LayerSlot, tuple[float, float] | None] = {}

    def context(self) -> SessionContext:
        """Return a probe context of the networks in their current state."""
        return SessionContext(self)

    def batch(self, number: int) -> tuple[Any, Any, Any]:
        """Return a batch, the same at every call.

        Returns:
            Latent vectors (size, latent size); real images (size, H, W, C); the class of each real image, which a
            generated one has too, one-hot (size, classes), or (size, 0) if the recipe has no condition.
        """
        start = number * self.size
        # A small data set can have fewer images than one batch, or than several batches.
        chosen = np.take(self._chosen, range(start, start + self.size), mode="wrap")
        return self._latent(number), self._scaled(self.images.batch(chosen)), self._classes(chosen)

    def _classes(self, chosen: Any) -> Any:
        classes = one_hot(self.session.recipe, self.images.labels[chosen]) if self.session.recipe.classes else None
        return np.zeros((len(chosen), 0), np.float32) if classes is None else classes

    def latents(self, batches: int) -> Any:
        """Return the latent vectors (batches * size, latent size) of the first batches."""
        return np.concatenate([self._latent(number) for number in range(batches)])

    def _latent(self, number: int) -> Any:
        recipe = self.session.recipe
        return latent_vectors(recipe, self.size, recipe.training.seed, step=PROBING_STEP - number)

    def real_images(self, count: int) -> Any:
        """Return real images, float32, in the value range of the networks."""
        return self._scaled(self.images.batch(self._chosen[:count]))

    def operations(self, place: LayerSlot) -> tuple[Operation, ...]:
        """Return the windows and resizes of a place."""
        if place not in self._operations:
            shapes = [place.input_shape] if place.kind != JOIN else [place.input_shape, place.output_shape]
            network = getattr(self.session.state.networks, place.role)
            self._operations[place] = trace(place.layers, shapes, side_shapes=network.side_shapes).operations
        return self._operations[place]

    def limits(self, place: LayerSlot, slope_at: Callable[[Any], tuple[Any, Any]]) -> tuple[float, float] | None:
        """See ``ProbeContext.limits``; ``slope_at`` maps inputs to outputs and slopes."""
        if place not in self._limits:
            sides = (1,) * (len(place.input_shape) - 1)
            inputs = np.broadcast_to(_SWEEP.reshape(-1, *sides, 1), (len(_SWEEP), *sides, place.input_shape[-1]))
            outputs, slopes = (values.numpy().reshape(len(_SWEEP), -1) for values in slope_at(inputs))
            steep = np.abs(slopes) >= _FLAT * np.abs(slopes).max(0)
            # No slope is steep if the activation has no number on one side.
            bounded = place.kind == "activation" and steep.any() and not steep[[0, -1]].any()
            self._limits[place] = (float(outputs[steep].min()), float(outputs[steep].max())) if bounded else None
        return self._limits[place]

    def _scaled(self, pixels: Any) -> Any:
        low, high = self.session.recipe.image.range
        return (np.asarray(pixels, np.float32) * np.float32((high - low) / 255.0) + np.float32(low)).astype(np.float32)


class SessionContext:
    """A ``dcgan_kit.ProbeContext`` of the networks of a session.

    Each value is computed when it is first read. So read all values before training continues.
    """

    def __init__(self, batch: FixedBatch, number: int = 0) -> None:
        self._batch, self._passes = batch, batch.passes
        self.step = batch.session.state.steps_done
        self.value_range = batch.session.recipe.image.range
        self.generator: Sequence[LayerSlot] = batch.places["generator"]
        self.discriminator: Sequence[LayerSlot] = batch.places["discriminator"]
        self.latent, self.real, self._classes = batch.batch(number)
        self._index = {place: n for places in batch.places.values() for n, place in enumerate(places)}
        self._samples: dict[int, Any] = {}

    @cached_property
    def _training(self) -> Any:
        return self._passes.training(*map(tf.constant, (self.latent, self.real, self._classes)))

    @cached_property
    def _inference(self) -> Any:
        return self._passes.inference(*map(tf.constant, (self.latent, self.real, self._classes)))

    def _chain(self, role: Role, mode: Mode, of: Of) -> Any:
        passes = self._training if mode == "training" else self._inference
        return passes["generator"] if role == "generator" else passes["discriminator"][of]

    def on_batch(self, number: int) -> SessionContext:
        """Return a context of the same networks on another batch."""
        return SessionContext(self._batch, number)

    def before(self, place: LayerSlot, mode: Mode = "training", of: Of = "generated") -> Any:
        """Return the input of a place; of a join, what its stage returns without the shortcut."""
        return self._chain(place.role, mode, of)[place.inputs[0] + 1].numpy()

    def after(self, place: LayerSlot, mode: Mode = "training", of: Of = "generated") -> Any:
        """Return the output of a place."""
        return self._chain(place.role, mode, of)[self._index[place] + 1].numpy()

    def logits(self, mode: Mode = "training", of: Of = "generated") -> Any:
        """Return the discriminator's logits."""
        return self._chain("discriminator", mode, of)[-1].numpy()[:, :1]

    def loss(self, role: Role) -> float:
        """Return the loss of a network."""
        return float(self._training["losses"][role])

    def gradient(self, place: LayerSlot, of: Of = "generated") -> Any:
        """Return the gradient of the network's own loss with respect to the input of a place."""
        chain = self._training[f"{place.role}_gradients"]
        return (chain if place.role == "generator" else chain[of])[place.inputs[0] + 1].numpy()

    def weight_gradients(self, place: LayerSlot) -> Mapping[str, Any]:
        """Return the gradients of the network's own loss with respect to the weights of a place."""
        gradients = self._training["weight_gradients"][place.role]
        own = {id(weight) for layer in place.layers for weight in layer.trainable_weights}
        pairs = zip(self._passes.variables(place.role), gradients, strict=True)
        return {variable.path: gradient.numpy() for variable, gradient in pairs if id(variable) in own}

    def image_gradient(self) -> Any:
        """Return the gradient of the generator's loss with respect to its images."""
        return self._training["generator_gradients"][-1].numpy()

    def logit_gradient(self, role: Role, of: Of = "generated") -> Any:
        """Return the gradient of a loss with respect to the logits."""
        if role == "discriminator":
            return self._training["discriminator_gradients"][of][-1].numpy()[:, :1]
        return self._training["generator_push"][of][-1].numpy()[:, :1]

    def samples(self, count: int) -> Any:
        """Return generated images, as ``dcgan-kit sample`` makes them."""
        if count not in self._samples:
            size = self._batch.size
            latent = self._batch.latents(-(-count // size))
            with self._passes.frozen():
                generator = self._batch.session.state.sampled
                classes = classes_in_turn(self._batch.session.recipe, len(latent))
                made = []
                for rows in (slice(start, start + size) for start in range(0, len(latent), size)):
                    inputs = inputs_of(generator, latent[rows], None if classes is None else classes[rows])
                    made.append(generator(inputs, training=False))
            self._samples[count] = np.concatenate([np.asarray(images, np.float32) for images in made])[:count]
        return self._samples[count]

    def real_images(self, count: int) -> Any:
        """Return real images."""
        return self._batch.real_images(count)

    def weights(self, role: Role) -> Sequence[Any]:
        """Return the trainable weights of a network."""
        return [weight.numpy() for weight in self._passes.weights(role)]

    def loss_at(self, role: Role, weights: Sequence[Any]) -> tuple[float, Sequence[Any]]:
        """Return the loss and the gradients of a network at other weights."""
        loss, gradients = self._passes.loss_at(role, weights)
        return float(loss), [gradient.numpy() for gradient in gradients]

    def learning_rate(self, role: Role) -> float:
        """Return the current learning rate of the optimizer."""
        return float(np.asarray(self._batch.session.state.optimizer(role).learning_rate))

    def apply(self, place: LayerSlot, values: Any) -> Any:
        """Return the output of a place for other input values; a shortcut then gives zeros."""
        return self._applied(place, tf.constant(values, tf.float32)).numpy()

    def slope(self, place: LayerSlot, of: Of = "generated") -> Any:
        """Return the derivative of an activation."""
        return self._slope_at(place, self._chain(place.role, "training", of)[place.inputs[0] + 1])[1].numpy()

    def limits(self, place: LayerSlot) -> tuple[float, float] | None:
        """Return the outputs between which an activation is not flat."""
        return self._batch.limits(place, lambda inputs: self._slope_at(place, tf.constant(inputs)))

    def operations(self, place: LayerSlot) -> Sequence[Any]:
        """Return the windows and resizes of a place."""
        return self._batch.operations(place)

    def _applied(self, place: LayerSlot, values: Any) -> Any:
        given = [values]
        if place.kind == JOIN:
            own, joined = place.input_shape[-1], place.output_shape[-1]
            given.append(tf.zeros((*values.shape[:-1], joined - own or own)))
        with self._passes.frozen():
            return applied(
                place.layers, given, lambda layer, tensor: layer(tensor, training=False), self._sides(values)
            )

    def _sides(self, values: Any) -> dict[str, Any]:
        """Return the side inputs for a number of images: those of the batch, from its start again and again."""
        rows = np.arange(len(values)) % len(self.latent)
        return {LATENT: tf.gather(self.latent, rows), LABEL: tf.gather(self._classes, rows)}

    def _slope_at(self, place: LayerSlot, inputs: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = self._applied(place, inputs)
        return outputs, tape.gradient(outputs, inputs, unconnected_gradients="zero")


def _places(network: Network) -> tuple[LayerSlot, ...]:
    return tuple(
        LayerSlot(
            role=network.role,  # type: ignore[arg-type]
            block=part.name.partition("_")[0],
            slot=part.name.partition("_")[2],
            kind=part.kind,
            component=part.component,
            layers=part.layers,
            input_shape=part.input_shape,
            output_shape=part.output_shape,
            inputs=part.inputs,
        )
        for part in network.parts
    )
