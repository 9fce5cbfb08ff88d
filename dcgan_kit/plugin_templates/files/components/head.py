"""Heads: from the last map to one logit for each image.  (B, H, W, C) → (B, 1)."""

from dcgan_kit import Initializer, KernelSize, Site, component


@component("head")
def patches(site: Site, *, kernel_size: KernelSize = 3, initializer: Initializer = None):
    """Return the mean of one logit for each patch.  (B, H, W, C) → (B, 1).

    Isola et al. 2016, arXiv 1611.07004, section 3.2.2
    """
    from keras import layers

    return [
        site.conv(1, kernel_size, initializer=initializer, name="patch_logits"),
        layers.GlobalAveragePooling2D(name="mean"),
    ]
