"""Probes: look inside the networks during training.  ProbeContext → numbers by place, and findings."""

from typing import Annotated

from dcgan_kit import Finding, Probe, component
from pydantic import Field


@component("probe")
def brightness(*, limit: Annotated[float, Field(gt=0.0, le=2.0, description="largest healthy difference")] = 0.5):
    """Compare the mean pixel of generated and of real images.  (B, H, W, C), (B, H, W, C) → pixel values."""

    def measure(context):
        made = context.after(context.generator[-1])
        return {"generator/mean_pixel": float(made.mean()), "data/mean_pixel": float(context.real.mean())}

    def diagnose(readings, first):
        real = readings["data/mean_pixel"]
        apart = readings["generator/mean_pixel"] - real
        if abs(apart) > limit:
            observation = f"images are {'brighter' if apart > 0 else 'darker'} than the data by {abs(apart):.2f}"
            advice = "an output activation whose range is that of the data"
            yield Finding("brightness", "generator", observation, apart, real, advice)

    return Probe(measure, diagnose)
