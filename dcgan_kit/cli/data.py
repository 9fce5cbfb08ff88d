"""The command ``data inspect``: what is in a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcgan_kit.cli.options import json_option, plugin_options, plugin_settings
from dcgan_kit.terminal.console import facts, note, say, table

if TYPE_CHECKING:
    from dcgan_kit.api.results import Inspection

SHOWN = 10
"""Most rows of a table."""


@click.group()
def data() -> None:
    """Look at images before a training.

    \b
    dcgan-kit data inspect fashion_mnist_4k
    """  # noqa: D301 - click looks for the character itself, not for its name


@data.command("inspect")
@click.argument("source", metavar="SOURCE")
@click.argument("options", metavar="[KEY=VALUE]...", nargs=-1)
@click.option(
    "--size", metavar="HxWxC",
    help="Size of the networks: 64, 48x96 or 64x64x3.  [default: the recipe's, or one that fits]",
)  # fmt: skip
@click.option(
    "--picture", type=click.Path(path_type=Path), metavar="FILE",
    help="Write a PNG: 64 images from all over the source, as the networks see them.",
)  # fmt: skip
@json_option
@plugin_options
def inspect(source: str, options: tuple[str, ...], size: str | None, picture: Path | None, as_json: bool) -> None:
    """Show what is in SOURCE: sizes, channels, levels, duplicates, classes, what is left out, and advice.

    SOURCE is a file or a folder; else the name of a component of kind data, or of a recipe. KEY=VALUE are options of
    the component, or overrides of the recipe. It reads every image once, and those of the picture again.

    \b
    dcgan-kit data inspect ~/faces --picture faces.png
    dcgan-kit data inspect faces.zip fit=pad --size 64x64x3
    dcgan-kit data inspect fashion_mnist_4k
    dcgan-kit data inspect lecture-fashion28 --json
    """  # noqa: D301 - click looks for the character itself, not for its name
    from dcgan_kit import api

    found = api.inspect_data(source, *options, size=size, picture=picture, settings=plugin_settings())
    if as_json:
        facts(_as_json(found))
    else:
        _show(found)
    if picture is not None:
        note(f"{picture}: images of {_size(found.size.height, found.size.width)} as the networks see them")


def _show(found: Inspection) -> None:
    from dcgan_kit.errors import counted

    sizes = list(found.sizes)
    sides = [side for size in sizes for side in size]
    say(f"{found.source}: {counted(found.count, 'image')}, read by {found.component}")
    rows = [(_size(*size), f"{count:,}", _percent(count, found.count)) for size, count in found.sizes.items()]
    _table(("size (height x width)", "images", "share"), rows, "sizes")
    if len(sizes) > 1:
        say(f"  sides from {min(sides):,} to {max(sides):,} pixels\n")
    kinds = [*found.kinds.items()]
    _table(("stored as", "images", "share"), [(k, f"{n:,}", _percent(n, found.count)) for k, n in kinds], "kinds")
    if found.classes is not None:
        rows = [(name, f"{count:,}", _percent(count, found.count)) for name, count in found.classes.items()]
        _table(("class", "images", "share"), rows, "classes")
    for label, value in _lines(found):
        say(f"{label}: {value}")
    for title, lines in (("broken", found.broken_examples), ("", found.left_out), ("", found.notes)):
        for line in lines:
            say(f"{f'  {title}: ' if title else ''}{line}")
        if title and len(lines) < found.broken:
            say(f"  and {found.broken - len(lines):,} more")
    if found.advice:
        say("\nadvice")
        for sentence in found.advice:
            say(f"  {sentence}")


def _lines(found: Inspection) -> list[tuple[str, str]]:
    levels = found.levels
    formats = ", ".join(f"{name} ({count:,})" for name, count in found.formats.items())
    mean, deviation = (
        f"{values[0]:.0f}" if max(values) - min(values) < 0.05 else " ".join(f"{value:.0f}" for value in values)
        for values in (levels.mean, levels.deviation)
    )
    lines = [
        ("formats", formats),
        ("grey images", f"{found.grey:,} of {found.count:,}"),
        ("levels", f"{levels.darkest} to {levels.brightest}, mean {mean}, standard deviation {deviation}"),
        ("equal to an earlier image", f"{found.equal.count:,}{_examples(found.equal.examples)}"),
        ("like an earlier image", f"{found.close.count:,}{_examples(found.close.examples)}"),
    ]
    rest = [
        ("with transparent pixels", found.clear), ("with more than 8 bits, of which the upper 8 are used", found.deep),
        ("with several frames or pages, of which the first is used", found.several),
        ("turned upright by their metadata", found.turned), ("of one colour only", found.flat),
        ("that cannot be read", found.broken),
    ]  # fmt: skip
    lines += [(f"images {label}", f"{count:,}") for label, count in rest if count]
    return [*lines, ("size for networks", f"{_size(found.size.height, found.size.width)}x{found.size.channels}")]


def _examples(groups: Sequence[Sequence[str]]) -> str:
    return "".join(f"\n  {', '.join(names)}" for names in groups)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], what: str) -> None:
    table(columns, rows[:SHOWN], right=("images", "share"))
    if len(rows) > SHOWN:
        say(f"  and {len(rows) - SHOWN:,} more {what}\n")


def _size(height: int, width: int) -> str:
    return f"{height}x{width}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"


def _as_json(found: Inspection) -> dict[str, Any]:
    from dataclasses import asdict

    plain = asdict(found)
    plain["sizes"] = [{"height": h, "width": w, "images": n} for (h, w), n in found.sizes.items()]
    return {key: dict(value) if isinstance(value, Mapping) else value for key, value in plain.items()}
