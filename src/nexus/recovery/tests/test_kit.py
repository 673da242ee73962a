"""The recovery kit opens everything, is printed once, and tells where a slip in typing it is."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from nexus.recovery.errors import RecoveryError, WrongKey
from nexus.recovery.kit import LINE, PREFIX, count_kit, key_lines, make_kit, new_kit, read_key
from nexus.recovery.kit_page import KitFacts, kit_html, kit_text, place_file
from nexus.recovery.sealing import Keys, kit_mark, load_keys, new_identity, seal, unseal
from nexus.runtimes.home import Home
from nexus.stack import Stack
from nexus.stack.recovering import DirectoryPlace, PlaceManifest, RecoveryPolicy, S3Place, SftpPlace

PLACES: dict[str, PlaceManifest] = {
    "nas": DirectoryPlace(kind="directory", path="/mnt/nas/it's"),
    "far": SftpPlace(kind="sftp", host="b.example", user="nexus", path="/b", host_key="ssh-ed25519 AAAA"),
    "cloud": S3Place(kind="s3", bucket="company", endpoint=None, lock=2_592_000.0),
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path / "home")


def facts(home: Home) -> KitFacts:
    return KitFacts(Stack("acme", home.root, (), recovery=RecoveryPolicy(places=PLACES)), home, "7391")


def test_all_is_sealed_for_the_kit_from_now_on_and_its_secret_is_kept_nowhere(home: Home) -> None:
    before = seal("a", b"x", load_keys(home))
    kit = make_kit(home)
    keys = load_keys(home)
    sealed = seal("a", b"x", keys)
    assert unseal("a", sealed, Keys((), kit.identity)) == b"x"
    assert unseal("a", sealed, keys) == unseal("a", before, keys) == b"x"
    with pytest.raises(WrongKey):
        unseal("a", before, Keys((), kit.identity))
    kept = b"".join(each.read_bytes() for each in home.root.rglob("*") if each.is_file())
    assert kit.identity.encode() not in kept
    mark = kit_mark(home)
    assert mark is not None
    assert mark.recipient == kit.recipient


def test_keys_are_their_owners_only(home: Home) -> None:
    make_kit(home)
    load_keys(home)
    folder = home.secrets / "recovery"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {each.name: each.stat().st_mode & 0o777 for each in folder.iterdir()} == {
        "identity": 0o600,
        "kit": 0o600,
    }


def test_a_stack_keeps_its_identity(home: Home) -> None:
    assert load_keys(home) == load_keys(home)


def test_a_damaged_identity_is_told_and_not_replaced(home: Home) -> None:
    load_keys(home)
    path = home.secrets / "recovery" / "identity"
    path.write_text("nonsense")
    with pytest.raises(WrongKey, match="identity"):
        load_keys(home)
    assert path.read_text() == "nonsense"


def test_a_key_is_read_back_from_what_is_printed(home: Home) -> None:
    kit = make_kit(home)
    for text in (
        kit.identity,
        kit.identity.lower(),
        "\n".join(kit.lines),
        "\n".join(kit.lines).lower().replace(" ", "   "),
        kit_text(kit, facts(home), "en"),
        kit_text(kit, facts(home), "pt-BR"),
    ):
        assert read_key(text) == kit.identity


def test_a_slip_is_found_in_its_line() -> None:
    chance = random.Random(8)
    for _ in range(50):
        lines = list(key_lines(new_identity()))
        number = chance.randrange(6)
        at = chance.choice([index for index, letter in enumerate(lines[number]) if letter.isalpha()])
        slip = chance.choice([each for each in "QPZRYXGFTVDW" if each != lines[number][at]])
        lines[number] = lines[number][:at] + slip + lines[number][at + 1 :]
        with pytest.raises(WrongKey) as told:
            read_key("\n".join(lines))
        assert f"line {number + 1}" in str(told.value) or "recovery kit" in str(told.value)


@pytest.mark.parametrize("slip", "O1IBoé")
def test_a_letter_that_no_key_has_is_a_slip_in_its_line_and_no_missing_line(slip: str) -> None:
    for number in range(6):
        lines = list(key_lines(new_identity()))
        for at in (3, 7, lines[number].index("/") + 2):
            typed = [
                *lines[:number],
                lines[number][:at] + slip + lines[number][at + 1 :],
                *lines[number + 1 :],
            ]
            with pytest.raises(WrongKey, match=f"line {number + 1} of the key has a slip"):
                read_key("\n".join(typed))


def test_it_is_a_slip_where_the_two_letters_that_check_the_line_take_it_for_right() -> None:
    letters = new_identity().removeprefix(PREFIX)
    for number in range(6):
        at = number * LINE
        lines = key_lines(letters[:at] + "O" + letters[at + 1 :])
        with pytest.raises(WrongKey, match=f"line {number + 1} of the key has a slip"):
            read_key("\n".join(lines))
    short = [*key_lines(letters)[:5], key_lines(letters[:-1])[5]]
    with pytest.raises(WrongKey, match="line 6 of the key has a slip"):
        read_key("\n".join(short))


@pytest.mark.parametrize("lost", range(6))
def test_a_line_that_is_missing_is_told(lost: int) -> None:
    lines = list(key_lines(new_identity()))
    del lines[lost]
    with pytest.raises(RecoveryError, match=f"line {lost + 1} of the key is missing"):
        read_key("\n".join(lines))


def test_a_line_that_was_written_twice_counts_as_it_is_right() -> None:
    identity = new_identity()
    right = list(key_lines(identity))
    wrong = right[2][:4] + ("Q" if right[2][4] != "Q" else "P") + right[2][5:]
    assert read_key("\n".join([*right, wrong])) == read_key("\n".join([wrong, *right])) == identity


def test_what_holds_no_key_is_told() -> None:
    with pytest.raises(WrongKey, match="no key in it"):
        read_key("hello")


def test_the_page_stands_alone_in_both_languages(home: Home) -> None:
    kit = make_kit(home)
    page = kit_html(kit, facts(home))
    assert 'lang="pt-BR"' in page
    assert 'lang="en"' in page
    assert "<script" not in page
    assert "http" not in page
    for line in kit.lines:
        assert line in page
    assert "AAAA" in page
    assert "it&#x27;s" in page


@pytest.mark.parametrize("name", PLACES)
def test_a_place_is_printed_as_restore_reads_it(name: str) -> None:
    place = PLACES[name]
    assert type(place)(**YAML(typ="safe").load("\n".join(place_file(place)))) == place


def test_a_folder_below_the_stacks_own_is_printed_as_it_is_found_from_anywhere(home: Home) -> None:
    below = {"nas": DirectoryPlace(kind="directory", path="nas/it")}
    told = KitFacts(Stack("acme", home.root, (), recovery=RecoveryPolicy(places=below)), home)
    text = kit_text(make_kit(home), told)
    assert text.count(f"the folder {home.root / 'nas/it'}\n") == 1
    assert f"path: '{home.root / 'nas/it'}'" in text


def test_a_kit_counts_only_when_it_is_told_to(home: Home) -> None:
    kit = new_kit(5.0)
    assert kit_mark(home) is None
    before = time.time()
    count_kit(home, kit)
    mark = kit_mark(home)
    assert mark is not None
    assert mark.recipient == kit.recipient
    assert mark.made >= before


def test_without_a_second_place_the_kit_says_what_that_means(home: Home) -> None:
    told = KitFacts(Stack("acme", home.root, ()), home)
    assert "so are the backups" in kit_text(make_kit(home), told)
