"""The colours of the report, in light and in dark mode, by the names that its style sheet gives them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_DARK = "@media (prefers-color-scheme: dark)"
_COLOUR = re.compile(r"--([\w-]+): (#[0-9a-f]{3,6})")


@dataclass(frozen=True)
class Palette:
    """Colours by name, such as ``ink`` or ``series-1``, as ``#rrggbb``."""

    light: dict[str, str]
    dark: dict[str, str]


@cache
def palette() -> Palette:
    """Return the colours of the page's style sheet."""
    text = (files("dcgan_kit.reports") / "templates" / "colours.css").read_text(encoding="utf-8")
    light, _, dark = text.partition(_DARK)
    return Palette(dict(_COLOUR.findall(light)), dict(_COLOUR.findall(dark)))
