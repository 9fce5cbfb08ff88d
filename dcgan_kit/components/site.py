"""The place of a component in a network: facts and layers that the builder supplies to a factory."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dcgan_kit.components import symmetric_padding
from dcgan_kit.components.option_types import InitializerFactory, pair

if TYPE_CHECKING:
    import keras

Side = int | tuple[int, int]


@dataclass(frozen=True)
class Site:
    """A place in a network that a factory builds layers for.

    Attributes:
        role: ``"generator"`` or ``"discriminator"``.
        block: ``"input"``, ``"stage1"``, …, ``"output"``.
        slot: the slot of the block, such as ``"upsample"``.
        input_shape: shape of the input without the batch dimension: ``(H, W, C)`` or ``(N,)``.
        filters: number of channels that the block must return.
        bias: whether the block's convolutions and dense layers learn a bias.
        initializer: seed → initializer for the block's kernels.
        run_seed: the recipe's seed.
        classes: number of classes; None if the recipe has no condition.
        latent_size: size of a latent vector; None in the discriminator.
    """

    role: Literal["generator", "discriminator"]
    block: str
    slot: str
    input_shape: tuple[int, ...]
    filters: int
    bias: bool
    initializer: InitializerFactory
    run_seed: int = 0
    classes: int | None = None
    latent_size: int | None = None

    def label(self) -> Any:
        """Return a symbolic input for the class of each image: one-hot, float32 (B, classes), with the name ``label``.

        A component that takes the class returns a functional model of the features and this input.

        Raises:
            ValueError: the recipe has no condition.
        """
        from keras import Input

        if self.classes is None:
            raise ValueError(
                "takes the class of each image, and the recipe has no classes: add condition: {classes: auto}"
            )
        return Input((self.classes,), name="label")

    def latent(self) -> Any:
        """Return a symbolic input for the latent vectors: float32 (B, size), with the name ``latent``.

        Raises:
            ValueError: the place is in the discriminator, which has no latent vectors.
        """
        from keras import Input

        if self.latent_size is None:
            raise ValueError("takes the latent vectors, which only the generator has")
        return Input((self.latent_size,), name="latent")

    def seed(self, purpose: str = "") -> int:
        """Return a seed that depends only on the recipe's seed, this place and the purpose.

        So a layer's initial weights stay the same when another layer of the recipe changes.
        """
        name = f"{self.run_seed}/{self.role}/{self.block}/{self.slot}/{purpose}"
        return zlib.crc32(name.encode()) & 0x7FFFFFFF

    def conv(
        self,
        filters: int | None = None,
        kernel_size: Side = 3,
        *,
        stride: Side = 1,
        padding: str = "same",
        dilation: Side = 1,
        groups: int = 1,
        input_shape: tuple[int, int, int] | None = None,
        bias: bool | None = None,
        initializer: InitializerFactory | None = None,
        name: str = "conv",
    ) -> keras.Layer:
        """Return a convolution with the block's bias and initializer.  (H, W, C) → (H', W', filters).

        Args:
            filters: number of filters; None: those of the site.
            kernel_size: side of the kernel in pixels, or (height, width).
            stride: step in pixels, or (vertical, horizontal).
            padding: ``"same"``, ``"valid"`` or ``"symmetric"``.
            dilation: spacing of the taps in pixels, or (vertical, horizontal).
            groups: number of groups of channels, each convolved to its own share of the filters.
            input_shape: shape of the convolution's input, if it is not the site's because other layers come first.
            bias: whether to learn a bias; None: as the block does.
            initializer: seed → initializer of the kernel; None: the block's.
            name: name of the layer; the seed depends on it.

        Returns:
            A ``Conv2D``. With ``padding="symmetric"``, if that differs from ``same``: a ``Sequential`` of
            ``ZeroPadding2D`` and ``Conv2D``. Both are one layer.

        Raises:
            ValueError: groups does not divide the channels of the input or the filters.
        """
        from keras import layers

        shape = self.input_shape if input_shape is None else input_shape
        filters = self.filters if filters is None else filters
        _require_divided(groups, shape[-1], filters)

        def made(padding: str) -> Any:
            return layers.Conv2D(
                filters=filters,
                kernel_size=pair(kernel_size),
                strides=pair(stride),
                padding=padding,
                dilation_rate=pair(dilation),
                groups=groups,
                use_bias=self.bias if bias is None else bias,
                kernel_initializer=(initializer or self.initializer)(self.seed(name)),
                name=name,
            )

        return _padded(made, padding, shape, kernel_size, stride, dilation, name)

    def depthwise_conv(
        self,
        kernel_size: Side = 3,
        *,
        padding: str = "same",
        dilation: Side = 1,
        input_shape: tuple[int, int, int] | None = None,
        bias: bool | None = None,
        initializer: InitializerFactory | None = None,
        name: str = "depthwise",
    ) -> keras.Layer:
        """Return a convolution of each channel by itself, with one kernel each.  (H, W, C) → (H', W', C).

        Arguments and result are those of ``conv``, with a ``DepthwiseConv2D``. Keras' fan_in of its kernel counts all
        channels. For the fan_in of one channel, use ``conv`` with as many groups and filters as channels.
        """
        from keras import layers

        def made(padding: str) -> Any:
            return layers.DepthwiseConv2D(
                pair(kernel_size),
                padding=padding,
                dilation_rate=pair(dilation),
                use_bias=self.bias if bias is None else bias,
                depthwise_initializer=(initializer or self.initializer)(self.seed(name)),
                name=name,
            )

        shape = self.input_shape if input_shape is None else input_shape
        return _padded(made, padding, shape, kernel_size, 1, dilation, name)

    def transposed_conv(
        self,
        filters: int | None = None,
        kernel_size: Side = 4,
        *,
        stride: Side = 2,
        padding: str = "same",
        bias: bool | None = None,
        initializer: InitializerFactory | None = None,
        name: str = "transposed_conv",
    ) -> keras.Layer:
        """Return a transposed convolution with the block's bias and initializer.  (H, W, C) → (H', W', filters).

        Arguments are those of ``conv``. The result is a ``Conv2DTranspose``. With ``padding="symmetric"``, if that
        differs from ``same``: a ``Sequential`` of ``Conv2DTranspose`` and ``Cropping2D``.
        """
        from keras import Sequential, layers

        kernel, steps = pair(kernel_size), pair(stride)

        def made(padding: str, output_padding: tuple[int, ...] | None = None) -> Any:
            return layers.Conv2DTranspose(
                filters=self.filters if filters is None else filters,
                kernel_size=kernel,
                strides=steps,
                padding=padding,
                output_padding=output_padding,
                use_bias=self.bias if bias is None else bias,
                kernel_initializer=(initializer or self.initializer)(self.seed(name)),
                name=name,
            )

        axes = tuple(zip(kernel, steps, strict=True))
        if padding != "symmetric":
            return made(padding)
        if all(symmetric_padding.transposed_equals_same(*axis) for axis in axes):
            return made("same")
        longer = made("valid", tuple(symmetric_padding.transposed_output_padding(*axis) for axis in axes))
        cropping = tuple(symmetric_padding.transposed_cropping(*axis) for axis in axes)
        return Sequential([longer, layers.Cropping2D(cropping, name="cropping")], name=name)

    def dense(
        self,
        units: int,
        *,
        bias: bool | None = None,
        initializer: InitializerFactory | None = None,
        name: str = "dense",
    ) -> Any:
        """Return a dense layer with the block's bias and initializer.  (N,) → (units,)."""
        from keras import layers

        return layers.Dense(
            units,
            use_bias=self.bias if bias is None else bias,
            kernel_initializer=(initializer or self.initializer)(self.seed(name)),
            name=name,
        )


def _padded(
    made: Callable[[str], Any],
    padding: str,
    shape: tuple[int, ...],
    kernel: Side,
    stride: Side,
    dilation: Side,
    name: str,
) -> Any:
    """Return the convolution that ``made`` makes for a padding of Keras, with padding before it if it needs any."""
    from keras import Sequential, layers

    if padding != "symmetric":
        return made(padding)
    kernels, dilations = pair(kernel), pair(dilation)
    axes = zip(shape[:2], kernels, pair(stride), dilations, strict=True)
    if all(symmetric_padding.equals_same(*axis) for axis in axes):
        return made("same")
    before = tuple(symmetric_padding.padding_of(*axis) for axis in zip(kernels, dilations, strict=True))
    if before == (0, 0):
        return made("valid")
    return Sequential([layers.ZeroPadding2D(before, name="padding"), made("valid")], name=name)


def _require_divided(groups: int, channels: int, filters: int) -> None:
    if channels % groups or filters % groups:
        raise ValueError(
            f"groups must divide the channels of the input and the filters. Received: groups={groups}, "
            f"{channels} channels, {filters} filters"
        )
