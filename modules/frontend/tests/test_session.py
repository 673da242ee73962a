from __future__ import annotations

import base64
import json
import time

import pytest
from nexus_frontend.api import over
from nexus_frontend.forgery import Signer
from nexus_frontend.forms import Form
from nexus_frontend.pages.entrance import inside
from nexus_frontend.problems import ApiProblem
from nexus_frontend.session import Session, claims_of


def token(**claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{body}.c2ln"


@pytest.mark.parametrize(
    ("held", "wanted", "may"),
    [
        ("*", "sales.order.write", True),
        ("sales.*", "sales.order.write", True),
        ("sales.order.*", "sales.order.write", True),
        ("sales.order.write", "sales.order.write", True),
        ("sales.order.read", "sales.order.write", False),
        ("sale.*", "sales.order.write", False),
        ("sales", "sales.order.write", False),
    ],
)
def test_a_permission_counts_itself_and_below_its_star(held: str, wanted: str, may: bool) -> None:
    assert Session.of(token(permissions=[held]), "r").can(wanted) is may


def test_a_session_is_renewed_a_little_before_it_ends() -> None:
    assert Session.of(token(exp=time.time() + 5), "r").ending
    assert not Session.of(token(exp=time.time() + 300), "r").ending
    assert Session.of("", "r").ending


@pytest.mark.parametrize("broken", ["", "a.b", "a.!!.c", "a.e30x.c", "a.W10.c", "...."])
def test_a_broken_token_has_no_claims(broken: str) -> None:
    assert claims_of(broken) == {}


def test_a_wrong_current_password_does_not_end_the_session() -> None:
    assert not over(ApiProblem(401, {"type": "urn:nexus:problem:invalid-credentials"}))
    assert over(ApiProblem(401, {"type": "urn:nexus:problem:token-expired"}))
    assert not over(ApiProblem(403, {}))


def test_a_mark_is_good_for_its_text_purpose_and_key_only() -> None:
    ours, theirs = Signer(b"k" * 32), Signer(b"x" * 32)
    mark = ours.mark("forgery", "visitor")
    assert ours.matches("forgery", "visitor", mark)
    assert not ours.matches("forgery", "another", mark)
    assert not ours.matches("notice", "visitor", mark)
    assert not theirs.matches("forgery", "visitor", mark)
    assert not ours.matches("forgery", "visitor", "")
    assert not ours.matches("forgery", "visitor", "ç")


def test_a_sealed_notice_opens_only_unchanged() -> None:
    signer = Signer(b"k" * 32)
    sealed = signer.seal("notice", ["good", "Pedido confirmado."])
    assert signer.unseal("notice", sealed) == ["good", "Pedido confirmado."]
    assert signer.unseal("notice", "x" + sealed) is None
    assert signer.unseal("notice", "") is None


@pytest.mark.parametrize(
    "outside", ["//evil.example", "https://evil.example", "/\\evil.example", "", "/a\nb"]
)
def test_login_goes_on_only_to_places_inside(outside: str) -> None:
    assert inside(outside) == "/"
    assert inside("/orders?state=done") == "/orders?state=done"


def test_rows_of_a_form_leave_out_the_empty_ones() -> None:
    pairs = [("product", "A"), ("quantity", "1"), ("product", ""), ("quantity", " "), ("product", "B")]
    form = Form([*pairs, ("quantity", "2")])
    assert form.rows("product", "quantity") == [
        {"product": "A", "quantity": "1"},
        {"product": "B", "quantity": "2"},
    ]
    assert form.fields("product", "missing") == {"product": "B", "missing": None}


def test_problems_name_their_fields_whatever_their_shape() -> None:
    single = ApiProblem(409, {"type": "urn:nexus:problem:duplicate-sku", "detail": "Taken.", "field": "sku"})
    assert (single.slug, single.fields) == ("duplicate-sku", {"sku": "Taken."})
    many = ApiProblem(422, {"errors": [{"field": "body.lines.0.quantity", "message": "must be above 0"}]})
    assert many.fields == {"lines.0.quantity": "must be above 0"}
    assert ApiProblem(500, {}).detail == "HTTP 500"
