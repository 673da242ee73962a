"""Style, scripts and fonts, served from memory under an address that changes with their content."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Request, Response

HERE = Path(__file__).parent
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
FOREVER = "public, max-age=31536000, immutable"


class Assets:
    """All static files. The stylesheet is the files of styles/ in the order of their names."""

    def __init__(self) -> None:
        self._files = {
            file.relative_to(HERE / "static").as_posix(): file.read_bytes()
            for file in sorted((HERE / "static").rglob("*"))
            if file.is_file()
        }
        self._files["app.css"] = b"\n".join(f.read_bytes() for f in sorted((HERE / "styles").glob("*.css")))
        self._files["htmx.js"] = _htmx().read_bytes()
        digest = hashlib.sha256()
        for name, content in sorted(self._files.items()):
            digest.update(name.encode() + b"\0" + content)
        self.digest = digest.hexdigest()[:12]

    def url(self, name: str) -> str:
        """The address of a static file."""
        if name not in self._files:
            raise KeyError(f"no static file {name}")
        return f"/static/{self.digest}/{name}"

    def router(self) -> APIRouter:
        """Serves the files. An address of another release gets today's file, not to be kept."""
        router = APIRouter(include_in_schema=False)

        @router.get("/static/{digest}/{name:path}")
        async def static(request: Request, digest: str, name: str) -> Response:
            content = self._files.get(name)
            if content is None:
                return Response("no such file", 404, media_type="text/plain")
            headers = {
                "Cache-Control": FOREVER if digest == self.digest else "no-cache",
                "ETag": f'"{self.digest}"',
            }
            if request.headers.get("if-none-match") == headers["ETag"]:
                return Response(status_code=304, headers=headers)
            return Response(
                content, media_type=TYPES.get(Path(name).suffix, "application/octet-stream"), headers=headers
            )

        return router


def _htmx() -> Path:
    spec = find_spec("django_htmx")  # only its copy of htmx is used; nothing of it is imported
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(
            "frontend: the package django-htmx (it carries htmx) is not installed: run ./nexus up"
        )
    return Path(spec.submodule_search_locations[0]) / "static" / "django_htmx" / "htmx-2.min.js"
