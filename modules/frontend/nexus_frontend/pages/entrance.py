"""Coming in and going out: log in, log out, forgotten password, invitation, language."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from nexus_frontend.cookies import LANGUAGE
from nexus_frontend.problems import ApiProblem, BrickDown, Trouble
from nexus_frontend.settings import LANGUAGES
from nexus_frontend.visit import AnyVisit
from nexus_frontend.words import catalogue

router = APIRouter()
YEAR = 365 * 24 * 3600


def inside(target: str) -> str:
    """A place of this application to go on to; the dashboard when the address leads elsewhere."""
    safe = target.startswith("/") and not target.startswith(("//", "/\\")) and "\n" not in target
    return target if safe else "/"


@router.get("/login")
async def login_form(visit: AnyVisit, next: str = "/") -> Response:
    """The way in."""
    if visit.session is not None and not visit.session.ending:
        return visit.go(inside(next))
    return visit.render("entrance/login.html", next=inside(next), email="", problem="")


@router.post("/login")
async def login(visit: AnyVisit) -> Response:
    """Log in and go on to where the person wanted to be."""
    target, email = inside(visit.form.text("next", "/")), visit.form.text("email")
    headers = visit.app.headers(visit.request, visit.language)
    try:
        visit.sign_in(await visit.app.sessions.begin(email, visit.form.raw("password"), headers))
    except (ApiProblem, BrickDown) as trouble:
        status = trouble.status if isinstance(trouble, ApiProblem) else 503
        text = visit.explain(trouble) if status not in (400, 422) else visit.t("login.refused")
        return visit.render("entrance/login.html", status, next=target, email=email, problem=text)
    return visit.go(target)


@router.post("/logout")
async def logout(visit: AnyVisit) -> Response:
    """Log out; the browser forgets its tokens even when the auth module cannot be told."""
    session = visit.session
    if session is not None:
        try:
            await visit.app.sessions.end(session, visit.app.headers(visit.request, visit.language))
        except Trouble as trouble:
            visit.sign_in(None)
            if not (isinstance(trouble, ApiProblem) and trouble.status == 401):
                return visit.go("/login", visit.t("login.out_here_only"), "warn")
    visit.sign_in(None)
    return visit.go("/login", visit.t("login.out"))


@router.get("/forgot")
async def forgot_form(visit: AnyVisit) -> Response:
    """Ask for a new password."""
    return visit.render("entrance/forgot.html", sent=False, email="", problem="")


@router.post("/forgot")
async def forgot(visit: AnyVisit) -> Response:
    """Send a letter with a link, if the address is known; the answer does not tell."""
    email = visit.form.text("email")
    try:
        await call(visit, "/api/auth/password/forgot", {"email": email})
    except (ApiProblem, BrickDown) as trouble:
        return visit.render(
            "entrance/forgot.html", 422, sent=False, email=email, problem=visit.explain(trouble)
        )
    return visit.render("entrance/forgot.html", sent=True, email=email, problem="")


@router.get("/reset")
async def reset_form(visit: AnyVisit, token: str = "") -> Response:
    """Choose a new password with the token of the letter."""
    return visit.render("entrance/reset.html", token=token, problem="", errors={})


@router.post("/reset")
async def reset(visit: AnyVisit) -> Response:
    """Set the new password."""
    token, password = visit.form.text("token"), visit.form.raw("password")
    try:
        await call(visit, "/api/auth/password/reset", {"token": token, "password": password})
    except (ApiProblem, BrickDown) as trouble:
        errors = visit.field_errors(trouble) if isinstance(trouble, ApiProblem) else {}
        return visit.render(
            "entrance/reset.html", 422, token=token, problem=visit.explain(trouble), errors=errors
        )
    return visit.go("/login", visit.t("login.password_set"))


@router.get("/invitation")
async def invitation_form(visit: AnyVisit, token: str = "") -> Response:
    """Accept an invitation."""
    return visit.render("entrance/invitation.html", token=token, name="", problem="", errors={})


@router.post("/invitation")
async def invitation(visit: AnyVisit) -> Response:
    """Become a user of the company that sent the invitation."""
    token, name = visit.form.text("token"), visit.form.text("name")
    body = {"token": token, "name": name, "password": visit.form.raw("password")}
    try:
        await call(visit, "/api/users/invitations/accept", body)
    except (ApiProblem, BrickDown) as trouble:
        errors = visit.field_errors(trouble) if isinstance(trouble, ApiProblem) else {}
        return visit.render(
            "entrance/invitation.html",
            422,
            token=token,
            name=name,
            problem=visit.explain(trouble),
            errors=errors,
        )
    return visit.go("/login", visit.t("login.welcome"))


@router.post("/language")
async def language(visit: AnyVisit) -> Response:
    """Change the language of the pages in this browser."""
    chosen = visit.form.text("language")
    if chosen in LANGUAGES:
        visit.jar.put(LANGUAGE, chosen, seconds=YEAR)
        visit.t = catalogue()[chosen]
    return visit.go(inside(visit.form.text("next", "/")))


async def call(visit: AnyVisit, path: str, body: dict[str, str]) -> None:
    """A call that needs no session."""
    headers = visit.app.headers(visit.request, visit.language)
    await visit.app.gateway.call("POST", path, body=body, headers=headers)
