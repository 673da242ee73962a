"""The keys that sign tokens: published, and rotated on demand."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from nexus_kit import Principal, require

from nexus_auth.chassis import module, ring
from nexus_auth.schemas import JwksOut, RotatedOut, RotateIn

router = APIRouter(tags=["keys"])


@router.get("/.well-known/jwks.json")
async def jwks(response: Response) -> JwksOut:
    """Public keys: the active one, the next one, and retired ones whose tokens may still live."""
    async with module.db.system() as tx:
        await ring.ensure(tx)
        keys = await ring.published(tx)
    response.headers["Cache-Control"] = "public, max-age=15"
    return JwksOut.model_validate({"keys": keys})


@router.post("/api/auth/keys/rotate")
async def rotate(
    who: Annotated[Principal, Depends(require("auth.key.rotate"))], body: RotateIn | None = None
) -> RotatedOut:
    """Sign with the next key from now on. Tokens of the old key stay valid until they expire."""
    async with module.db.transaction(who.company_id) as tx:
        return RotatedOut(**await ring.rotate(tx, body is not None and body.revoke_old))
