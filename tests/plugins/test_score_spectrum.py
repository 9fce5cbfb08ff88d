"""Spectrum and checkerboard."""

from __future__ import annotations

import numpy as np
import pytest
from dcgan_kit_plugins import score
from dcgan_kit_plugins.score.power_spectrum import Power

from dcgan_kit import Features, checkerboard_index


def natural(seed, count=256, side=64):
    """Images as smooth as photographs are: power falls by the square of the frequency. Standard deviation 1."""
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side), indexing="ij"))
    radius[0, 0] = 1.0 / side
    noise = np.fft.fft2(np.random.RandomState(seed).randn(count, side, side))
    images = np.fft.ifft2(noise / radius).real
    images -= images.mean(axis=(1, 2), keepdims=True)
    return (images / images.std())[..., None]


def power(images):
    accumulator = Power()
    accumulator.add(images, Features(np.zeros((len(images), 0))))
    return accumulator.summary()


def board(side=64, period=2):
    rows, columns = np.indices((side, side)) // (period // 2)
    return np.where((rows + columns) % 2, 1.0, -1.0)[None, :, :, None]


@pytest.mark.parametrize(("contrast", "expected"), [(0.0, 0.0), (0.01, 0.17), (0.02, 0.5), (0.05, 1.15)])
def test_a_checkerboard_of_little_contrast_stands_out(compared, contrast, expected):
    fake, real = ((100.0 * images) for images in (natural(0) + contrast * board(), natural(1)))
    found = compared(score.checkerboard(), fake, real)
    assert found["checkerboard_2"] == pytest.approx(expected, abs=0.09)


@pytest.mark.parametrize("period", [2, 4, 8])
def test_each_period_is_found_by_its_own_number(compared, period):
    fake, real = 100.0 * (natural(2) + 0.3 * board(period=period)), 100.0 * natural(3)
    found = compared(score.checkerboard(), fake, real)
    assert found[f"checkerboard_{period}"] == max(found.values()) > 0.5


def test_the_radial_spectrum_misses_a_checkerboard_and_sees_blur(compared):
    images = 100.0 * natural(4)
    chequered = compared(score.spectrum(), images + 2.0 * board(), images)
    assert abs(chequered["high_band_db"]) < 0.2
    blurred = (images + np.roll(images, 1, 1) + np.roll(images, 1, 2) + np.roll(images, (1, 1), (1, 2))) / 4.0
    assert compared(score.spectrum(), blurred, images)["high_band_db"] < -5.0
    noisy = images + 60.0 * np.random.RandomState(0).randn(*images.shape)
    assert compared(score.spectrum(), noisy, images)["high_band_db"] > 3.0


def test_twice_the_contrast_is_6_dB_everywhere(compared):
    images = 1000.0 * natural(5)
    found = compared(score.spectrum(), 2.0 * images, images)
    assert found["spectrum_db"] == pytest.approx(20 * np.log10(2), rel=1e-4)
    assert found["high_band_db"] == pytest.approx(20 * np.log10(2), rel=1e-3)
    same = compared(score.spectrum(), images, images)
    assert set(same.values()) == {0.0}


def test_flat_images_have_the_power_of_rounding_and_no_checkerboard(compared):
    flat, images = np.full((10, 16, 16, 1), 7, np.uint8), np.random.RandomState(6).randint(0, 256, (10, 16, 16, 1))
    assert set(compared(score.spectrum(), flat, flat).values()) == {0.0}
    assert np.isfinite(list(compared(score.spectrum(), flat, images).values())).all()
    assert checkerboard_index(power(flat)["power"], 2) == pytest.approx(0.0, abs=1e-9)


def test_channels_count_alike(compared):
    images = 100.0 * natural(7, side=16)
    thrice = np.repeat(images, 3, axis=-1)
    assert compared(score.spectrum(), thrice, images)["spectrum_db"] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("side", "periods"), [(28, {2, 4}), (32, {2, 4, 8}), (64, {2, 4, 8, 16}), (30, {2})])
def test_only_periods_that_fit_are_told(compared, side, periods):
    images = np.random.RandomState(8).randint(0, 256, (6, side, side, 1))
    assert set(compared(score.checkerboard(), images, images)) == {f"checkerboard_{period}" for period in periods}


def test_images_of_no_use_are_refused(compared):
    with pytest.raises(ValueError, match=r"even sides of at least 8 pixels. Received: 9x9"):
        compared(score.checkerboard(), np.zeros((2, 9, 9, 1)), np.zeros((2, 9, 9, 1)))
    with pytest.raises(ValueError, match=r"at least 8x8 pixels. Received: 4x4"):
        compared(score.spectrum(), np.zeros((2, 4, 4, 1)), np.zeros((2, 4, 4, 1)))
    for component in (score.spectrum, score.checkerboard):
        with pytest.raises(ValueError, match="sizes must be equal"):
            compared(component(), np.zeros((2, 16, 16, 1)), np.zeros((2, 8, 16, 1)))
        with pytest.raises(ValueError, match="there is no image"):
            component().gathering.start().summary()
    accumulator = Power()
    accumulator.add(np.zeros((2, 16, 16, 1)), None)
    with pytest.raises(ValueError, match=r"images are \(8, 8\), and were \(16, 16\) before"):
        accumulator.add(np.zeros((2, 8, 8, 1)), None)
