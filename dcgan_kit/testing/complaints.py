"""How a broken contract is reported: by an AssertionError that names the component and what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_kit.components.component import Component
from dcgan_kit.components.guard import Author, guarded
from dcgan_kit.components.kinds import KINDS


def built(component: Component, context: Any, options: dict[str, Any], where: str) -> Any:
    """Call the factory.

    Raises:
        AssertionError: it raised.
    """
    with complaining(where, "its factory", package=component.package):
        return component.build(context, options)


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
    with complaining(where, "calling it"):
        return function(*given, **named)


def reached(gradient: Any) -> bool:
    """Whether a gradient is there and is not 0 everywhere."""
    return gradient is not None and bool(np.any(np.asarray(tf.convert_to_tensor(gradient)) != 0.0))


def finite(numbers: Any) -> bool:
    """Whether all numbers are finite."""
    return bool(np.isfinite(numbers).all())


def complaining(where: str, doing: str, hint: str = "", package: str = "") -> AbstractContextManager[None]:
    """Run code of a component; whatever it raises becomes an AssertionError.

    Args:
        where: the component, and what it is given.
        doing: what is done with it.
        hint: what its author can do, added to the message.
        package: that holds its code, where the message is to say in which line it failed.
    """
    return guarded(Author(where, package), doing, AssertionError, passing=(), hint=hint)


def compiling(where: str) -> AbstractContextManager[None]:
    """Let XLA compile and run code of a component.

    Raises:
        AssertionError: it cannot; the message says why, and what its author can do.
    """
    hint = (
        ". Use operations of keras.ops or TensorFlow on static shapes; or check it with without=['xla'], and say in "
        "its docstring that it needs training.xla: off"
    )
    return complaining(where, "compiling it with XLA", hint)
