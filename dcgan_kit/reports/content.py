"""The content of a page, before it becomes HTML: sections of tables, drawings, pictures and listings.

All text is plain text, and the templates escape it. Only ``Drawing.source`` is markup; Matplotlib writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Table:
    """Rows of text. The first cell of each row is its heading.

    Attributes:
        caption: the caption of the table.
        columns: the headings of all columns.
        rows: rows with one cell for each column.
        numeric: whether the cells after the first are numbers, which are aligned right.
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
        source: the SVG from Matplotlib.
        title: a short title.
        description: a description in sentences, for readers who cannot see the chart.
        caption: the text below it: what it shows, and what is good.
        table: its numbers, collapsed on the page.
    """

    source: str
    title: str
    description: str
    caption: str
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
        uri: the PNG as a ``data:`` address.
        alt: the alternative text.
        caption: the text below it.
        width: width in pixels.
        height: height in pixels.
        rows: what each of its rows shows; may be empty.
    """

    uri: str
    alt: str
    caption: str
    width: int
    height: int
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pictures:
    """Pictures in order, under a heading that may be empty.

    Attributes:
        title: the heading.
        pictures: the pictures.
        pairs: whether each two pictures stand together.
        large: whether they are shown larger than usual.
    """

    kind: ClassVar = "pictures"
    title: str
    pictures: tuple[Picture, ...]
    pairs: bool = False
    large: bool = False


@dataclass(frozen=True)
class Listing:
    """A text with its own line breaks, collapsed unless ``opened``."""

    kind: ClassVar = "listing"
    summary: str
    text: str
    opened: bool = False


@dataclass(frozen=True)
class Paragraph:
    """One or a few sentences; ``tone`` is "plain", "missing", "well" or "ill"."""

    kind: ClassVar = "paragraph"
    text: str
    tone: str = "plain"


@dataclass(frozen=True)
class Sentences:
    """A list of sentences."""

    kind: ClassVar = "sentences"
    texts: tuple[str, ...]


@dataclass(frozen=True)
class GeneratorPlayer:
    """A generator that computes in the page, with controls.

    Attributes:
        settings: what its script must know, as JSON.
        parts: files that the script needs: the name, and the content as ``embedded_generator.packed`` writes it.
        count: number of latent vectors to choose from.
        width: width of a sample in pixels.
        height: height of a sample in pixels.
        classes: the title of each class; may be empty.
        coordinates: number of sliders.
        size: number of coordinates of a latent vector.
        farthest: where sliders end.
    """

    kind: ClassVar = "generator"
    settings: str
    parts: tuple[tuple[str, str], ...]
    count: int
    width: int
    height: int
    classes: tuple[str, ...]
    coordinates: int
    size: int
    farthest: str


Block = Table | Drawings | Pictures | Listing | Paragraph | Sentences | GeneratorPlayer


@dataclass(frozen=True)
class Section:
    """A part of the page with its own heading.

    Attributes:
        anchor: the fragment of its address.
        title: the heading.
        lead: what the section shows and how to read it; may be empty.
        blocks: the blocks in order.
    """

    anchor: str
    title: str
    lead: str
    blocks: tuple[Block, ...]
