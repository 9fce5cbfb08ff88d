"""Which latent vector makes a picture? Search for it by gradient descent from several starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_kit.explorer.painter import Painter

DRAWS = 1000
"""Number of random samples that starts are chosen from; the nearest of them is what a search must beat."""
STARTS = 8
MOST_STARTS = 16
"""With classes, each class gets a start, up to this many."""
STEPS = 300
MOST_STEPS = 5000
GROUP = 10
"""Optimizer steps between two reports."""
RATE = 0.2
"""Learning rate of Adam at the start, in standard deviations of the latent distribution; a cosine lowers it to 0."""
PRIOR = 0.01
"""Weight of the prior. The squared error of pixels that lie in [0, 1] is about 0.01 to 0.1 at the start."""


@dataclass(frozen=True)
class Found:
    """The best latent vector so far.

    Attributes:
        latent: float32 (size,).
        image: the image that it makes, uint8 (H, W, C).
        label: its class; None if the recipe has no classes.
        error: root mean squared difference from the picture, in grey levels from 0 to 255.
        step: number of optimizer steps done.
    """

    latent: Any
    image: Any
    label: int | None
    error: float
    step: int


class Inversion:
    """A search for the latent vector whose image is nearest to a picture.

    It starts from the nearest of 1000 random samples, and moves them by Adam (Kingma and Ba 2014, arXiv 1412.6980). The
    loss is the mean squared difference of the pixels and a prior: vectors get the length that random ones have, because
    most of a normal distribution lies on a shell (see White 2016, arXiv 1609.04468). The latent vectors of training are
    what a generator knows, so coordinates stay between the smallest and the largest of 1000 draws. Zhu et al. 2016,
    arXiv 1609.03552, section 3.1, search in the same way.

    Args:
        painter: the generator.
        target: the picture, uint8 (H, W, C).
        latent: random latent vectors, float32 (1000, size); all further numbers follow from them.
        label: the class; None: try all classes, if the recipe has classes.
        steps: number of optimizer steps.

    Attributes:
        nearest: error of the nearest random sample.
        usual: median error of the random samples.
        best: the best latent vector so far.
    """

    def __init__(self, painter: Painter, target: Any, latent: Any, label: int | None, steps: int = STEPS) -> None:
        self._painter, self._target, self.steps = painter, target, steps
        classes = painter.recipe.classes
        labels = np.arange(len(latent)) % (classes or 1) if label is None else np.full(len(latent), label)
        errors = _errors(painter.pixels(latent, labels), target)
        self.nearest, self.usual = float(errors.min()), float(np.median(errors))
        chosen = _starts(errors, labels)
        self._labels, self._step = labels[chosen], 0
        self.best: Found = self._found(latent[chosen])
        self._variable = tf.Variable(latent[chosen], trainable=True)
        self._descend = _descent(painter, target, latent, self._variable, steps)
        self._given = painter.inputs(latent[chosen], self._labels)[1:]

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return self._step >= self.steps

    def advance(self) -> Found:
        """Do some optimizer steps, and return the best latent vector so far."""
        count = min(GROUP, self.steps - self._step)
        for step in range(self._step, self._step + count):
            self._descend(tf.constant(step, tf.float32), *self._given)
        self._step += count
        found = self._found(self._variable.numpy())
        self.best = found if found.error < self.best.error else _at(self.best, self._step)
        return self.best

    def _found(self, latent: Any) -> Found:
        images = self._painter.pixels(latent, self._labels)
        # Where a gradient was not finite, neither is the vector.
        errors = np.where(np.isfinite(latent).all(axis=1), _errors(images, self._target), np.inf)
        place = int(errors.argmin())
        label = None if self._painter.recipe.classes is None else int(self._labels[place])
        return Found(latent[place].copy(), images[place], label, float(errors[place]), self._step)


def _at(found: Found, step: int) -> Found:
    return Found(found.latent, found.image, found.label, found.error, step)


def _errors(images: Any, target: Any) -> Any:
    difference = images.astype(np.float64) - target.astype(np.float64)
    return np.sqrt((difference**2).mean(axis=(1, 2, 3)))


def _starts(errors: Any, labels: Any) -> Any:
    """Return the places of the nearest samples; the nearest one of each class before others."""
    order = np.argsort(errors, kind="stable")
    _, first = np.unique(labels[order], return_index=True)
    firsts = order[np.sort(first)][:MOST_STARTS]
    others = order[~np.isin(order, firsts)]
    return np.concatenate([firsts, others[: max(0, STARTS - len(firsts))]])


def _descent(painter: Painter, target: Any, latent: Any, variable: Any, steps: int) -> Any:
    """Return the compiled function of one optimizer step: (step, classes) → None."""
    import keras

    low, high = painter.recipe.image.range
    wanted = tf.constant(target / 255.0, tf.float32)
    deviation, length = float(latent.std()), float(np.linalg.norm(latent, axis=1).mean())
    least, most = float(latent.min()), float(latent.max())
    adam = keras.optimizers.Adam(learning_rate=RATE * deviation)
    adam.build([variable])

    def descend(step: Any, *classes: Any) -> None:
        adam.learning_rate.assign(RATE * deviation * 0.5 * (1.0 + tf.cos(np.pi * step / steps)))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variable)
            vectors = tf.convert_to_tensor(variable)
            images = (tf.cast(painter.values(vectors, *classes), tf.float32) - low) / (high - low)
            errors = tf.reduce_mean((images - wanted) ** 2, axis=(1, 2, 3))
            # The smallest number keeps the gradient of the length finite at 0.
            lengths = tf.sqrt(tf.reduce_sum(vectors**2, axis=1) + 1e-12)
            loss = tf.reduce_sum(errors + PRIOR * (lengths / length - 1.0) ** 2)
        adam.apply([tape.gradient(loss, variable)], [variable])
        variable.assign(tf.clip_by_value(variable, least, most))

    return tf.function(descend, autograph=False)
