from dcgan_kit import component, hookimpl


@component("activation")
def twin():
    """The first of two components of one name."""
    from keras import layers

    return layers.ReLU()


@hookimpl
def dcgan_kit_components():
    return [twin]
