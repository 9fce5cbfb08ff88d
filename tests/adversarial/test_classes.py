"""Training with classes: what both networks are told, and what an auxiliary classifier adds to their losses."""

import numpy as np
import pytest
import tensorflow as tf

from dcgan_kit.adversarial.session import Session
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.data.loading import require_labels, with_known_classes
from dcgan_kit.errors import DataError, RecipeError
from dcgan_kit.recipes.loading import load_recipe

RECIPE = """
version: 1
extends: dcgan
image: {size: 8, channels: 1}
latent: {size: 6}
condition: {classes: 3}
data: fashion_mnist_4k
generator:
  input: {projection: {use: dense, size: [4, 4]}, filters: 4, conditioning: concatenate}
  output: {}
discriminator:
  normalization: none
  stages: [{filters: 4}]
  output: {head: projection}
training: {steps: 2, batch_size: 6, precision: float32, evaluation: {scores: []}, probing: {probes: []}}
"""
CLASSIFIER = ("discriminator.output.head=auxiliary_classifier", "training.class_loss={use: cross_entropy, fake: 0.5}")


def recipe_of(*overrides):
    return load_recipe(RECIPE, overrides, PluginSettings(builtins_only=True)).recipe


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    return Images(random.integers(0, 256, (12, 8, 8, 1), np.uint8), labels=np.arange(12) % 3)


class Recorder:
    """A tap that keeps what each network is given."""

    def __init__(self):
        self.given = []

    def begin(self, update, part):
        pass

    def forward(self, role, input_name, forward, x):
        self.given.append((input_name, x))
        return forward(x, True)

    def end(self, facts, gradients):
        self.facts = {name: float(value) for name, value in facts.items()}


def step(session, images):
    pixels, labels = session.batches(images, 0, 1)
    tap = Recorder()
    updates = session.step.schedule.at(0)
    session.step.replica_step(pixels[0, :, :, 0], labels[0, :, :, 0], tf.constant(0, tf.int64), updates, tap)
    return tap, np.asarray(labels).ravel()


def test_generated_images_have_the_classes_of_the_real_ones(images):
    tap, labels = step(Session.create(recipe_of()), images)
    told = {name: np.asarray(x[1]) for name, x in tap.given}
    assert set(told) == {"latent vectors", "real images", "generated images"}
    for classes in told.values():
        np.testing.assert_array_equal(classes, np.eye(3)[labels])


def test_classes_that_are_drawn_do_not_depend_on_the_images(images):
    session = Session.create(recipe_of("condition.generated=uniform", "training.batch_size=12"))
    tap, labels = step(session, images)
    told = {name: np.asarray(x[1]) for name, x in tap.given}
    np.testing.assert_array_equal(told["latent vectors"], told["generated images"])
    np.testing.assert_array_equal(told["real images"], np.eye(3)[labels])
    assert (told["latent vectors"].sum(1) == 1).all()
    assert not np.array_equal(told["latent vectors"], told["real images"])


def test_the_classifier_adds_its_cross_entropy_by_hand(images):
    session = Session.create(recipe_of(*CLASSIFIER))
    model = session.state.networks.discriminator.model
    before = model.get_weights()
    tap, labels = step(session, images)
    model.set_weights(before)
    given = {name: x for name, x in tap.given}

    def entropy(x):
        logits = np.asarray(model(x, training=True))[:, 1:].astype(np.float64)
        odds = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        return -odds[np.arange(len(labels)), labels].mean()

    real, fake = entropy(given["real images"]), entropy(given["generated images"])
    assert tap.facts["discriminator_class_loss"] == pytest.approx(real + 0.5 * fake, rel=1e-4)
    assert tap.facts["generator_class_loss"] == pytest.approx(fake, rel=1e-4)


def test_the_class_of_generated_images_is_what_the_discriminator_should_find(images):
    session = Session.create(recipe_of(*CLASSIFIER, "discriminator.output.head.generated_class=true"))
    model = session.state.networks.discriminator.model
    before = model.get_weights()
    tap, labels = step(session, images)
    model.set_weights(before)
    given = dict(tap.given)

    def entropy(x, classes):
        logits = np.asarray(model(x, training=True))[:, 1:].astype(np.float64)
        assert logits.shape == (6, 4)
        odds = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        return -odds[np.arange(6), classes].mean()

    real, fake = given["real images"], given["generated images"]
    expected = entropy(real, labels) + 0.5 * entropy(fake, np.full(6, 3))
    assert tap.facts["discriminator_class_loss"] == pytest.approx(expected, rel=1e-4)
    assert tap.facts["generator_class_loss"] == pytest.approx(entropy(fake, labels), rel=1e-4)


def test_concatenated_passes_give_the_same_losses(images):
    one, _ = step(Session.create(recipe_of(*CLASSIFIER)), images)
    other, _ = step(Session.create(recipe_of(*CLASSIFIER, "training.discriminator_passes=concatenated")), images)
    assert one.facts == pytest.approx(other.facts, rel=1e-4)


@pytest.mark.parametrize("penalty", ["gradient_penalty", "r1", "r2", "both", "consistency"])
def test_penalties_know_the_classes(images, penalty):
    tap, labels = step(Session.create(recipe_of(f"training.penalty={penalty}")), images)
    told = [np.asarray(x[1]) for name, x in tap.given if name == "penalty"]
    assert told
    for classes in told:
        np.testing.assert_array_equal(classes, np.eye(3)[labels])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (CLASSIFIER[:1], "training.class_loss: is missing: the discriminator returns class logits"),
        (CLASSIFIER[1:], "training.class_loss: the discriminator returns no class logits"),
    ],
)
def test_class_logits_and_their_loss_belong_together(overrides, message):
    with pytest.raises(RecipeError, match=message):
        Session.create(recipe_of(*overrides))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "condition: the images have no labels, so their classes are unknown"),
        ([0, 1, 2, -1], r"condition: labels must count from 0\. Received: -1"),
        ([0, 0, 0, 0], "condition: all images have the class 0; a recipe with classes needs two at least"),
        (
            [0, 1, 2, 3],
            "condition.classes: the images have more classes than 3; their labels go from 0 to 3: set it to 4, or to auto",
        ),
        (
            [0, 2, 2, 0],
            "condition.classes: the recipe has 3 classes, and no image has: 1; give each class an image, or number the "
            "classes without gaps",
        ),
        (
            [0, 1, 1, 0],
            "condition.classes: the recipe has 3 classes, and no image has: 2; their labels go from 0 to 1: set it to 2, "
            "or to auto",
        ),
    ],
)
def test_labels_are_checked_before_training(labels, message):
    images = Images(np.zeros((4, 8, 8, 1), np.uint8), None if labels is None else np.array(labels))
    with pytest.raises(DataError, match=message):
        require_labels(recipe_of(), images)


def test_auto_counts_the_classes_of_the_data():
    recipe = recipe_of("condition.classes=auto", "image.size=28")
    with pytest.raises(RecipeError, match="auto needs the labels of the data"):
        _ = recipe.classes
    assert with_known_classes(recipe).classes == 10
