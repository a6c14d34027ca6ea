"""/static: our own style, script and icon, read once and told apart by what is in them."""

import hashlib
from dataclasses import dataclass
from importlib import resources

import falcon

from app.errors import NotFound

KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file, its type, and a word that changes when the file does."""

    content: bytes
    content_type: str
    version: str


class Static:
    """GET /static/{name}: for everyone, since there is nothing in it."""

    def __init__(self) -> None:
        self._files = {
            file.name: _kept(file.read_bytes(), file.name)
            for file in resources.files("app.web").joinpath("static").iterdir()
            if file.name.endswith(tuple(KINDS))
        }

    def url(self, name: str) -> str:
        """The address of the file as it is now."""
        return f"/static/{name}?v={self._files[name].version}"

    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """The file; kept for ever by who asked for this very version."""
        kept = self._files.get(name)
        if kept is None:
            raise NotFound("there is no such file")
        resp.data = kept.content
        resp.content_type = kept.content_type
        current = req.params.get("v") == kept.version
        resp.set_header("Cache-Control", FOR_EVER if current else "no-cache")


def _kept(content: bytes, name: str) -> StaticFile:
    kind = next(kind for ending, kind in KINDS.items() if name.endswith(ending))
    return StaticFile(content, kind, hashlib.sha256(content).hexdigest()[:12])
