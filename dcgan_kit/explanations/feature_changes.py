"""Worked examples of what changes features: regularizers, attention, conditioning, projections, heads."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_kit.explanations.explanation import Example, Grid, Picture, rows_of, shown
from dcgan_kit.explanations.lone_component import CLASSES, LATENT_SIZE, LoneComponent
from dcgan_kit.explanations.training_parts import example_image
from dcgan_kit.networks.part_builder import times
from dcgan_kit.recipes.resolved import Choice


def regularizer_example(choice: Choice) -> Example:
    """Show a map in training and at test, before and after."""
    image = example_image()
    batch = np.stack([np.roll(image, 5 * index, 1) for index in range(4)])
    component = LoneComponent(choice, image.shape, image.shape[-1])
    training, test = component(batch, training=True), component(batch)
    pictures = (
        Picture("features before it", image),
        Picture("in training", _shown(training[0])),
        Picture("in training, another image", _shown(training[1])),
        Picture("at test", _shown(test[0])),
    )
    added = component.output_shape[-1] - image.shape[-1]
    changed, at_test = (np.abs(one[..., : image.shape[-1]] - batch) > 1e-6 for one in (training, test))
    zeroed = float(np.mean((training[..., : image.shape[-1]] == 0) & (batch != 0)))
    changed, at_test = float(changed.mean()), float(at_test.mean())
    zeros = f", {100 * zeroed:.2g} % to 0" if zeroed else ""
    sentences = [f"In training it changes {100 * changed:.3g} % of the numbers{zeros}; at test {100 * at_test:.3g} %."]
    if added:
        sentences.append(f"It adds {added} channel{'s' if added > 1 else ''}.")
    facts = {
        "changed in training": changed, "set to 0 in training": zeroed, "changed at test": at_test,
        "added channels": added,
    }  # fmt: skip
    return Example(pictures, (), tuple(sentences), facts)


def influence_example(choice: Choice) -> Example:
    """Show how much each pixel of a map matters to what the layers make of one pixel, or of the whole map."""
    shape = (8, 8, 16)
    filters = CLASSES if choice.component.kind == "head" else shape[-1]
    component = LoneComponent(choice, shape, filters)
    for weight in component.weights:
        # Biases that start at 0 hide nothing.
        if (weight.shape == () or len(weight.shape) > 1) and not np.any(np.array(weight)):
            # A gate that starts at 0 hides what it lets through.
            weight.assign(np.ones(weight.shape))
    maps = tf.constant(np.random.default_rng(0).normal(size=(4, *shape)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        outputs = component.applied(maps)
        watched = outputs[:, 4, 4] if len(outputs.shape) == 4 else outputs[:, :1]
        total = tf.reduce_sum(watched)
    gradient = tape.gradient(total, maps)
    influence = np.zeros(shape[:2]) if gradient is None else np.abs(gradient.numpy()).sum((0, 3))
    influence = influence / max(float(influence.max()), 1e-12)
    what = "output pixel (4, 4)" if len(outputs.shape) == 4 else "the first output"
    reached = float(np.mean(influence > 0))
    panels = (Grid(f"how much each input pixel matters to {what}", rows_of(influence)),)
    sentences = (
        f"{times(shape)} → {times(component.output_shape)}; over four images, {what} gets a "
        f"gradient from {100 * reached:.3g} % of the input pixels.",
    )
    return Example(panels, (), sentences, {"influence": influence.tolist(), "share of pixels with a gradient": reached})


def conditioning_example(choice: Choice) -> Example:
    """Show what a component makes of equal features for each class."""
    shape = (2, 2, 2)
    component = LoneComponent(choice, shape, shape[-1])
    maps = np.repeat(np.arange(8.0).reshape(1, *shape), CLASSES, 0)
    found = component(maps, training=True)
    panels = [Grid("features, a row for each pixel", rows_of(maps[0].reshape(4, 2)))]
    for index, one in enumerate(found):
        panels.append(Grid(f"class {index}", rows_of(one.reshape(4, -1))))
    spread = float(np.abs(found - found[:1]).max())
    sentences = (f"Equal features of different classes differ by up to {shown(spread)} after it.",)
    return Example(tuple(panels), (), sentences, {"difference of classes": spread})


def projection_example(choice: Choice) -> Example:
    """Show the first maps that different latent vectors give."""
    component = LoneComponent(choice, (LATENT_SIZE,), 3)
    vectors = np.random.default_rng(0).normal(size=(4, LATENT_SIZE))
    maps = component(vectors)
    pictures = tuple(
        Picture(f"vector {index}", _shown((one - maps.min()) / max(float(np.ptp(maps)), 1e-12)))
        for index, one in enumerate(maps)
    )
    weights = int(sum(np.prod(weight.shape) for weight in component.weights))
    return Example(
        pictures,
        (),
        (f"{LATENT_SIZE} numbers → a map of {times(component.output_shape)}, with {weights:,} weights.",),
        {"weights": weights},
    )


def _shown(values: Any) -> Any:
    pixels = np.clip(np.asarray(values, "float64")[..., :3], 0.0, 1.0)
    return pixels if pixels.shape[-1] == 3 else pixels[..., 0]
