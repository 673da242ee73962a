"""boto3's client for a bucket, and what a store says, in words that tell how to mend it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from nexus.recovery.errors import Missing, NoRoom, PlaceError
from nexus.stack.recovering import S3Place

CONNECT, READ, TRIES = 10, 60, 3  # seconds, seconds, attempts
_GONE = {"NoSuchKey", "NoSuchVersion", "404", "NotFound"}
_FULL = {"QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "InsufficientCapacity", "507"}
_STRANGER = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "403"}
_MEND = {
    "NoSuchBucket": "there is no such bucket; make it, or mend bucket in nexus.yaml",
    "InvalidAccessKeyId": "it does not know the access key; set the place's secret again",
    "SignatureDoesNotMatch": "the secret key is another; set the place's secret again",
    "AccessDenied": "the key may not do this; it needs Get, Put, Delete and List on this bucket, also "
    "of versions, locks and multipart uploads",
    "403": "the key may not do this; it needs Get, Put, Delete and List on this bucket",
    "RequestTimeTooSkewed": "this machine's clock is wrong; set it (NTP)",
    "PermanentRedirect": "the bucket is in another region; mend region in nexus.yaml",
    "AuthorizationHeaderMalformed": "the bucket is in another region; mend region in nexus.yaml",
    "InvalidRequest": "it refuses the request; a lock needs a bucket made with object lock",
}
_making = threading.Lock()  # a session makes one client at a time


class Bucket:
    """The bucket of the place `name`. `secret` gives ACCESS_KEY:SECRET_KEY."""

    def __init__(self, name: str, manifest: S3Place, secret: Callable[[], str]) -> None:
        self.name = name
        self.manifest = manifest
        self._secret = secret
        self._client: Any = None
        self._lock = threading.Lock()
        self.prefix = f"{manifest.prefix.strip('/')}/" if manifest.prefix.strip("/") else ""

    @property
    def address(self) -> str:
        """As people know it."""
        told = self.manifest
        return f"s3://{told.bucket}/{self.prefix}" + (f" at {told.endpoint}" if told.endpoint else "")

    def named(self, key: str) -> dict[str, str]:
        """How a key is called in requests."""
        return {"Bucket": self.manifest.bucket, "Key": f"{self.prefix}{key}"}

    def client(self) -> Any:
        """The client, made when it is first needed.

        Raises:
            PlaceError: the secret is none.
        """
        with self._lock:
            if self._client is None:
                self._client = self._made()
            return self._client

    @contextlib.contextmanager
    def telling(self, key: str) -> Iterator[None]:
        """Turns what the store says about a key into an error of ours.

        Raises:
            Missing, NoRoom, PlaceError: by what it is.
        """
        try:
            yield
        except ClientError as error:
            if code_of(error) in _STRANGER:
                self._client = None  # it is made anew, with the secret as it is then
            raise self._fault(key, error) from error
        except BotoCoreError as error:
            raise PlaceError(
                f"place {self.name} ({self.address}): it cannot be reached ({error}); is the line well, is "
                "endpoint right?"
            ) from error

    def pages(self, call: str, **asked: Any) -> Iterator[Mapping[str, Any]]:
        """All pages of a listing."""
        yield from self.client().get_paginator(call).paginate(Bucket=self.manifest.bucket, **asked)

    def close(self) -> None:
        """Lets go of connections."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _made(self) -> Any:
        from botocore.config import Config  # type: ignore[import-untyped]

        access, parted, secret = self._secret().partition(":")
        if not (access and parted and secret):
            raise PlaceError(
                f"place {self.name} ({self.address}): its secret is not ACCESS_KEY:SECRET_KEY; set it again"
            )
        told = self.manifest
        with _making:
            return session().client(
                "s3",
                endpoint_url=told.endpoint,
                region_name=told.region,
                aws_access_key_id=access,
                aws_secret_access_key=secret,
                config=Config(
                    connect_timeout=CONNECT,
                    read_timeout=READ,
                    retries={"max_attempts": TRIES, "mode": "standard"},
                    s3={"addressing_style": "path" if told.endpoint else "auto"},
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                ),
            )

    def _fault(self, key: str, error: ClientError) -> PlaceError | NoRoom:
        code, said = code_of(error), error.response.get("Error", {}).get("Message") or str(error)
        if code in _GONE:
            return Missing(f"place {self.name} has no {key} ({self.address})")
        if code in _FULL:
            return NoRoom(f"place {self.name}: {self.address} is full ({said}); make room there")
        mend = _MEND.get(code, "ask whoever runs the store")
        return PlaceError(f"place {self.name} ({self.address}): {key}: {code}: {said}; {mend}")


@cache
def session() -> Any:
    """What makes clients, once in a process: it reads boto3's descriptions of S3, which takes longer than to
    make a client of them. Importing boto3 takes half a second.
    """
    import boto3  # type: ignore[import-untyped]

    return boto3.session.Session()


def code_of(error: ClientError) -> str:
    """What the store calls it; the status where it has no name."""
    told = error.response
    return str(
        told.get("Error", {}).get("Code") or told.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
    )
