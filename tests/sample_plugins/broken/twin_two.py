from dcgan_kit import component, hookimpl


@component("activation")
def twin():
    """The second of two components of one name."""
    from keras import layers

    return layers.LeakyReLU()


@hookimpl
def dcgan_kit_components():
    return [twin]
