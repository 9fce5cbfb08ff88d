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
    of_generator = context.logit_gradient("generator")
    back = np.abs(of_generator).mean() * len(fake)
    wins = (real[:, None] > fake).mean() + 0.5 * (real[:, None] == fake).mean()
    return {
        "discriminator/separation": float(wins),
        "discriminator/gap": float(real.mean() - fake.mean()),
        "discriminator/real": float(_sigmoid(real).mean()),
        "discriminator/generated": float(_sigmoid(fake).mean()),
        "discriminator/unfooled": float(1.0 - _sigmoid(fake).mean()),
        "discriminator/push": float(np.mean(pushes)),
        "generator/push": float(back),
        "losses/opposition": _opposition(
            context.logit_gradient("discriminator", "real"), context.logit_gradient("discriminator"), of_generator
        ),
    }


def _opposition(real: Any, fake: Any, of_generator: Any) -> float:
    """Return how clearly D's loss pulls real and generated logits apart, negative if G's loss pulls the same way."""
    size = np.abs(real).mean() + np.abs(fake).mean()
    apart = float((np.mean(fake) - np.mean(real)) / size) if size else 0.0
    # What D's loss lowers, G's loss must raise.
    return -apart * float(np.sign(np.mean(of_generator)))


def diagnose(
    readings: Readings, first: Readings, nothing_left: float, wrong_by: float, opposed_from: float
) -> Iterator[Finding]:
    """Report the network that has won, or losses between which there is no contest."""
    # Later, the direction of a loss may change for a while: least squares pulls logits back that overshoot.
    opposition = first["losses/opposition"]
    if opposition < opposed_from:
        pull = "pull the same way" if opposition <= -opposed_from else "hardly pull apart"
        yield Finding(
            disease="no contest",
            where="losses",
            observation=f"the losses of the two networks {pull} ({opposition:.2f}; 1 is a contest)",
            value=opposition,
            baseline=1.0,
            advice="the same labels in both losses, the right sign, less `label_flipping`, no stopped gradient",
            page="health.md#no-contest",
        )
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
    # A penalty can keep all logits close together: then only their order shows that D is wrong. New networks have any.
    reversed_order = separation <= 0.001 and readings is not first
    if (separation <= 0.2 and gap <= -wrong_by) or reversed_order:
        yield Finding(
            disease="generator has won",
            where="generator",
            observation=f"has won: generated images score {-gap:.2g} higher than real ones",
            value=gap,
            baseline=first["discriminator/gap"],
            advice="a lower learning rate of the generator; a higher one, more updates or filters of the "
            "discriminator; a smaller weight of its penalty",
            page="health.md#the-generator-has-won",
        )


def _sigmoid(logits: Any) -> Any:
    return 0.5 * (1.0 + np.tanh(0.5 * logits))
