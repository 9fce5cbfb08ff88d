"""Probes: numbers from inside the networks during training. Each probe tests a claim from the literature.

Names of readings are ``place/name``. Thresholds are options. docs/health.md says where their defaults come from.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dcgan_kit import Component, Probe, SecondReading, component, hookimpl

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0, le=1e6)]
Period = Annotated[int, Field(ge=2, le=64)]
Count = Annotated[int, Field(ge=2, le=4096)]


@component("probe")
def overlap() -> Probe:
    """Count the kernel taps that reach each pixel, from kernel shapes only.  kernels → most taps / fewest.

    Claim: a kernel overlaps unevenly if its stride does not divide its size, and this draws checkerboards.

    overlap of a layer: max n_r / min n_r along the height, times the same along the width, with n_r = ceil((k - r) / s)
    taps for phase r < s. If a phase has no tap, holes is 1 and there is no overlap reading.
    stack_ratio, stack_deviation: a map of ones passes through all resampling layers, with kernels of ones, along one
    axis. The readings are max / min and standard deviation / mean of the result, without borders. 1 and 0 mean even.

    Odena et al. 2016, distill.pub/2016/deconv-checkerboard
    """
    from dcgan_kit_plugins.probe import evenness

    return Probe(evenness.overlap, cheap=False)


@component("probe")
def dc_gain() -> Probe:
    """Compare the responses of upsampling phases to a constant map.  weights → [0, ∞), 0: equal phases.

    Claim: a transposed convolution of any shape draws a checkerboard, unless all its s² polyphase filters have the same
    DC gain. A resize-convolution has equal gains by construction.

    dc_index = mean_o Var_r g_r(o) / mean_o mean_r g_r(o)²
    g_r(o) is the response of phase r of output channel o to a constant map. Channel i of that map is m_i, the mean of
    the layer's input channel i. So g_r(o) is the sum over i of m_i times the taps of phase r.

    Sugawara, Shiota, Kiya 2019, arXiv 1902.03785; Kinoshita, Kiya 2020, arXiv 2002.02117
    """
    from dcgan_kit_plugins.probe import evenness

    return Probe(evenness.dc_gain, cheap=False)


@component("probe")
def checkerboard(
    *,
    periods: Annotated[
        tuple[Period, ...],
        Field(min_length=1, description="periods in pixels; those that do not fit the image are ignored"),
    ] = (
        2,
        4,
        8,
        16,
    ),
    images: Annotated[Count, Field(description="number of samples, and of real images, to average over")] = 256,
    ill_from: Annotated[Positive, Field(description="checkerboard_P from which the probe reports a finding")] = 1.0,
) -> Probe:
    """Look for periodic grids in samples and in the gradient of images.  (N, H, W, C) → log10 of power ratios.

    Claim: transposed convolutions draw checkerboards from the first step on. A strided discriminator draws them into
    the gradient that it sends back.

    S(f) = mean over images of |FFT|², after subtracting each image's mean and applying a Hann window. For period P
    checkerboard_index_P = log10(mean of S at (iH/P, jW/P) / mean of the medians of S at distances 2 and 3 from each)
    over the frequencies that belong to no divisor of P. On an axis, the neighbours lie along that axis.
    checkerboard_P = checkerboard_index_P minus that of real images. There is one for the generator in training mode,
    and one for samples as users draw them (averaged weights, inference mode).

    The probe ignores periods that do not divide both sides, or that leave fewer than 4 frequencies between two peaks.

    After Odena et al. 2016, distill.pub/2016/deconv-checkerboard. A radial spectrum would average such peaks away.
    """
    from dcgan_kit_plugins.probe import checkerboard_index

    return Probe(
        lambda context: checkerboard_index.measure(context, periods, images),
        lambda readings, first: checkerboard_index.diagnose(readings, first, ill_from),
        cheap=False,
    )


@component("probe")
def units(
    *,
    dormant_below: Annotated[
        Share, Field(description="mean |h| of a channel, relative to the layer's, up to which it is dormant")
    ] = 0.025,
    dead_from: Annotated[Share, Field(description="share of dead channels from which to report a finding")] = 0.1,
    dormant_from: Annotated[Share, Field(description="share of dormant channels from which to report a finding")] = 0.5,
) -> Probe:
    """Count dead, dormant and always-on channels of hidden activations.  (B, ..., C) → shares of C.

    Claim: ReLU units die, leaky ReLU units do not.

    a is an activation's input, h its output, L the loss. Each reading is over all images and all pixels of a map:
    dead: in ten batches no a > 0 and every dL/da = 0, so the weights before the channel get no gradient
    dormant: mean |h| ≤ dormant_below · mean over channels of mean |h|
    always_on: every a > 0, so ReLU is linear there

    For D, the readings are over generated and real images together. Dormant: Sokar et al. 2023, arXiv 2302.12902,
    definition 3.1
    """
    from dcgan_kit_plugins.probe import dead_units

    return Probe(
        lambda context: dead_units.units(context, dormant_below),
        lambda readings, first: dead_units.diagnose_units(readings, first, dead_from, dormant_from),
    )


@component("probe")
def saturation(
    *,
    output_from: Annotated[
        Share, Field(description="saturated_beyond_data from which the probe reports a finding")
    ] = 0.25,
    hidden_from: Annotated[
        Share, Field(description="share of saturated hidden units from which to report a finding")
    ] = 0.5,
) -> Probe:
    """Count saturated units, and how much of the gradient passes.  (B, ..., C) → shares of units, mean slope.

    Claim: sigmoid and tanh saturate.

    saturated: share of outputs where the slope is below 1 % of its maximum (tanh: |y| > 0.995, sigmoid:
    4 y (1 - y) < 0.01). Only activations that are flat at both ends have this reading.
    saturated_beyond_data: saturated of the generator's images, minus the same share in real images. Real images have
    such pixels too: black is -1.
    pass_through: mean of dh/da, with a the input and h the output of an activation

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
    decades_from: Annotated[
        Positive, Field(description="absolute decades_per_layer from which to report a finding")
    ] = 1.5,
    fall_from: Annotated[
        Positive, Field(description="decades below its size at step 0 from which a small image_gradient is reported")
    ] = 3.0,
) -> Probe:
    """Compute the size of gradients from layer to layer.  dL/dW, dL_G/dx → root mean squares, decades per layer.

    Claim: gradients vanish in deep networks of saturating units.

    gradient: root mean square of dL/dW over the kernels of a layer, where L is the network's own loss
    decades_per_layer: least-squares slope of log10 gradient over depth, from the loss backwards; negative: vanishing
    size of image_gradient: root mean square of B dL_G/dx, the gradient that D sends back to each image

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
        Share, Field(description="share of D's push at step 0 up to which D has nothing left to learn")
    ] = 0.02,
    wrong_by: Annotated[
        Positive, Field(description="G has won if D's mean logit is this much higher for generated images")
    ] = 1.0,
    opposed_from: Annotated[Share, Field(description="opposition of step 0 below which there is no contest")] = 0.25,
) -> Probe:
    """See who is ahead, by the discriminator's logits.  (B, 1), (B, 1) → probabilities and pushes.

    Claim: if one of the two networks wins, both stop learning.

    separation = P(D(x) > D(G(z))), 0.5 if D cannot distinguish them; gap = mean D(x) - mean D(G(z))
    real, generated = mean sigmoid(D) of these images
    unfooled = mean(1 - sigmoid(D(G(z)))), the factor in the gradient of the non-saturating loss
    push of a network: mean |B dL/dD|, how strongly its loss pushes the logits
    opposition = -sign(mean dL_G/dD(G(z))) · (mean dL_D/dD(G(z)) - mean dL_D/dD(x)) / (mean |…| + mean |…|): 1 if D's
    loss raises real logits and lowers generated ones, or the reverse, while G's loss does the opposite to generated
    ones; -1 if G helps D; 0 if D's loss pushes both alike, as with random labels

    D has won: separation ≥ 0.999, and its push ≤ nothing_left · its push at step 0. G has won: separation ≤ 0.2 and
    gap ≤ -wrong_by; or separation ≤ 0.001 after step 0, however close the logits are. No contest: opposition below
    opposed_from at step 0. All rules work for every loss, because they do not depend on labels.

    Goodfellow et al. 2014, arXiv 1406.2661, section 3; Arjovsky, Bottou 2017, arXiv 1701.04862
    """
    from dcgan_kit_plugins.probe import balance

    return Probe(
        balance.measure,
        lambda readings, first: balance.diagnose(readings, first, nothing_left, wrong_by, opposed_from),
    )


@component("probe")
def diversity(
    *,
    spread_to: Annotated[Share, Field(description="spread up to which samples count as collapsed")] = 0.2,
    nearest_to: Annotated[Share, Field(description="nearest up to which samples count as collapsed")] = 0.2,
    range_to: Annotated[
        Share, Field(description="share of the range of pixels up to which real images are narrow")
    ] = 0.5,
) -> Probe:
    """Compute how much samples differ from each other.  (B, H, W, C), (B, H, W, C) → ratios to real images.

    Claim: GANs collapse to a few images.

    deviation: standard deviation of a pixel over images, averaged over pixels
    nearest_distance: median distance of an image to the nearest other image / median distance of two images
    spread, nearest: deviation and nearest_distance of generated images, each divided by that of real images. nearest is
    close to 0 if all samples are copies of a few images, even if these few are very different.

    range: brightest - darkest pixel of the images / the same of the recipe's image.range

    The images belong to the fixed latent vectors, and are generated in training mode.

    Salimans et al. 2016, arXiv 1606.03498, section 3.2; Richardson, Weiss 2018, arXiv 1805.12462
    """
    from dcgan_kit_plugins.probe import pixel_diversity

    return Probe(
        pixel_diversity.measure,
        lambda readings, first: pixel_diversity.diagnose(readings, first, spread_to, nearest_to, range_to),
    )


@component("probe")
def drift(
    *, steps: Annotated[int, Field(ge=1, le=1000, description="training steps between the two measurements")] = 10
) -> Probe:
    """Compute how the inputs of activations drift during training.  (B, ..., C), twice → deviations.

    Claim: batch norm reduces internal covariate shift.

    drift = mean_c √(((μ' - μ)² + (σ' - σ)²) / σ²)
    μ, σ are the mean and standard deviation of channel c at step t; μ', σ' are those on the same batch at step
    t + steps. 1e-5 of the layer's mean σ² is added to σ² in the denominator. The drift of a network is the mean over
    its activations.

    Ioffe, Szegedy 2015, arXiv 1502.03167; doubted by Santurkar et al. 2018, arXiv 1805.11604
    """
    from dcgan_kit_plugins.probe import statistics

    return Probe(cheap=False, second=SecondReading(steps, statistics.remember, statistics.drift))


@component("probe")
def gradient_change() -> Probe:
    """Compute how a layer's gradient changes when earlier layers take a step.  dL/dW → relative change.

    Claim: batch norm reduces internal covariate shift as the optimizer sees it.

    gradient_change of layer l = ‖G' - G‖ / ‖G‖
    G = dL/dW_l now. G' is the same gradient after all layers nearer to the input have taken a step against their
    gradients. In each weight tensor, the root mean square of the step is the learning rate.

    Santurkar et al. 2018, arXiv 1805.11604, definition 2.1, here divided by ‖G‖. They find that batch norm can increase
    it and help training all the same.
    """
    from dcgan_kit_plugins.probe import gradient_flow

    return Probe(gradient_flow.gradient_change, cheap=False)


@component("probe")
def smoothness() -> Probe:
    """Compute how loss and gradient change along the gradient.  L(W - η ∇L) → ranges and relative changes.

    Claim: batch norm makes the loss smoother.

    The weights W' are 0, 1/2, 1, 2 and 4 steps along -g, where g is the gradient and g' that at W'. In each weight
    tensor, the root mean square of one step is the learning rate.
    loss_range: largest loss - smallest loss
    gradient_unpredictability: max ‖g' - g‖ / ‖g‖
    effective_smoothness: max ‖g' - g‖ / ‖W' - W‖

    Santurkar et al. 2018, arXiv 1805.11604, section 3.1 and figure 4
    """
    from dcgan_kit_plugins.probe import gradient_flow

    return Probe(gradient_flow.smoothness, cheap=False)


@component("probe")
def batch_statistics(
    *,
    gap_from: Annotated[Positive, Field(description="train_inference_gap of G from which to report a finding")] = 0.5,
    unnormalized_from: Annotated[
        float, Field(gt=1.0, le=1e6, description="normalized, or its inverse, from which batch norm is not in effect")
    ] = 2.0,
    noise_from: Annotated[Positive, Field(description="noise from which to report a finding")] = 3.0,
) -> Probe:
    """Compare batch-norm statistics: training and inference, real and generated.  (B, ..., C) → deviations.

    Claim: batch norm uses the statistics of the batch in training, and running averages at inference.

    train_inference_gap of G: root mean square difference between the images of the same latent vectors in training and
    inference mode, divided by the standard deviation of a pixel over images
    train_inference_gap of D: the same for logits, dropout included
    running_gap, real_generated_gap: mean_c √(((μ' - μ)² + (σ' - σ)²) / σ²) over channels c. running_gap compares the
    batch (μ, σ) with running averages (μ', σ'). real_generated_gap compares real images (μ, σ) with generated ones.
    normalized: median over channels of the output's standard deviation in training mode / |scale|: 1 if batch norm
    normalizes; channels whose variance in real or in generated images is below epsilon are left out
    noise: root mean square of what a regularizer adds in training / that of its input; for dropout √(rate / (1 - rate))

    Ioffe, Szegedy 2015, arXiv 1502.03167, section 3.1; real apart from generated: github.com/soumith/ganhacks
    """
    from dcgan_kit_plugins.probe import statistics

    return Probe(
        statistics.gaps,
        lambda readings, first: statistics.diagnose_gaps(readings, first, gap_from, unnormalized_from, noise_from),
        cheap=False,
    )


@component("probe")
def parameters() -> Probe:
    """Count the trainable parameters of each place.  weights → [0, ∞).

    Claim: max pooling and nearest upsampling have nothing to learn, and transposed convolution has.
    """
    from dcgan_kit_plugins.probe import structure

    return Probe(structure.parameters)


@component("probe")
def nonlinearity() -> Probe:
    """Compute how far a network is from an affine map.  (B, size) or (B, H, W, C) → [0, ∞), 0: affine.

    Claim: without non-linear activations, a network of many layers is one linear map.

    nonlinearity = rms(f((a + b) / 2) - (f(a) + f(b)) / 2) / rms((f(a) - f(b)) / 2)
    f is the network in inference mode; a and b are latent vectors, or real images. For an affine map it is 0, up to the
    rounding of float32. Networks with branches or classes have no such reading.
    """
    from dcgan_kit_plugins.probe import structure

    return Probe(structure.nonlinearity, cheap=False)


@component("probe")
def corner_use() -> Probe:
    """Compare how often a convolution uses the pixel in the corner and one in the middle.  kernels → (0, 1].

    Claim: without padding, pixels at the edge are used less often than others.

    corner_use = outputs that depend on the corner pixel / outputs that depend on a pixel in the middle
    With stride, the pixel in the middle is the most used of its neighbours. Counted by moving one pixel at a time.
    """
    from dcgan_kit_plugins.probe import structure

    return Probe(structure.corner_use, cheap=False)


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every probe."""
    return [
        overlap,
        parameters,
        nonlinearity,
        corner_use,
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
