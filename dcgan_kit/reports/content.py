"""What a page consists of, before it is HTML: sections of tables, drawings, pictures and listings.

All text in here is plain text, whoever wrote it; the templates escape it. Only ``Drawing.source`` is markup, and that
is Matplotlib's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Table:
    """Rows of text; the first cell of each is its heading.

    Attributes:
        caption: what the table tells.
        columns: headings, that of the first column among them.
        rows: of as many cells.
        numeric: whether the cells behind the first are numbers, set flush right.
    """

    kind: ClassVar = "table"
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: bool = False


@dataclass(frozen=True)
class Drawing:
    """A chart.

    Attributes:
        source: what Matplotlib wrote as SVG.
        title: in a few words.
        description: what is drawn, in sentences, for people who do not see it.
        caption: below it; may be empty.
        table: its numbers, folded away.
    """

    source: str
    title: str
    description: str
    caption: str = ""
    table: Table | None = None


@dataclass(frozen=True)
class Drawings:
    """Charts in a grid, under a heading that may be empty."""

    kind: ClassVar = "drawings"
    title: str
    drawings: tuple[Drawing, ...]


@dataclass(frozen=True)
class Picture:
    """A PNG.

    Attributes:
        uri: ``data:`` address of the PNG.
        alt: what is seen.
        caption: below it.
        width: in pixels.
        height: in pixels.
    """

    uri: str
    alt: str
    caption: str
    width: int
    height: int


@dataclass(frozen=True)
class Pictures:
    """Pictures in order, under a heading that may be empty; ``pairs`` sets two and two together."""

    kind: ClassVar = "pictures"
    title: str
    pictures: tuple[Picture, ...]
    pairs: bool = False


@dataclass(frozen=True)
class Listing:
    """A text in its own lines, folded away unless ``opened``."""

    kind: ClassVar = "listing"
    summary: str
    text: str
    opened: bool = False


@dataclass(frozen=True)
class Paragraph:
    """A sentence or a few; ``tone`` is "plain", "missing", "well" or "ill"."""

    kind: ClassVar = "paragraph"
    text: str
    tone: str = "plain"


Block = Table | Drawings | Pictures | Listing | Paragraph


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading of its own.

    Attributes:
        anchor: the fragment that leads to it.
        title: the heading.
        lead: what is seen here and how to read it; may be empty.
        blocks: in order.
    """

    anchor: str
    title: str
    lead: str
    blocks: tuple[Block, ...]
