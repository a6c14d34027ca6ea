"""/static: stylesheet, script and icon, read once, with a hash of the content in their URLs."""

import hashlib
from dataclasses import dataclass
from importlib import resources

import falcon

from app.errors import existing

KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript", ".svg": "image/svg+xml"}
IMMUTABLE = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file, its content type, and a version that changes with its content."""

    content: bytes
    content_type: str
    version: str


class Static:
    """GET /static/{name}: public, because the files contain no data."""

    def __init__(self) -> None:
        self._files = {
            file.name: _static_file(file.read_bytes(), file.name)
            for file in resources.files("app.web").joinpath("static").iterdir()
            if file.name.endswith(tuple(KINDS))
        }

    def url(self, name: str) -> str:
        """Return the file's URL with its current version."""
        return f"/static/{name}?v={self._files[name].version}"

    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """Send the file; a client may cache it forever if the URL has the current version."""
        file = existing(self._files.get(name), f"there is no file {name}")
        resp.data = file.content
        resp.content_type = file.content_type
        current = req.params.get("v") == file.version
        resp.set_header("Cache-Control", IMMUTABLE if current else "no-cache")


def _static_file(content: bytes, name: str) -> StaticFile:
    kind = next(kind for ending, kind in KINDS.items() if name.endswith(ending))
    return StaticFile(content, kind, hashlib.sha256(content).hexdigest()[:12])
