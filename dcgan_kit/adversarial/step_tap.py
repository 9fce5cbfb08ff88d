"""The step's hook for code that wants to see its tensors, such as probes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from dcgan_kit.adversarial.update_schedule import Update
from dcgan_kit.recipes.resolved import Role


class Forward(Protocol):
    """A network's forward pass: (input, training) → output."""

    @property
    def model(self) -> Any:
        """The Keras model."""

    def __call__(self, x: Any, training: bool) -> Any:
        """Run the network."""


class StepTap(Protocol):
    """Receives the tensors of a step; the step calls its methods.

    It may run the networks in its own way, but it must change no result and no weight. An exception that it raises
    ends the step.
    """

    def begin(self, update: Update, part: int) -> None:
        """Called before each part of each update.

        Args:
            update: the update; it has not changed any weight yet.
            part: index of the part of the batch, from 0.
        """

    def forward(self, role: Role, input_name: str, forward: Forward, x: Any) -> Any:
        """Run a network in training mode.

        Args:
            role: the network.
            input_name: what ``x`` is, e.g. ``real images``.
            forward: the forward pass of training.
            x: the input: latent vectors (B, size) or images (B, H, W, C); a list of it and the one-hot classes
                (B, classes) if the network takes them.

        Returns:
            What ``forward(x, True)`` returns. Values, gradients and updates of statistics must be equal up to rounding.
        """

    def end(self, facts: Mapping[str, Any], gradients: Mapping[Role, list[Any]]) -> None:
        """Called after each part of each update.

        Args:
            facts: losses, the penalty and D's mean probabilities, scalars by name.
            gradients: for each network of the update, one gradient per trainable parameter, in their order; None if
                no loss depends on the parameter.
        """


class Quiet:
    """The tap of normal training; it does nothing and adds no operation to the step."""

    def begin(self, update: Update, part: int) -> None:
        """Do nothing."""

    def forward(self, role: Role, input_name: str, forward: Forward, x: Any) -> Any:
        """Run the forward pass of training."""
        return forward(x, True)

    def end(self, facts: Mapping[str, Any], gradients: Mapping[Role, list[Any]]) -> None:
        """Do nothing."""


QUIET = Quiet()
