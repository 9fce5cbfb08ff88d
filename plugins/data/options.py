"""Options that several sources of images share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field

from dcgan_kit import StoredImages

Level = Annotated[int, Field(ge=0, le=255)]

Fit = Annotated[
    Literal["crop", "pad"],
    Field(description="for images of another aspect ratio: cut the longer side, or add margins"),
]
Background = Annotated[
    Level | tuple[Level, Level, Level],
    Field(description="grey level, or [red, green, blue], behind transparent pixels and in margins"),
]
MaxBrokenShare = Annotated[
    float, Field(ge=0.0, le=1.0, description="share of unreadable images above which reading fails")
]
MemoryMiB = Annotated[
    int,
    Field(ge=0, le=2**20, description="if the decoded images take more MiB, they are mapped from the cache on disk"),
]
Label = Annotated[
    str | None,
    Field(description="name of the feature with one integer per image; null: no labels; 'label' may be missing"),
]
Hint = Annotated[str, Field(description="where to get the images; the error message shows it if they are missing")]


def stored_encoded(source: Callable[..., Any]) -> Callable[..., StoredImages]:
    """Return the function ``stored`` of a component that decodes images.

    Args:
        source: takes the component's other options, and returns its ``Source``.
    """

    def stored(*, fit: Any, background: Any, max_broken_share: Any, memory_mib: Any, **options: Any) -> StoredImages:
        from dcgan_kit_plugins.data.image_reading import Decoding, stored_images

        return stored_images(source(**options), Decoding(fit, background, max_broken_share, memory_mib))

    return stored
