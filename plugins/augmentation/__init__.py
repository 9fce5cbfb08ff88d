"""Augmentations: random changes of all images that D gets.  (B, H, W, C), probability → (B, H, W, C).

Images are float32, about [-1, 1]. Colour changes can leave this range. Values are not clipped, so that gradients flow.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from dcgan_kit import Augmentation, Component, RandomStream, Slot, component, hookimpl

Policy = tuple[Literal["color", "translation", "cutout"], ...]
Nested = Annotated[Any, Slot("augmentation")]

SIGNS_AVERAGED = 4
"""Number of D's updates between two changes of ADA's probability: Karras et al. 2020, arXiv 2006.06676, section 3."""


@component("augmentation")
def flip() -> Augmentation:
    """Mirror left and right: half of the images at probability 1.  (B, H, W, C) → (B, H, W, C)."""
    from dcgan_kit_plugins.augmentation.translation import flipped

    return Augmentation(flipped)


@component("augmentation")
def shift(
    *, pixels: Annotated[int, Field(ge=1, le=1024, description="largest shift in each direction")] = 4
) -> Augmentation:
    """Shift by whole pixels, vertically and horizontally, padded with 0.  (B, H, W, C) → (B, H, W, C)."""
    from dcgan_kit_plugins.augmentation.translation import shifted

    def transform(images: Any, probability: Any, random: RandomStream) -> Any:
        return shifted(images, (pixels, pixels), probability, random)

    return Augmentation(transform)


@component("augmentation")
def diffaugment(
    *,
    policy: Annotated[Policy, Field(min_length=1, max_length=3, description="the changes to make, in this order")] = (
        "color",
        "translation",
        "cutout",
    ),
) -> Augmentation:
    """Change colours, shift, and cut out a rectangle, each with a given probability.  (B, H, W, C) → (B, H, W, C).

    color: brightness x + u - 1/2, then saturation m + 2u (x - m), then contrast n + (u + 1/2) (x - n), with a new
    u ~ U(0, 1) for each. m is the mean of a pixel over channels, n that of the image. One channel has no saturation.
    translation: up to ⌊side / 8 + 1/2⌋ pixels along each side, padded with 0
    cutout: 0 in a rectangle of ⌊height / 2 + 1/2⌋ x ⌊width / 2 + 1/2⌋ pixels, whose centre can be anywhere

    The three colour changes happen independently of each other. With probability 1 it equals the published DiffAugment.

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
    first: Annotated[Nested, Field(description="first augmentation; null: flip")] = None,
    second: Annotated[Nested, Field(description="second augmentation; null: diffaugment")] = None,
) -> Augmentation:
    """Apply one augmentation, then another.  (B, H, W, C) → (B, H, W, C).

    Raises:
        ValueError: one of them is adaptive. Put ``both`` into ``adaptive`` instead.
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
    augmentation: Annotated[Nested, Field(description="augmentation to apply; null: diffaugment")] = None,
    target: Annotated[
        float, Field(ge=-1.0, le=1.0, description="mean sign of D's logits of real images to aim at")
    ] = 0.6,
    kimg: Annotated[
        float,
        Field(gt=0.0, le=1e6, description="thousands of real images in which the probability can rise from 0 to 1"),
    ] = 500.0,
) -> Augmentation:
    """Apply an augmentation with a probability that adapts to overfitting of D (ADA).  (B, H, W, C) → (B, H, W, C).

    The probability p starts at 0. After every 4 updates of D
    r = mean(sign(D(x))) over these updates;  p ← p + sign(r - target) · 4 B / (1000 kimg), clipped to [0, 1]

    The state is p, the sum of the mean signs since p last changed, and the number of these updates.

    Raises:
        ValueError: the inner augmentation is adaptive too.

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
