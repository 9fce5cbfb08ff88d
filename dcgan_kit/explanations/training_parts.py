"""Worked examples of what takes part in training: losses, schedules, latent vectors, first weights, augmentation."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcgan_kit.adversarial.random_streams import StepStream
from dcgan_kit.adversarial.training_components import require_returned
from dcgan_kit.components.contracts.training import AdversarialLoss, Augmentation
from dcgan_kit.explanations.explanation import Curves, Example, Grid, Histogram, Panel, Picture, numbers, rows_of, shown
from dcgan_kit.recipes.resolved import Choice

LOGITS = 6.0
"""Losses are drawn for logits from -6 to 6: a probability from 0.25 % to 99.75 %."""
STEPS = 10_000
MOST_DRAWN = 2_000_000
"""Most numbers of all latent vectors."""
_IMAGES = 500
"""A loss may be random, so each logit stands for this many images."""
DRAWN = 4000
_TABLE = (-4.0, -2.0, 0.0, 2.0, 4.0)


def loss_example(choice: Choice) -> Example:
    """Show what both networks minimize, and with which gradient, over the logit of a generated image."""
    loss = choice.build()
    require_returned(isinstance(loss, AdversarialLoss), choice, loss)
    x = np.linspace(-LOGITS, LOGITS, 97)
    panels: list[Panel] = []
    facts, sentences = {}, []
    parts = (
        ("generator", "logit of a generated image", lambda value: loss.generator(_zero(), value, _random())),
        ("discriminator", "logit of a generated image", lambda value: loss.discriminator(_zero(), value, _random())),
        ("discriminator", "logit of a real image", lambda value: loss.discriminator(value, _zero(), _random())),
    )
    for role, axis, function in parts:
        values, slopes = _differentiated(function, x)
        title = f"{role}'s loss over the {axis}"
        panels.append(Curves(title, axis, numbers(x), {"loss": numbers(values), "gradient": numbers(slopes)}))
        at, slope = _differentiated(function, np.array(_TABLE))
        panels.append(Grid(f"logit, loss, gradient: {title}", rows_of(np.stack([_TABLE, at, slope]))))
        facts[title] = {"logit": list(_TABLE), "loss": at.tolist(), "gradient": slope.tolist()}
        if role == "generator":
            low, high = float(slope[0]), float(slope[-1])
            sentences.append(
                f"Where D is sure that an image is generated (logit -4), the generator's gradient is {shown(low)}; "
                f"where D takes it for real (logit 4), {shown(high)}."
            )
    sentences.append("The other logit is 0 in each curve.")
    return Example(tuple(panels), (), tuple(sentences), facts)


def schedule_example(choice: Choice) -> Example:
    """Show the factor of the learning rate over a training of 10,000 steps."""
    schedule = choice.build()
    require_returned(callable(schedule), choice, schedule)
    x = np.linspace(0, STEPS, 201)
    factors = [float(schedule(tf.constant(step, tf.float32), STEPS)) for step in x]
    table = x[::25]
    facts = {"step": table.tolist(), "factor": factors[::25]}
    panels = (
        Curves("factor of the learning rate", f"step of {STEPS:,}", numbers(x), {"factor": tuple(factors)}),
        Grid("step, factor", rows_of(np.stack([table, factors[::25]]))),
    )
    sentences = (f"It starts at {shown(factors[0])} and ends at {shown(factors[-1])}.",)
    return Example(panels, (), sentences, facts)


def latent_example(choice: Choice) -> Example:
    """Show how the numbers of latent vectors are distributed, and how long the vectors are."""
    draw = choice.build()
    require_returned(callable(draw), choice, draw)
    size = choice.options["size"]
    count = max(2, min(DRAWN, MOST_DRAWN // size))
    drawn = np.asarray(draw(count, tf.constant([0, 0])), "float64")
    require_returned(drawn.shape == (count, size), choice, drawn)
    lengths = np.linalg.norm(drawn, axis=1)
    panels = (
        Histogram("first number of a vector", "value", {choice.component.name: numbers(drawn[:, 0])}),
        Histogram("length of a vector", "length", {choice.component.name: numbers(lengths)}),
    )
    facts = {
        "size": int(drawn.shape[1]), "mean": float(drawn.mean()), "standard deviation": float(drawn.std()),
        "lowest": float(drawn.min()), "highest": float(drawn.max()),
        "mean length": float(lengths.mean()), "standard deviation of the length": float(lengths.std()),
    }  # fmt: skip
    sentences = (
        f"{count:,} vectors of {drawn.shape[1]} numbers: mean {shown(facts['mean'])}, standard deviation "
        f"{shown(facts['standard deviation'])}, from {shown(facts['lowest'])} to {shown(facts['highest'])}.",
        f"A vector is {shown(facts['mean length'])} long on average, with a standard deviation of "
        f"{shown(facts['standard deviation of the length'])}.",
    )
    return Example(panels, (), sentences, facts)


def initializer_example(choice: Choice) -> Example:
    """Show how first weights of a kernel are distributed, and what they do to the spread of features."""
    initializer = choice.build(0)
    require_returned(isinstance(initializer, keras.initializers.Initializer), choice, initializer)
    kernel = np.asarray(initializer((4, 4, 64, 64), "float32"), "float64")
    spread = float(np.sqrt((kernel**2).sum((0, 1, 2)).mean()))
    facts = {"mean": float(kernel.mean()), "standard deviation": float(kernel.std()), "lowest": float(kernel.min()),
             "highest": float(kernel.max()), "factor of the spread": spread}  # fmt: skip
    sentences = (
        f"65,536 weights of a kernel of 4x4, from 64 channels to 64: mean {shown(facts['mean'])}, standard deviation "
        f"{shown(facts['standard deviation'])}, from {shown(facts['lowest'])} to {shown(facts['highest'])}.",
        f"A convolution with it multiplies the spread of independent features by about {shown(spread)}.",
    )
    thinned = kernel.ravel()[:: max(1, kernel.size // DRAWN)]
    return Example((Histogram("weights", "value", {choice.component.name: numbers(thinned)}),), (), sentences, facts)


def augmentation_example(choice: Choice) -> Example:
    """Show an image, and what D sees of it."""
    augmentation = choice.build()
    require_returned(isinstance(augmentation, Augmentation), choice, augmentation)
    image = example_image()
    batch = tf.constant(np.repeat(image[None], 6, 0) * 2.0 - 1.0, tf.float32)
    seen = augmentation.transform(batch, tf.constant(1.0), StepStream(0, 0, "explain"))
    pictures = [Picture("image", image)]
    pictures += [Picture(f"as D sees it, {count}", _pixels(one)) for count, one in enumerate(seen.numpy(), start=1)]
    change = float(np.abs(seen - batch).mean())
    sentences = (
        "Each change is made with probability 1.",
        f"It starts with a probability of {shown(augmentation.state[0])}"
        f"{', and adapts it' if augmentation.adapt is not None else ''}.",
    )
    return Example(tuple(pictures), (), sentences, {"mean change": change, "probability": augmentation.state[0]})


def example_image() -> Any:
    """Return an image (32, 32, 3) in [0, 1] with an edge, a gradient and a disc, so that any change shows."""
    rows, columns = np.mgrid[0:32, 0:32] / 31.0
    image = np.stack([columns, 0.2 + 0.3 * rows, 0.8 - 0.6 * columns], -1)
    image[(rows - 0.35) ** 2 + (columns - 0.35) ** 2 < 0.05] = (1.0, 0.85, 0.2)
    image[22:28, 12:28] = (0.95, 0.95, 0.95)
    return image


def _pixels(image: Any) -> Any:
    return np.clip((image + 1.0) / 2.0, 0.0, 1.0)


def _zero() -> Any:
    return tf.zeros((_IMAGES, 1))


def _random() -> StepStream:
    return StepStream(0, 0, "explain")


def _differentiated(function: Any, x: Any) -> tuple[Any, Any]:
    """Return the values and slopes of a loss at single logits."""
    values, slopes = [], []
    for each in x:
        logits = tf.fill((_IMAGES, 1), tf.constant(each, tf.float32))
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = function(logits)
        slope = tape.gradient(value, logits)
        values.append(float(value))
        # The loss is a mean over the images, so this sum is the slope of one image's loss.
        slopes.append(0.0 if slope is None else float(tf.reduce_sum(slope)))
    return np.array(values), np.array(slopes)
