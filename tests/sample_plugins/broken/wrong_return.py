from dcgan_kit import hookimpl


@hookimpl
def dcgan_kit_components():
    return 42
