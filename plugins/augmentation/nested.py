"""Components that are options of other components."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dcgan_kit import Augmentation


def built(option: str, build: Callable[..., Any] | None, default: Callable[..., Any], kind: type, *given: Any) -> Any:
    """Return what an option's component, or the default, makes of what its kind is given.

    Raises:
        ValueError: it is not of the kind's type.
    """
    made = (build or default)(*given)
    if not isinstance(made, kind):
        raise ValueError(f"{option} must make {kind.__name__}. Received: {made!r:.100}")
    return made


def fixed_augmentation(option: str, build: Callable[..., Any] | None, default: Callable[..., Any]) -> Augmentation:
    """Return an option's augmentation, which may not adapt: what it remembers would have no place.

    Raises:
        ValueError: it does, or is no augmentation.
    """
    augmentation: Augmentation = built(option, build, default, Augmentation)
    if augmentation.adapt is not None:
        raise ValueError(f"{option} must not adapt; let an adaptive augmentation be the outermost, of all that is used")
    return augmentation
