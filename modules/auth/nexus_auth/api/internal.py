"""For other modules only; the gateway never routes here."""

import hashlib
import hmac
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from nexus_kit import Principal, problem, service_only

from nexus_auth.api.refusals import refusals
from nexus_auth.chassis import mint, module, policy, ring
from nexus_auth.credentials import put_credential
from nexus_auth.schemas import CredentialIn, ServiceTokenIn, ServiceTokenOut

router = APIRouter(prefix="/internal", tags=["internal"])
CREDENTIAL_KEEPER = "users"


@router.post("/token", responses=refusals({401: "Client id or secret are wrong."}))
async def service_token(body: ServiceTokenIn, response: Response) -> ServiceTokenOut:
    """A module's access token for its client secret."""
    clients: dict[str, str] = module.settings.secret_json("service_clients") or {}
    known = clients.get(body.client_id, "")
    given = hashlib.sha256(body.client_secret.encode()).hexdigest()
    if not hmac.compare_digest(known.encode(), given.encode()):
        raise problem(401, "invalid-client", "The client id or the client secret is wrong.")
    async with module.db.system() as tx:
        await ring.ensure(tx)
        token = await mint.for_service(tx, body.client_id, body.company_id)
    response.headers["Cache-Control"] = "no-store"
    return ServiceTokenOut(access_token=token, expires_in=policy.access_ttl)


@router.post("/credentials", status_code=204)
async def credentials(body: CredentialIn, caller: Annotated[Principal, Depends(service_only)]) -> None:
    """Create or replace a person's credential. Only the users module may."""
    if caller.service != CREDENTIAL_KEEPER:
        raise problem(403, "not-the-keeper", "Only the users module writes credentials.")
    await put_credential(**body.model_dump())
