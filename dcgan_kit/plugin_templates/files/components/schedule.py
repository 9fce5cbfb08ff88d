"""Learning-rate schedules.  (step, steps) → factor of the learning rate."""

from typing import Annotated

from dcgan_kit import component
from pydantic import Field


@component("schedule")
def triangle(
    *, peak: Annotated[float, Field(gt=0.0, lt=1.0, description="share of training at which the factor is 1")] = 0.3
):
    """Rise linearly from 0 to 1, then fall linearly to 0.  (step, steps) → 0 ... 1 ... 0.

    min(t / peak, (1 - t) / (1 - peak)), with t = step / steps

    Smith 2015, arXiv 1506.01186, with one cycle
    """
    import tensorflow as tf

    def factor(step, steps):
        share = tf.clip_by_value(step / float(steps), 0.0, 1.0)
        return tf.minimum(share / peak, (1.0 - share) / (1.0 - peak))

    return factor
