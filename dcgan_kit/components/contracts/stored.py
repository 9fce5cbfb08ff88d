"""Images as their source stores them, before they get a recipe's size: what ``data inspect`` reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from dcgan_kit.components.contracts.training import ImageSpec


@dataclass(frozen=True)
class StoredImage:
    """One image of a source.

    Attributes:
        name: its name in messages.
        read: returns a stream of an encoded image (PNG, JPEG, …), or a uint8 array (H, W, C). It may raise DataError or
            OSError. It is called in a thread.
        label: the number of its class, or None.
    """

    name: str
    read: Callable[[], Any]
    label: int | None = None


@dataclass(frozen=True)
class StoredImages:
    """All images of a source. They are read one by one, so that they need not fit into memory.

    Attributes:
        name: the name of the source in messages.
        count: how many entries ``images`` returns.
        images: returns the images in order, each time from the first one; for one that is known to be unreadable, a
            text with its name and the reason.
        fitted: (what ``StoredImage.read`` returned, a size) → uint8 (H, W, C), as the component makes it for a recipe
            of this size. It may raise DataError.
        resizes: whether the component makes images of any size; else all have one size, which a recipe must have too.
        left_out: a line for each reason why files in the same place are left out, with their number.
        notes: other lines for the user, such as where the labels come from.
        class_names: the name of each class, in order of the labels from 0; empty if the classes have no names.
    """

    name: str
    count: int
    images: Callable[[], Iterable[StoredImage | str]]
    fitted: Callable[[Any, ImageSpec], Any]
    resizes: bool = True
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
