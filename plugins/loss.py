"""Adversarial losses, on logits.  (B, 1), (B, 1) → scalar float32."""

from __future__ import annotations

from typing import Any

from dcgan_kit import AdversarialLoss, Component, Noise, component, hookimpl


@component("loss")
def non_saturating() -> AdversarialLoss:
    """Minimize binary cross-entropy, the generator's with labels flipped.  (B, 1), (B, 1) → scalar.

    L_D = mean(softplus(-D(x))) + mean(softplus(D(G(z))))
    L_G = mean(softplus(-D(G(z))))

    L_G's gradient is largest where D is surest, other than that of the minimax loss -mean(softplus(D(G(z)))).

    Goodfellow et al. 2014, arXiv 1406.2661, section 3
    """
    import tensorflow as tf

    def mean_softplus(logits: Any) -> Any:
        return tf.reduce_mean(tf.math.softplus(tf.cast(logits, tf.float32)))

    def generator(real_logits: Any, fake_logits: Any, noise: Noise) -> Any:
        return mean_softplus(-fake_logits)

    def discriminator(real_logits: Any, fake_logits: Any, noise: Noise) -> Any:
        return mean_softplus(-real_logits) + mean_softplus(fake_logits)

    return AdversarialLoss(generator, discriminator)


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every loss."""
    return [non_saturating]
