"""Augmentations: random changes of all images that D sees.  (B, H, W, C), probability → (B, H, W, C).

Images are float32, about [-1, 1]; what colours leave beyond that is not cut off, since gradients are to flow.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from dcgan_kit import Augmentation, Component, RandomStream, Slot, component, hookimpl

Policy = tuple[Literal["color", "translation", "cutout"], ...]
Nested = Annotated[Any, Slot("augmentation")]

SIGNS_AVERAGED = 4
"""Updates of D from one change of ADA's probability to the next: Karras et al. 2020, arXiv 2006.06676, section 3."""


@component("augmentation")
def flip() -> Augmentation:
    """Mirror left and right, half of the images at probability 1.  (B, H, W, C) → (B, H, W, C)."""
    from dcgan_kit_plugins.augmentation.translation import flipped

    return Augmentation(flipped)


@component("augmentation")
def shift(
    *, pixels: Annotated[int, Field(ge=1, le=1024, description="farthest move to each side")] = 4
) -> Augmentation:
    """Move by a few whole pixels, vertically and horizontally; what moves in is 0.  (B, H, W, C) → (B, H, W, C)."""
    from dcgan_kit_plugins.augmentation.translation import shifted

    def transform(images: Any, probability: Any, random: RandomStream) -> Any:
        return shifted(images, (pixels, pixels), probability, random)

    return Augmentation(transform)


@component("augmentation")
def diffaugment(
    *,
    policy: Annotated[Policy, Field(min_length=1, max_length=3, description="which changes, in this order")] = (
        "color",
        "translation",
        "cutout",
    ),
) -> Augmentation:
    """Change colours, move, cut a hole, each with the probability given.  (B, H, W, C) → (B, H, W, C).

    color: x + u - 1/2; then distances from the pixel's mean over channels, times 2u (saturation: nothing to do for one
    channel); then distances from the image's mean, times u + 1/2 (contrast); a fresh u ~ U(0, 1) for each
    translation: up to ⌊side / 8 + 1/2⌋ pixels along each side, padded with 0
    cutout: 0 in a rectangle of ⌊height / 2 + 1/2⌋ x ⌊width / 2 + 1/2⌋ pixels, whose centre may be anywhere

    The three colours are struck apart. At probability 1 it is the published one.

    Zhao et al. 2020, arXiv 2006.10738, and github.com/mit-han-lab/data-efficient-gans
    """
    from dcgan_kit_plugins.augmentation import diffaugment_policy

    changes = [getattr(diffaugment_policy, name) for name in policy]

    def transform(images: Any, probability: Any, random: RandomStream) -> Any:
        for change in changes:
            images = change(images, probability, random)
        return images

    return Augmentation(transform)


@component("augmentation")
def both(
    *,
    first: Annotated[Nested, Field(description="done first; null: flip")] = None,
    second: Annotated[Nested, Field(description="done to what the first returns; null: diffaugment")] = None,
) -> Augmentation:
    """Do one augmentation, then another.  (B, H, W, C) → (B, H, W, C).

    Raises:
        ValueError: one of them adapts; ``adaptive`` goes around both.
    """
    from dcgan_kit_plugins.augmentation.nested import fixed_augmentation

    parts = fixed_augmentation("first", first, flip), fixed_augmentation("second", second, diffaugment)

    def transform(images: Any, probability: Any, random: RandomStream) -> Any:
        for part in parts:
            images = part.transform(images, probability * part.state[0], random)
        return images

    return Augmentation(transform)


@component("augmentation")
def adaptive(
    *,
    augmentation: Annotated[Nested, Field(description="what is done; null: diffaugment")] = None,
    target: Annotated[
        float, Field(ge=-1.0, le=1.0, description="mean sign of D's logits of real images to be held")
    ] = 0.6,
    kimg: Annotated[
        float,
        Field(gt=0.0, le=1e6, description="thousands of real images in which the probability could go from 0 to 1"),
    ] = 500.0,
) -> Augmentation:
    """Do another augmentation, the more probably the surer D is of real images (ADA).  (B, H, W, C) → (B, H, W, C).

    The probability p begins at 0. After every 4 updates of D
    r = mean(sign(D(x))), over these updates;  p ← p + sign(r - target) · 4 B / (1000 kimg), within [0, 1]

    Its state is p, the sum of the updates' mean signs, and how many these are.

    Raises:
        ValueError: the other augmentation adapts too.

    Karras et al. 2020, arXiv 2006.06676, section 3
    """
    import tensorflow as tf
    from dcgan_kit_plugins.augmentation.nested import fixed_augmentation

    inner = fixed_augmentation("augmentation", augmentation, diffaugment)

    def transform(images: Any, probability: Any, random: RandomStream) -> Any:
        return inner.transform(images, probability * inner.state[0], random)

    def adapt(state: Any, real_logits: Any) -> Any:
        probability, signs, count = tf.unstack(state)
        signs += tf.reduce_mean(tf.sign(real_logits))
        count += 1.0
        step = SIGNS_AVERAGED * real_logits.shape[0] / (1000.0 * kimg)
        moved = tf.clip_by_value(probability + step * tf.sign(signs / SIGNS_AVERAGED - target), 0.0, 1.0)
        full = count >= SIGNS_AVERAGED
        return tf.where(full, tf.stack([moved, 0.0, 0.0]), tf.stack([probability, signs, count]))

    return Augmentation(transform, (0.0, 0.0, 0.0), adapt)


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every augmentation."""
    return [flip, shift, diffaugment, both, adaptive]
