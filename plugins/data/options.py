"""Options that several sources of images share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

Level = Annotated[int, Field(ge=0, le=255)]

Fit = Annotated[
    Literal["crop", "pad"],
    Field(description="how another aspect ratio is met: cut the longer side, or add margins"),
]
Background = Annotated[
    Level | tuple[Level, Level, Level],
    Field(description="grey level, or [red, green, blue], behind transparent pixels and in margins"),
]
MaxBrokenShare = Annotated[
    float, Field(ge=0.0, le=1.0, description="share of unreadable images above which to give up")
]
MemoryMiB = Annotated[
    int,
    Field(ge=0, le=2**20, description="decoded images of more MiB are not held in memory, but mapped from the cache"),
]
Label = Annotated[
    str | None, Field(description="name of what holds one integer for each image; null: none; 'label' may be missing")
]
Hint = Annotated[str, Field(description="where the images come from; told where they are missing")]
