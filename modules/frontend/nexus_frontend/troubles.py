"""What a person sees when something goes wrong: what it is, and what to do."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import Request
from nexus_kit import log
from starlette.exceptions import HTTPException
from starlette.responses import Response

from nexus_frontend.problems import ApiProblem, BrickDown, Trouble
from nexus_frontend.visit import Visit, open_visit

ICONS = {404: "search", 403: "key", 503: "unplug"}


async def signed_out(request: Request, error: Any) -> Response:
    """To the login page, and back here afterwards."""
    visit = await open_visit(request)
    visit.api.session = None
    seen = urlsplit(request.headers.get("hx-current-url", "") if visit.fragment else str(request.url))
    here = seen.path + (f"?{seen.query}" if seen.query else "")
    known = here not in ("", "/") and (visit.fragment or request.method == "GET")
    return visit.go(f"/login?next={quote(here)}" if known else "/login")


async def refused(request: Request, error: Any) -> Response:
    """A page whose module refused or does not answer."""
    visit = await open_visit(request)
    status = error.status if isinstance(error, ApiProblem) else 503
    if isinstance(error, ApiProblem) and error.slug == "no-such-page":
        return visit.go(request.url.path)  # a link to a page of a list, kept too long
    return page(visit, status, error)


async def missing(request: Request, error: Any) -> Response:
    """No such page, a form too large, or one that was not ours."""
    try:
        visit = await open_visit(request)
    except HTTPException:
        visit = request.state.visit
    if error.detail == "forgery":
        return page(visit, 403, None, visit.t("trouble.forgery"), visit.t("trouble.forgery_hint"))
    return page(visit, error.status_code, None)


async def unreadable(request: Request, error: Any) -> Response:
    """An address with an id or a number that is none."""
    return page(await open_visit(request), 404, None)


async def crashed(request: Request, error: Any) -> Response:
    """Our own mistake: logged, and said plainly."""
    log.exception("page failed", exc_info=error, extra={"path": request.url.path})
    return page(await open_visit(request), 500, None)


def page(visit: Visit, status: int, error: Trouble | None, title: str = "", text: str = "") -> Response:
    """The page, or for a part of a page just the notice."""
    known = status if status in (403, 404, 413, 429, 503) else 400 if status < 500 else 500
    if isinstance(error, BrickDown) and error.off:
        title = title or visit.explain(error)
        text = text or visit.t("trouble.off_hint")
    title = title or visit.t(f"trouble.title_{known}")
    text = text or (
        visit.explain(error) if error is not None and known != 404 else visit.t(f"trouble.text_{known}")
    )
    return visit.render(
        "part_trouble.html" if visit.fragment else "trouble.html",
        status,
        title=title,
        text=text,
        icon_name=ICONS.get(known, "alert"),
        request_id=error.request_id if isinstance(error, ApiProblem) else "",
    )
