"""A worked example as a picture (PNG, SVG), as an animation (GIF), or as a page that shows its steps (HTML)."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from dcgan_kit.errors import UserError
from dcgan_kit.explanations.explanation import BINS, Curves, Explanation, Grid, Histogram, Panel, Picture, Step, shown
from dcgan_kit.reports.moving_picture import moving_picture
from dcgan_kit.reports.palette import palette
from dcgan_kit.terminal.console import note

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL import Image

FORMATS = ("png", "svg", "gif", "html")
MILLISECONDS = 900
"""How long a GIF shows each step."""
LAST = 3000
"""How long a GIF shows the last step, in milliseconds."""
MOST_STEPS = 64
"""Most steps of an animation; further ones are left out of pictures."""
_SIDE = 2.7
"""Inches of a panel."""
_TITLED, _UNTITLED = 0.75, 0.35
"""Inches above a line of panels."""
_MOST_NUMBERS = 12
"""Most cells of a row or a column in which numbers can be read."""
_DOTS = 110
_ACROSS = 4
"""Most panels in a row."""
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (7, 2, 1.5, 2)))


def explanation_picture(explanations: Sequence[Explanation], form: str) -> bytes:
    """Draw worked examples: one, or several beside each other.

    Args:
        explanations: the examples; at least one.
        form: one of ``FORMATS``.

    Raises:
        UserError: a GIF is asked for, and the examples have no steps.
    """
    whole = [(one.title, one.panels) for one in explanations]
    if form in ("png", "svg"):
        return _drawn(whole, "", form)
    steps = _steps(explanations)
    if form == "gif":
        if not steps:
            raise UserError(
                f"{explanations[0].name}: its example has no steps that can be drawn; choose .png, .svg or .html"
            )
        frames = [_opened(_drawn(panels, text, "png")) for panels, text in steps]
        return moving_picture(frames, [*([MILLISECONDS] * (len(frames) - 1)), LAST], "gif")
    pages = [(text, _drawn(panels, text, "svg").decode()) for panels, text in steps]
    return _page(explanations, [*pages, ("the whole example", _drawn(whole, "", "svg").decode())])


def _steps(explanations: Sequence[Explanation]) -> list[tuple[list[tuple[str, tuple[Panel, ...]]], str]]:
    """Return the panels of each step with its text; an example that has fewer steps stays at its last one."""
    drawn = [(one.title, [step for step in one.steps if step.panels]) for one in explanations]
    with_steps = [(title, steps) for title, steps in drawn if steps]
    count = min(MOST_STEPS, max((len(steps) for _, steps in with_steps), default=0))
    found = []
    for index in range(count):
        at: list[Step] = [steps[min(index, len(steps) - 1)] for _, steps in with_steps]
        panels = [(title, step.panels) for (title, _), step in zip(with_steps, at, strict=True)]
        found.append((panels, " | ".join(step.text for step in at)))
    most = max((len(steps) for _, steps in with_steps), default=0)
    if most > count:
        note(f"the first {count} of {most} steps are drawn")
    return found


def _drawn(rows: Sequence[tuple[str, Sequence[Panel]]], text: str, form: str) -> bytes:
    from matplotlib.figure import Figure

    lines = [line for title, panels in rows for line in _lines(title, panels)]
    across = max(len(panels) for _, panels in lines)
    heads = [_TITLED if title else _UNTITLED for title, _ in lines]
    height = len(lines) * _SIDE + sum(heads) + (0.4 if text else 0.0)
    width = max(across * (_SIDE + 0.5), 5.0)
    with _style():
        figure = Figure(figsize=(width, height), facecolor=palette().light["paper"])
        for number, (title, panels) in enumerate(lines):
            top = height - number * _SIDE - sum(heads[:number]) - (0.4 if text else 0.0)
            if title:
                figure.text(0.15 / width, (top - 0.2) / height, title, weight="bold", size=11, va="center")
            for place, panel in enumerate(panels):
                corner = (place * (_SIDE + 0.5) + 0.45, top - heads[number] - _SIDE + 0.4)
                box = (corner[0] / width, corner[1] / height, (_SIDE - 0.15) / width, (_SIDE - 0.5) / height)
                _draw(figure.add_axes(box), panel)
        if text:
            _fitted(figure, text, width, height)
        stream = io.BytesIO()
        # Matplotlib would name itself, its address and the time.
        unwanted = ("Creator", "Date", "Format", "Type") if form == "svg" else ("Software",)
        metadata: dict[str, Any] = dict.fromkeys(unwanted)
        figure.savefig(stream, format=form, dpi=_DOTS, metadata=metadata)
    return stream.getvalue()


def _lines(title: str, panels: Sequence[Panel]) -> list[tuple[str, Sequence[Panel]]]:
    """Return the panels of an example in lines of about equal length; the first one has the title."""
    count = -(-len(panels) // _ACROSS)
    length = -(-len(panels) // max(count, 1))
    firsts = range(0, len(panels), max(length, 1))
    return [(title if first == 0 else "", panels[first : first + length]) for first in firsts]


def _fitted(figure: Figure, text: str, width: float, height: float) -> None:
    """Write the text of a step above all panels, smaller if it is long."""
    size = min(10.5, max(5.5, 10.5 * (width - 0.3) * 72 / (len(text) * 6.1)))
    figure.text(0.15 / width, (height - 0.22) / height, text, size=size, va="center")


def _draw(axes: Axes, panel: Panel) -> None:
    axes.set_title(panel.title, size=8.5, wrap=True)
    if isinstance(panel, Grid):
        _grid(axes, panel)
    elif isinstance(panel, Curves):
        _curves(axes, panel)
    elif isinstance(panel, Histogram):
        _histogram(axes, panel)
    else:
        _picture(axes, panel)


def _grid(axes: Axes, grid: Grid) -> None:
    """Draw numbers in cells, darker where they are larger; marked cells have a thick frame."""
    from matplotlib.patches import Rectangle

    light = palette().light
    numbers = [abs(value) for row in grid.rows for value in row if value is not None and math.isfinite(value)]
    largest = max(numbers, default=0.0) or 1.0
    height, width = len(grid.rows), len(grid.rows[0])
    size = min(11.0, 72 * (_SIDE - 0.6) / max(height, width) / 2.6)
    for row, values in enumerate(grid.rows if max(height, width) <= _MOST_NUMBERS else ()):
        for column, value in enumerate(values):
            colour, share = _shade(value, largest)
            axes.add_patch(Rectangle((column, row), 1, 1, facecolor=(colour, share), edgecolor=light["rule"], lw=0.8))
            if value is not None:
                text = shown(value)
                axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", size=min(size, size * 4 / len(text)))
    if max(height, width) > _MOST_NUMBERS:
        from matplotlib.colors import to_rgba

        cells = [[to_rgba(*_shade(value, largest)) for value in values] for values in grid.rows]
        axes.imshow(cells, extent=(0, width, height, 0), interpolation="nearest")
    for row, column in grid.marked:
        axes.add_patch(Rectangle((column, row), 1, 1, fill=False, edgecolor=light["series-2"], lw=2.4))
    axes.set_xlim(-0.05, width + 0.05)
    axes.set_ylim(height + 0.05, -0.05)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _shade(value: float | None, largest: float) -> tuple[str, float]:
    """Return the colour of a cell, and how strong it is."""
    colour = palette().light["series-1" if (value or 0.0) >= 0 else "series-2"]
    return colour, 0.0 if value is None or not math.isfinite(value) else 0.45 * abs(value) / largest


def _curves(axes: Axes, curves: Curves) -> None:
    light = palette().light
    for number, (low, high) in enumerate(curves.shaded):
        axes.axvspan(low, high, color=light["missing"], alpha=0.16, lw=0, label="_" * (number > 0) + curves.shading)
    for number, (name, values) in enumerate(curves.lines.items()):
        axes.plot(curves.x, values, color=light[f"series-{number % 6 + 1}"], ls=_DASHES[number % 4], lw=1.8, label=name)
    axes.set_xlabel(curves.axis, size=8)
    axes.grid(alpha=0.5)
    axes.legend(fontsize=7, framealpha=0.8)


def _histogram(axes: Axes, histogram: Histogram) -> None:
    light = palette().light
    for number, (name, values) in enumerate(histogram.values.items()):
        colour = light[f"series-{number % 6 + 1}"]
        axes.hist(
            values, bins=BINS, range=histogram.reach, histtype="stepfilled", alpha=0.35, color=colour, label=name,
            ls=_DASHES[number % 4], ec=colour, lw=1.2,
        )  # fmt: skip
    axes.set_xlabel(histogram.axis, size=8)
    axes.set_yticks([])
    axes.legend(fontsize=7, framealpha=0.8)


def _picture(axes: Axes, picture: Picture) -> None:
    axes.imshow(picture.pixels, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
    axes.set_axis_off()


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib

    light = palette().light
    style: dict[Any, Any] = {
        "svg.fonttype": "none",
        # A name can contain a dollar sign, which would start a formula.
        "text.parse_math": False,
        # A fixed salt makes equal pictures equal, byte by byte.
        "svg.hashsalt": "dcgan-kit",
        "font.size": 8.5,
        "text.color": light["ink"],
        "axes.labelcolor": light["ink"],
        "axes.edgecolor": light["faint"],
        "axes.facecolor": light["paper"],
        "axes.axisbelow": True,
        "xtick.color": light["soft"],
        "ytick.color": light["soft"],
        "xtick.labelsize": 7.5,
        "ytick.labelsize": 7.5,
        "grid.color": light["rule"],
    }
    with matplotlib.rc_context(style):
        yield


def _opened(content: bytes) -> Image.Image:
    from PIL import Image

    return Image.open(io.BytesIO(content)).convert("RGB")


def _page(explanations: Sequence[Explanation], frames: Sequence[tuple[str, str]]) -> bytes:
    """Return a page that shows one step at a time. It loads nothing."""
    from jinja2 import Environment, StrictUndefined

    folder = files("dcgan_kit.reports") / "templates"
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((folder / "explanation.html").read_text(encoding="utf-8"))
    drawings = [(text, source[source.index("<svg") :]) for text, source in frames]
    return template.render(
        title=", ".join(one.title for one in explanations),
        explanations=explanations,
        frames=[(text, _with_own_ids(source, number)) for number, (text, source) in enumerate(drawings)],
        colours=(folder / "colours.css").read_text(encoding="utf-8"),
    ).encode()


def _with_own_ids(source: str, number: int) -> str:
    """Return an ``<svg>`` element whose ids no other one on the page has."""

    def renamed(tag: re.Match[str]) -> str:
        return re.sub(r'((?:\sid|href)="#?|url\(#)', rf"\g<1>frame{number}-", tag[0])

    return re.sub(r"<[^>]+>", renamed, source)
