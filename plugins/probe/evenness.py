"""How evenly layers cover their output pixels, by their shapes and by their weights."""

from __future__ import annotations

import math

import numpy as np

from dcgan_kit import ProbeContext, Readings, graph_evenness, overlap_factor


def overlap(context: ProbeContext) -> Readings:
    """Return how evenly the taps of each strided layer with weights overlap, and those of each whole network."""
    readings = {}
    for role, places in (("generator", context.generator), ("discriminator", context.discriminator)):
        parts = []
        for place in places:
            own = context.operations(place)
            # Attention returns its map with something added or scaled, so an uneven map stays uneven.
            parts.append((() if place.kind == "attention" else own, place.inputs))
            factors = [overlap_factor(o) for o in own if getattr(o, "learned", False) and max(o.stride) > 1]
            for factor in factors:
                # If a phase has no tap, the quotient is infinite.
                readings[f"{place}/holes"] = float(math.isinf(factor))
                if math.isfinite(factor):
                    readings[f"{place}/overlap"] = factor
        ratio, deviation = graph_evenness(parts)
        if math.isfinite(ratio):
            readings[f"{role}/stack_ratio"] = ratio
        readings[f"{role}/stack_deviation"] = deviation
    return readings


def dc_gain(context: ProbeContext) -> Readings:
    """Return how different the responses of upsampling phases to a constant map are."""
    readings = {}
    for place in context.generator:
        before, after = place.input_shape, place.output_shape
        if len(before) != 3 or len(after) != 3 or after[0] <= before[0]:
            continue
        down, across = after[0] // before[0], after[1] // before[1]
        windows = [o for o in context.operations(place) if hasattr(o, "size")]
        reach = max([max(s * d for s, d in zip(o.size, o.dilation, strict=True)) for o in windows], default=1)
        # Large enough for pixels whose kernels do not touch the border.
        constant = np.zeros((1, 2 * reach + 4, 2 * reach + 4, before[2]), np.float32)
        bias = context.apply(place, constant)
        constant += context.before(place).mean((0, 1, 2), dtype=np.float64).astype(np.float32)
        answer = np.asarray(context.apply(place, constant) - bias, np.float64)[0]
        row, column = (answer.shape[0] // 2, answer.shape[1] // 2)
        phases = answer[row : row + down, column : column + across].reshape(down * across, -1)
        power = float(np.square(phases).mean())
        readings[f"{place}/dc_index"] = float(phases.var(0).mean()) / power if power else 0.0
    return readings
