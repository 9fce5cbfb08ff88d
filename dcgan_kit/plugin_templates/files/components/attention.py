"""Attention: lets each pixel or channel look at the whole map.  (B, H, W, C) → (B, H, W, C)."""

from dcgan_kit import Initializer, KernelSize, Site, component


@component("attention")
def pixel_gate(site: Site, *, kernel_size: KernelSize = 7, initializer: Initializer = None):
    """Scale each pixel by a number from 0 to 1 that depends on the pixels around it.  (B, H, W, C) → (B, H, W, C).

    y = x · sigmoid(conv(x)), with one number for all channels of a pixel

    Woo et al. 2018, arXiv 1807.06521, section 3, spatial attention, without its pooling over channels
    """
    from keras import Input, Model, layers

    x = Input(site.input_shape)
    gate = layers.Activation("sigmoid")(site.conv(1, kernel_size, initializer=initializer, name="gate")(x))
    return Model(x, layers.Multiply()([x, gate]))
