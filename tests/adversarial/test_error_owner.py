from __future__ import annotations

import re

import pytest

from dcgan_kit.adversarial.error_owner import blaming
from dcgan_kit.adversarial.step_metrics import METRICS
from dcgan_kit.errors import ComponentError, UserError
from dcgan_kit.networks.builder import build_networks


@pytest.fixture
def stranger(small, sample_plugins):
    """Return a function (*overrides) -> LoadedRecipe with the components that break their contracts."""
    return lambda *overrides: small(*overrides, folder=sample_plugins / "broken")


@pytest.mark.parametrize(
    ("network", "layer"), [("generator", "stage1_activation"), ("discriminator", "stage2_activation")]
)
def test_a_layer_that_fails_while_the_step_is_traced_names_its_owner(network, layer, stranger, run, tmp_path):
    place = "stages.0" if network == "generator" else "stages.1"
    with pytest.raises(ComponentError) as raised:
        run(stranger(f"{network}.{place}.activation=fails_in_training"), tmp_path / "run")
    who = f"activation bad_components/fails_in_training: {layer} of the {network}"
    reported = rf"{who} failed: ValueError: no training for me \(.*/bad_components\.py:\d+\)"
    assert re.fullmatch(reported, str(raised.value))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_a_layer_that_fails_inside_the_compiled_step_names_its_owner(network, stranger, run, tmp_path):
    with pytest.raises(ComponentError) as raised:
        run(stranger(f"{network}.stages.0.activation=fails_in_the_step"), tmp_path / "run")
    message = str(raised.value)
    assert message.startswith(
        f"activation bad_components/fails_in_the_step: stage1_activation of the {network} failed: InvalidArgumentError"
    )
    assert "third time unlucky" in message


@pytest.mark.parametrize(
    ("node", "layer"),
    [("stage1_activation_1/Assert", "stage1_activation"), ("stage1_activation_2_1/Assert", "stage1_activation_2")],
)
def test_of_two_layers_whose_names_begin_alike_the_failing_one_is_named(node, layer, stranger):
    loaded = stranger(
        "discriminator.stages.0.order=[downsample, activation, activation]",
        "discriminator.stages.0.normalization=null",
        "discriminator.stages.0.activation=fails_in_the_step",
    )
    networks = build_networks(loaded.recipe, symbolic=True)
    with (
        pytest.raises(ComponentError, match=rf"fails_in_the_step: {layer} of the discriminator failed: "),
        blaming(networks, frozenset({"bad_components"})),
    ):
        raise RuntimeError(f"[[{{{{node while/discriminator_1/{node}}}}}]]")


def test_what_is_not_a_strangers_fault_is_raised_as_it_is(small):
    networks = build_networks(small().recipe, symbolic=True)
    with (
        pytest.raises(RuntimeError, match=r"^discriminator_1/stage1_activation_1/Assert$"),
        blaming(networks, frozenset()),
    ):
        raise RuntimeError("discriminator_1/stage1_activation_1/Assert")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("latent={use: short, size: 10}", r"latent bad_components/short must return .*and returned float32 \(2, 9\)"),
        ("training.loss=no_loss", r"loss bad_components/no_loss must return an AdversarialLoss"),
        ("training.loss=vector_loss", r"loss bad_components/vector_loss must return .*and returned float32 \(2, 1\)"),
        ("training.optimizer=no_optimizer", r"optimizer bad_components/no_optimizer must return a keras.optimizers"),
        ("data=floats", r"data bad_components/floats must return dcgan_kit.Images with uint8 pixels"),
        ("generator.stages.0.activation=unsaved", r"activation bad_components/unsaved: stage1_activation of the gen"),
    ],
)
def test_a_component_that_breaks_its_contract_in_training_names_its_owner(override, message, stranger, run, tmp_path):
    with pytest.raises(UserError, match=message):
        run(stranger(override, "training.steps=2"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


CALLBACKS = """
import keras
from dcgan_kit import hookimpl

class Mine(keras.callbacks.Callback):
    def {event}(self, *args, **kwargs):
        {body}

@hookimpl
def dcgan_kit_callbacks(recipe, run):
    {hook}
"""


@pytest.fixture
def with_callbacks(small, tmp_path):
    """Return a function (event, body, hook) -> LoadedRecipe with a plugin ``mine`` of callbacks."""

    def with_callbacks(event="on_train_begin", body="pass", hook="return [Mine()]"):
        folder = tmp_path / "plugins"
        folder.mkdir()
        (folder / "mine.py").write_text(CALLBACKS.format(event=event, body=body, hook=hook))
        return small("training.steps=2", folder=folder)

    return with_callbacks


def test_callbacks_are_told_of_begin_log_and_end(small, run, tmp_path, with_callbacks):
    loaded = with_callbacks(
        "on_train_batch_end",
        "self.path.joinpath('reported').write_text(f'{args[0]} {sorted(args[1])} {self.model.name}')",
        "mine = Mine(); mine.path = run.path; return [mine]",
    )
    outcome, _ = run(loaded, tmp_path / "run")
    reported = (outcome.run.path / "reported").read_text()
    absent = {"penalty", "generator_class_loss", "discriminator_class_loss"}
    assert reported == f"2 {sorted({*METRICS, 'images_per_second'} - absent)} generator"


@pytest.mark.parametrize("event", ["on_train_begin", "on_train_batch_end", "on_train_end"])
def test_a_callback_that_raises_is_told_with_its_plugin(event, run, tmp_path, with_callbacks):
    with pytest.raises(
        ComponentError, match=rf"plugin mine \(.*mine.py\): callback Mine.{event} failed: OSError: no ink"
    ):
        run(with_callbacks(event, "raise OSError('no ink')"), tmp_path / "run")


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        ("raise KeyError('x')", "dcgan_kit_callbacks failed: KeyError: 'x'"),
        ("return [Mine]", "dcgan_kit_callbacks must return Keras callbacks, and returned <class"),
        ("return 7", "dcgan_kit_callbacks failed: TypeError: 'int' object is not iterable"),
    ],
)
def test_a_hook_that_misbehaves_is_told_with_its_plugin(hook, message, run, tmp_path, with_callbacks):
    with pytest.raises(ComponentError, match=rf"plugin mine \(.*mine.py\): {message}"):
        run(with_callbacks(hook=hook), tmp_path / "run")
