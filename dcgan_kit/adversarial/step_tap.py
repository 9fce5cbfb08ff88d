"""Where a step can be listened to: what it hands to whoever wants to see its tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from dcgan_kit.adversarial.update_schedule import Update
from dcgan_kit.recipes.resolved import Role

Forward = Callable[[Any, bool], Any]
"""(input, training) → output of a network."""


class StepTap(Protocol):
    """Sees what a step computes, at the places where the step calls it.

    It may run the networks its own way. It changes no number and moves no weight. What it raises ends the step.
    """

    def begin(self, update: Update, part: int) -> None:
        """Take what comes next.

        Args:
            update: the update; none of its weights has moved yet.
            part: which part of the batch, from 0.
        """

    def forward(self, role: Role, given: str, forward: Forward, x: Any) -> Any:
        """Run a network in training.

        Args:
            role: the network.
            given: what ``x`` is, e.g. ``real images``.
            forward: the forward pass of training.
            x: the input: latent vectors (B, size) or images (B, H, W, C).

        Returns:
            What ``forward(x, True)`` returns: values, gradients and updates of statistics, up to rounding.
        """

    def end(self, facts: Mapping[str, Any], gradients: Mapping[Role, list[Any]]) -> None:
        """Take what one part of the batch gave.

        Args:
            facts: losses, the penalty and D's means by name, scalars.
            gradients: by the trainable weights of each network that moves, in their order; None: no loss reaches it.
        """


class Quiet:
    """The tap of training: it sees nothing, and adds no operation to the step."""

    def begin(self, update: Update, part: int) -> None:
        """See nothing."""

    def forward(self, role: Role, given: str, forward: Forward, x: Any) -> Any:
        """Run the forward pass of training."""
        return forward(x, True)

    def end(self, facts: Mapping[str, Any], gradients: Mapping[Role, list[Any]]) -> None:
        """See nothing."""


QUIET = Quiet()
