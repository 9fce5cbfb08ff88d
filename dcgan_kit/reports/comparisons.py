"""The sections that compare samples with real images: spectra, overlaps, nearest neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dcgan_kit.reports.charts import Chart, Line, drawn, number, svg_of, titled
from dcgan_kit.reports.content import Block, Drawing, Drawings, Paragraph, Pictures, Section
from dcgan_kit.reports.facts import RunFacts
from dcgan_kit.reports.overlap import Overlap, overlap_drawing
from dcgan_kit.reports.pictures import array_picture
from dcgan_kit.reports.run_files import Series, shown
from dcgan_kit.reports.spectrum import decibels, decibels_between, plane, radial

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Pair:
    """A sample and its nearest training image, uint8 (H, W, C), and their distance, in 0 … 255."""

    sample: Any
    training: Any
    distance: float


@dataclass(frozen=True)
class Neighbours:
    """The samples that are nearest to training images.

    Attributes:
        pairs: the nearest pairs, in order of distance, each with a different training image.
        samples: number of samples that were searched.
        median: median distance of all samples to their nearest training images.
        compared: median distance of real images to their nearest training images.
        held_out: whether these real images were held out of training; if not, they are training images.
        candidates: number of training images that were compared.
    """

    pairs: tuple[Pair, ...]
    samples: int
    median: float
    compared: float
    held_out: bool
    candidates: int


@dataclass(frozen=True)
class CheckpointAnalysis:
    """The analysis of a checkpoint of a run.

    Attributes:
        step: number of steps that the generator was trained for.
        overlaps: overlaps of its upsampling layers, from the latent vector to the image.
        spectra: mean power (H, W) of samples and of training images, or None.
        neighbours: the nearest neighbours, or None.
        real: a grid of training images in the layout of a sample grid, uint8 (H, W, C); None if there are too few.
        better: which values of the recipe's scores are better, by short name.
        notes: what failed, and why.
    """

    step: int = 0
    overlaps: tuple[Overlap, ...] = ()
    spectra: tuple[Any, Any] | None = None
    neighbours: Neighbours | None = None
    real: Any = None
    better: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


NOT_ANALYZED = (
    "This was left out by `--quick`; `dcgan-kit report` without it restores the checkpoint and loads the data."
)


def spectra(runs: Sequence[RunFacts], analyses: Mapping[str, CheckpointAnalysis]) -> Section:
    """Return the section of power spectra: a chart by radius, and a picture of all frequencies."""
    blocks: list[Block] = []
    for run in runs:
        found = analyses.get(run.label)
        if found is None or found.spectra is None:
            blocks.append(_missing(run, found))
            continue
        of_samples, of_real = found.spectra
        blocks.extend(_checkpoint(run, found))
        lines = [Line(name, Series(*radial(one))) for name, one in (("samples", of_samples), ("real images", of_real))]
        drawings = []
        # An image with a side of one pixel has no spatial frequencies.
        if lines[0].series.steps:
            chart = Chart(
                f"{run.label}: power in dB",
                tuple(lines),
                x="cycles along the shorter side",
                caption="Power by fineness. Good: samples on the line of real images. Below it at the right end, they "
                "are blurred; above it, noisy or patterned.",
            )
            drawings.append(drawn(chart))
        drawings.append(_planes(run.label, of_samples, of_real))
        blocks.append(Drawings("", tuple(drawings)))
    lead = (
        "How much of each spatial frequency images hold: first the mean over all directions, from coarse to fine, then "
        "every direction by itself, zero in the middle."
    )
    return Section("spectra", "Spectra", lead, tuple(blocks))


def _planes(label: str, of_samples: Any, of_real: Any) -> Drawing:
    """Draw both spectra as pictures, with frequency zero in the middle and one brightness scale."""
    low, high = decibels_between(of_real)

    def onto(figure: Figure) -> None:
        titled(figure, f"{label}: all frequencies")
        for left, name, one in ((0.0, "real images", of_real), (0.5, "samples", of_samples)):
            axes = figure.add_axes((left, 0.03, 0.46, 0.74))
            axes.imshow(plane(one, low, high), cmap="gray", vmin=0, vmax=255, interpolation="none")
            axes.set_axis_off()
            axes.set_title(name, fontsize=9, loc="left", pad=4)

    description = (
        f"Power of real images and of samples by frequency, zero in the middle; black is {number(low)} dB and less, "
        f"white {number(high)} dB. The highest frequencies, at the edges: {number(_edge(of_real))} dB for real images, "
        f"{number(_edge(of_samples))} dB for samples."
    )
    caption = (
        "Power of every frequency, the coarsest in the middle. Good: both look alike. Bright points or bars in samples "
        "that real images lack are a pattern, such as a checkerboard."
    )
    return Drawing(svg_of(onto), f"{label}: all frequencies", description, caption)


def _edge(spectrum: Any) -> float:
    """Return the larger power in decibels of the two highest frequencies, along the height and along the width."""
    height, width = spectrum.shape
    return float(max(decibels(spectrum[height // 2, 0]), decibels(spectrum[0, width // 2])))


def overlaps(runs: Sequence[RunFacts], analyses: Mapping[str, CheckpointAnalysis]) -> Section:
    """Return the section with a map of each upsampling layer."""
    blocks: list[Block] = []
    for run in runs:
        found = analyses.get(run.label)
        if found is None:
            blocks.append(_missing(run, found))
        elif not found.overlaps:
            blocks.append(Paragraph(f"{run.label} has no layer that makes maps larger."))
        else:
            drawings = tuple(overlap_drawing(overlap) for overlap in found.overlaps)
            blocks.append(Drawings(run.label if len(runs) > 1 else "", drawings))
    lead = (
        "How many taps of an upsampling kernel reach each pixel. Where the numbers differ, the layer draws a "
        "checkerboard before training, and must learn to remove it (Odena et al. 2016)."
    )
    return Section("overlaps", "Overlap of upsampling kernels", lead, tuple(blocks))


def neighbours(runs: Sequence[RunFacts], analyses: Mapping[str, CheckpointAnalysis]) -> Section:
    """Return the section that shows samples beside their nearest training images."""
    blocks: list[Block] = []
    for run in runs:
        found = analyses.get(run.label)
        if found is None or found.neighbours is None:
            blocks.append(_missing(run, found))
            continue
        near = found.neighbours
        blocks.extend(_checkpoint(run, found))
        others = "images held out of training" if near.held_out else "training images to each other"
        blocks.append(
            Paragraph(
                f"{run.label}: half of {near.samples} samples are within {number(near.median)} of a training image, "
                f"and half of the {others} within {number(near.compared)}. Distances are root mean squares of "
                f"brightness from 0 to 255, over {near.candidates:,} training images."
            )
        )
        pictures = []
        for rank, pair in enumerate(near.pairs, start=1):
            name = f"pair {rank} of {run.label}"
            pictures.append(array_picture(pair.sample, f"sample of {name}", "sample"))
            pictures.append(
                array_picture(pair.training, f"nearest training image of {name}", f"training, {pair.distance:.3g}")
            )
        title = f"{run.label}: the samples nearest to {len(near.pairs)} training images"
        blocks.append(Pictures(title, tuple(pictures), pairs=True))
    lead = (
        "Has the generator memorized training images? The samples nearest to training images, each beside it. "
        "If they are much nearer than real images are to each other, it probably has."
    )
    return Section("neighbours", "Nearest neighbours", lead, tuple(blocks))


def _checkpoint(run: RunFacts, found: CheckpointAnalysis) -> tuple[Paragraph, ...]:
    """Return paragraphs that name the checkpoint of the samples, and problems with newer checkpoints."""
    drawn_at = Paragraph(f"{run.label}: samples of the checkpoint at step {found.step:,}.")
    return (drawn_at, *(Paragraph(f"{run.label}: {shown(note)}", "missing") for note in found.notes))


def _missing(run: RunFacts, found: CheckpointAnalysis | None) -> Paragraph:
    if found is None:
        return Paragraph(f"{run.label}: {NOT_ANALYZED}", "missing")
    reason = " ".join(map(shown, found.notes)) or "there are too few images."
    return Paragraph(f"{run.label}: {reason}", "missing")
