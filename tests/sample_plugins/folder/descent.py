"""An optimizer in one file: plain gradient descent."""

from dcgan_kit import component, hookimpl


@component("optimizer")
def descent(*, learning_rate: float = 0.01):
    """Step against the gradient."""
    from keras import optimizers

    return optimizers.SGD(learning_rate)


@hookimpl
def dcgan_kit_components():
    return [descent]
