"""Activations: functions of each unit separately.  (B, ...) → (B, ...)."""

from typing import Annotated

from dcgan_kit import component
from pydantic import Field


@component("activation")
def snake(*, frequency: Annotated[float, Field(gt=0.0, le=100.0, description="of the sine")] = 1.0):
    """Return x + sin²(frequency · x) / frequency.  (B, ...) → (B, ...).

    Ziyin et al. 2020, arXiv 2006.08195, equation 2
    """
    # Keras is imported here, so that commands that list components start quickly.
    from .activation_layers import Snake

    return Snake(frequency)
