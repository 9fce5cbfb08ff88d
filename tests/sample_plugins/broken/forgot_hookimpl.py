def dcgan_kit_components():
    return []
