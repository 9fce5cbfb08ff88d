"""Constraints: change the kernel that a layer uses.  layer → layer."""

from dcgan_kit import component


@component("constraint")
def unit_norm():
    """Divide each filter by its length.  layer → layer.

    w = v / |v|, where v is what the optimizer moves

    Salimans, Kingma 2016, arXiv 1602.07868, equation 2, with g = 1
    """
    from .constraint_layers import UnitNorm

    return lambda layer: UnitNorm(layer, name=layer.name)
