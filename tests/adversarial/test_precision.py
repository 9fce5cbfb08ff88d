"""Mixed precision and XLA: the same training in other numbers, and what never leaves float32."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from dcgan_kit.adversarial import precision as under_test
from dcgan_kit.adversarial.precision import bfloat16_hardware
from dcgan_kit.testing.random_numbers import same_random_numbers

MIXED = ["mixed_bfloat16", "mixed_float16"]
DESCENT = "training.optimizer={use: sgd, learning_rate: 0.05, momentum: 0.0}"


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        ("fpu avx512f avx512_bf16", "the processor has avx512_bf16"),
        ("fpu amx_bf16 avx512_bf16", "the processor has amx_bf16"),
        ("fpu sse2 avx512f bf16 avx512_bf16x", ""),
        (None, ""),
    ],
)
def test_processors_that_have_bfloat16(flags, found, tmp_path, monkeypatch):
    file = tmp_path / "cpuinfo"
    if flags is not None:
        file.write_text(f"processor\t: 0\nmodel name\t: avx512_bf16 in a name\nflags\t\t: {flags}\nbugs\t\t:\n")
    read = under_test._processor_flags
    monkeypatch.setattr(under_test, "_processor_flags", lambda: read(file))
    assert bfloat16_hardware("CPU") == found


@pytest.mark.parametrize("precision", MIXED)
def test_mixed_precision_takes_nearly_the_same_step(precision, tiny, taken):
    whole, mixed = (taken(tiny(DESCENT, f"training.precision={p}").recipe, steps=3) for p in ("float32", precision))
    one, other = whole.take(), mixed.take()
    assert all(np.isfinite(list(other.values())))
    assert one != other, "it computes in other numbers"
    np.testing.assert_allclose(list(one.values()), list(other.values()), rtol=0.05, atol=0.02)
    for name, variable in mixed.state.variables().items():
        if "float" in str(variable.dtype):
            # Sums of metrics are added up on the host, in more digits.
            assert ("float64" if name == "unlogged" else "float32") in str(variable.dtype), name
    layers = mixed.state.networks.discriminator.model.layers[1:]
    assert {layer.compute_dtype for layer in layers} == {precision.removeprefix("mixed_")}
    last = mixed.state.networks.generator.model.layers[-1]
    assert last.compute_dtype == "float32", "images need more than 8 bits"


@pytest.mark.parametrize("precision", MIXED)
def test_samples_and_saved_generators_are_float32(precision, tiny, run, tmp_path):
    loaded = tiny(f"training.precision={precision}", "training.ema=0.5")
    outcome, notes = run(loaded, tmp_path / "run")
    assert any(precision in line for line in notes)
    assert json.loads(outcome.run.environment_file.read_text())["precision"] == precision
    from dcgan_kit.runs.image_grid import generated, grid_of, latent_vectors, png_of

    z = latent_vectors(loaded.recipe, 6, 0)
    for name, file in (("", outcome.run.generator_file), ("-raw", outcome.run.raw_generator_file)):
        model = keras.saving.load_model(file)
        assert {layer.compute_dtype for layer in model.layers} == {"float32"}
        assert model(z).dtype == tf.float32
        grid = grid_of(generated(model, z, loaded.recipe.image.range), 2, 3)
        assert png_of(grid) == (outcome.run.samples / f"step-000008{name}.png").read_bytes()


@pytest.mark.parametrize(
    ("details", "expected"),
    [([(8, 0)], "the GPU has bfloat16"), ([(9, 0), (7, 5)], ""), ([None], "")],
)
def test_gpus_that_have_bfloat16(details, expected, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: list(range(len(details))))
    monkeypatch.setattr(
        tf.config.experimental, "get_device_details", lambda index: {"compute_capability": details[index]}
    )
    assert bfloat16_hardware("GPU") == expected


@pytest.mark.parametrize("older", [False, True], ids=["", "folder of an older version"])
@pytest.mark.parametrize("quick", [True, False], ids=["begun quick", "begun slow"])
def test_a_run_goes_on_in_the_precision_that_it_was_begun_in(quick, older, tiny, run, tmp_path, processor):
    import signal

    loaded, file = tiny("training.precision=auto"), tmp_path / "run" / "environment.json"
    processor(quick)
    _, notes = run(loaded, tmp_path / "run", lambda step: signal.raise_signal(signal.SIGTERM) if step == 2 else None)
    facts = json.loads(file.read_text())
    precision = "mixed_bfloat16" if quick else "float32"
    assert (facts["precision"], facts["xla"]) == (precision, False)
    assert any(line == f"on one CPU, {precision} ({facts['choice']['reason']})" for line in notes)
    if quick:
        assert facts["choice"]["milliseconds"] == {"float32": 2.0, "mixed_bfloat16": 1.0}
        assert facts["choice"]["device"] == facts["processor"]
    if older:
        del facts["xla"], facts["choice"]
        file.write_text(json.dumps(facts))
    processor(not quick)
    _, notes = run(loaded, tmp_path / "run")
    assert any(f"one CPU, {precision} (as in this run so far)" in line for line in notes)
    assert json.loads(file.read_text()) == {**facts, "xla": False}, "the figures are those of the beginning"


def test_an_overflow_halves_the_loss_scale_and_moves_no_weight(tiny, taken):
    ours = taken(tiny("training.precision=mixed_float16").recipe, steps=3)
    ours.take(0, 1)
    assert ours.state.loss_scale.numpy().tolist() == [2.0**15, 1.0], "a step has gone without overflow"
    ours.state.loss_scale.assign([3e38, 7.0])
    weights = {role: ours.weights(role) for role in ("generator", "discriminator")}
    optimizers = [np.asarray(v) for v in ours.state.discriminator_optimizer.variables]
    metrics = ours.take(1, 1)
    assert np.isfinite(list(metrics.values())).all()
    assert not {"generator_gradient", "discriminator_gradient"} & metrics.keys(), "there was no update"
    np.testing.assert_allclose(ours.state.loss_scale.numpy(), [3e38 / 2, 0.0], rtol=1e-6)
    for role, before in weights.items():
        for one, other in zip(before, ours.weights(role), strict=True):
            np.testing.assert_array_equal(one, other)
    for one, other in zip(optimizers, ours.state.discriminator_optimizer.variables, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=other.path)
    ours.state.loss_scale.assign([1024.0, 1999.0])
    ours.take(2, 1)
    assert ours.state.loss_scale.numpy().tolist() == [2048.0, 0.0], "it doubles after 2000 steps without overflow"
    assert any((a != b).any() for a, b in zip(weights["generator"], ours.weights("generator"), strict=True))


RESTRAINED = ("training.loss=relativistic_paired", "training.orthogonal=0.1", "training.discriminator.weight_clip=0.05")


@pytest.mark.parametrize(
    ("precision", "overrides"), [("float32", ()), ("mixed_float16", ()), ("float32", RESTRAINED)], ids=str
)
def test_xla_takes_the_same_steps(precision, overrides, tiny, taken, monkeypatch):
    """Fed the same latent vectors: XLA on processors draws others from the same seed."""
    from dcgan_kit.adversarial import session

    fixed = np.random.default_rng(5).standard_normal((4, 4)).astype("float32")
    built = session.build_parts

    def fed(recipe):
        from dataclasses import replace

        return replace(built(recipe), latent=lambda count, seed: tf.constant(fixed))

    monkeypatch.setattr(session, "build_parts", fed)
    plain, compiled = (
        taken(tiny(DESCENT, f"training.xla={xla}", f"training.precision={precision}", "training.ema=0.9",
                   "training.schedule=cosine", *overrides).recipe, steps=2)
        for xla in ("off", "on")
    )  # fmt: skip
    assert (plain.session.choice.xla, compiled.session.choice.xla) == (False, True)
    one, other = plain.take(), compiled.take()
    tolerance = 1e-4 if precision == "float32" else 2e-2
    np.testing.assert_allclose(list(one.values()), list(other.values()), rtol=tolerance, atol=tolerance)
    for (name, a), b in zip(plain.state.values().items(), compiled.state.values().values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=name)


def test_xla_is_left_alone_on_a_processor_unless_asked_for(tiny, taken):
    assert not taken(tiny().recipe).session.choice.xla
    assert not taken(tiny("training.xla=off").recipe).session.choice.xla


def small(role, *filters):
    """Return overrides that give a network few filters, those of its input or first stage first."""
    places = ["generator.input", *(f"generator.stages.{stage}" for stage in range(9))]
    if role == "discriminator":
        places = [f"discriminator.stages.{stage}" for stage in range(9)]
    return tuple(f"{place}.filters={count}" for place, count in zip(places, filters, strict=False))


SHIPPED = {
    "in turn": ("radford-faces64", *small("generator", 4, 4, 4, 4), *small("discriminator", 4, 4, 4, 4)),
    "penalized": ("tfgan-cifar32", *small("generator", 4, 4, 4), *small("discriminator", 4, 4, 4)),
    "simultaneous, augmented and averaged": (
        "small-fashion28", "training.augmentation=diffaugment", *small("generator", 4, 4), *small("discriminator", 4, 4),
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("way", SHIPPED)
def test_xla_takes_the_steps_of_shipped_recipes(way, resolve, taken):
    """With gradient descent: Adam makes steps of any size out of gradients that are rounding alone."""
    name, *overrides = SHIPPED[way]
    fixed = ("training.precision=float32", "training.batch_size=4", DESCENT, "distribute.strategy=one_device")
    with same_random_numbers():
        plain, compiled = (
            taken(resolve(name, *overrides, *fixed, f"training.xla={xla}"), steps=2) for xla in ("off", "on")
        )
        metrics, others = plain.take(), compiled.take()
    assert (plain.session.choice.xla, compiled.session.choice.xla) == (False, True)
    np.testing.assert_allclose(list(metrics.values()), list(others.values()), rtol=1e-3, atol=1e-4)
    moved = compiled.state.values()
    for variable, value in plain.state.values().items():
        largest = np.abs(value).max(initial=0.0)
        np.testing.assert_allclose(moved[variable], value, rtol=0, atol=1e-3 * largest + 1e-5, err_msg=variable)
