"""Budgets: what they pay for, by hand and by the operations of compiled steps."""

import math

import pytest
import tensorflow as tf

from dcgan_kit.adversarial.session import Session
from dcgan_kit.errors import UserError
from dcgan_kit.studies.budget import Budget, images_a_step, step_costs, steps_of

# Of tiny-fashion28, for one image. A 4x4 kernel between 8 and 8 channels has 1,024 products at each of 7x7 places, one
# between 8 channels and 1 has 128 at each of 14x14.
DENSE, WIDE, NARROW, HEAD = 32 * 7 * 7 * 8, 1024 * 7 * 7, 128 * 14 * 14, 7 * 7 * 8
G, D = DENSE + WIDE + NARROW, NARROW + WIDE + HEAD
BATCH = 16

ALTERNATING, IN_TURN = "training.updates=alternating", "training.updates=in_turn"
SIMULTANEOUS = "training.updates=simultaneous"
FRESH, CONCATENATED = "training.latents=fresh", "training.discriminator_passes=concatenated"
RELATIVISTIC, TWICE = "training.loss=relativistic_average", "training.discriminator.updates=2"
TWO_OF_G, PARTS = "training.generator.updates=2", "training.accumulate=2"
CLIPPED = "training.generator={weight_clip: 1.0, weight_clip_when: before}"

# For each image: forward passes, then backward passes, of G and of D.
SCHEDULES = [
    # D learns from 2 passes that go back whole; G learns through D's input gradients of one pass.
    ([SIMULTANEOUS], [(1 + 2) * G + (2 + 2 * 2 + 1) * D]),
    ([SIMULTANEOUS, CONCATENATED], [(1 + 2) * G + (2 + 2 * 2 + 2) * D]),
    # D first; then G with the same images, which D sees again.
    ([ALTERNATING], [(1 + 2) * G + (2 + 2 * 2) * D + (1 + 1) * D]),
    ([ALTERNATING, CONCATENATED], [(1 + 2) * G + (2 + 2 * 2) * D + (1 + 1) * D]),
    ([ALTERNATING, FRESH], [(1 + 1 + 2) * G + (2 + 2 * 2) * D + (1 + 1) * D]),
    ([ALTERNATING, PARTS], [(1 + 1 + 2) * G + (2 + 2 * 2) * D + (1 + 1) * D]),
    ([ALTERNATING, CLIPPED], [(1 + 1 + 2) * G + (2 + 2 * 2) * D + (1 + 1) * D]),
    # G's loss compares its images with real ones, so D sees these again too.
    ([ALTERNATING, RELATIVISTIC], [(1 + 2) * G + (2 + 2 * 2) * D + (2 + 1) * D]),
    ([ALTERNATING, RELATIVISTIC, CONCATENATED], [(1 + 2) * G + (2 + 2 * 2) * D + (2 + 2) * D]),
    ([ALTERNATING, TWICE], [(2 + 2) * G + 2 * (2 + 2 * 2) * D + (1 + 1) * D]),
    ([ALTERNATING, TWICE, TWO_OF_G], [(2 + 1 + 2 * 2) * G + 2 * (2 + 2 * 2) * D + 2 * (1 + 1) * D]),
    # A step of one network still reports both losses.
    ([IN_TURN], [(1 + 2) * G + (2 + 1) * D, G + (2 + 2 * 2) * D]),
    ([IN_TURN, TWO_OF_G], [(1 + 2) * G + (2 + 1) * D] * 2 + [G + (2 + 2 * 2) * D]),
]
# The gradient for the input of the first layer, which most updates do not need: per D update of 2 passes, per G update.
UNUSED_OF_D, UNUSED_OF_G = 2 * NARROW, DENSE


@pytest.fixture(scope="module")
def tiny(resolve):
    """Return a function (*overrides) -> tiny-fashion28."""
    return lambda *overrides: resolve("tiny-fashion28", *overrides)


def performed(recipe):
    """The products of each kind of step, by the operations of its graph that a result needs."""
    step = Session.create(recipe).step
    training, batches = recipe.training, images_a_step(recipe) // recipe.training.batch_size
    shape = (batches, training.accumulate, training.batch_size // training.accumulate)
    inputs = (
        tf.TensorSpec((*shape, *recipe.image.shape), tf.uint8),
        tf.TensorSpec(shape, tf.int32),
        tf.TensorSpec((), tf.int64),
    )
    found = {}
    for updates in step.schedule.kinds:
        compiled = tf.function(lambda *x, updates=updates: step.replica_step(*x, updates), autograph=False)
        graph = compiled.get_concrete_function(*inputs).graph
        pending, used = [t.op for t in graph.outputs] + list(graph.control_outputs), set()
        while pending:
            operation = pending.pop()
            if operation not in used:
                used.add(operation)
                pending += [t.op for t in operation.inputs] + list(operation.control_inputs)
        found[updates] = sum(map(products, used))
    return [found[step.schedule.at(number)] for number in range(len(step.schedule.order))]


def products(operation):
    """The products of an operation: a kernel's, at each place of the smaller map."""
    shapes = [tensor.shape.as_list() for tensor in (*operation.inputs, *operation.outputs)]
    if operation.type == "Conv2D":
        return math.prod(shapes[2]) * math.prod(shapes[1][:3])
    if operation.type in ("Conv2DBackpropInput", "Conv2DBackpropFilter"):
        kernel = shapes[1] if operation.type == "Conv2DBackpropInput" else shapes[3]
        return math.prod(shapes[2]) * math.prod(kernel[:3])
    return math.prod(shapes[0]) * shapes[2][1] if operation.type == "MatMul" else 0


@pytest.mark.parametrize(
    ("overrides", "expected"), SCHEDULES, ids=lambda value: str(value) if value and type(value[0]) is str else ""
)
def test_costs_of_steps_by_hand(tiny, overrides, expected):
    assert step_costs(tiny(*overrides)) == tuple(BATCH * cost for cost in expected)


@pytest.mark.slow
@pytest.mark.parametrize("overrides", [case[0] for case in SCHEDULES], ids=str)
def test_costs_of_steps_are_the_operations_of_the_compiled_step(tiny, overrides):
    recipe = tiny(*overrides, "training.fuse=false")
    schedule = Session.create(recipe).step.schedule
    unused = [
        sum(
            ("discriminator" in u.roles) * UNUSED_OF_D + ("generator" in u.roles) * UNUSED_OF_G
            for u in schedule.at(number)
        )
        for number in range(len(schedule.order))
    ]
    assert [cost - BATCH * less for cost, less in zip(step_costs(recipe), unused, strict=True)] == performed(recipe)


@pytest.mark.parametrize(
    ("penalty", "passes"),
    # A gradient penalty has a forward pass and a gradient for images; consistency has two forward passes.
    [("gradient_penalty", 2), ("dragan", 2), ("r1", 2), ("r2", 2), ("consistency", 2), ("both", 4)],
)
def test_costs_of_penalties(tiny, penalty, passes):
    usual, costs = step_costs(tiny()), step_costs(tiny(f"training.penalty={penalty}"))
    assert costs[0] - usual[0] == 3 * passes * BATCH * D


@pytest.mark.slow
@pytest.mark.parametrize("penalty", ["gradient_penalty", "r1", "consistency"])
def test_costs_of_penalties_are_near_the_operations_of_the_compiled_step(tiny, penalty):
    recipe = tiny(f"training.penalty={penalty}", "training.fuse=false")
    (cost,), (found,) = step_costs(recipe), performed(recipe)
    # The first layer is a third of this D, and most passes need no gradient for its input.
    assert found < cost < 1.15 * found


def test_a_seldom_penalty_costs_in_its_steps_only(tiny):
    usual = step_costs(tiny())[0]
    assert step_costs(tiny("training.penalty={use: r1, every: 3}")) == (usual + 6 * BATCH * D, usual, usual)


def test_multiply_accumulates_pay_for_the_steps_that_the_recipe_makes(tiny):
    recipe = tiny("training.penalty={use: r1, every: 3}")
    first, usual, _ = step_costs(recipe)
    for amount, steps in (
        (first, 1),
        (first + usual - 1, 1),
        (first + usual, 2),
        (first + 2 * usual, 3),
        (2 * first + 2 * usual - 1, 3),
        (1000 * (first + 2 * usual) + first + 0.5, 3001),
    ):
        assert steps_of(Budget("multiply_accumulates", amount), recipe) == steps


@pytest.mark.parametrize(
    ("overrides", "images"),
    [([SIMULTANEOUS], 16), ([ALTERNATING], 16), ([ALTERNATING, TWICE], 32), ([IN_TURN, TWICE], 16), ([PARTS], 16)],
    ids=str,
)
def test_images_are_those_that_steps_take_from_the_data(tiny, overrides, images):
    recipe = tiny(*overrides)
    assert images_a_step(recipe) == images
    assert steps_of(Budget("images", 10 * images + images - 1), recipe) == 10


def test_steps_and_seconds(tiny):
    assert steps_of(Budget("steps", 2000), tiny()) == 2000
    assert steps_of(Budget("steps", 2.0), tiny()) == 2
    assert str(Budget("images", 1.0e3).amount) == "1000"
    assert steps_of(Budget("seconds", 60), tiny(), 0.25) == 240
    assert steps_of(Budget("seconds", 1.99), tiny(), 0.5) == 3


@pytest.mark.parametrize("seconds", [None, 0.0, -1.0, math.nan, math.inf])
def test_seconds_need_the_seconds_of_a_step(tiny, seconds):
    with pytest.raises(ValueError, match="needs the seconds of a step"):
        steps_of(Budget("seconds", 60), tiny(), seconds)


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        (Budget("images", 15), "budget: a step of tiny-fashion28 takes 16 images, and the budget is 15; raise it"),
        (Budget("seconds", 0.5), "takes 2.5 seconds, and the budget is 0.5"),
        (Budget("seconds", 1), "takes 2.5 seconds, and the budget is 1"),
        (Budget("multiply_accumulates", 1000), "takes 13,898,752 multiply-accumulates, and the budget is 1,000"),
    ],
    ids=str,
)
def test_a_budget_pays_for_one_step_at_least(tiny, budget, message):
    with pytest.raises(UserError, match=message):
        steps_of(budget, tiny(ALTERNATING), 2.5)


@pytest.mark.parametrize("amount", [0, -1, math.nan, math.inf, True, "10", None])
def test_the_amount_is_a_positive_number(amount):
    with pytest.raises(UserError, match="must be a number above 0"):
        Budget("steps", amount)


def test_an_unknown_kind_is_refused():
    with pytest.raises(UserError, match=r"no kind 'image'\. Did you mean 'images'"):
        Budget("image", 10)
