"""Probes: what happens inside the networks while they train, each for a claim that is made of them.

Names of readings are ``place/what``. Thresholds are options; docs/health.md says how their defaults were found.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dcgan_kit import Component, Probe, SecondLook, component, hookimpl

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0, le=1e6)]
Period = Annotated[int, Field(ge=2, le=64)]
Count = Annotated[int, Field(ge=2, le=4096)]


@component("probe")
def overlap() -> Probe:
    """Count how often kernels touch pixels, by their shapes alone.  kernels → most taps / fewest.

    Claim: a kernel that its stride does not divide overlaps unevenly, which draws checkerboards.

    overlap of a layer: (max n_r / min n_r) along height times along width, n_r = ceil((k - r) / s) for phase r < s;
    where a phase has no tap: holes 1, and no overlap
    stack_ratio, stack_deviation: ones pushed through all resamplings with kernels of ones, along one axis, interior
    only: max / min, and standard deviation / mean. 1 and 0 are even.

    Odena et al. 2016, distill.pub/2016/deconv-checkerboard
    """
    from dcgan_kit_plugins.probe import evenness

    return Probe(evenness.overlap, cheap=False)


@component("probe")
def dc_gain() -> Probe:
    """Compare the phases of up-samplings on a constant map, by their weights.  weights → 0 (equal) and up.

    Claim: transposed convolution draws a checkerboard, whatever its shape, unless all s² polyphase filters have the
    same DC gain; resize-convolution has it by construction.

    dc_index = mean_o Var_r g_r(o) / mean_o mean_r g_r(o)², where g_r(o) is what phase r of output channel o answers
    to a map in which every channel is its own mean m: the sum over inputs i of m_i times the taps of phase r.

    Sugawara, Shiota, Kiya 2019, arXiv 1902.03785; Kinoshita, Kiya 2020, arXiv 2002.02117
    """
    from dcgan_kit_plugins.probe import evenness

    return Probe(evenness.dc_gain, cheap=False)


@component("probe")
def checkerboard(
    *,
    periods: Annotated[tuple[Period, ...], Field(min_length=1, description="in pixels; those that fit are used")] = (
        2,
        4,
        8,
        16,
    ),
    images: Annotated[Count, Field(description="samples, and real images, that are averaged over")] = 256,
    ill_from: Annotated[Positive, Field(description="index above the data's own that is called ill")] = 1.0,
) -> Probe:
    """Look for grids in samples and in the gradient that reaches them.  (N, H, W, C) → log10 of power ratios.

    Claim: transposed convolutions draw checkerboards, from the first step on; a strided discriminator sends them back.

    Images less their means, times a Hann window; S(f) = mean of |FFT|². For period P
    checkerboard_index_P = log10(mean of S at (iH/P, jW/P) / mean of the medians of S at distances 2 and 3 from each)
    over the frequencies that no divisor of P has; beside one on an axis, along the axis
    checkerboard_P: the index less that of real images; of the generator in training, and of users' samples (averaged
    weights, inference)

    Periods that do not divide both sides, or leave less than 4 frequencies between two, are left out.

    After Odena et al. 2016, distill.pub/2016/deconv-checkerboard; a radial spectrum averages such peaks away
    """
    from dcgan_kit_plugins.probe import checkerboard_index

    return Probe(
        lambda subject: checkerboard_index.measure(subject, periods, images),
        lambda readings, first: checkerboard_index.diagnose(readings, first, ill_from),
        cheap=False,
    )


@component("probe")
def units(
    *,
    dormant_below: Annotated[
        Share, Field(description="mean activation, in units of the layer's, up to which a channel is dormant")
    ] = 0.025,
    dead_from: Annotated[Share, Field(description="share of dead channels that is called ill")] = 0.1,
    dormant_from: Annotated[Share, Field(description="share of dormant channels that is called ill")] = 0.5,
) -> Probe:
    """Count dead, dormant and always-on channels of hidden activations.  (B, ..., C) → shares of C.

    Claim: ReLU dies, leaky ReLU does not.

    With input a, output h and loss L, over all images and places of a map:
    dead: in ten batches no a > 0, and every dL/da = 0, so that no weight before it moves
    dormant: mean |h| ≤ dormant_below · mean over channels of mean |h|
    always_on: every a > 0, so that ReLU is linear

    Of D, over generated and real images together. Dormant: Sokar et al. 2023, arXiv 2302.12902, definition 3.1
    """
    from dcgan_kit_plugins.probe import dead_units

    return Probe(
        lambda subject: dead_units.units(subject, dormant_below),
        lambda readings, first: dead_units.diagnose_units(readings, first, dead_from, dormant_from),
    )


@component("probe")
def saturation(
    *,
    output_from: Annotated[
        Share, Field(description="share of saturated pixels, beyond the data's own, that is called ill")
    ] = 0.25,
    hidden_from: Annotated[Share, Field(description="share of saturated hidden units that is called ill")] = 0.5,
) -> Probe:
    """Count units that are flat, and how much of a gradient passes.  (B, ..., C) → shares of units, mean slope.

    Claim: sigmoid and tanh saturate.

    saturated: share of outputs at which the slope is below 1 % of its maximum (tanh: |y| > 0.995, sigmoid:
    4 y (1 - y) < 0.01), of activations that are flat at both ends
    saturated_beyond_data: of samples, less the share of real pixels at the same outputs: black is -1 by right
    pass_through: mean of dh/da

    Glorot, Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", section 3
    """
    from dcgan_kit_plugins.probe import dead_units

    return Probe(
        dead_units.saturation,
        lambda readings, first: dead_units.diagnose_saturation(readings, first, output_from, hidden_from),
    )


@component("probe")
def gradients(
    *,
    decades_from: Annotated[Positive, Field(description="decades per layer, up or down, that are called ill")] = 1.5,
    fall_from: Annotated[
        Positive, Field(description="decades below step 0 at which what D sends back is called ill")
    ] = 3.0,
) -> Probe:
    """Follow the size of gradients from layer to layer.  dL/dW, dL_G/dx → root mean squares, decades per layer.

    Claim: gradients vanish in deep networks of saturating units.

    gradient: root mean square of dL/dW over the kernels of a layer, L the network's own loss
    decades_per_layer: least-squares slope of log10 gradient, counted from the loss backwards; negative: vanishing
    size of image_gradient: root mean square of B dL_G/dx, what D sends back to each image

    Glorot, Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", section 4
    """
    from dcgan_kit_plugins.probe import gradient_flow

    return Probe(
        gradient_flow.gradients,
        lambda readings, first: gradient_flow.diagnose_gradients(readings, first, decades_from, fall_from),
    )


@component("probe")
def contest(
    *,
    nothing_left: Annotated[
        Share, Field(description="share of the first push on D's logits below which D has nothing to learn")
    ] = 0.02,
    wrong_by: Annotated[
        Positive, Field(description="logits by which generated images must score higher than real ones")
    ] = 1.0,
) -> Probe:
    """See who is ahead, by the discriminator's logits.  (B, 1), (B, 1) → probabilities and pushes.

    Claim: where one of the two networks wins, both stop learning.

    separation = P(D(x) > D(G(z))), 0.5 where D cannot tell; gap = mean D(x) - mean D(G(z))
    real, generated = mean sigmoid(D); unfooled = E[1 - D(G(z))], the factor of the non-saturating loss
    push of a network: mean |B dL/dD|, how much its loss asks of the logits

    D has won: separation ≥ 0.999, and its push below nothing_left of that at step 0. G has won: separation ≤ 0.2 and
    gap ≤ -wrong_by. Both hold for every loss, as they name no label.

    Goodfellow et al. 2014, arXiv 1406.2661, section 3; Arjovsky, Bottou 2017, arXiv 1701.04862
    """
    from dcgan_kit_plugins.probe import balance

    return Probe(
        balance.measure,
        lambda readings, first: balance.diagnose(readings, first, nothing_left, wrong_by),
    )


@component("probe")
def diversity(
    *,
    spread_to: Annotated[Share, Field(description="spread up to which samples are called collapsed")] = 0.2,
    nearest_to: Annotated[Share, Field(description="nearest up to which samples are called collapsed")] = 0.2,
) -> Probe:
    """See whether samples differ from each other.  (B, H, W, C), (B, H, W, C) → ratios to real images.

    Claim: GANs collapse to a few images.

    spread: standard deviation of a pixel over samples, mean over pixels, over that of real images
    nearest: median distance of a sample to the nearest other, in units of the median distance of any two, over that
    of real images: near 0 where samples are copies of a few, however far these are apart
    deviation, nearest_distance: the same before the division, of generated and of real images

    Of images of the fixed latent vectors, made as in training.

    Salimans et al. 2016, arXiv 1606.03498, section 3.2; Richardson, Weiss 2018, arXiv 1805.12462
    """
    from dcgan_kit_plugins.probe import pixel_diversity

    return Probe(
        pixel_diversity.measure,
        lambda readings, first: pixel_diversity.diagnose(readings, first, spread_to, nearest_to),
    )


@component("probe")
def drift(
    *, steps: Annotated[int, Field(ge=1, le=1000, description="from the first look to the second")] = 10
) -> Probe:
    """Follow how the inputs of activations drift while layers before them learn.  (B, ..., C), twice → deviations.

    Claim: batch norm reduces internal covariate shift.

    drift = mean_c √(((μ' - μ)² + (σ' - σ)²) / σ²), with mean and deviation of channel c on the same batch at steps t
    and t + steps; σ² is at least 1e-5 of the layer's mean. Of a network: mean over its activations.

    Ioffe, Szegedy 2015, arXiv 1502.03167; doubted by Santurkar et al. 2018, arXiv 1805.11604
    """
    from dcgan_kit_plugins.probe import statistics

    return Probe(cheap=False, second=SecondLook(steps, statistics.remember, statistics.drift))


@component("probe")
def gradient_change() -> Probe:
    """Compare a layer's gradient before and after the layers before it have moved.  dL/dW → relative change.

    Claim: batch norm reduces internal covariate shift, as the optimizer meets it.

    gradient_change of layer l = ‖G' - G‖ / ‖G‖, G = dL/dW_l now, G' the same when all layers nearer to the input have
    taken a step of root mean square learning rate against their gradients.

    Santurkar et al. 2018, arXiv 1805.11604, definition 2.1, divided by ‖G‖; they find that batch norm can raise it and
    help all the same
    """
    from dcgan_kit_plugins.probe import gradient_flow

    return Probe(gradient_flow.gradient_change, cheap=False)


@component("probe")
def smoothness() -> Probe:
    """See how far loss and gradient hold along a step.  L(W - η ∇L) → ranges and relative changes.

    Claim: batch norm makes the cost smoother.

    At 0, 1/2, 1, 2 and 4 steps of root mean square learning rate against the gradient g:
    loss_range: largest loss - smallest
    gradient_unpredictability: max ‖∇L' - g‖ / ‖g‖
    effective_smoothness: max ‖∇L' - g‖ / ‖W' - W‖

    Santurkar et al. 2018, arXiv 1805.11604, section 3.1 and figure 4
    """
    from dcgan_kit_plugins.probe import gradient_flow

    return Probe(gradient_flow.smoothness, cheap=False)


@component("probe")
def batch_statistics(
    *, gap_from: Annotated[Positive, Field(description="train_inference_gap of G that is called ill")] = 0.5
) -> Probe:
    """Compare training with inference, and real with generated images, in batch norm.  (B, ..., C) → deviations.

    Claim: batch norm takes the statistics of the batch in training, and running averages at test.

    train_inference_gap of G: root mean square between the images of one latent vector in training and at inference,
    over the standard deviation of a pixel over images; of D: likewise of logits, dropout included
    running_gap: batch statistics from running ones, real_generated_gap: those of real images from those of generated
    ones, each mean_c √(((μ' - μ)² + (σ' - σ)²) / σ²)

    Ioffe, Szegedy 2015, arXiv 1502.03167, section 3.1; real apart from generated: github.com/soumith/ganhacks
    """
    from dcgan_kit_plugins.probe import statistics

    return Probe(
        statistics.gaps,
        lambda readings, first: statistics.diagnose_gaps(readings, first, gap_from),
        cheap=False,
    )


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every probe."""
    return [
        overlap,
        dc_gain,
        checkerboard,
        units,
        saturation,
        gradients,
        contest,
        diversity,
        drift,
        gradient_change,
        smoothness,
        batch_statistics,
    ]
