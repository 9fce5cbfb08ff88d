from dcgan_kit import hookimpl


@hookimpl
def dcgan_kit_component():
    return []
