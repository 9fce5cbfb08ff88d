"""The picture of a claim's samples: a row for each variant, from the newest grid of the first seed that most have."""

import io

import numpy as np
import pytest
from PIL import Image

from dcgan_kit.reports.claim_samples import COLUMNS, claim_samples
from tests.fixtures.studies_by_hand import study_folder

SIDE = 28


@pytest.fixture
def plan(tmp_path):
    """The plan of a study of four variants and two seeds, whose folders were written by hand."""
    return study_folder(tmp_path / "study", failed={(3, 0)})


def write_grid(plan, variant, seed, name="step-00000020.png", first=0, shape=(4, 4), enlarged=1):
    """Write a grid of grey samples whose levels count up from ``first``."""
    run = next(run for run in plan.runs if (run.variant, run.seed) == (variant, seed))
    levels = first + np.arange(shape[0] * shape[1]).reshape(shape)
    pixels = levels.repeat(SIDE * enlarged, axis=0).repeat(SIDE * enlarged, axis=1).astype(np.uint8)
    folder = plan.folder.run(run.identity) / "samples"
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(folder / name)


def levels(found):
    """The level of each sample in the picture, by row."""
    pixels = np.asarray(Image.open(io.BytesIO(found.content)))
    cells = pixels[::56, ::56]
    assert np.array_equal(cells.repeat(56, axis=0).repeat(56, axis=1), pixels)
    return cells.tolist()


def test_a_row_shows_the_first_samples_of_the_newest_grid(plan):
    for variant in range(4):
        write_grid(plan, variant, 0, "step-00000010.png", first=200)
        write_grid(plan, variant, 0, first=20 * variant)
        write_grid(plan, variant, 0, "step-00000020-raw.png", first=100)
        write_grid(plan, variant, 1, first=20 * variant)
    found = claim_samples(plan.folder, plan.result())
    # Seed 0 of the last variant failed.
    assert found.seed == 1
    assert found.rows == tuple(variant.title for variant in plan.variants)
    assert levels(found) == [list(range(20 * variant, 20 * variant + COLUMNS)) for variant in range(4)]


def test_a_variant_without_a_grid_is_left_out(plan):
    write_grid(plan, 0, 0, first=0)
    write_grid(plan, 2, 0, first=40, enlarged=2)
    write_grid(plan, 1, 1, first=60)
    found = claim_samples(plan.folder, plan.result())
    assert found.seed == 0
    assert found.rows == (plan.variants[0].title, plan.variants[2].title)
    assert [row[0] for row in levels(found)] == [0, 40]


def test_without_grids_there_is_no_picture(plan):
    assert claim_samples(plan.folder, plan.result()) is None
    run = plan.runs[0]
    (plan.folder.run(run.identity) / "samples").mkdir()
    (plan.folder.run(run.identity) / "samples" / "step-00000020.png").write_bytes(b"no picture")
    assert claim_samples(plan.folder, plan.result()) is None
