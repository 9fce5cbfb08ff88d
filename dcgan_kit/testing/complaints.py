"""How a broken contract is told: an AssertionError that names the component and what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_kit.components.component import Component
from dcgan_kit.components.kinds import KINDS
from dcgan_kit.networks.error_message import reason


def built(component: Component, context: Any, options: dict[str, Any], where: str) -> Any:
    """Call the factory.

    Raises:
        AssertionError: it raised.
    """
    try:
        return component.build(context, options)
    except Exception as error:
        raise AssertionError(f"{where}: its factory failed: {told(error)}") from error


def require_returned(component: Component, returned: Any, holds: bool) -> None:
    """Raise AssertionError, with what the kind is to return, unless it holds."""
    require(holds, f"{component}: must return {KINDS[component.kind].returns}. Received: {returned!r:.200}")


def require(holds: bool, message: str) -> None:
    """Raise AssertionError with the message unless it holds."""
    if not holds:
        raise AssertionError(message)


def called(where: str, function: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Call something of a component.

    Raises:
        AssertionError: it raised.
    """
    try:
        return function(*given, **named)
    except Exception as error:
        raise AssertionError(f"{where}: failed: {told(error)}") from error


def reached(gradient: Any) -> bool:
    """Whether a gradient is there and is not 0 everywhere."""
    return gradient is not None and bool(np.any(np.asarray(tf.convert_to_tensor(gradient)) != 0.0))


def finite(numbers: Any) -> bool:
    """Whether all numbers are finite."""
    return bool(np.isfinite(numbers).all())


def told(error: Exception) -> str:
    """Return the type and the reason of an error."""
    return f"{type(error).__name__}: {reason(error)}"


def xla_refused(error: Exception) -> str:
    """Return that XLA cannot compile something, why, and what its author can do."""
    return (
        f"XLA cannot compile it: {reason(error)}. Use operations of keras.ops or TensorFlow on static shapes; "
        "or check it with without=['xla'], and say in its docstring that it needs training.xla: off"
    )
