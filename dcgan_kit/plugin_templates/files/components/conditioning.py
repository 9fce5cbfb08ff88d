"""Conditioning: tells features the class of their image.  (B, ...), (B, classes) → (B, ...)."""

from dcgan_kit import Initializer, Site, component


@component("conditioning")
def shift_by_class(site: Site, *, initializer: Initializer = None):
    """Add a learned number of the class to each channel.  (B, H, W, C) → (B, H, W, C), (B, N) → (B, N).

    Perez et al. 2017, arXiv 1709.07871, equation 2, with its shift only
    """
    from keras import Input, Model, layers

    x, label = Input(site.input_shape), site.label()
    channels = site.input_shape[-1]
    shift = site.dense(channels, bias=False, initializer=initializer, name="shift")(label)
    if len(site.input_shape) == 3:
        shift = layers.Reshape((1, 1, channels))(shift)
    return Model([x, label], layers.Add()([x, shift]))
