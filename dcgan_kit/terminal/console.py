"""Tables and messages for the user; rich is imported only when a table or a bar needs it."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import click

from dcgan_kit.errors import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WIDE = 10_000
"""Width if the output is not a terminal, so that in a file or a pipe each row is one line."""


def console(error: bool = False) -> Console:
    """Return a console on standard output, or on standard error."""
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    return Console(stderr=error, width=None if stream.isatty() else WIDE, highlight=False, emoji=False)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], right: Sequence[str] = (), title: str = "") -> None:
    """Print a table without breaking words; columns named in ``right`` are aligned to the right.

    Columns that do not fit are printed below, next to the first column again. If not even two columns fit, each row
    becomes lines of name and value. Only a word that is wider than the terminal is broken.
    """
    from rich.cells import cell_len
    from rich.padding import Padding
    from rich.text import Text

    out = console()
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    sizes = [_Sizes.of([name, *(row[index] for row in cells)]) for index, name in enumerate(columns)]
    parts = _parts([size.word for size in sizes], out.width)
    if title:
        out.print(Text(title, style="italic"))
    for part in parts or ():
        shown = [[row[index] for index in part] for row in cells]
        widths = _widths([sizes[index] for index in part], out.width - _overhead(len(part)))
        out.print(_rich_table([columns[index] for index in part], shown, widths, right))
        out.print()
    if parts is None:
        for row in cells:
            for name, cell in zip(columns, row, strict=True):
                if cell_len(name) + cell_len(cell) + 2 <= out.width and "\n" not in cell:
                    out.print(Text.assemble((f"{name}: ", "bold"), cell))
                    continue
                out.print(Text(f"{name}:", style="bold"))
                out.print(Padding(Text(cell, overflow="fold"), (0, 0, 0, 2), expand=False))
            out.print()


@dataclass(frozen=True)
class _Sizes:
    """The widths of a column's widest word and widest line, in terminal cells."""

    word: int
    line: int

    @staticmethod
    def of(texts: Sequence[str]) -> _Sizes:
        from rich.cells import cell_len

        words = (cell_len(word) for text in texts for word in text.split())
        return _Sizes(max(words, default=0), max(cell_len(line) for text in texts for line in text.split("\n")))


def _overhead(columns: int) -> int:
    """Return the width of the space between columns."""
    return 2 * (columns - 1)


def _parts(words: Sequence[int], width: int) -> list[list[int]] | None:
    """Divide columns into parts that fit the width, each with the first column; None if two columns do not fit."""
    parts: list[list[int]] = [[0]]
    for index in range(1, len(words)):
        if sum(words[other] for other in (*parts[-1], index)) + _overhead(len(parts[-1]) + 1) <= width:
            parts[-1].append(index)
        elif words[0] + words[index] + _overhead(2) <= width and len(parts[-1]) > 1:
            parts.append([0, index])
        else:
            return None
    return parts


def _widths(sizes: Sequence[_Sizes], width: int) -> list[int]:
    """Divide a width among columns: each gets its widest word's width; columns with longer lines share the rest."""
    widths = [min(size.word, width) for size in sizes]
    spare = width - sum(widths)
    by_need = sorted(range(len(sizes)), key=lambda index: sizes[index].line - widths[index])
    for place, index in enumerate(by_need):
        more = min(sizes[index].line - widths[index], spare // (len(by_need) - place))
        widths[index] += more
        spare -= more
    return widths


def plain_table() -> Table:
    """Return an empty table of rich with a line below its heading, and no other frame."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    return Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))


def _rich_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], right: Sequence[str]
) -> Table:
    from rich.text import Text

    rich_table = plain_table()
    for column, width in zip(columns, widths, strict=True):
        side: Literal["left", "right"] = "right" if column in right else "left"
        rich_table.add_column(Text(printable(column)), justify=side, overflow="fold", width=width)
    for row in rows:
        rich_table.add_row(*map(Text, row))
    return rich_table


def facts(data: Any) -> None:
    """Print data as JSON, for programs."""
    click.echo(json.dumps(data, indent=2))


def note(message: str) -> None:
    """Print a message for the user on standard error."""
    click.echo(_wrapped(printable(message), sys.stderr), err=True)


def say(text: str) -> None:
    """Print text for the user on standard output."""
    click.echo(_wrapped(text, sys.stdout))


def _wrapped(text: str, stream: Any) -> str:
    """On a terminal, break long lines between words; words, such as paths, stay whole."""
    if not stream.isatty():
        return text
    width = shutil.get_terminal_size().columns

    def wrapped(line: str) -> str:
        indent = line[: len(line) - len(line.lstrip())]
        return textwrap.fill(
            line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, drop_whitespace=True
        )

    return "\n".join(line if len(line) <= width else wrapped(line) for line in text.split("\n"))
