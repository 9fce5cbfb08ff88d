"""The compiled steps, and how their graph gets ready while something else is done."""

from __future__ import annotations

import numpy as np

from dcgan_kit.adversarial.compiled_steps import optimize_in_background


def test_getting_ready_in_the_background_takes_no_step_and_changes_no_bit(tiny, taken):
    ours, plain = (taken(tiny("generator.regularizer={use: dropout, rate: 0.5}").recipe, 2) for _ in range(2))
    ours.compiled = ours.session.compile()
    before = ours.state.values()
    optimize_in_background(ours.compiled, ours.session.step).join()
    for name, value in ours.state.values().items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
    assert ours.take(0, 2) == plain.take(0, 2)
    expected = plain.state.values()
    for name, value in ours.state.values().items():
        assert value.tobytes() == expected[name].tobytes(), name


def test_an_error_is_left_to_the_first_step(tiny, taken, capfd):
    def fail(*given):
        raise RuntimeError("no memory")

    thread = optimize_in_background(fail, taken(tiny().recipe).session.step)
    thread.join()
    assert capfd.readouterr() == ("", "")
