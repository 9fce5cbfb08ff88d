"""Tables and notes for people; rich is imported only when something is printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from dcgan_kit.errors import printable

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 10_000
"""Columns where the output is no terminal: in a file or a pipe a row is a line."""


def console(error: bool = False) -> Console:
    """Return a console on standard output, or on standard error."""
    from rich.console import Console

    class Quiet(Console):
        def on_broken_pipe(self) -> None:
            # rich would end the program with status 1; the command line knows better.
            raise BrokenPipeError

    stream = sys.stderr if error else sys.stdout
    return Quiet(stderr=error, width=None if stream.isatty() else WIDE, highlight=False, emoji=False)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], right: Sequence[str] = (), title: str = "") -> None:
    """Print a table; columns named in ``right`` are aligned to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, title=Text(title) if title else None, title_justify="left", pad_edge=False)
    for column in columns:
        drawn.add_column(Text(column), justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(printable(str(cell))) for cell in row))
    console().print(drawn)


def facts(data: Any) -> None:
    """Print facts as JSON, for programs."""
    click.echo(json.dumps(data, indent=2))


def note(message: str) -> None:
    """Print a line for people on standard error."""
    click.echo(printable(message), err=True)
