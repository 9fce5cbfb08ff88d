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
    """A sample and the training image nearest to it, uint8 (H, W, C), and how far apart they are, in 0 … 255."""

    sample: Any
    training: Any
    distance: float


@dataclass(frozen=True)
class Neighbours:
    """The samples nearest to a training image.

    Attributes:
        pairs: nearest first, each with another training image.
        samples: of how many samples they are the nearest.
        median: of all samples' distances.
        compared: the same of real images to other training images.
        held_out: whether these were held out of training; else they are training images themselves.
        candidates: training images that were compared.
    """

    pairs: tuple[Pair, ...]
    samples: int
    median: float
    compared: float
    held_out: bool
    candidates: int


@dataclass(frozen=True)
class Looked:
    """What was found out about a run.

    Attributes:
        step: steps that the generator had been trained for.
        overlaps: of its up-sampling layers, from latent vector to image.
        spectra: mean power (H, W) of samples and of training images, or None.
        neighbours: or None.
        real: a grid of training images, as a sample grid is laid out, uint8 (H, W, C); None where there are too few.
        better: which way the recipe's scores improve, by their short names.
        notes: what could not be done, and why.
    """

    step: int = 0
    overlaps: tuple[Overlap, ...] = ()
    spectra: tuple[Any, Any] | None = None
    neighbours: Neighbours | None = None
    real: Any = None
    better: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


NOT_LOOKED = "This was left out by `--quick`; `dcgan-kit report` without it restores the checkpoint and loads the data."


def spectra(runs: Sequence[RunFacts], looked: Mapping[str, Looked]) -> Section:
    """Power by spatial frequency: along the radius as lines, and in the plane as pictures."""
    blocks: list[Block] = []
    for run in runs:
        found = looked.get(run.label)
        if found is None or found.spectra is None:
            blocks.append(_missing(run, found))
            continue
        of_samples, of_real = found.spectra
        blocks.extend(_of_which(run, found))
        lines = [Line(name, Series(*radial(one))) for name, one in (("samples", of_samples), ("real images", of_real))]
        drawings = []
        # Images of one pixel a side have no frequency at all.
        if lines[0].series.steps:
            chart = Chart(
                f"{run.label}: power in dB",
                tuple(lines),
                x="cycles along the shorter side",
                caption="Samples below real images at the right end are blurred; above them, noisy or patterned.",
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
    """Both spectra in the plane, frequency zero in the middle, on one scale of brightness."""
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
    caption = "Bright points or bars in samples that real images lack are a pattern, such as a checkerboard."
    return Drawing(svg_of(onto), f"{label}: all frequencies", description, caption)


def _edge(spectrum: Any) -> float:
    """Power in decibels where pixels alternate, along either side."""
    height, width = spectrum.shape
    return float(max(decibels(spectrum[height // 2, 0]), decibels(spectrum[0, width // 2])))


def overlaps(runs: Sequence[RunFacts], looked: Mapping[str, Looked]) -> Section:
    """A map of each up-sampling layer."""
    blocks: list[Block] = []
    for run in runs:
        found = looked.get(run.label)
        if found is None:
            blocks.append(_missing(run, found))
        elif not found.overlaps:
            blocks.append(Paragraph(f"{run.label} has no layer that makes maps larger."))
        else:
            drawings = tuple(overlap_drawing(overlap) for overlap in found.overlaps)
            blocks.append(Drawings(run.label if len(runs) > 1 else "", drawings))
    lead = (
        "How many taps of an up-sampling kernel reach each pixel. Where the numbers differ, the layer draws a "
        "checkerboard before it has learned anything, and must learn to undo it (Odena et al. 2016)."
    )
    return Section("overlaps", "Overlap of up-sampling kernels", lead, tuple(blocks))


def neighbours(runs: Sequence[RunFacts], looked: Mapping[str, Looked]) -> Section:
    """Samples beside the training images nearest to them."""
    blocks: list[Block] = []
    for run in runs:
        found = looked.get(run.label)
        if found is None or found.neighbours is None:
            blocks.append(_missing(run, found))
            continue
        near = found.neighbours
        blocks.extend(_of_which(run, found))
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
            where = f"pair {rank} of {run.label}"
            pictures.append(array_picture(pair.sample, f"sample of {where}", "sample"))
            pictures.append(
                array_picture(pair.training, f"nearest training image of {where}", f"training, {pair.distance:.3g}")
            )
        title = f"{run.label}: the samples nearest to {len(near.pairs)} training images"
        blocks.append(Pictures(title, tuple(pictures), pairs=True))
    lead = (
        "Has the generator learned training images by heart? The samples that are nearest to one, each beside it. "
        "Samples much nearer than real images are to each other would say so."
    )
    return Section("neighbours", "Nearest neighbours", lead, tuple(blocks))


def _of_which(run: RunFacts, found: Looked) -> tuple[Paragraph, ...]:
    """Say of which checkpoint the samples are, and what was in the way of a newer one."""
    drawn_at = Paragraph(f"{run.label}: samples of the checkpoint at step {found.step:,}.")
    return (drawn_at, *(Paragraph(f"{run.label}: {shown(note)}", "missing") for note in found.notes))


def _missing(run: RunFacts, found: Looked | None) -> Paragraph:
    if found is None:
        return Paragraph(f"{run.label}: {NOT_LOOKED}", "missing")
    reason = " ".join(map(shown, found.notes)) or "there are too few images."
    return Paragraph(f"{run.label}: {reason}", "missing")
