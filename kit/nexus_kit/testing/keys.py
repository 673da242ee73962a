"""A token issuer for tests: publishes an RS256 key, signs access tokens and service tokens."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

COMPANY = UUID("0199aaaa-0000-7000-8000-000000000001")
USER = UUID("0199aaaa-0000-7000-8000-0000000000a1")


class KeyServer:
    """Serves ``/.well-known/jwks.json`` and ``/internal/token`` on a free port, in a thread."""

    def __init__(self) -> None:
        self._keys = {"test-1": rsa.generate_private_key(public_exponent=65537, key_size=2048)}
        self.kid = "test-1"
        self.fetched = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.jwks_url = f"{self.url}/.well-known/jwks.json"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def rotate(self) -> str:
        """Make a new key, sign with it from now on, publish only it. Returns its kid."""
        self.kid = f"test-{uuid.uuid4().hex[:8]}"
        self._keys = {self.kid: rsa.generate_private_key(public_exponent=65537, key_size=2048)}
        return self.kid

    def token(
        self,
        permissions: list[str] | None = None,
        company_id: UUID = COMPANY,
        user_id: UUID = USER,
        session_id: UUID | None = None,
        service: str | None = None,
        expires_in: int = 600,
        **claims: Any,
    ) -> str:
        """Sign a token: for a person with ``permissions`` (default: all), or for the module ``service``."""
        now = int(time.time())
        body: dict[str, Any] = {
            "iss": "nexus", "aud": "nexus", "iat": now, "exp": now + expires_in, "jti": str(uuid.uuid4()),
        }  # fmt: skip
        if service is not None:
            body |= {"sub": f"service:{service}", "svc": service}
        else:
            body |= {
                "sub": str(user_id),
                "cid": str(company_id),
                "sid": str(session_id or uuid.uuid4()),
                "email": "test@nexus.local",
                "permissions": ["*"] if permissions is None else permissions,
            }
        return jwt.encode(body | claims, self._keys[self.kid], algorithm="RS256", headers={"kid": self.kid})

    def jwks(self) -> dict[str, Any]:
        """The published key set."""
        keys = []
        for kid, key in self._keys.items():
            public: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
            public.pop("key_ops", None)
            keys.append(public | {"kid": kid, "use": "sig", "alg": "RS256"})
        return {"keys": keys}

    def _handler(outer) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.fetched += 1
                self._answer(200 if self.path.endswith("jwks.json") else 404, outer.jwks())

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
                token = outer.token(service=body.get("client_id", "unknown"))
                self._answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": 600})

            def _answer(self, status: int, body: dict[str, Any]) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                return

        return Handler

    async def close(self) -> None:
        """Stop serving."""
        await asyncio.to_thread(self._server.shutdown)
        self._server.server_close()
