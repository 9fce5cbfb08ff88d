"""Each probe sees its disease and is silent on the healthy twin; known values of each formula."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from dcgan_kit_plugins import probe
from dcgan_kit_plugins.probe import balance, gradient_flow, pixel_diversity

from dcgan_kit import Probe


def asked(component, context, **options):
    """Readings, and the diseases that they are a sign of, as if they were others at step 0."""
    made = component.build(None, dict(component.options(**options)))
    assert isinstance(made, Probe)
    readings = dict(made.measure(context))
    first = {**readings, "step/0": 0.0}
    return readings, {finding.disease for finding in made.diagnose(readings, first)}


def variables(batch, role, part):
    network = getattr(batch.session.state.networks, role).model
    return [variable for variable in network.variables if part in variable.path]


# Dead units


@pytest.mark.parametrize(("activation", "dead"), [("relu", 1.0), ("leaky_relu", 0.0)])
def test_relu_dies_and_leaky_relu_does_not(specimen, activation, dead):
    batch = specimen("generator.normalization=none", "generator.bias=true", f"generator.activation={activation}")
    (bias,) = variables(batch, "generator", "stage1_upsample/bias")
    bias.assign(np.full(bias.shape, -100.0))
    readings, diseases = asked(probe.units, batch.context())
    assert readings["generator.stage1.activation/dead"] == dead
    assert readings["generator.input.activation/dead"] == 0.0
    assert diseases == ({"dead channels", "dormant channels"} if dead else set())


def test_some_dead_channels_are_counted_and_told(specimen):
    batch = specimen("generator.normalization=none", "generator.bias=true")
    (bias,) = variables(batch, "generator", "stage1_upsample/bias")
    bias.assign([-100.0, -100.0, 0, 0, 0, 0, 0, 100.0])
    made = probe.units.build(None, dict(probe.units.options()))
    readings = made.measure(batch.context())
    assert readings["generator.stage1.activation/dead"] == 0.25
    assert readings["generator.stage1.activation/always_on"] == 0.125
    assert "generator stage 1: 25 % dead channels" in map(str, made.diagnose(readings, readings))


def test_what_one_of_ten_batches_moves_is_not_dead(specimen):
    batch = specimen("generator.normalization=none", "generator.bias=true")
    (bias,) = variables(batch, "generator", "stage1_upsample/bias")
    bias.assign(np.full(bias.shape, -100.0))
    context, seen = batch.context(), []

    def on_batch(number):
        seen.append(number)
        other = type(context).on_batch(context, number)
        if number == 7:
            other.before = lambda place, mode="training", of="generated": np.ones((16, *place.input_shape))
        return other

    context.on_batch = on_batch
    assert asked(probe.units, context)[0]["generator.stage1.activation/dead"] == 0.0
    assert seen == [1, 2, 3, 4, 5, 6, 7]


# Saturation


@pytest.mark.parametrize(("scale", "ill"), [(1.0, False), (1e5, True)])
def test_a_tanh_with_large_inputs_saturates(specimen, scale, ill):
    batch = specimen("generator.output.bias=false")
    (kernel,) = variables(batch, "generator", "output_upsample/kernel")
    kernel.assign(kernel * scale)
    readings, diseases = asked(probe.saturation, batch.context())
    assert (readings["generator.output.activation/saturated"] > 0.9) == ill
    assert (readings["generator.output.activation/pass_through"] < 0.1) == ill
    assert diseases == ({"output saturated"} if ill else set())


def test_what_the_data_saturate_by_right_is_no_disease(specimen):
    batch = specimen()
    context = batch.context()
    context.real = np.full_like(context.real, -1.0)
    context.after = lambda place, mode="training", of="generated": np.full((16, *place.output_shape), -1.0)
    readings, diseases = asked(probe.saturation, context)
    assert readings["data/saturated"] == readings["generator.output.activation/saturated"] == 1.0
    assert diseases == set()


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
@pytest.mark.parametrize(("scale", "ill"), [(1.0, False), (1e3, True)])
def test_hidden_units_with_large_inputs_saturate(specimen, activation, scale, ill):
    batch = specimen("generator.normalization=none", f"generator.activation={activation}")
    (kernel,) = variables(batch, "generator", "stage1_upsample/kernel")
    kernel.assign(kernel * scale)
    readings, diseases = asked(probe.saturation, batch.context())
    assert (readings["generator.stage1.activation/saturated"] > 0.5) == ill
    assert ("saturated units" in diseases) == ill


@pytest.mark.parametrize(
    ("activation", "limits"),
    [
        ("tanh", (-0.995, 0.995)),
        ("sigmoid", (0.0025, 0.9975)),
        ("hard_tanh", (-1.0, 1.0)),
        ("{use: tanh, low: 0.0}", (0.0025, 0.9975)),
        ("relu", None),
        ("prelu", None),
        ("softplus", None),
        ("gelu", None),
    ],
)
def test_where_an_activation_is_flat(specimen, activation, limits):
    context = specimen(f"generator.activation={activation}").context()
    (place,) = [place for place in context.generator if str(place) == "generator.stage1.activation"]
    assert context.limits(place) == (None if limits is None else pytest.approx(limits, abs=1e-4))


# Gradients by depth

DEEP = (
    "generator.stages=[{filters: 8}, {filters: 8, upsample: conv}, {filters: 8, upsample: conv}, "
    "{filters: 8, upsample: conv}, {filters: 8, upsample: conv}]",
    "generator.normalization=none",
    "generator.bias=true",
    "generator.initializer=he_normal",
)


def test_gradients_vanish_in_a_stack_of_sigmoids_alone(specimen):
    made = probe.gradients.build(None, dict(probe.gradients.options(decades_from=0.5)))
    slopes = {}
    for activation in ("sigmoid", "leaky_relu"):
        readings = made.measure(specimen(*DEEP, f"generator.activation={activation}").context())
        slopes[activation] = readings["generator/decades_per_layer"]
        ill = [f for f in made.diagnose(readings, readings) if f.where == "generator"]
        assert [f.disease for f in ill] == (["vanishing gradients"] if activation == "sigmoid" else [])
    assert slopes["sigmoid"] < -0.5 < -0.3 < slopes["leaky_relu"]


def test_gradients_explode_where_weights_of_tanh_units_are_large(specimen):
    """Forwards nothing grows beyond 1, and backwards all does: Poole et al. 2016, arXiv 1606.05340."""
    made = probe.gradients.build(None, dict(probe.gradients.options(decades_from=0.5)))
    for scale in (1.0, 30.0):
        batch = specimen(*DEEP, "generator.activation=tanh")
        for stage in range(1, 6):
            for kernel in variables(batch, "generator", f"stage{stage}_upsample"):
                if len(kernel.shape) > 1:
                    kernel.assign(kernel * scale)
        readings = made.measure(batch.context())
        ill = {f.disease for f in made.diagnose(readings, readings) if f.where == "generator"}
        assert ill == ({"exploding gradients"} if scale > 1.0 else set()), readings


def test_what_the_discriminator_sends_back_is_compared_with_step_0():
    readings = {"image_gradient/size": 1e-6}
    assert [f.where for f in gradient_flow.diagnose_gradients(readings, {"image_gradient/size": 1e-2}, 1.5, 3.0)]
    assert not list(gradient_flow.diagnose_gradients(readings, {"image_gradient/size": 1e-4}, 1.5, 3.0))


# Checkerboards


@pytest.mark.parametrize(
    ("upsample", "drawn"),
    [
        ("{use: transposed_conv, kernel_size: 3}", True),
        ("{use: transposed_conv, kernel_size: 4}", False),
        ("resize_conv", False),
    ],
)
def test_an_uneven_kernel_draws_a_checkerboard(specimen, upsample, drawn):
    """Kernels whose taps are all equal, so that only their number can make a difference."""
    stages = "generator.stages=[{filters: 8}, {filters: 8}]"
    batch = specimen("image.size=32", "generator.normalization=none", stages, f"generator.upsample={upsample}")
    for kernel in variables(batch, "generator", "upsample"):
        if "kernel" in kernel.path:
            kernel.assign(np.full(kernel.shape, 0.05))
    readings, diseases = asked(probe.checkerboard, batch.context(), images=64)
    assert (readings["generator/checkerboard_2"] > 1.0) == drawn
    assert ("checkerboard at period 2" in diseases) == drawn


def test_random_weights_draw_one_with_an_even_kernel_too_but_not_after_resizing(specimen):
    transposed, resized = (
        asked(probe.dc_gain, specimen(f"generator.upsample={name}").context())[0]
        for name in ("transposed_conv", "resize_conv")
    )
    assert all(value > 0.05 for value in transposed.values())
    assert all(value < 1e-9 for value in resized.values())
    assert transposed.keys() == {"generator.stage1.upsample/dc_index", "generator.output.upsample/dc_index"}


def test_the_dc_index_of_weights_of_ones_is_that_of_their_taps(specimen):
    context = specimen(
        "generator.upsample.kernel_size=3", "generator.initializer={use: constant, value: 0.05}"
    ).context()
    # Phases of 1, 2, 2 and 4 taps: variance 1.1875, mean square 6.25.
    readings, _ = asked(probe.dc_gain, context)
    assert readings["generator.output.upsample/dc_index"] == pytest.approx(1.1875 / 6.25, rel=1e-4)


@pytest.mark.parametrize(
    ("kernel", "factor", "ratio"), [(3, 4.0, 8.0), (5, 2.25, 1.76), (7, 1.78, 1.41), (4, 1.0, 1.0)]
)
def test_overlap_of_layers_and_stacks(specimen, kernel, factor, ratio):
    deep = ("generator.input.projection.size=2", "generator.stages=[{filters: 8}, {filters: 8}, {filters: 8}]")
    context = specimen("image.size=32", *deep, f"generator.upsample.kernel_size={kernel}").context()
    readings, _ = asked(probe.overlap, context)
    assert readings["generator.stage2.upsample/overlap"] == pytest.approx(factor, abs=0.005)
    assert readings["generator/stack_ratio"] == pytest.approx(ratio, abs=0.01)
    assert readings["generator.stage2.upsample/holes"] == 0.0


# Diversity


def generator_of(images, real):
    return SimpleNamespace(generator=("last",), real=real, after=lambda place: images, value_range=(-1.0, 1.0))


def test_a_generator_of_four_images_has_collapsed():
    random = np.random.default_rng(0)
    real, fresh = random.uniform(-1, 1, (2, 64, 8, 8, 1))
    copies = fresh[random.integers(0, 4, 64)] + random.normal(0.0, 0.01, fresh.shape)
    readings, diseases = asked(probe.diversity, generator_of(copies, real))
    assert readings["generator/spread"] > 0.7
    assert readings["generator/nearest"] < 0.05
    assert diseases == {"samples collapse"}
    readings, diseases = asked(probe.diversity, generator_of(fresh, real))
    assert readings["generator/spread"] == pytest.approx(1.0, abs=0.05)
    assert readings["generator/nearest"] == pytest.approx(1.0, abs=0.05)
    assert diseases == set()


def test_a_generator_of_one_image_has_collapsed_but_not_before_the_first_step():
    real = np.random.default_rng(0).uniform(-1, 1, (64, 8, 8, 1))
    readings, diseases = asked(probe.diversity, generator_of(real[:1].repeat(64, 0), real))
    assert readings["generator/spread"] == pytest.approx(0.0, abs=1e-6)
    assert diseases == {"samples collapse"}
    assert not list(pixel_diversity.diagnose(readings, readings, 0.2, 0.2, 0.5))


def test_one_image_has_no_diversity_to_speak_of():
    image = np.zeros((1, 8, 8, 1))
    assert asked(probe.diversity, generator_of(image, image)) == ({}, set())


# The contest


def contest(real, fake, push):
    logits = {"real": np.array(real)[:, None], "generated": np.array(fake)[:, None]}
    context = SimpleNamespace(
        logits=lambda of: logits[of],
        logit_gradient=lambda role, of="generated": np.full(
            (len(fake), 1), (push if (role, of) == ("discriminator", "generated") else -push) / len(fake)
        ),
    )
    return balance.measure(context)


def test_who_has_won():
    first = contest([0.1, -0.1], [0.1, -0.1], 0.5)
    assert first["discriminator/separation"] == 0.5
    assert first["discriminator/unfooled"] == pytest.approx(0.5)
    cases = [
        (contest([9.0, 8.0], [-9.0, -8.0], 0.001), ["discriminator has won"]),
        # A Wasserstein critic separates all images and is asked for more all the same.
        (contest([9.0, 8.0], [-9.0, -8.0], 0.5), []),
        (contest([-3.0, -2.0], [3.0, 2.0], 0.9), ["generator has won"]),
        # However close a penalty keeps them.
        (contest([-0.01, -0.02], [0.01, 0.02], 0.5), ["generator has won"]),
        (contest([-0.01, 0.02], [0.01, 0.02], 0.5), []),
        (contest([1.0, 0.0], [0.5, -0.5], 0.4), []),
    ]
    for readings, diseases in cases:
        assert [finding.disease for finding in balance.diagnose(readings, first, 0.02, 1.0, 0.25)] == diseases


def test_first_weights_may_rank_by_a_hair():
    first = contest([-0.01, -0.02], [0.01, 0.02], 0.5)
    assert list(balance.diagnose(first, first, 0.02, 1.0, 0.25)) == []


# What batch norm does


@pytest.mark.parametrize(("normalization", "moves"), [("batch", False), ("none", True)])
def test_without_batch_norm_the_inputs_of_activations_drift(specimen, normalization, moves):
    batch = specimen(f"generator.normalization={normalization}")
    second = probe.drift.build(None, {"steps": 10}).second
    assert second.after == 10
    kept = second.remember(batch.context())
    unmoved = second.compare(kept, batch.context())
    assert set(unmoved.values()) == {0.0}
    (kernel,) = variables(batch, "generator", "stage1_upsample/kernel")
    kernel.assign(kernel * 1.5)
    readings = second.compare(kept, batch.context())
    assert readings["generator.stage1.activation/drift"] == pytest.approx(0.5 if moves else 0.0, abs=0.02)


def test_running_statistics_that_lag_are_told(specimen):
    batch = specimen()
    readings, diseases = asked(probe.batch_statistics, batch.context())
    assert readings["generator/train_inference_gap"] > 0.5
    assert diseases == {"batch-norm gap"}
    assert readings["discriminator.stage2.normalization/real_generated_gap"] > 0.0
    context = batch.context()
    model = batch.session.state.networks.generator.model
    for _ in range(200):
        model(context.latent, training=True)
    readings, diseases = asked(probe.batch_statistics, batch.context())
    assert readings["generator/train_inference_gap"] < 0.01
    assert readings["generator.stage1.normalization/running_gap"] < 0.01
    assert diseases == set()


def test_at_step_0_running_statistics_are_no_disease(specimen):
    made = probe.batch_statistics.build(None, dict(probe.batch_statistics.options()))
    readings = made.measure(specimen().context())
    assert not list(made.diagnose(readings, readings))


def test_smoothness_of_a_parabola_is_its_curvature():
    start = [np.full(4, 3.0, np.float32)]
    context = SimpleNamespace(
        weights=lambda role: start,
        learning_rate=lambda role: 0.1,
        loss_at=lambda role, weights: (float(np.square(weights[0]).sum()), [2.0 * weights[0]]),
    )
    readings = gradient_flow.smoothness(context)
    # L = w², four weights of 3 that move to 2.6: 36 - 27.04; the gradient changes by 2 · 0.4 in each.
    assert readings["generator/loss_range"] == pytest.approx(36 - 4 * 2.6**2, rel=1e-5)
    assert readings["generator/gradient_unpredictability"] == pytest.approx(0.8 / 6.0, rel=1e-5)
    assert readings["discriminator/effective_smoothness"] == pytest.approx(2.0, rel=1e-4)


def test_gradients_change_only_behind_layers_that_move(specimen):
    batch = specimen()
    readings, _ = asked(probe.gradient_change, batch.context())
    assert "generator.input.projection/gradient_change" not in readings
    assert 0.0 < readings["generator.output.upsample/gradient_change"] < 10.0
    batch.session.state.generator_optimizer.learning_rate = 0.0
    readings, _ = asked(probe.gradient_change, batch.context())
    assert readings["generator.output.upsample/gradient_change"] == 0.0


class Alike:
    """Networks whose images are the real ones."""

    def __init__(self, images):
        self.step, self.value_range, self.generator, self.discriminator = 0, (-1.0, 1.0), [None], []
        self.real = images

    def after(self, place):
        return self.real

    def samples(self, count):
        return self.real

    real_images = samples

    def image_gradient(self):
        return self.real


@pytest.mark.parametrize("made", [probe.diversity, probe.checkerboard], ids=lambda c: c.name)
def test_what_stands_beside_the_datas_number_is_in_its_unit(made):
    """Readings of one name come into one chart: those of images that are the data are the data's, and ratios are 1."""
    readings = made().measure(Alike(np.random.default_rng(0).uniform(-1, 1, (24, 16, 16, 1)).astype("float32")))
    of_data = {key.partition("/")[2]: value for key, value in readings.items() if key.startswith("data/")}
    assert of_data
    for key, value in readings.items():
        name = key.partition("/")[2]
        if name in of_data:
            assert value == of_data[name], key
        else:
            # A ratio, or a difference of logarithms.
            assert value == (0.0 if name.startswith("checkerboard") else 1.0), key
    assert {f"generator/{name}" for name in of_data} <= readings.keys()


def test_no_other_probe_has_a_number_of_the_data_beside_one_in_other_units(specimen):
    """Of samples and data alike: shares of pixels. A new one has to be looked at here."""
    batch = specimen()
    names = set()
    for component in probe.dcgan_kit_components():
        for key in component().measure(batch.context()):
            if key.startswith("data/"):
                names.add(f"{component.name} {key.partition('/')[2].rstrip('0123456789')}")
    assert names == {
        "diversity deviation", "diversity nearest_distance", "diversity range", "checkerboard checkerboard_index_", "saturation saturated"
    }  # fmt: skip


# What the shape of a network decides


def test_parameters_are_those_of_each_place(specimen):
    overrides = (
        "generator.upsample=nearest",
        "generator.stages.0.convolution=conv",
        "discriminator.downsample=max_pool",
    )
    readings, diseases = asked(probe.parameters, specimen(*overrides).context())
    assert readings["generator.stage1.upsample/parameters"] == 0
    assert readings["discriminator.stage1.downsample/parameters"] == 0
    assert readings["generator.input.projection/parameters"] == 8 * 4 * 4 * 8
    assert not diseases
    learned, _ = asked(probe.parameters, specimen().context())
    assert learned["generator.stage1.upsample/parameters"] == 4 * 4 * 8 * 8


AFFINE = ("generator.activation=linear", "generator.output.activation=linear", "discriminator.activation=linear")


@pytest.mark.parametrize(
    ("overrides", "generator", "discriminator"),
    [
        (AFFINE, False, False),
        ((*AFFINE[:2], "discriminator.activation=relu"), False, True),
        ((*AFFINE, "generator.activation=leaky_relu"), True, False),
        (
            (*AFFINE, "generator.output.activation=tanh", "generator.initializer={use: normal, stddev: 0.5}"),
            True,
            False,
        ),
        ((*AFFINE, "discriminator.downsample=max_pool"), False, True),
        ((*AFFINE, "discriminator.downsample=average_pool"), False, False),
    ],
)
def test_only_non_linear_layers_make_a_network_non_linear(specimen, overrides, generator, discriminator):
    readings, _ = asked(probe.nonlinearity, specimen(*overrides).context())
    for name, expected in (("generator", generator), ("discriminator", discriminator)):
        value = readings[f"{name}/nonlinearity"]
        assert value > 0.01 if expected else value < 1e-5, (name, value)


def test_a_network_with_branches_has_no_nonlinearity_reading(specimen):
    readings, _ = asked(probe.nonlinearity, specimen("generator.stages.0.shortcut={}").context())
    assert list(readings) == ["discriminator/nonlinearity"]


@pytest.mark.parametrize(
    ("layer", "use"),
    [
        ("{use: strided_conv, kernel_size: 3, padding: same}", 1 / 4),
        ("{use: strided_conv, kernel_size: 4, padding: same}", 1 / 4),
        ("{use: strided_conv, kernel_size: 4, padding: valid}", 1 / 4),
        ("{use: strided_conv, kernel_size: 3, padding: valid}", 1 / 4),
        ("{use: strided_conv, kernel_size: 2}", 1.0),
    ],
)
def test_corner_use_of_strided_convolutions_by_hand(specimen, layer, use):
    readings, _ = asked(probe.corner_use, specimen(f"discriminator.downsample={layer}").context())
    assert readings["discriminator.stage1.downsample/corner_use"] == pytest.approx(use)


@pytest.mark.parametrize(("padding", "use"), [("same", 4 / 9), ("valid", 1 / 9)])
def test_padding_raises_the_corner_use_of_a_convolution(specimen, padding, use):
    stage = f"{{filters: 8, downsample: average_pool, convolution: {{use: conv, kernel_size: 3, padding: {padding}}}}}"
    readings, _ = asked(probe.corner_use, specimen(f"discriminator.stages.0={stage}").context())
    assert readings["discriminator.stage1.convolution/corner_use"] == pytest.approx(use)
