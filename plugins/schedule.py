"""Learning-rate schedules.  (step, steps) → factor of the learning rate, float32 scalar."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field

from dcgan_kit import Component, Schedule, Slot, component, hookimpl

To = Annotated[float, Field(ge=0.0, le=1.0, description="factor of the learning rate at the end of training")]
Share = Annotated[float, Field(gt=0.0, lt=1.0)]


@component("schedule")
def constant() -> Schedule:
    """Keep the learning rate constant.  (step, steps) → 1."""
    import tensorflow as tf

    return lambda step, steps: tf.ones_like(step)


@component("schedule")
def linear(
    *,
    start: Annotated[
        float, Field(ge=0.0, lt=1.0, description="share of training after which the learning rate falls")
    ] = 0.0,
    to: To = 0.0,
) -> Schedule:
    """Decrease the factor linearly from 1.  (step, steps) → 1 ... to.

    1 - (1 - to) t,  t = (step / steps - start) / (1 - start), clipped to [0, 1]

    start = 0: github.com/igul222/improved_wgan_training, gan_cifar_resnet.py; start = 0.5: Zhu et al. 2017, arXiv
    1703.10593, section 4
    """
    import tensorflow as tf

    def factor(step: Any, steps: int) -> Any:
        share = (step / float(steps) - start) / (1.0 - start)
        return 1.0 - (1.0 - to) * tf.clip_by_value(share, 0.0, 1.0)

    return factor


@component("schedule")
def cosine(
    *,
    to: To = 0.0,
    end: Annotated[
        float, Field(gt=0.0, le=1.0, description="share of training after which the factor stays the same")
    ] = 1.0,
) -> Schedule:
    """Decrease the factor from 1 along half a cosine.  (step, steps) → 1 ... to.

    to + (1 - to) (1 + cos(π t)) / 2,  t = step / (end · steps), clipped to [0, 1]

    Loshchilov, Hutter 2016, arXiv 1608.03983, equation 5, without restarts; end < 1: Huang et al. 2025, arXiv
    2501.05441
    """
    import tensorflow as tf

    def factor(step: Any, steps: int) -> Any:
        share = tf.clip_by_value(step / (end * float(steps)), 0.0, 1.0)
        return to + (1.0 - to) * 0.5 * (1.0 + tf.cos(math.pi * share))

    return factor


@component("schedule")
def stepwise(
    *,
    at: Annotated[
        tuple[Share, ...],
        Field(min_length=1, max_length=100, description="shares of training after which the learning rate falls"),
    ] = (0.5, 0.75),
    factor: Annotated[float, Field(gt=0.0, le=1.0, description="factor of the learning rate at each fall")] = 0.1,
) -> Schedule:
    """Multiply the learning rate by a factor at given shares of training.  (step, steps) → factorⁿ.

    n is the number of shares that training has passed.

    0.1 at one half and three quarters of training: He et al. 2015, arXiv 1512.03385, section 4.2
    """
    import tensorflow as tf

    def fallen(step: Any, steps: int) -> Any:
        behind = step >= tf.constant([share * steps for share in at], tf.float32)
        return tf.pow(tf.constant(factor, tf.float32), tf.reduce_sum(tf.cast(behind, tf.float32)))

    return fallen


@component("schedule")
def warm_up(
    *,
    steps: Annotated[int, Field(ge=1, le=100_000_000, description="number of warm-up steps")] = 1000,
    then: Annotated[
        Any, Slot("schedule"), Field(description="schedule of the remaining steps, counted from 0; null: constant")
    ] = None,
) -> Schedule:
    """Increase the factor linearly, then follow another schedule.  (step, steps) → 1 / steps ... 1, then its factor.

    While step < ``steps``, the factor is (step + 1) / ``steps``. It is above 0 at step 0 already.

    Raises:
        ValueError: ``then`` does not make a function.

    Goyal et al. 2017, arXiv 1706.02677, section 2.2
    """
    import tensorflow as tf

    follow = (then or constant)()
    if not callable(follow):
        raise ValueError(f"then must make a function (step, steps). Received: {follow!r:.100}")
    rise = steps

    def factor(step: Any, steps: int) -> Any:
        ramp = tf.minimum((step + 1.0) / float(rise), 1.0)
        return ramp * follow(tf.maximum(step - float(rise), 0.0), max(steps - rise, 1))

    return factor


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every schedule."""
    return [constant, linear, cosine, stepwise, warm_up]
