"""Options that several sources of images share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

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
