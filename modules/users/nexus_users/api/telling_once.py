"""Answers that hold a secret: given once, while the answer kept for repeated requests holds none."""

from fastapi import Response
from nexus_kit import Tx
from pydantic import BaseModel

from nexus_users.schemas import InvitationMade


def tell_once(tx: Tx, told: BaseModel, kept: BaseModel) -> Response:
    """Answer 201 with `told`; store `kept` under the request's idempotency key."""
    tx.respond(201, kept, headers={"Cache-Control": "no-store"})
    return Response(told.model_dump_json(), 201, {"Cache-Control": "no-store"}, media_type="application/json")


def without_token(made: InvitationMade) -> InvitationMade:
    """The same invitation as anyone may see it later."""
    return made.model_copy(update={"token": None})
