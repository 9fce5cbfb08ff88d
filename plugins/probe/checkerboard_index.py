"""Checkerboards in generated images and in the gradient that reaches them, compared with real images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dcgan_kit import Finding, ProbeContext, Readings, checkerboard_fits, checkerboard_index, power_spectrum


def measure(subject: ProbeContext, periods: Sequence[int], count: int) -> Readings:
    """Return the indices of images and of D's gradient, and the differences between generated and real images."""
    made, samples, real = subject.after(subject.generator[-1]), subject.samples(count), subject.real_images(count)
    fitting = [period for period in periods if checkerboard_fits(period, *made.shape[1:3])]
    if not fitting:
        return {}
    shown = {"generator": made, "samples": samples, "data": real, "image_gradient": subject.image_gradient()}
    powers = {whose: power_spectrum(images) for whose, images in shown.items()}
    readings = {}
    for period in fitting:
        indices = {whose: checkerboard_index(power, period) for whose, power in powers.items()}
        # Indices have a name of their own, because the other readings are differences of indices.
        readings.update({f"{whose}/checkerboard_index_{period}": value for whose, value in indices.items()})
        for whose in ("generator", "samples"):
            readings[f"{whose}/checkerboard_{period}"] = indices[whose] - indices["data"]
    return readings


def diagnose(readings: Readings, first: Readings, limit: float) -> Iterator[Finding]:
    """Report the periods that are stronger in generated images than in real ones.

    It reports nothing at step 0, where every transposed convolution has a checkerboard.
    """
    if readings == first:
        return
    for key, value in readings.items():
        where, _, what = key.partition("/checkerboard_")
        if where == "generator" and not what.startswith("index") and value >= limit:
            yield Finding(
                disease=f"checkerboard at period {what}",
                where=where,
                told=f"checkerboard at period {what} ({10**value:.0f} times as strong as the data's)",
                value=readings[f"generator/checkerboard_index_{what}"],
                baseline=readings[f"data/checkerboard_index_{what}"],
                advice="a kernel that the stride divides (`generator.upsample.kernel_size=4`), or "
                "`generator.upsample=resize_conv`",
                page="health.md#checkerboard",
            )
