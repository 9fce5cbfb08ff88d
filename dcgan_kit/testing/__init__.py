"""What authors of plugins test with: one call a component.

from dcgan_kit.testing import check_component

def test_mish():
    check_component(mish)
"""

from dcgan_kit.testing.contracts import check_component

__all__ = ["check_component"]
