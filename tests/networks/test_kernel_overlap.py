"""How evenly kernels cover pixels: values worked out by hand; Odena et al. 2016, distill.pub/2016/deconv-checkerboard."""

from __future__ import annotations

import math

import pytest

from dcgan_kit.networks.kernel_overlap import overlap_factor, stack_evenness
from dcgan_kit.networks.resampling import Resize, Window


def up(kernel, stride=2, dilation=1):
    return Window(True, True, (kernel, kernel), (stride, stride), (dilation, dilation))


@pytest.mark.parametrize(
    ("kernel", "stride", "factor"),
    [(3, 2, 4.0), (5, 2, 2.25), (7, 2, 1.78), (2, 2, 1), (4, 2, 1), (6, 2, 1), (9, 3, 1)],
)
def test_overlap_of_one_layer(kernel, stride, factor):
    assert overlap_factor(up(kernel, stride)) == pytest.approx(factor, abs=0.005)


def test_axes_are_multiplied():
    assert overlap_factor(Window(True, True, (3, 4), (2, 2))) == 2.0
    assert overlap_factor(Window(True, True, (3, 5), (2, 2))) == 3.0


def test_a_kernel_smaller_than_its_stride_leaves_holes():
    assert overlap_factor(up(2, 3)) == math.inf


def test_a_dilation_that_the_stride_divides_hits_one_phase_only():
    assert overlap_factor(up(4, 2, dilation=2)) == math.inf
    assert overlap_factor(up(4, 2, dilation=3)) == 1.0


@pytest.mark.parametrize(("kernel", "ratio"), [(3, 8.0), (5, 1.76), (4, 1.0)])
def test_four_layers(kernel, ratio):
    found, deviation = stack_evenness([up(kernel)] * 4)
    assert found == pytest.approx(ratio, abs=0.005)
    assert (deviation == pytest.approx(0.0, abs=1e-12)) == (kernel == 4)


def test_one_layer_along_an_axis():
    # Pixels are touched by one and by two taps in turn: mean 1.5, deviation 0.5.
    assert stack_evenness([up(3)]) == pytest.approx((2.0, 1 / 3))


def test_resizing_and_convolving_is_even():
    resize_conv = [Resize((2, 2)), Window(True, False, (3, 3), (1, 1))]
    assert stack_evenness(resize_conv * 4) == pytest.approx((1.0, 0.0))


def test_the_worse_axis_counts():
    only_width = Window(True, True, (4, 3), (2, 2))
    assert stack_evenness([only_width])[0] == pytest.approx(2.0)
    assert stack_evenness([Window(True, True, (3, 4), (2, 2))])[0] == pytest.approx(2.0)


def test_a_convolution_after_evens_out():
    """A 2x2 convolution adds a pixel touched once and one touched twice."""
    assert stack_evenness([up(3), Window(True, False, (2, 2), (1, 1))]) == pytest.approx((1.0, 0.0))


def test_resizing_keeps_a_pattern():
    assert stack_evenness([up(3), Resize((2, 2))])[0] == pytest.approx(2.0)
