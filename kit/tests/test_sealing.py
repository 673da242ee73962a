"""Secrets at rest."""

import pytest
from nexus_kit.sealing import SealBroken, Sealer, derive, master_keys

OLD, NEW = "o" * 43, "n" * 43


def held(text):
    return master_keys(text, "A_KEY_FILE")


def test_what_is_sealed_opens_only_in_its_own_place_and_for_its_own_purpose():
    keys = held(NEW)
    sealer = Sealer(keys, "echo", "mail")
    sealed = sealer.seal(b"secret", "row/1")
    assert sealer.open(sealed, "row/1") == b"secret"
    for other, place in ((sealer, "row/2"), (Sealer(keys, "echo", "keys"), "row/1")):
        with pytest.raises(SealBroken):
            other.open(sealed, place)


def test_an_altered_value_does_not_open():
    sealer = Sealer(held(NEW), "echo", "mail")
    sealed = bytearray(sealer.seal(b"secret", "row/1"))
    sealed[-1] ^= 1
    with pytest.raises(SealBroken, match="altered"):
        sealer.open(bytes(sealed), "row/1")


def test_the_key_encryption_key_can_be_rotated_while_old_values_still_open():
    sealed = Sealer(held(OLD), "echo", "mail").seal(b"secret", "row/1")
    assert Sealer(held(f"{NEW}\n{OLD}\n"), "echo", "mail").open(sealed, "row/1") == b"secret"
    with pytest.raises(SealBroken, match="no longer at hand"):
        Sealer(held(NEW), "echo", "mail").open(sealed, "row/1")


@pytest.mark.parametrize("text", [None, "", "too short"])
def test_a_missing_or_short_key_is_refused_with_the_name_of_its_file(text):
    with pytest.raises(ValueError, match="A_KEY_FILE"):
        held(text)


def test_derived_keys_differ_by_owner_and_purpose():
    assert len({derive(b"m" * 32, owner, purpose) for owner in "ab" for purpose in "cd"}) == 4
