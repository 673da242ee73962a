"""One request of one person: who they are, what they sent, and the pages they get back."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

from fastapi import Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from nexus_frontend.api import Api
from nexus_frontend.application import Application
from nexus_frontend.cookies import ACCESS, FLASH, LANGUAGE, REFRESH, VISITOR, Jar
from nexus_frontend.forgery import visitor_id
from nexus_frontend.formats import parse_decimal
from nexus_frontend.formatter import Formatter
from nexus_frontend.forms import Form, read_form
from nexus_frontend.navigation import creation, menu
from nexus_frontend.problems import ApiProblem, BrickDown, SignInNeeded, Trouble
from nexus_frontend.session import Session
from nexus_frontend.settings import LANGUAGES
from nexus_frontend.words import Words, catalogue

R = TypeVar("R", bound=Response)
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a write: the module's answer, or why it refused."""

    data: Any = None
    errors: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    status: int = 200

    def __bool__(self) -> bool:
        return self.status < 300


@dataclass
class Visit:
    """What a page needs: `api`, `form`, `t` (texts), `fmt` (numbers and dates), and answers."""

    request: Request
    app: Application
    jar: Jar
    api: Api
    t: Words
    fmt: Formatter
    visitor: str
    form: Form = field(default_factory=Form)
    company: str = ""
    keep_key: bool = False

    @property
    def session(self) -> Session | None:
        return self.api.session

    @property
    def language(self) -> str:
        return self.t.language

    @property
    def fragment(self) -> bool:
        """Does htmx ask for a part of a page?"""
        return self.request.headers.get("HX-Request") == "true"

    @property
    def key(self) -> str:
        """The idempotency key the form was rendered with."""
        return self.form.text("key") or uuid4().hex

    def can(self, permission: str) -> bool:
        """May the person do this? The modules decide; this only decides what is offered."""
        return self.session is not None and self.session.can(permission)

    def read_number(self, text: str) -> Decimal | None:
        """A number as the person typed it, or None when it is none."""
        return parse_decimal(text, self.language)

    def need_session(self) -> Session:
        """The session. Raises SignInNeeded."""
        if self.session is None:
            raise SignInNeeded
        return self.session

    def render(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page or a part of one."""
        context = {
            "visit": self,
            "t": self.t,
            "fmt": self.fmt,
            "lang": self.language,
            "session": self.session,
            "can": self.can,
            "bricks": self.app.bricks,
            "asset": self.app.assets.url,
            "csrf": self.app.signer.mark("forgery", self._bound()),
            "path": self.request.url.path,
            "company_name": self.company,
            "new_key": lambda: uuid4().hex,
            "form_key": self.key if self.keep_key else uuid4().hex,
            **values,
        }
        if not self.fragment:
            self.app.bricks.look()
            context["menu"] = groups = menu(self)
            context["creates"] = creation(self, groups)
            context["notices"] = self._take_notices()
        html = self.app.templates.get_template(template).render(context)
        response = HTMLResponse(html, status, headers={"Cache-Control": "no-store", "Vary": "HX-Request"})
        return self._with_cookies(response)

    def go(self, where: str, notice: str = "", kind: str = "good") -> Response:
        """Go on to another page, with a notice on it."""
        if notice:
            self.jar.put(FLASH, self.app.signer.seal("notice", [kind, notice]), seconds=60)
        if self.fragment:
            return self._with_cookies(Response(status_code=204, headers={"HX-Redirect": where}))
        return self._with_cookies(RedirectResponse(where, 303))

    async def submit(self, method: str, path: str, body: object = None) -> Outcome:
        """Write, with the form's idempotency key. A refusal becomes messages for the form; when the module
        does not answer, the form keeps its key, so that sending it again cannot do the thing twice."""
        try:
            return Outcome(await self.api.send(method, path, body, key=self.key))
        except ApiProblem as refusal:
            return Outcome(
                errors=self.field_errors(refusal), problem=self.explain(refusal), status=refusal.status
            )
        except BrickDown as trouble:
            self.keep_key = True
            return Outcome(problem=self.explain(trouble), status=503)

    async def act(self, method: str, path: str, back: str, done: str, body: object = None) -> Response:
        """Write, then go back to a page with a notice of what came of it."""
        outcome = await self.submit(method, path, body)
        if not outcome:
            reasons = [text for text in outcome.errors.values() if text != outcome.problem]
            return self.go(back, " ".join((outcome.problem, *reasons)), "bad")
        return self.go(back, done)

    def explain(self, trouble: Trouble) -> str:
        """A sentence for people: what is wrong and what to do."""
        if isinstance(trouble, BrickDown):
            kind = "off" if trouble.off else "down"
            return self.t(f"trouble.{kind}", brick=self.t.label("brick", trouble.brick))
        if isinstance(trouble, ApiProblem):
            known = self.t.find(f"problem.{trouble.slug}") if trouble.slug else None
            if known is None and trouble.status in (403, 429):
                known = self.t(f"trouble.status_{trouble.status}")
            return known or trouble.detail
        return self.t("trouble.unknown")

    def field_errors(self, trouble: ApiProblem) -> dict[str, str]:
        """The messages to show beside fields; a problem of a known kind in the person's language."""
        if (
            len(trouble.fields) == 1
            and trouble.slug != "validation"
            and self.t.find(f"problem.{trouble.slug}")
        ):
            return {name: self.explain(trouble) for name in trouble.fields}
        return dict(trouble.fields)

    def sign_in(self, session: Session | None) -> None:
        """Begin a session in this browser, or end it (None). The anti-forgery token changes with it."""
        self.api.session = session
        self.visitor = visitor_id()
        self.jar.put(VISITOR, self.visitor)

    def check_forgery(self) -> None:
        """Refuse a form that this application did not give to this browser."""
        origin = self.request.headers.get("origin")
        host = self.request.headers.get("host", "")
        token = self.request.headers.get("x-csrf-token") or self.form.text("csrf")
        foreign = origin not in (None, "null") and urlsplit(str(origin)).netloc != host
        crossed = self.request.headers.get("sec-fetch-site") == "cross-site"
        if foreign or crossed or not self.app.signer.matches("forgery", self._bound(), token):
            raise HTTPException(403, "forgery")

    def _with_cookies(self, response: R) -> R:
        session = self.session
        if session is None:
            if self.jar.get(REFRESH) or self.jar.get(ACCESS):
                self.jar.drop(ACCESS, REFRESH)
        elif session.access != self.jar.get(ACCESS) or session.refresh != self.jar.get(REFRESH):
            self.jar.put(ACCESS, session.access)
            self.jar.put(REFRESH, session.refresh)
        self.jar.write(response)
        return response

    def _bound(self) -> str:
        return f"{self.visitor}\0{self.session.id if self.session else ''}"

    def _take_notices(self) -> list[dict[str, str]]:
        sealed = self.jar.get(FLASH)
        if not sealed:
            return []
        self.jar.drop(FLASH)
        opened = self.app.signer.unseal("notice", sealed)
        return [{"kind": opened[0], "text": opened[1]}] if isinstance(opened, list) else []


async def open_visit(request: Request) -> Visit:
    """The visit of a request; made once. A form is read and checked for forgery before any page sees it."""
    existing: Visit | None = getattr(request.state, "visit", None)
    if existing is not None:
        return existing
    app: Application = request.app.state.application
    jar = Jar(request)
    language = jar.get(LANGUAGE) if jar.get(LANGUAGE) in LANGUAGES else app.settings.language
    refresh = jar.get(REFRESH)
    session = Session.of(jar.get(ACCESS), refresh) if refresh else None
    visit = Visit(
        request=request,
        app=app,
        jar=jar,
        api=Api(app.gateway, app.sessions, session, app.headers(request, language)),
        t=catalogue()[language],
        fmt=Formatter(language, app.settings.zone),
        visitor=jar.get(VISITOR),
    )
    request.state.visit = visit
    if not visit.visitor:
        visit.visitor = visitor_id()
        jar.put(VISITOR, visit.visitor)
    if request.method not in SAFE:
        visit.form = await read_form(request, language)
        visit.check_forgery()
    return visit


async def signed_in(visit: Annotated[Visit, Depends(open_visit)]) -> Visit:
    """The visit of a person who is logged in. Raises SignInNeeded."""
    session = visit.need_session()
    if session.ending:
        await visit.api.renew()
    if not visit.fragment:
        visit.company = await visit.app.companies.name(visit.api)
    return visit


AnyVisit = Annotated[Visit, Depends(open_visit)]
SignedIn = Annotated[Visit, Depends(signed_in)]
