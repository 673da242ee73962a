"""What is sealed opens for either key and for no other, and no change of it goes unseen."""

from __future__ import annotations

import mmap
import random

import pytest

from nexus.recovery.errors import Damaged, RecoveryError, WrongKey
from nexus.recovery.sealing import Keys, new_identity, recipient_of, seal, unseal
from nexus.recovery.sealing.seal import unseal_into

OWN, KIT = new_identity(), new_identity()
KEYS = Keys((recipient_of(OWN), recipient_of(KIT)), OWN)
TEXT = b"order 4711\n" * 500


def test_either_key_opens_and_nothing_is_readable_without() -> None:
    sealed = seal("wal/1", TEXT, KEYS)
    assert len(sealed) < len(TEXT)
    assert b"4711" not in sealed
    assert unseal("wal/1", sealed, KEYS) == TEXT
    assert unseal("wal/1", sealed, Keys(KEYS.recipients, KIT)) == TEXT


def test_a_wrong_key_is_said_to_be_one() -> None:
    with pytest.raises(WrongKey, match="another key"):
        unseal("a", seal("a", TEXT, KEYS), Keys(KEYS.recipients, new_identity()))
    with pytest.raises(WrongKey, match="no secret key"):
        unseal("a", seal("a", TEXT, KEYS), Keys(KEYS.recipients))


def test_a_slip_in_a_typed_key_is_found() -> None:
    slip = OWN[:20] + ("Q" if OWN[20] != "Q" else "P") + OWN[21:]
    with pytest.raises(WrongKey, match="recovery kit"):
        recipient_of(slip)


def test_a_file_in_the_place_of_another_is_found_out() -> None:
    with pytest.raises(Damaged, match="wal/1"):
        unseal("wal/2", seal("wal/1", TEXT, KEYS), KEYS)


def test_every_flipped_bit_is_detected() -> None:
    sealed, chance = seal("a", TEXT, KEYS), random.Random(8)
    for place in chance.sample(range(len(sealed) * 8), 1000):
        changed = bytearray(sealed)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(RecoveryError):
            unseal("a", bytes(changed), KEYS)


def test_a_cut_file_is_detected() -> None:
    sealed = seal("a", TEXT, KEYS)
    for end in (0, 10, len(sealed) // 2, len(sealed) - 1):
        with pytest.raises(RecoveryError):
            unseal("a", sealed[:end], KEYS)


def test_what_is_unsealed_into_a_buffer_is_the_same_and_never_more_than_fits() -> None:
    text = random.Random(7).randbytes(700_000) + bytes(2_000_000)
    with mmap.mmap(-1, len(text)) as exactly, mmap.mmap(-1, len(text) - 1) as smaller:
        assert unseal_into("a", seal("a", text, KEYS), KEYS, exactly) == len(text)
        assert exactly[:] == text
        assert unseal_into("a", seal("a", b"", KEYS), KEYS, exactly) == 0
        with pytest.raises(Damaged, match="more than"):
            unseal_into("a", seal("a", text, KEYS), KEYS, smaller)
