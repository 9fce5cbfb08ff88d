"""Lints of resampling layers: overlapping kernels, and patches that the discriminator judges."""

from __future__ import annotations

import math

from dcgan_kit.networks.kernel_overlap import graph_evenness, overlap_factor
from dcgan_kit.networks.lint_rule import LintContext, Results, lint_rule
from dcgan_kit.networks.resampling import Window


@lint_rule(
    "A kernel that its stride does not divide touches some pixels more often than others, which draws checkerboards "
    "(Odena et al. 2016, distill.00003)."
)
def kernel_overlap(context: LintContext) -> Results:
    for network, part, traced in context.parts():
        if part.kind == "projection":
            # A projection starts from one pixel, so nothing overlaps.
            continue
        for window in (o for o in traced.operations if isinstance(o, Window) and o.learned):
            factor = overlap_factor(window)
            if factor == 1.0:
                continue
            size, stride = _by(window.size), _by(window.stride)
            where = "in the image" if network.role == "generator" else "in the gradient that it sends back"
            if math.isinf(factor):
                yield part.path, f"kernel {size} with stride {stride} never touches some pixels {where}"
            else:
                message = (
                    f"kernel {size} with stride {stride} touches some pixels {factor:.4g} times as often as others"
                )
                yield part.path, f"{message} {where}; choose a kernel that the stride divides, or resize and convolve"


@lint_rule(
    "Uneven overlap multiplies from stage to stage; ones pushed through the whole generator show what reaches the "
    "image (Odena et al. 2016, distill.00003).",
    lambda _: [("generator",)],
)
def checkerboard_stack(context: LintContext) -> Results:
    parts = zip(context.networks.generator.parts, context.generator.rows, strict=True)
    # Attention returns its map with something added or scaled, so an uneven map stays uneven.
    passed_over = ("projection", "attention")
    ratio, deviation = graph_evenness(
        [(() if part.kind in passed_over else row.trace.operations, part.inputs) for part, row in parts]
    )
    if ratio > 1.0 + 1e-6:
        yield (
            ("generator", "output"),
            f"the whole stack weighs image pixels unevenly: most / least {ratio:.3g}, "
            f"deviation {100 * deviation:.3g} % along an axis",
        )


@lint_rule(
    "A discriminator that sums over patches smaller than the image judges texture, not composition "
    "(Isola et al. 2017, arXiv 1611.07004, section 4.4).",
    lambda _: [("image", "size"), ("discriminator",)],
)
def receptive_field(context: LintContext) -> Results:
    image, field = context.recipe.image, context.discriminator.rows[-1].trace.local_field
    if field is None:
        return
    # The area that the head sees at once, or the patches whose mean it receives.
    seen = max(field.widest[0], field.patch[0]), max(field.widest[1], field.patch[1])
    if seen[0] < image.height or seen[1] < image.width:
        patch = f"{seen[0]}x{seen[1]} of the image's {image.height}x{image.width} pixels"
        yield ("discriminator", "output", "head"), f"the head judges patches of {patch}"


def _by(sides: tuple[int, int]) -> str:
    return str(sides[0]) if sides[0] == sides[1] else f"{sides[0]}x{sides[1]}"
