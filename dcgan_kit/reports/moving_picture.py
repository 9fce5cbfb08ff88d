"""Frames → a GIF or an MP4."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dcgan_kit.errors import UserError
from dcgan_kit.reports.palette import palette

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("gif", "mp4")
_TICK = 20
"""Milliseconds: what many programs show a frame of a GIF at least, and the length of a frame in an MP4."""


def moving_picture(frames: Sequence[Image.Image], milliseconds: Sequence[int], form: str) -> bytes:
    """Return frames as a moving picture. Smaller ones are set on paper of the size of the largest.

    Args:
        frames: at least one image, RGB.
        milliseconds: how long each one is shown.
        form: one of ``FORMATS``.

    Raises:
        UserError: an MP4 is asked for, and PyAV is not installed.
    """
    from PIL import Image

    # Videos have even numbers of pixels.
    width, height = (side + side % 2 for side in map(max, zip(*(frame.size for frame in frames), strict=True)))
    whole = []
    for frame in frames:
        canvas = Image.new("RGB", (width, height), palette().light["paper"])
        canvas.paste(frame, (0, 0))
        whole.append(canvas)
    return _gif(whole, milliseconds) if form == "gif" else _mp4(whole, milliseconds)


def on_paper(image: Image.Image) -> Image.Image:
    """Return an image without transparency, as RGB."""
    from PIL import Image

    if image.mode not in ("LA", "RGBA"):
        return image.convert("RGB")
    below = Image.new("RGBA", image.size, palette().light["paper"])
    return Image.alpha_composite(below, image.convert("RGBA")).convert("RGB")


def require_form(form: str) -> None:
    """Refuse an MP4 where it cannot be made, before any work.

    Raises:
        UserError: PyAV is not installed.
    """
    if form == "mp4":
        _av()


def _gif(frames: Sequence[Image.Image], milliseconds: Sequence[int]) -> bytes:
    from PIL import Image

    # One palette for all: with one each, still parts would flicker.
    sheet = Image.new("RGB", (frames[0].width, frames[0].height * min(len(frames), 8)))
    for place in range(min(len(frames), 8)):
        chosen = round(place * (len(frames) - 1) / max(1, min(len(frames), 8) - 1))
        sheet.paste(frames[chosen], (0, place * frames[0].height))
    palette = sheet.quantize(255, dither=Image.Dither.NONE)
    drawn = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    stream = io.BytesIO()
    drawn[0].save(
        stream, format="GIF", save_all=True, append_images=drawn[1:], loop=0,
        duration=[max(_TICK, each) for each in milliseconds],
    )  # fmt: skip
    return stream.getvalue()


def _mp4(frames: Sequence[Image.Image], milliseconds: Sequence[int]) -> bytes:
    av = _av()
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=1000 // _TICK, options={"crf": "16"})
        video.width, video.height = frames[0].size
        video.pix_fmt = "yuv420p"
        for frame, time in zip(frames, milliseconds, strict=True):
            for _ in range(max(1, round(time / _TICK))):
                container.mux(video.encode(av.VideoFrame.from_image(frame)))
        container.mux(video.encode())
    return stream.getvalue()


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise UserError(
            "an MP4 needs PyAV, which is not installed: pip install 'dcgan-kit[video]'; or choose .gif"
        ) from error
    return av
