"""Components that are options of other components."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dcgan_kit import Augmentation


def built(
    option: str, build: Callable[..., Any] | None, default: Callable[..., Any], kind: type, *arguments: Any
) -> Any:
    """Return what an option's component, or the default, makes from the arguments of its kind.

    Raises:
        ValueError: the result is not of the type ``kind``.
    """
    made = (build or default)(*arguments)
    if not isinstance(made, kind):
        raise ValueError(f"{option} must make {kind.__name__}. Received: {made!r:.100}")
    return made


def fixed_augmentation(option: str, build: Callable[..., Any] | None, default: Callable[..., Any]) -> Augmentation:
    """Return an option's augmentation. It must not be adaptive, because nothing would store its state.

    Raises:
        ValueError: it is adaptive, or not an augmentation.
    """
    augmentation: Augmentation = built(option, build, default, Augmentation)
    if augmentation.adapt is not None:
        raise ValueError(f"{option} must not be adaptive; make the adaptive augmentation the outermost one")
    return augmentation
