"""Penalties: terms that D minimizes in addition to its loss.  (D, (B, H, W, C), (B, H, W, C)) → scalar float32.

Gradient penalties differentiate the sum of D's logits with respect to the images. This gives the gradient of each
image, unless D mixes images, as batch normalization does. ``every`` above 1 is lazy regularization: D minimizes
``every`` times the penalty in every ``every``-th update (Karras et al. 2019, arXiv 1912.04958, appendix B).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from dcgan_kit import Augmentation, Component, Penalty, RandomStream, Slot, component, hookimpl

Weight = Annotated[float, Field(gt=0.0, le=1e6, description="factor of the penalty")]
Gamma = Annotated[float, Field(gt=0.0, le=1e6, description="γ; the factor of the penalty is γ / 2")]
Target = Annotated[float, Field(ge=0.0, le=1e6, description="norm that gradients should have")]
Interval = Annotated[int, Field(ge=1, le=10_000, description="D's updates from one with the penalty to the next")]
Nested = Annotated[Any, Slot("penalty")]
Discriminator = Callable[[Any], Any]

SQUARED_NORM_FLOOR = 1e-12
"""Added to squared norms before the root is taken: the gradient of the root is infinite at 0."""


@component("penalty")
def gradient_penalty(*, weight: Weight = 10.0, target: Target = 1.0, every: Interval = 1) -> Penalty:
    """Keep gradient norms near 1 between real and generated images (WGAN-GP).  D, (B, H, W, C) x 2 → scalar.

    weight · mean((|∇D(y)| - target)²),  y = G(z) + u (x - G(z)),  u ~ U(0, 1) for each image

    Gulrajani et al. 2017, arXiv 1704.00028, equation 3, which advises against batch normalization in D
    """

    def value(discriminator: Discriminator, real: Any, fake: Any, random: RandomStream) -> Any:
        between = fake + random.uniform((real.shape[0], 1, 1, 1)) * (real - fake)
        return weight * _mean_square_from(target, discriminator, between)

    return Penalty(value, every)


@component("penalty")
def dragan(
    *,
    weight: Weight = 10.0,
    target: Target = 1.0,
    spread: Annotated[
        float, Field(gt=0.0, le=100.0, description="size of the noise, in standard deviations of the real images")
    ] = 0.5,
    every: Interval = 1,
) -> Penalty:
    """Keep gradient norms near 1 around real images.  D, (B, H, W, C) x 2 → scalar.

    weight · mean((|∇D(y)| - target)²),  y = x + a · spread · std(x) · u
    with a ~ U(0, 1) for each image, u ~ U(0, 1) for each number, and std over the whole batch of a replica

    Kodali et al. 2017, arXiv 1705.07215; the noise is that of github.com/kodalinaveen3/DRAGAN and differs from the
    paper's
    """
    import tensorflow as tf

    def value(discriminator: Discriminator, real: Any, fake: Any, random: RandomStream) -> Any:
        away = spread * tf.math.reduce_std(real) * random.uniform(tuple(real.shape))
        return weight * _mean_square_from(target, discriminator, real + random.uniform((real.shape[0], 1, 1, 1)) * away)

    return Penalty(value, every)


@component("penalty")
def r1(*, weight: Gamma = 10.0, every: Interval = 1) -> Penalty:
    """Keep gradients small at real images.  D, (B, H, W, C) x 2 → scalar.

    weight / 2 · mean(|∇D(x)|²)

    Mescheder et al. 2018, arXiv 1801.04406, equation 9; ``every: 16``: Karras et al. 2019, arXiv 1912.04958, appendix B
    """
    import tensorflow as tf

    def value(discriminator: Discriminator, real: Any, fake: Any, random: RandomStream) -> Any:
        return 0.5 * weight * tf.reduce_mean(_squared_norms(discriminator, real))

    return Penalty(value, every)


@component("penalty")
def r2(*, weight: Gamma = 10.0, every: Interval = 1) -> Penalty:
    """Keep gradients small at generated images.  D, (B, H, W, C) x 2 → scalar.

    weight / 2 · mean(|∇D(G(z))|²)

    Mescheder et al. 2018, arXiv 1801.04406, equation 10
    """
    import tensorflow as tf

    def value(discriminator: Discriminator, real: Any, fake: Any, random: RandomStream) -> Any:
        return 0.5 * weight * tf.reduce_mean(_squared_norms(discriminator, fake))

    return Penalty(value, every)


@component("penalty")
def consistency(
    value_range: tuple[float, float] = (-1.0, 1.0),
    *,
    weight: Weight = 10.0,
    augmentation: Annotated[
        Any, Slot("augmentation"), Field(description="T; null: flip, then shift by up to 4 pixels")
    ] = None,
    every: Interval = 1,
) -> Penalty:
    """Keep D's logit equal when a real image is augmented (CR-GAN).  D, (B, H, W, C) x 2 → scalar.

    weight · mean((D(x) - D(T(x)))²)

    Raises:
        ValueError: the augmentation is adaptive.

    Zhang et al. 2019, arXiv 1910.12027
    """
    import tensorflow as tf
    from dcgan_kit_plugins.augmentation.nested import fixed_augmentation

    change = fixed_augmentation("augmentation", augmentation, _flip_and_shift)
    low, high = value_range

    def value(discriminator: Discriminator, real: Any, fake: Any, random: RandomStream) -> Any:
        # Augmentations work in [-1, 1]; the networks can have another range.
        scaled = (real - low) * (2.0 / (high - low)) - 1.0
        changed = change.transform(scaled, tf.constant(change.state[0], tf.float32), random)
        changed = (changed + 1.0) * ((high - low) / 2.0) + low
        return weight * tf.reduce_mean(tf.square(discriminator(real) - discriminator(changed)))

    return Penalty(value, every)


@component("penalty")
def both(
    value_range: tuple[float, float] = (-1.0, 1.0),
    *,
    first: Annotated[Nested, Field(description="one penalty; null: r1")] = None,
    second: Annotated[Nested, Field(description="the other; null: r2")] = None,
) -> Penalty:
    """Add two penalties.  D, (B, H, W, C) x 2 → scalar.

    Raises:
        ValueError: the two have different values of ``every``.

    R1 and R2 together: Huang et al. 2025, arXiv 2501.05441
    """
    from dcgan_kit_plugins.augmentation.nested import built

    one = built("first", first, lambda _: r1(), Penalty, value_range)
    other = built("second", second, lambda _: r2(), Penalty, value_range)
    if one.every != other.every:
        raise ValueError(f"first and second must have one 'every'. Received: {one.every} and {other.every}")

    def value(discriminator: Discriminator, real: Any, fake: Any, random: RandomStream) -> Any:
        return one.value(discriminator, real, fake, random) + other.value(discriminator, real, fake, random)

    return Penalty(value, one.every)


def _squared_norms(discriminator: Discriminator, images: Any) -> Any:
    """Return |∇D|² of each image, (B,)."""
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        total = tf.reduce_sum(discriminator(images))
    return tf.reduce_sum(tf.square(tape.gradient(total, images)), axis=[1, 2, 3])


def _mean_square_from(target: float, discriminator: Discriminator, images: Any) -> Any:
    import tensorflow as tf

    norms = tf.sqrt(_squared_norms(discriminator, images) + SQUARED_NORM_FLOOR)
    return tf.reduce_mean(tf.square(norms - target))


def _flip_and_shift() -> Augmentation:
    from dcgan_kit_plugins.augmentation import both as chain
    from dcgan_kit_plugins.augmentation import flip, shift

    return chain(first=flip, second=shift)


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every penalty."""
    return [gradient_penalty, dragan, r1, r2, consistency, both]
