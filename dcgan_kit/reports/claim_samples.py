"""Samples of a claim in one picture: a row for each variant, equal latent vectors below each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dcgan_kit.errors import UserError
from dcgan_kit.reports.facts import read_facts
from dcgan_kit.reports.overview import layout
from dcgan_kit.reports.pictures import native_grid, png
from dcgan_kit.reports.run_files import Unusable
from dcgan_kit.studies.folder import StudyFolder
from dcgan_kit.studies.results import StudyResult

if TYPE_CHECKING:
    from PIL import Image

COLUMNS = 12
"""Most samples of a variant."""
SIDE = 56
"""Samples are enlarged to about this number of pixels."""


@dataclass(frozen=True)
class ClaimSamples:
    """Samples of the variants of a claim.

    Attributes:
        content: a PNG.
        seed: the seed of the runs.
        rows: the title of the variant in each row.
    """

    content: bytes
    seed: int
    rows: tuple[str, ...]


def claim_samples(folder: StudyFolder, result: StudyResult) -> ClaimSamples | None:
    """Return a row of samples for each variant, from the newest sample grids in the run folders.

    They are those of the first seed that most variants finished. Runs of equal seed draw the same latent vectors if
    these are of equal size. A variant whose run has no grid is left out.

    Returns:
        The picture, or None if no run has a grid.
    """
    found: dict[int, dict[str, Image.Image]] = {}
    for seed in range(result.seeds):
        found[seed] = {}
        for run in result.runs:
            if run.seed == seed and run.readings and (row := _row(folder, run.identity)) is not None:
                found[seed][result.variants[run.variant].title] = row
        if len(found[seed]) == len(result.variants):
            break
    seed = max(found, key=lambda seed: (len(found[seed]), -seed))
    return ClaimSamples(_stacked(list(found[seed].values())), seed, tuple(found[seed])) if found[seed] else None


def _row(folder: StudyFolder, identity: str) -> Image.Image | None:
    try:
        run = read_facts(folder.run(identity), identity)
        grids = [grid for grid in run.grids if not grid.raw]
        grid = native_grid(grids[-1].path) if grids else None
    except (UserError, OSError, Unusable):
        return None
    rows, columns = layout(run)
    if grid is None or grid.height % rows or grid.width % columns:
        return None
    height, width = grid.height // rows, grid.width // columns
    cells = [(row, column) for row in range(rows) for column in range(columns)][:COLUMNS]
    from PIL import Image

    strip = Image.new(grid.mode, (len(cells) * width, height))
    for place, (row, column) in enumerate(cells):
        box = (column * width, row * height, (column + 1) * width, (row + 1) * height)
        strip.paste(grid.crop(box), (place * width, 0))
    factor = max(1, SIDE // height)
    return strip.resize((strip.width * factor, strip.height * factor), Image.Resampling.NEAREST)


def _stacked(rows: list[Image.Image]) -> bytes:
    from PIL import Image

    mode = "L" if all(row.mode == "L" for row in rows) else "RGB"
    whole = Image.new(mode, (max(row.width for row in rows), sum(row.height for row in rows)))
    top = 0
    for row in rows:
        whole.paste(row.convert(mode), (0, top))
        top += row.height
    return png(whole)
