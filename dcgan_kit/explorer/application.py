"""The page as a web application: addresses, and how values travel."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from dcgan_kit.errors import UserError
from dcgan_kit.explorer.access import Access, Gate
from dcgan_kit.explorer.exploration import MOST_IMAGES, Exploration, Label, Which
from dcgan_kit.explorer.inversion import MOST_STEPS, STEPS, Found, Inversion
from dcgan_kit.explorer.painter import as_rgba
from dcgan_kit.reports.pictures import data_uri
from dcgan_kit.runs.image_grid import png_of
from dcgan_kit.runs.sampler import MOST_SEED

LARGEST_PICTURE = 10 * 2**20
"""Most bytes of a picture that is sent."""
LARGEST_REQUEST = 2**26
"""Most bytes of any other request: 256 latent vectors of the largest size."""
_TEMPLATES = files("dcgan_kit.explorer") / "templates"
_BINARY = "application/octet-stream"
_DRAWING_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The drawing of the networks has its colours inside."""


def application(exploration: Exploration, access: Access) -> Any:
    """Return the ASGI application of the page.

    Args:
        exploration: answers the questions of the page.
        access: decides about requests.
    """
    return Gate(Starlette(routes=_Routes(exploration).routes(), exception_handlers={UserError: _refused}), access)


async def _refused(request: Request, error: Exception) -> Response:
    return JSONResponse({"problem": str(error)}, 400)


class _Routes:
    """One method for each address."""

    def __init__(self, exploration: Exploration) -> None:
        self._exploration = exploration

    def routes(self) -> list[Route]:
        """Return the addresses."""
        get = {
            "/": self.page, "/explorer.js": self.script, "/explorer.css": self.style, "/facts": self.facts,
            "/latents": self.latents, "/directions": self.directions, "/networks.svg": self.drawing,
        }  # fmt: skip
        post = {
            "/images": self.images, "/neighbours": self.neighbours, "/stages": self.stages, "/file": self.file,
            "/invert": self.invert,
        }  # fmt: skip
        return [Route(path, answer, methods=["GET"]) for path, answer in get.items()] + [
            Route(path, answer, methods=["POST"]) for path, answer in post.items()
        ]

    async def page(self, request: Request) -> Response:
        return Response(_text("explorer.html"), media_type="text/html")

    async def script(self, request: Request) -> Response:
        return Response(_text("explorer.js"), media_type="text/javascript")

    async def style(self, request: Request) -> Response:
        colours = files("dcgan_kit.reports") / "templates" / "colours.css"
        return Response(colours.read_text(encoding="utf-8") + _text("explorer.css"), media_type="text/css")

    async def facts(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._exploration.facts))

    async def latents(self, request: Request) -> Response:
        source = self._exploration.source(_whole(request, "source", 0, 10**6))
        count, seed = _whole(request, "count", 1, MOST_IMAGES), _whole(request, "seed", 0, MOST_SEED)
        latent = await run_in_threadpool(source.vectors, count, seed)
        return Response(latent.astype("<f4").tobytes(), media_type=_BINARY)

    async def images(self, request: Request) -> Response:
        which, latent = await self._given(request)
        pixels = await run_in_threadpool(self._exploration.pixels, which, latent)
        return Response(as_rgba(pixels).tobytes(), media_type=_BINARY)

    async def directions(self, request: Request) -> Response:
        found = await run_in_threadpool(self._exploration.directions, _which(request))
        return JSONResponse({"vectors": found.vectors.tolist(), "shares": found.shares.tolist()})

    async def neighbours(self, request: Request) -> Response:
        which, latent = await self._given(request, 1)
        return JSONResponse(await run_in_threadpool(self._exploration.neighbours, which, latent))

    async def stages(self, request: Request) -> Response:
        which, latent = await self._given(request, 1)
        return JSONResponse(await run_in_threadpool(self._exploration.stages, which, latent))

    async def drawing(self, request: Request) -> Response:
        svg = await run_in_threadpool(self._exploration.drawing, _whole(request, "source", 0, 10**6))
        return Response(svg, media_type="image/svg+xml", headers={"content-security-policy": _DRAWING_POLICY})

    async def file(self, request: Request) -> Response:
        which, latent = await self._given(request)
        columns, steps = _whole(request, "columns", 1, MOST_IMAGES, 8), _whole(request, "steps", 1, 60, 24)
        kind = request.query_params.get("kind", "")
        content, media = await run_in_threadpool(self._exploration.file, which, latent, kind, columns, steps)
        return Response(content, media_type=media)

    async def invert(self, request: Request) -> Response:
        which = _which(request)
        steps, seed = _whole(request, "steps", 1, MOST_STEPS, STEPS), _whole(request, "seed", 0, MOST_SEED, 0)
        content = await _body(request, LARGEST_PICTURE, "a picture")
        if not self._exploration.searching.acquire(blocking=False):
            raise UserError("another search is running: stop it first")
        try:
            inversion, target = await run_in_threadpool(self._exploration.inversion, which, content, steps, seed)
        except BaseException:
            self._exploration.searching.release()
            raise
        return StreamingResponse(self._searched(inversion, target), media_type="application/x-ndjson")

    async def _searched(self, inversion: Inversion, target: Any) -> AsyncIterator[bytes]:
        """Yield a line of JSON for each group of optimizer steps. A page that goes away ends the search."""
        try:
            yield _line({"target": data_uri(png_of(target, enlarged=False)), "nearest": inversion.nearest,
                         "usual": inversion.usual, "steps": inversion.steps, **_found(inversion.best)})  # fmt: skip
            while not inversion.finished:
                yield _line(_found(await run_in_threadpool(inversion.advance)))
        finally:
            self._exploration.searching.release()

    async def _given(self, request: Request, most: int = MOST_IMAGES) -> tuple[Which, Any]:
        which = _which(request)
        return which, self._exploration.latent(which, await _body(request, LARGEST_REQUEST, "a request"), most)


def _text(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _line(data: Any) -> bytes:
    return json.dumps(data).encode() + b"\n"


def _found(found: Found) -> dict[str, Any]:
    return {
        "step": found.step, "error": found.error, "label": found.label, "latent": found.latent.tolist(),
        "png": data_uri(png_of(found.image, enlarged=False)),
    }  # fmt: skip


async def _body(request: Request, most: int, what: str) -> bytes:
    """Read the body, and stop as soon as it is too large."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise UserError(f"{what} may have {most // 2**20} MiB at most")
        parts.append(part)
    return b"".join(parts)


def _which(request: Request) -> Which:
    given = request.query_params.get("label")
    label: Label = None
    if given is not None:
        label = "turn" if given == "turn" else _whole(request, "label", 0, 10**6)
    return Which(_whole(request, "source", 0, 10**6), request.query_params.get("version", ""), label)


def _whole(request: Request, name: str, least: int, most: int, default: int | None = None) -> int:
    given = request.query_params.get(name)
    if given is None and default is not None:
        return default
    if (
        given is None
        or not (given.isascii() and given.isdigit() and len(given) < 12)
        or not least <= int(given) <= most
    ):
        raise UserError(f"{name}: must be a whole number from {least} to {most}. Received: {given!r}")
    return int(given)
