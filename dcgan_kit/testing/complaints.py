"""How a broken contract is told: an AssertionError that names the component and what is wrong."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from dcgan_kit.components.declaration import Component
from dcgan_kit.components.kinds import KINDS
from dcgan_kit.networks.reasons import reason


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


def finite(numbers: Any) -> bool:
    """Whether all numbers are finite."""
    return bool(np.isfinite(numbers).all())


def told(error: Exception) -> str:
    """Return the type and the reason of an error."""
    return f"{type(error).__name__}: {reason(error)}"


def xla_refused(error: Exception) -> str:
    """Return that XLA cannot compile something, why, and what its author can do."""
    missing = sorted(set(re.findall(r"(\w+) \(No registered", str(error))))
    why = f"it has no {', '.join(missing)}" if missing else told(error)
    return (
        f"XLA cannot compile it: {why}. Use operations of keras.ops or TensorFlow on static shapes; "
        "or check it with without=['xla'], and say in its docstring that it needs training.xla: off"
    )
