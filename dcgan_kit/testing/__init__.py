"""Test functions for plugin authors.

One call checks one component::

    from dcgan_kit.testing import check_component

    def test_mish():
        check_component(mish)

``check_component`` checks the contract of the component's kind; see ``dcgan_kit.components.kinds``.
"""

from dcgan_kit.testing.contracts import check_component

__all__ = ["check_component"]
