"""The one thing asked of the auth module directly: a password is a secret and never travels in an event."""

from uuid import UUID

from nexus_kit import Unavailable, problem

from nexus_users.chassis import module


async def put_credential(
    company_id: UUID, user_id: UUID, email: str, name: str, password: str, permissions: list[str]
) -> None:
    """Let a person sign in.

    Raises auth's own problems (409 e-mail taken, 422 weak password), and 503 when it is down.
    """
    answer = await module.call("auth").post(
        "/internal/credentials",
        company_id=company_id,
        json={
            "user_id": str(user_id),
            "company_id": str(company_id),
            "email": email,
            "name": name,
            "password": password,
            "permissions": permissions,
        },
    )
    if answer.status in (409, 422):
        refusal = await answer.json()
        slug = str(refusal.get("type", "refused")).rpartition(":")[2]
        raise problem(
            answer.status, slug, refusal.get("detail", "Sign-in refused it."), field=refusal.get("field")
        )
    if answer.status != 204:
        raise Unavailable(f"Sign-in answered {answer.status} instead of storing the password.")
