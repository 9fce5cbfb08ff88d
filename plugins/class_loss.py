"""Losses of an auxiliary classifier.  class logits (B, K), one-hot classes (B, K) → scalar float32.

If the head has a class for generated images, the class logits are (B, K + 1), and the last is that of this class.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from dcgan_kit import ClassLoss, Component, component, hookimpl

Weight = Annotated[float, Field(ge=0.0, le=1e6)]


@component("class_loss")
def cross_entropy(
    *,
    real: Annotated[Weight, Field(description="factor for real images, in D's loss")] = 1.0,
    fake: Annotated[Weight, Field(description="factor for generated images, in D's loss")] = 0.0,
    generator: Annotated[Weight, Field(description="factor for generated images, in G's loss")] = 1.0,
) -> ClassLoss:
    """Minimize the cross-entropy between class logits and classes (ACGAN).  (B, K), (B, K) → scalar.

    D adds real · mean(-log p(c | x)) + fake · mean(-log p(c | G(z, c))), G adds generator · mean(-log p(c | G(z, c))),
    where p is the softmax of the class logits. If the head has a class for generated images, it takes the place of c in
    the term of ``fake``. G's term stays: G wants its images to look like those of their class.

    Odena et al. 2016, arXiv 1610.09585, equations 2 and 3, where all three are 1; real 1, fake 0, generator 0.1:
    Gulrajani et al. 2017, arXiv 1704.00028, the authors' code
    """
    import tensorflow as tf

    def mean(logits: Any, classes: Any, generated: float = 0.0) -> Any:
        more = logits.shape[-1] - classes.shape[-1]
        if more:
            classes = tf.pad((1.0 - generated) * classes, [[0, 0], [0, more]], constant_values=generated)
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(classes, logits))

    def of_generator(fake_logits: Any, fake_classes: Any) -> Any:
        return generator * mean(fake_logits, fake_classes)

    def of_discriminator(real_logits: Any, real_classes: Any, fake_logits: Any, fake_classes: Any) -> Any:
        return real * mean(real_logits, real_classes) + fake * mean(fake_logits, fake_classes, generated=1.0)

    return ClassLoss(of_generator, of_discriminator)


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every class loss."""
    return [cross_entropy]
