"""Checkerboards in generated images and in the gradient that reaches them, compared with real images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dcgan_kit import Finding, ProbeContext, Readings, checkerboard_fits, checkerboard_index, power_spectrum


def measure(context: ProbeContext, periods: Sequence[int], count: int) -> Readings:
    """Return the indices of images and of D's gradient, and the differences between generated and real images."""
    made, samples, real = context.after(context.generator[-1]), context.samples(count), context.real_images(count)
    fitting = [period for period in periods if checkerboard_fits(period, *made.shape[1:3])]
    if not fitting:
        return {}
    shown = {"generator": made, "samples": samples, "data": real, "image_gradient": context.image_gradient()}
    powers = {source: power_spectrum(images) for source, images in shown.items()}
    readings = {}
    for period in fitting:
        indices = {source: checkerboard_index(power, period) for source, power in powers.items()}
        # Indices have a name of their own, because the other readings are differences of indices.
        readings.update({f"{source}/checkerboard_index_{period}": value for source, value in indices.items()})
        for source in ("generator", "samples"):
            readings[f"{source}/checkerboard_{period}"] = indices[source] - indices["data"]
    return readings


def diagnose(readings: Readings, first: Readings, limit: float) -> Iterator[Finding]:
    """Report the periods that are stronger in generated images than in real ones.

    It reports nothing at step 0, where every transposed convolution has a checkerboard.
    """
    if readings is first:
        return
    for key, value in readings.items():
        place, _, period = key.partition("/checkerboard_")
        if place == "generator" and not period.startswith("index") and value >= limit:
            yield Finding(
                disease=f"checkerboard at period {period}",
                where=place,
                observation=f"checkerboard at period {period} ({10**value:.0f} times as strong as the data's)",
                value=readings[f"generator/checkerboard_index_{period}"],
                baseline=readings[f"data/checkerboard_index_{period}"],
                advice="a kernel that the stride divides (`generator.upsample.kernel_size=4`), or "
                "`generator.upsample=resize_conv`",
                page="health.md#checkerboard",
            )
