"""The sample grids of a run, from step 0 on, as a moving picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_kit.errors import UserError, counted
from dcgan_kit.reports.facts import read_facts
from dcgan_kit.reports.moving_picture import moving_picture, on_paper
from dcgan_kit.reports.palette import palette
from dcgan_kit.reports.pictures import evenly, native_grid
from dcgan_kit.reports.run_files import Unusable
from dcgan_kit.terminal.console import note

if TYPE_CHECKING:
    from PIL import Image

MOST_FRAMES = 300
LAST = 2000
"""How long the newest grid is shown, in milliseconds."""
_SIDE = 512
"""Small grids are enlarged to about this number of pixels."""
_BAR = 34
"""Height of the line with the step, in pixels."""


def film(folder: Path, form: str, seconds: float, raw: bool) -> bytes:
    """Return the sample grids of a run as a moving picture.

    Args:
        folder: the run folder.
        form: ``gif`` or ``mp4``.
        seconds: how long all grids but the newest take together.
        raw: show the grids of the generator itself, where training drew them beside those of its moving average.

    Raises:
        UserError: the run has fewer than two such grids that can be read, or PyAV is missing for an MP4.
    """
    grids = [grid for grid in read_facts(folder, folder.name).grids if grid.raw == raw]
    chosen = evenly(grids, MOST_FRAMES)
    if len(chosen) < len(grids):
        note(f"{folder}: {len(chosen)} of {len(grids)} sample grids, evenly chosen")
    found: list[tuple[int, Image.Image]] = []
    for grid in chosen:
        try:
            found.append((grid.step, native_grid(grid.path)))
        except Unusable as reason:
            note(f"{folder}: step {grid.step:,} is left out: {reason}")
    if len(found) < 2:
        has = counted(len(found), "raw sample grid" if raw else "sample grid")
        raise UserError(
            f"{folder}: has {has}, and a film needs two. training.sample_every says how many steps lie between two"
        )
    last = found[-1][0]
    frames = [_frame(image, step, last) for step, image in found]
    each = max(1, round(1000 * seconds / (len(frames) - 1)))
    return moving_picture(frames, [*([each] * (len(frames) - 1)), LAST], form)


def _frame(grid: Image.Image, step: int, last: int) -> Image.Image:
    """Return a grid with its step below it, and a bar that grows with the step."""
    from PIL import Image, ImageDraw, ImageFont

    factor = max(1, _SIDE // max(grid.size))
    large = on_paper(grid).resize((grid.width * factor, grid.height * factor), Image.Resampling.NEAREST)
    light = palette().light
    canvas = Image.new("RGB", (large.width, large.height + _BAR), light["paper"])
    canvas.paste(large, (0, 0))
    draw = ImageDraw.Draw(canvas)
    share = step / last if last else 1.0
    draw.rectangle((0, large.height, canvas.width, large.height + 3), fill=light["rule"])
    draw.rectangle((0, large.height, round(canvas.width * share), large.height + 3), fill=light["series-1"])
    draw.text((8, large.height + 9), f"step {step:,}", fill=light["ink"], font=ImageFont.load_default(16))
    return canvas
