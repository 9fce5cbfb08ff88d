"""Samples of a study: a grid for each variant, all of the same latent vectors."""

from __future__ import annotations

from dcgan_kit.reports.content import Block, Paragraph, Picture, Pictures, Section
from dcgan_kit.reports.overview import layout
from dcgan_kit.reports.pictures import array_picture, grid_picture
from dcgan_kit.reports.run_files import Unusable, shown
from dcgan_kit.reports.study_facts import StudyFacts
from dcgan_kit.studies.results import RunResult, StudyResult

ROWS, COLUMNS = 4, 8
"""Layout of a grid of new samples."""
MOST_PICTURES = 48
"""Most grids on a page; each has at most 96 KiB."""


def to_sample(result: StudyResult, all_seeds: bool) -> list[RunResult]:
    """Return the runs to sample from: the finished ones of seed 0 or of all seeds, at most 48."""
    finished = [run for run in result.runs if run.readings and (all_seeds or run.seed == 0)]
    return sorted(finished, key=lambda run: (run.seed, run.variant))[:MOST_PICTURES]


def samples(facts: StudyFacts) -> Section:
    """Return the section of samples: new ones if they were asked for, else the newest grids in the run folders."""
    blocks: list[Block] = []
    seeds = sorted({seed for _, seed in facts.samples}) if facts.sampled else [0]
    left = MOST_PICTURES
    for seed in seeds or [0]:
        pictures, missing = [], []
        for variant, name in enumerate(facts.names):
            picture = _new(facts, variant, seed) if facts.sampled else _stored(facts, variant, seed)
            if isinstance(picture, Picture):
                pictures.append(picture)
            else:
                missing.append(f"{name}: {picture}")
        if pictures[:left]:
            blocks.append(Pictures(f"Seed {seed}", tuple(pictures[:left]), large=True))
        blocks.extend(Paragraph(text, "missing") for text in missing[:MOST_PICTURES])
        if len(pictures) > left:
            blocks.append(Paragraph(f"{MOST_PICTURES} grids are shown, and the others are left out."))
        left = max(0, left - len(pictures))
    if facts.sampled:
        lead = (
            "New samples of the runs, all of the same latent vectors: equal places of two grids are comparable if the "
            "variants have latent vectors of equal size."
        )
    else:
        lead = (
            "The newest sample grids in the run folders. Runs of equal seed draw the same latent vectors, if these are "
            "of equal size. `dcgan-kit study report` without `--quick` draws new samples."
        )
    return Section("samples", "Samples", lead, tuple(blocks))


def _new(facts: StudyFacts, variant: int, seed: int) -> Picture | str:
    pixels = facts.samples.get((variant, seed))
    if pixels is None:
        return f"there are no samples of seed {seed}."
    return array_picture(pixels, _alt(facts, variant, seed), facts.names[variant], *facts.layout)


def _stored(facts: StudyFacts, variant: int, seed: int) -> Picture | str:
    run = facts.runs.get((variant, seed))
    grids = [] if run is None else [grid for grid in run.grids if not grid.raw]
    if run is None or not grids:
        return f"the run folder of seed {seed} holds no sample grid."
    alt, caption = _alt(facts, variant, seed), f"{facts.names[variant]}, step {grids[-1].step:,}"
    try:
        return grid_picture(grids[-1].path, *layout(run), alt, caption)
    except Unusable as reason:
        return f"{shown(str(reason))}; it is left out."


def _alt(facts: StudyFacts, variant: int, seed: int) -> str:
    return f"samples of {facts.names[variant]}, seed {seed}"
