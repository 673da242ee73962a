"""Keys: all is sealed for two, the stack's own key and that of the recovery kit (X25519, as age has it).

The stack's identity is a secret file of its home and lies beside no backup; the kit's is printed once and
kept nowhere here. Either opens everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pyrage import IdentityError, x25519  # type: ignore[import-untyped]

from nexus.recovery.errors import WrongKey


@dataclass(frozen=True)
class Keys:
    """For whom is sealed (`recipients`, public), and who opens (`identity`; None: nobody here). `former`: the
    secret keys that what was sealed before a machine was lost is opened with; nothing is sealed for them.
    """

    recipients: tuple[str, ...]
    identity: str | None = field(default=None, repr=False)
    former: tuple[str, ...] = field(default=(), repr=False)

    @property
    def identities(self) -> tuple[str, ...]:
        """All that open what is sealed."""
        return (*((self.identity,) if self.identity else ()), *self.former)


def new_identity() -> str:
    """A new secret key: AGE-SECRET-KEY-1…"""
    return str(x25519.Identity.generate())


def recipient_of(identity: str) -> str:
    """The public half of a secret key.

    Raises:
        WrongKey: it is none, for example because of a slip while it was typed.
    """
    try:
        return str(x25519.Identity.from_str(identity.strip()).to_public())
    except IdentityError as error:
        raise WrongKey(
            "this is no key: it begins with AGE-SECRET-KEY-1, and its last characters check the others; "
            "compare it with the recovery kit"
        ) from error
