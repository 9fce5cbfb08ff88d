"""The probe keeps its contract, gives a number that was computed by hand, and refuses a wrong option."""

import pytest
from dcgan_kit.testing import check_component
from pydantic import ValidationError

from my_plugin.probe import brightness


def test_contract():
    check_component(brightness)


def test_number():
    probe = brightness(limit=0.5)
    readings = {"generator/mean_pixel": 0.5, "data/mean_pixel": -0.25}
    (finding,) = probe.diagnose(readings, readings)
    assert str(finding) == "generator: images are brighter than the data by 0.75"
    assert not list(probe.diagnose({**readings, "generator/mean_pixel": 0.0}, readings))


def test_wrong_option():
    with pytest.raises(ValidationError, match="greater than 0"):
        brightness.options(limit=0.0)
