"""Forgotten and changed passwords."""

from fastapi import APIRouter

from nexus_auth.api.signing_in import Caller, Person
from nexus_auth.change import change_password
from nexus_auth.resets import request_reset, reset_password
from nexus_auth.schemas import AcceptedOut, ChangeIn, ForgotIn, ResetIn

router = APIRouter(prefix="/api/auth/password", tags=["passwords"])


@router.post("/forgot", status_code=202)
async def forgot(body: ForgotIn, client: Caller) -> AcceptedOut:
    """Ask for a reset by mail. The answer is the same whether or not the account exists."""
    await request_reset(body.email, client)
    return AcceptedOut(detail="If the address belongs to an account, a message is on its way to it.")


@router.post("/reset", status_code=204)
async def reset(body: ResetIn) -> None:
    """Set a new password with the token from the mail; every session of the account ends."""
    await reset_password(body.token, body.password)


@router.post("/change", status_code=204)
async def change(body: ChangeIn, who: Person, client: Caller) -> None:
    """Change one's own password; the other sessions end."""
    await change_password(who, body.current_password, body.new_password, client)
