"""Power by frequency and the index of checkerboards: values known in advance."""

from __future__ import annotations

import numpy as np
import pytest

from dcgan_kit import checkerboard_fits, checkerboard_index, power_spectrum, radial_power


def index(images, period):
    return checkerboard_index(power_spectrum(images[..., None]), period)


def images_like_photographs(count=256, side=64, exponent=1.14):
    """Deviation 1, amplitudes that fall like 1 / frequency^exponent."""
    white = np.random.default_rng(0).standard_normal((count, side, side))
    frequencies = np.fft.fftfreq(side) * side
    distance = np.hypot(*np.meshgrid(frequencies, frequencies))
    distance[0, 0] = np.inf
    images = np.fft.ifft2(np.fft.fft2(white) * distance**-exponent).real
    return images / images.std()


@pytest.mark.parametrize(("amplitude", "expected"), [(0.01, 0.17), (0.02, 0.53), (0.05, 1.23)])
def test_known_responses_of_the_index(amplitude, expected):
    pattern = (-1.0) ** np.add.outer(np.arange(64), np.arange(64))
    clean = images_like_photographs()
    assert index(clean, 2) == pytest.approx(0.0, abs=0.1)
    assert index(clean + amplitude * pattern, 2) == pytest.approx(expected, abs=0.03)


def test_a_pattern_is_found_at_its_own_period():
    images = np.random.default_rng(0).standard_normal((64, 64, 64))
    images += 0.3 * np.tile([[1.0, 1, -1, -1]] * 2 + [[-1.0, -1, 1, 1]] * 2, (16, 16))
    indices = {period: index(images, period) for period in (2, 4, 8, 16)}
    assert max(indices, key=indices.get) == 4
    assert all(abs(indices[period]) < 0.1 for period in (2, 8, 16))


@pytest.mark.parametrize(
    ("size", "fitting"), [((64, 64), {2, 4, 8, 16}), ((28, 28), {2, 4}), ((96, 64), {2, 4, 8, 16}), ((9, 9), set())]
)
def test_a_period_fits_where_it_divides_both_sides_and_leaves_room(size, fitting):
    assert {period for period in (2, 3, 4, 8, 16) if checkerboard_fits(period, *size)} == fitting


@pytest.mark.parametrize("exponent", [1.0, 1.5])
def test_smooth_images_are_not_called_checkered(exponent):
    assert abs(index(images_like_photographs(exponent=exponent), 2)) < 0.2


@pytest.mark.parametrize("size", [(32, 48), (31, 17), (2, 2), (1, 1)])
def test_white_noise_has_its_variance_at_every_frequency(size):
    images = np.random.default_rng(2).standard_normal((500, *size, 3))
    power = power_spectrum(images)
    assert power.shape == size
    if min(size) > 2:
        # Frequency 0 is taken out, and the window smears what is missing over its neighbours.
        assert power[3:-3, 3:-3].mean() == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("size", [(32, 48), (33, 48)])
def test_a_wave_along_the_shorter_side_is_in_the_ring_of_its_cycles(size):
    wave = np.cos(2 * np.pi * 8 * np.arange(size[0]) / size[0])
    rings = radial_power(power_spectrum(np.broadcast_to(wave[None, :, None, None], (1, *size, 1))))
    assert len(rings) == size[0] // 2
    assert int(np.argmax(rings)) + 1 == 8
