"""Reports of broken contracts: an AssertionError names the component and the problem."""

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
    """Call the factory of a component.

    Raises:
        AssertionError: the factory raised an error.
    """
    with complaining(where, "its factory", package=component.package):
        return component.build(context, options)


def require_returned(component: Component, returned: Any, holds: bool) -> None:
    """Raise an AssertionError unless ``holds``. The message says what a factory of this kind must return."""
    require(holds, f"{component}: must return {KINDS[component.kind].returns}. Received: {returned!r:.200}")


def require(holds: bool, message: str) -> None:
    """Raise an AssertionError with the message unless ``holds``."""
    if not holds:
        raise AssertionError(message)


def called(where: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call a function of a component.

    Raises:
        AssertionError: the function raised an error.
    """
    with complaining(where, "calling it"):
        return function(*arguments, **options)


def reached(gradient: Any) -> bool:
    """Whether a gradient exists and is not 0 everywhere."""
    return gradient is not None and bool(np.any(np.asarray(tf.convert_to_tensor(gradient)) != 0.0))


def finite(numbers: Any) -> bool:
    """Whether all numbers are finite."""
    return bool(np.isfinite(numbers).all())


def complaining(where: str, doing: str, hint: str = "", package: str = "") -> AbstractContextManager[None]:
    """Run code of a component, and turn every error that it raises into an AssertionError.

    Args:
        where: the component and its input, for the message.
        doing: the action, for the message.
        hint: a sentence on what the author can do about it; added to the message.
        package: the package of the code, if the message should name the line that failed.
    """
    return guarded(Author(where, package), doing, AssertionError, passing=(), hint=hint)


def compiling(where: str) -> AbstractContextManager[None]:
    """Run code of a component that XLA compiles.

    Raises:
        AssertionError: XLA cannot compile or run it; the message says why, and what the author can do.
    """
    hint = (
        "Use operations of keras.ops or TensorFlow on static shapes; or let recipes with it train without XLA: "
        "@component(kind, without_xla='the reason')"
    )
    return complaining(where, "compiling it with XLA", hint)
