"""The version of this package, and those of the packages that it uses."""

from importlib.metadata import PackageNotFoundError, version

__version__ = "0.1.0"
PACKAGES = ("tensorflow", "keras", "numpy")
"""Packages whose versions decide about numbers."""


def package_version(package: str) -> str:
    """Return the version of an installed package; of TensorFlow under any of its package names."""
    try:
        return version(package)
    except PackageNotFoundError:
        if package != "tensorflow":
            raise
        # TensorFlow has several package names: tensorflow-cpu, tensorflow-tpu, tf-nightly. It is imported only here,
        # because reports use this module without TensorFlow.
        import tensorflow as tf

        return str(tf.__version__)
