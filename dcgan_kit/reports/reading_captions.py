"""What a chart of a probe's reading shows, and what is good: one caption for each reading of a built-in probe."""

from __future__ import annotations

import re

_CAPTIONS = {
    "overlap": "Most kernel taps of a pixel over the fewest. Good: 1. Above 1, the layer starts with a checkerboard.",
    "holes": "Whether some pixels get no kernel tap. Good: 0.",
    "stack_ratio": "Brightest over darkest pixel after all resampling layers, for kernels of ones. Good: 1, which "
    "is even.",
    "stack_deviation": "Unevenness after all resampling layers, for kernels of ones. Good: 0, which is even.",
    "dc_index": "How differently the phases of an upsampling layer answer a constant map. Good: near 0. Above it, "
    "the layer draws a checkerboard.",
    "checkerboard": "Strength of a pattern at this period, in powers of ten above real images. Good: near 0. From "
    "1 on, a checkerboard is visible.",
    "checkerboard_index": "Strength of a pattern at this period, in powers of ten above the frequencies beside it. "
    "Good: near the line of the data.",
    "dead": "Share of channels that are never active and get no gradient. Good: 0. They do not come back by "
    "themselves.",
    "dormant": "Share of channels that are hardly active. Good: low. A rise means that the network uses less of "
    "its width.",
    "always_on": "Share of channels whose input is always above 0. Good: low. At 1, the activation does nothing.",
    "saturated": "Share of units where the activation is flat, so that almost no gradient passes. Good: low; in "
    "images, near the line of the data.",
    "saturated_beyond_data": "Share of flat output units beyond the black and white pixels of real images. Good: "
    "near 0. Above it, images are too hard in contrast, and little gradient passes.",
    "pass_through": "Mean slope of the activation: how much of a gradient passes. Good: steady and well above 0.",
    "gradient": "Size of the gradient of a layer’s kernels. Good: similar in all layers and steady. Lines that "
    "part by powers of ten show vanishing or exploding gradients.",
    "decades_per_layer": "How the gradient changes from layer to layer, in powers of ten. Good: near 0. Negative: "
    "vanishing; positive: exploding.",
    "size": "Size of the gradient that the discriminator sends back to images. Good: steady. Near 0, the generator "
    "learns nothing.",
    "separation": "How often a real image gets a higher logit than a sample. Good: between 0.5 and 1. At 1, the "
    "discriminator has won; below 0.5, samples fool it.",
    "gap": "Mean logit of real images minus that of samples. Good: above 0 and steady. Growth without limit means "
    "that the discriminator wins.",
    "real": "Mean probability that real images are real. Good: above that of generated images, and below 1.",
    "generated": "Mean probability that samples are real. Good: not stuck at 0, where the discriminator has won.",
    "unfooled": "Mean probability that samples are generated. It scales the gradient of the non-saturating loss. "
    "Good: between 0 and 1.",
    "push": "How strongly each loss pushes the logits. Good: neither line falls to 0; that network has nothing "
    "left to learn.",
    "opposition": "Whether the two losses pull logits apart. Good: 1 at step 0. At or below 0, there is no contest.",
    "spread": "Deviation of pixels over samples, divided by that of real images. Good: near 1. Near 0, samples are "
    "all alike: a collapse.",
    "nearest": "Distance of a sample to the nearest other sample, divided by that of real images. Good: near 1. "
    "Near 0, samples are copies of each other: a collapse.",
    "deviation": "Deviation of pixels over images. Good: samples near the line of the data.",
    "nearest_distance": "Distance of an image to the nearest other image. Good: samples near the line of the data.",
    "range": "Share of the range of pixels that images use. Good: samples near the line of the data.",
    "drift": "How far the inputs of activations move within a few steps. Good: it falls as training settles. A "
    "rise means that training has become unsteady.",
    "gradient_change": "How much a layer’s gradient changes when earlier layers take a step. Good: low. Above 1, "
    "the gradient hardly holds for its own step.",
    "loss_range": "How far the loss moves along its gradient, over a few steps. Good: small and steady.",
    "gradient_unpredictability": "How much the gradient changes along itself, over a few steps. Good: small and "
    "steady.",
    "effective_smoothness": "Change of the gradient for each unit of weights, along the gradient. Good: small and "
    "steady.",
    "train_inference_gap": "How far outputs in training are from those at inference. Good: near 0. A large gap of "
    "the generator means that samples look worse than training suggests.",
    "running_gap": "How far running averages are from the statistics of the batch. Good: near 0. A large gap makes "
    "samples differ from what was trained.",
    "real_generated_gap": "How far the statistics of samples are from those of real images. Good: low. It falls as "
    "samples become like real images.",
    "normalized": "Deviation of a normalization’s output over its scale. Good: 1. Elsewhere it does not normalize.",
    "noise": "What a regularizer adds, compared with its input. Good: well below 1; the value is set by the recipe.",
    "parameters": "Trainable parameters of each layer. They do not change during training.",
    "nonlinearity": "How far the network is from an affine map. Good: well above 0. Near 0, its layers work as one.",
    "corner_use": "How often a convolution uses a corner pixel, compared with one in the middle. Good: near 1.",
}
_UNKNOWN = (
    "A reading of a plugin’s probe. Compare it with its value at step 0, before training; a sudden change is worth a "
    "look."
)
_PERIOD = re.compile(r"_\d+$")


def reading_caption(name: str) -> str:
    """Return what a chart of a reading shows and what is good.

    Args:
        name: the name of the reading, without its place, such as ``dead``.
    """
    return _CAPTIONS.get(_PERIOD.sub("", name), _UNKNOWN)
