"""A recipe that fits a data set, as commented YAML."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from dcgan_kit.errors import counted
from dcgan_kit.inspection.proposal import HELD_OUT_FROM, SMALL_SIDE, Proposal, few
from dcgan_kit.inspection.size_ladder import LADDER, median_side, shown_share
from dcgan_kit.recipes.yaml_writer import as_value

WIDTH = 100
"""Of a line with a comment."""


def recipe_text(proposal: Proposal, slot: Mapping[str, Any], asked_size: bool) -> str:
    """Return the text of a recipe.

    Args:
        proposal: its choices.
        slot: the value of ``data``.
        asked_size: whether the user gave the size.
    """
    parts = (
        _head(proposal), _image(proposal, asked_size), _condition(proposal), _generator(proposal),
        _discriminator(proposal), _data(slot), _training(proposal),
    )  # fmt: skip
    return "\n".join(line for part in parts for line in part) + "\n"


def _comment(text: str, indent: str = "") -> list[str]:
    # YAML ends a comment at every line break of Unicode.
    text = " ".join(text.split())
    return textwrap.wrap(
        text, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def _head(proposal: Proposal) -> Iterator[str]:
    found, spec = proposal.found, proposal.found.size
    yield "# yaml-language-server: $schema=recipe.schema.json"
    yield "#"
    yield from _comment(
        f"A DCGAN for {counted(found.count, 'image')} of {found.source}, written by dcgan-kit recipes new. Each choice "
        "has its reason beside it: change what you know better."
    )
    for sentence in found.advice:
        yield from _comment(f"Note: {sentence}.")
    yield "version: 1"
    yield "extends: dcgan  # the choices that most DCGANs share: dcgan-kit recipes show dcgan"
    classes = f" in {proposal.classes} classes" if proposal.classes else ""
    yield f"description: {spec.height}x{spec.width} images{classes}, from a data set of {found.count:,}"
    yield ""


def _image(proposal: Proposal, asked: bool) -> Iterator[str]:
    found, spec = proposal.found, proposal.found.size
    if not found.resizes:
        yield from _comment(f"The size of the array: {found.component} does not resize.")
    elif asked:
        yield from _comment("The size that was asked for.")
    elif median_side(found.sizes) < LADDER[0]:
        yield from _comment(
            f"The smallest of {', '.join(map(str, LADDER))}: half of the images have a shorter side of "
            f"{median_side(found.sizes)} pixels or less, and are enlarged."
        )
    else:
        yield from _comment(
            f"The largest of {', '.join(map(str, LADDER))} that at least half of the images reach: the median of their "
            f"shorter sides is {median_side(found.sizes)} pixels."
        )
    kept = shown_share(found.sizes, spec.height, spec.width)
    if found.resizes and kept < 0.995:
        pad = found.options.get("fit", "crop") == "pad"
        yield from _comment(
            "Images of another ratio get margins."
            if pad
            else f"Images of another ratio are cut: {kept:.0%} of their pixels are left (fit: pad keeps all)."
        )
    grey = "all images are grey" if found.grey == found.count else f"{found.count - found.grey:,} images have colour"
    yield from _comment(f"Channels: {grey}.")
    size = str(spec.height) if spec.height == spec.width else f"[{spec.height}, {spec.width}]"
    yield f"image: {{size: {size}, channels: {spec.channels}}}"


def _condition(proposal: Proposal) -> Iterator[str]:
    if proposal.why_classes:
        yield from _comment(f"Classes: {proposal.why_classes}.")
    if proposal.classes:
        yield f"condition: {{classes: {proposal.classes}}}"


def _generator(proposal: Proposal) -> Iterator[str]:
    shape, small = proposal.shape, _is_small(proposal)
    if small:
        yield from _comment("A short latent vector, as in lecture-fashion28.")
        yield "latent: {size: 32}"
    first, doublings = "x".join(map(str, shape.first_map)), len(shape.generator)
    yield "generator:"
    yield from _comment(
        f"A first map of {first}, doubled {doublings} times. Filters halve from map to map; double all of them for "
        "finer images, at four times the cost.", "  ",
    )  # fmt: skip
    size = f"[{shape.first_map[0]}, {shape.first_map[1]}]"
    conditioning = ", conditioning: concatenate" if proposal.classes else ""
    yield f"  input: {{projection: {{use: dense, size: {size}}}, filters: {shape.generator[0]}{conditioning}}}"
    # With one more stage, the last map has the size of the image.
    stages = (*shape.generator[1:], *([shape.generator[-1] // 2] if small else []))
    yield "  stages:" if stages else "  stages: []"
    yield from (f"    - filters: {filters}" for filters in stages)
    if small:
        yield from _comment("The image is made from a map of its own size, as in lecture-fashion28.", "  ")
        yield "  output: {upsample: {use: conv, kernel_size: 3}, bias: true}"
    else:
        yield "  output: {bias: true}"


def _discriminator(proposal: Proposal) -> Iterator[str]:
    shape = proposal.shape
    yield "discriminator:"
    yield from _comment("Each stage halves the map, down to about 4 pixels.", "  ")
    yield "  stages:"
    yield f"    - {{filters: {shape.discriminator[0]}, normalization: none, bias: true}}"
    yield from (f"    - filters: {filters}" for filters in shape.discriminator[1:])
    if proposal.classes:
        yield from _comment("Judges whether image and class fit (Miyato, Koyama 2018, arXiv 1802.05637).", "  ")
        yield "  output: {head: {use: projection, pool: none}, bias: true}"
    elif _is_small(proposal):
        yield "  output: {head: {use: dense, dropout: 0.3}, bias: true}"
    else:
        yield "  output: {bias: true}"


def _data(slot: Mapping[str, Any]) -> Iterator[str]:
    yield "data:"
    yield from (f"  {key}: {as_value(value) if key != 'use' else value}" for key, value in slot.items())


def _training(proposal: Proposal) -> Iterator[str]:
    found, steps = proposal.found, proposal.steps
    yield "training:"
    yield from _comment(f"{proposal.why_steps[:1].upper()}{proposal.why_steps[1:]}.", "  ")
    yield f"  steps: {steps}"
    yield from _comment(f"{proposal.why_batch[:1].upper()}{proposal.why_batch[1:]}.", "  ")
    yield f"  batch_size: {proposal.batch}"
    if _is_small(proposal):
        yield from _comment(
            "Two time scales, rates that fall late, and a small R1 penalty, measured for small images: docs/tuning.md.",
            "  ",
        )
        yield "  optimizer: {learning_rate: 4.0e-4}"
        yield "  discriminator: {optimizer: {learning_rate: 8.0e-4}}"
        yield "  schedule: {use: stepwise, at: [0.6, 0.85], factor: 0.3}"
        yield "  penalty: {use: r1, weight: 0.1, every: 16}"
    yield f"  ema: {0.998 if _is_small(proposal) else 0.999}  # samples come from an averaged generator"
    yield from _held_out(proposal)
    if proposal.augment:
        distinct = found.count - found.equal.count
        yield from _comment(
            f"With {counted(distinct, 'different image')}, D learns them by heart unless it sees them changed (Zhao et "
            "al. 2020, arXiv 2006.10738).", "  ",
        )  # fmt: skip
        yield "  augmentation: diffaugment"
    if proposal.classes:
        yield "  sample_grid: [10, 10]  # a row for each class; with more than ten, for the first ten"
    yield f"  sample_every: {steps // 10}"
    yield f"  checkpoint_every: {steps // 10}"
    if few(found):
        yield from _comment(f"No scores: {counted(found.count, 'image')} are too few to compare samples with.", "  ")
        yield "  evaluation: {scores: []}"
    else:
        yield f"  evaluation: {{every: {steps // 5}}}"


def _held_out(proposal: Proposal) -> Iterator[str]:
    found, held = proposal.found, proposal.held_out
    if held:
        count = round(held * found.count)
        yield from _comment(f"{count:,} images that training never sees: scores compare samples with them.", "  ")
    else:
        yield from _comment(f"Below {HELD_OUT_FROM} images, training needs all of them.", "  ")
    yield f"  held_out: {held:g}"


def _is_small(proposal: Proposal) -> bool:
    return min(proposal.found.size.height, proposal.found.size.width) <= SMALL_SIDE
