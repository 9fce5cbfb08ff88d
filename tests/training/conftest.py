"""What the tests of training share: recipes of seconds, someone who listens, and steps on the side."""

from __future__ import annotations

import numpy as np
import pytest

from dcgan_kit.networks.building import build_networks
from dcgan_kit.training import precision
from dcgan_kit.training.checkpoint import packed, unpacked
from dcgan_kit.training.loop import train
from dcgan_kit.training.measures import added, means, nothing
from dcgan_kit.training.noise import StepNoise
from dcgan_kit.training.parts import build_latent
from dcgan_kit.training.session import Session


@pytest.fixture(scope="session", autouse=True)
def unasked_processor():
    """Let no test of this folder depend on what its processor is quick at: each says what it answers."""

    def ask(kind):
        raise AssertionError(f"a test asks this {kind}; give it an answer with the fixture processor")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(precision, "_bfloat16_pays", ask)
        yield


@pytest.fixture
def processor(monkeypatch):
    """Return a function bool -> None that lets the processor be quick at bfloat16, or slow."""

    def processor(quick):
        answer = quick, f"the processor is told to be {'quick' if quick else 'slow'} at it"
        monkeypatch.setattr(precision, "_bfloat16_pays", lambda kind: answer)

    return processor


class Listener:
    """Keeps what training says; ``at_progress(step)`` is called whenever the bar moves."""

    def __init__(self, at_progress=None):
        self.notes = []
        self.steps = []
        self._at_progress = at_progress

    def note(self, message):
        self.notes.append(message)

    def preparing(self, what, done, total):
        pass

    def progress(self, step, metrics):
        self.steps.append(step)
        if self._at_progress:
            self._at_progress(step)


@pytest.fixture(scope="session")
def listener():
    """Return the class of listeners."""
    return Listener


SMALL = """version: 1
extends: dcgan
image: {size: 28, channels: 1}
generator:
  input: {projection: {use: dense, size: 7}, filters: 4}
  stages:
    - filters: 4
discriminator:
  stages:
    - {filters: 4, normalization: none, bias: true}
    - filters: 4
  output: {head: {use: dense, dropout: 0.3}, bias: true}
data: fashion_mnist_4k
training: {precision: float32, steps: 8, batch_size: 8, ema: 0.995, sample_grid: [2, 3], log_every: 2, sample_every: 4, checkpoint_every: 4}
"""
TINY = """version: 1
extends: dcgan
image: {{size: 8, channels: 1}}
latent: {{size: 4}}
generator:
  input: {{projection: {{use: dense, size: 4}}, filters: 4}}
discriminator:
  stages:
    - filters: 4
data: {{use: npz, path: {path}}}
training: {{precision: float32, steps: 8, batch_size: 4, sample_grid: [2, 3], log_every: 2, sample_every: 4, checkpoint_every: 4}}
"""


@pytest.fixture(scope="session")
def small(load, tmp_path_factory):
    """Return a function (*overrides, folder=None) -> LoadedRecipe: 28x28, four filters, eight steps."""
    file = tmp_path_factory.mktemp("small") / "small.yaml"
    file.write_text(SMALL)
    return lambda *overrides, folder=None: load(file, *overrides, folder=folder)


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory):
    """A recipe file: 8x8, four filters, no dropout, no average, eight steps on 64 images of noise."""
    folder = tmp_path_factory.mktemp("tiny")
    np.savez(folder / "noise.npz", x=np.random.default_rng(0).integers(0, 256, (64, 8, 8, 1), np.uint8))
    (folder / "tiny.yaml").write_text(TINY.format(path=folder / "noise.npz"))
    return folder / "tiny.yaml"


@pytest.fixture(scope="session")
def tiny(load, tiny_file):
    """Return a function (*overrides, folder=None) -> LoadedRecipe of the tiny recipe."""
    return lambda *overrides, folder=None: load(tiny_file, *overrides, folder=folder)


@pytest.fixture(scope="session")
def run(listener):
    """Return a function (loaded, path, at_progress=None, may_change=()) -> (Outcome, notes)."""

    def run(loaded, path, at_progress=None, may_change=()):
        ear = listener(at_progress)
        return train(loaded.recipe, loaded.plugins, path, ear, may_change), ear.notes

    return run


@pytest.fixture(scope="session")
def values_in():
    """Return a function path -> every array of a checkpoint."""

    def values_in(path):
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}

    return values_in


class Taken:
    """A session whose steps a test takes itself, on images of noise.

    Attributes:
        pixels: uint8 (steps, batches, parts, replicas, B, H, W, C); every session of a shape sees the same.
    """

    def __init__(self, recipe, steps=1, **more):
        self.session = Session.create(recipe, **more)
        self.state = self.session.state
        training = recipe.training
        batches = training.discriminator.updates if training.updates == "alternating" else 1
        rows = training.batch_size // training.accumulate
        shape = (steps, batches, training.accumulate, 1, rows, *recipe.image.shape)
        self.pixels = np.random.default_rng(3).integers(0, 256, shape, np.uint8)
        self._compiled = None

    def take(self, first=0, count=None):
        """Take some of the steps → metrics by name."""
        import tensorflow as tf

        self._compiled = self._compiled or self.session.compile()
        pixels = self.pixels[first : None if count is None else first + count]
        labels = tf.zeros(pixels.shape[:5], tf.int32)
        return means(added(nothing(), self._compiled(tf.constant(pixels), labels, tf.constant(first, tf.int64))))

    def weights(self, role):
        """Values of the trainable variables."""
        return [np.asarray(v) for v in getattr(self.state.networks, role).model.trainable_variables]


@pytest.fixture(scope="session")
def taken():
    """Return a function (recipe, steps=1) -> Taken."""
    return Taken


def taken_twice(ours, steps):
    """Take some steps, the second half twice, from what a checkpoint of the middle holds: both must end in the same bits.

    → metrics of all steps
    """
    first = ours.state.values()
    ours.take(0, steps // 2)
    middle = packed(ours.state.values(), {})
    metrics = ours.take(steps // 2, steps - steps // 2)
    straight = ours.state.values()
    assert any((straight[name] != value).any() for name, value in first.items())
    networks = ours.state.networks
    for layer in (*networks.generator.model._flatten_layers(), *networks.discriminator.model._flatten_layers()):
        for variable in layer.variables:
            # What no checkpoint holds keeps this value.
            variable.assign(np.full(variable.shape, 3).astype(np.asarray(variable).dtype))
    ours.state.assign(unpacked(middle, ours.state, "memory"))
    assert ours.state.steps_done == steps // 2
    assert ours.take(steps // 2, steps - steps // 2) == metrics
    again = ours.state.values()
    assert straight.keys() == again.keys()
    for name, value in straight.items():
        assert value.tobytes() == again[name].tobytes(), name
    return metrics


@pytest.fixture(scope="session")
def goes_on():
    """Return the function (Taken, steps) -> metrics that takes the second half of the steps twice."""
    return taken_twice


class ByHand:
    """Networks of a recipe built anew, for what a reader of the recipe would write down with a tape.

    Attributes:
        generator: the Keras model.
        discriminator: the Keras model.
        of_g: the generator's trainable variables.
        of_d: the discriminator's.
    """

    def __init__(self, recipe):
        self._recipe = recipe
        networks = build_networks(recipe)
        self.generator, self.discriminator = networks.generator.model, networks.discriminator.model
        self.of_g = [variable.value for variable in self.generator.trainable_variables]
        self.of_d = [variable.value for variable in self.discriminator.trainable_variables]

    def latent(self, step, purpose="latent0"):
        """Draw the latent vectors of a step."""
        recipe = self._recipe
        seed = StepNoise(recipe.training.seed, step, purpose).seed()
        return build_latent(recipe)(recipe.training.batch_size, seed)

    def fake(self, step, purpose="latent0"):
        """Generate the images of a step, in training."""
        return self.generator(self.latent(step, purpose), training=True)

    def real(self, pixels):
        """Scale uint8 images of one update, (..., B, H, W, C), to the networks' range, (N, H, W, C)."""
        low, high = self._recipe.value_range
        scaled = low + (high - low) * pixels.astype("float64") / 255
        return scaled.reshape(-1, *self._recipe.image.shape).astype("float32")

    def logits(self, images):
        """Judge images, in training."""
        return self.discriminator(images, training=True)

    @staticmethod
    def descend(weights, gradients, rate):
        """Step along the gradient."""
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.assign_sub(rate * gradient)

    def agrees_with(self, taken, rtol=1e-4, atol=1e-6):
        """Assert that a session's networks have come to the same weights, statistics included."""
        networks = taken.state.networks
        for ours, theirs in ((networks.generator, self.generator), (networks.discriminator, self.discriminator)):
            for one, other in zip(ours.model.weights, theirs.weights, strict=True):
                if "seed" not in one.path:
                    np.testing.assert_allclose(one, other, rtol=rtol, atol=atol, err_msg=f"{ours.role} {one.path}")


@pytest.fixture(scope="session")
def by_hand():
    """Return a function recipe -> ByHand."""
    return ByHand
