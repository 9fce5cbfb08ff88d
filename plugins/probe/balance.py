"""Which of the two networks is ahead, from the discriminator's logits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dcgan_kit import Finding, ProbeContext, Readings


def measure(context: ProbeContext) -> Readings:
    """Return how well D separates real from generated images, and how strongly the losses push its logits."""
    fake, real = (np.asarray(context.logits(of=of), np.float64).ravel() for of in ("generated", "real"))
    pushes = [np.abs(context.logit_gradient("discriminator", of)).mean() * len(fake) for of in ("generated", "real")]
    back = np.abs(context.logit_gradient("generator")).mean() * len(fake)
    wins = (real[:, None] > fake).mean() + 0.5 * (real[:, None] == fake).mean()
    return {
        "discriminator/separation": float(wins),
        "discriminator/gap": float(real.mean() - fake.mean()),
        "discriminator/real": float(_sigmoid(real).mean()),
        "discriminator/generated": float(_sigmoid(fake).mean()),
        "discriminator/unfooled": float(1.0 - _sigmoid(fake).mean()),
        "discriminator/push": float(np.mean(pushes)),
        "generator/push": float(back),
    }


def diagnose(readings: Readings, first: Readings, nothing_left: float, wrong_by: float) -> Iterator[Finding]:
    """Report the network that has won."""
    separation, gap = readings["discriminator/separation"], readings["discriminator/gap"]
    push, before = readings["discriminator/push"], first["discriminator/push"]
    if separation >= 0.999 and push <= nothing_left * before:
        yield Finding(
            disease="discriminator has won",
            where="discriminator",
            observation=f"has won: its loss pushes the logits {100 * push / before:.1f} % as strongly as at step 0",
            value=separation,
            baseline=first["discriminator/separation"],
            advice="a lower learning rate of the discriminator, dropout or an augmentation before it, "
            "`penalty: r1`, or more updates of the generator",
            page="health.md#the-discriminator-has-won",
        )
    if separation <= 0.2 and gap <= -wrong_by:
        yield Finding(
            disease="generator has won",
            where="generator",
            observation=f"has won: generated images score {-gap:.1f} higher than real ones",
            value=gap,
            baseline=first["discriminator/gap"],
            advice="a lower learning rate of the generator, or more updates or filters of the discriminator",
            page="health.md#the-generator-has-won",
        )


def _sigmoid(logits: Any) -> Any:
    return 0.5 * (1.0 + np.tanh(0.5 * logits))
