"""Nobody finds a secret or a person's number in the logs, and no id is taken for one."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.telemetry.masking import mask, sensitive
from nexus.telemetry.masking_columns import FEW, mask_attributes, mask_texts

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiI0MiIsImV4cCI6MX0.c2lnbmF0dXJl"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQ\nIBADAN\n-----END PRIVATE KEY-----"

# Text -> what must not be found any more -> what stands there instead.
SECRETS = [
    ("login failed for ana, password=hunter2!", "hunter2!", "[masked:password]"),
    ('{"password": "a \\"quoted\\" one", "user": "ana"}', "quoted", "[masked:password]"),
    ('he said {\\"senha\\":\\"segredo1\\",\\"id\\":7}', "segredo1", "[masked:password]"),
    ("ALTER ROLE sales WITH PASSWORD 'it''s one'", "one", "[masked:password]"),
    ("PGPASSWORD=geheim psql", "geheim", "[masked:password]"),
    ("postgresql://sales:p%40ss@db:5432/nexus", "p%40ss", "[masked:password]"),
    ("redis://:onlyone@cache/0", "onlyone", "[masked:password]"),
    ("GET /reset?reset_token=abc123&x=1", "abc123", "[masked:token]"),
    ("refreshToken: abc123", "abc123", "[masked:token]"),
    ("client_secret=abc123;", "abc123", "[masked:secret]"),
    ("X-Api-Key: abc123", "abc123", "[masked:key]"),
    ("Authorization: Bearer abcdefgh.123", "abcdefgh", "[masked:authorization]"),
    ("sent Basic YWxhZGRpbjpvcGVu to it", "YWxh", "[masked:authorization]"),
    ("used bearer 0123456789abcdef again", "0123456789", "[masked:token]"),
    ("Set-Cookie: sid=31337; Path=/", "31337", "[masked:cookie]"),
    (f"token was {JWT} today", JWT[:20], "[masked:jwt]"),
    (f"key:\n{PEM}\nread", "MIIEvQ", "[masked:key]"),
    ("aws AKIAIOSFODNN7EXAMPLE used", "AKIAIOSFODNN7EXAMPLE", "[masked:key]"),
    ("customer 529.982.247-25", "529", "[masked:cpf]"),
    ("customer 52998224725, new", "52998224725", "[masked:cpf]"),
    ("supplier 11.222.333/0001-81", "222", "[masked:cnpj]"),
    ("supplier 11222333000181", "11222333000181", "[masked:cnpj]"),
    ("supplier 12.ABC.345/01DE-35", "ABC", "[masked:cnpj]"),
    ("supplier 12ABC34501DE35", "ABC", "[masked:cnpj]"),
    ("paid with 4111 1111 1111 1111", "4111", "[masked:card]"),
    ("postgres://u:p@ss@h/db", "ss@h", "u:[masked:password]@h/db"),
    ("amqp://ana@corp:geheim@h/", "geheim", "[masked:password]"),
    ("user_52998224725", "52998224725", "user_[masked:cpf]"),
    ("id_52998224725_x", "52998224725", "[masked:cpf]"),
    ("of_11222333000181_", "11222333000181", "[masked:cnpj]"),
    ("x_4111111111111111_", "4111111111111111", "[masked:card]"),
    ("ran psql --password hunter2 -h db", "hunter2", "--password [masked:password] -h db"),
    ("ran it --api-key 'k 1 2' -v", "k 1 2", "[masked:key]"),
    ('["tool","--auth-token","abc123","-v"]', "abc123", '"--auth-token","[masked:token]","-v"'),
    ("GET /?q=%7B%22password%22%3A%22x1y2%22%2C%22user%22%3A1", "x1y2", "%22%2C%22user"),
    ("GET /?q=%7B%22senha%22%3A+%22x1y2%22%7D", "x1y2", "[masked:password]"),
    ("paid with 378282246310005.", "378282246310005", "[masked:card]"),
]
HARMLESS = [
    "token expired",
    "the password of ana was changed",
    "basic information, bearer of news",
    "max_tokens=4096",
    "run --max-token 4096 --password-file /run/secrets/db --token --verbose",
    "http://h:8080/x mailed to ana@h",
    "order SO202611250042 of 2026-11-25T21:05:32.563+00:00",
    "order 20261125210532, at 1764105932123, at 1764105932123456789",
    "supplier 11222333000182, customer 52998224726, 111.111.111-11",
    "card 4111111111111112, 0000000000000000",
    "trace 7226d057f9a16c2da7d957812980f891, 01a21487-2c17-7617-92b5-90925d26aa2e",
    "http://127.0.0.1:5002/.well-known/jwks.json",
    "took 0.12345678909 s",
]


@pytest.mark.parametrize(("text", "secret", "mark"), SECRETS)
def test_secrets_are_masked(text: str, secret: str, mark: str) -> None:
    masked = mask(text)
    assert secret not in masked
    assert mark in masked
    assert mask(masked) == masked, "masking again changes nothing"


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize("rows", [1, FEW + 1])
def test_the_quick_look_at_whole_columns_misses_nothing(rows: int) -> None:
    for text, secret, _ in SECRETS:
        assert secret not in str(mask_texts(pa.array([text] * rows)).to_pylist()[-1])
        attributes = orjson.dumps({"detail": text, "deep": [{"text": f"\n{text}"}]}).decode()
        masked = str(mask_attributes(pa.array([attributes] * rows)).to_pylist()[-1])
        assert secret not in masked
        assert orjson.loads(masked)["detail"] == mask(text)


def test_values_of_sensitive_names_are_masked_whole() -> None:
    kept = {"order_id": "42", "max_tokens": 7, "idempotency_key": "k", "company": "c", "session_id": "s"}
    told = {"password": "x", "accessToken": "y", "DB_PASSWORD": "z", "customer_cpf": 5, "x-api-key": [1]}
    text = orjson.dumps({**kept, "deep": told}).decode()
    found = orjson.loads(str(mask_attributes(pa.array([text])).to_pylist()[0]))
    assert {name: found[name] for name in kept} == kept
    assert all(str(value).startswith("[masked:") for value in found["deep"].values())
    assert sensitive("customer_cpf") == "[masked:cpf]"
    assert not sensitive("span")


def quick(text: str) -> str:
    """A text as a column of one is masked."""
    return str(mask_texts(pa.array([text])).to_pylist()[0])


def check_digits(values: list[int], count: int) -> list[int]:
    """CPF's and CNPJ's (from 2026 on: with letters, by character code - 48), written down another way."""
    for _ in range(2):
        cycle = range(2, count + 2) if count == 10 else [2, 3, 4, 5, 6, 7, 8, 9] * 2
        total = sum(value * weight for value, weight in zip(reversed(values), cycle, strict=False))
        values = [*values, -total % 11 if -total % 11 < 10 else 0]
    return values[-2:]


edge = st.text(alphabet=" \n,;:()[]'\"-/=é", max_size=3)


@given(st.integers(0, 10**9 - 1), edge, edge, st.booleans())
def test_every_cpf_is_masked(number: int, before: str, after: str, dots: bool) -> None:
    body = f"{number:09d}"
    if len(set(body)) == 1:
        return
    last = "".join(map(str, check_digits([int(each) for each in body], 10)))
    cpf = f"{body[:3]}.{body[3:6]}.{body[6:]}-{last}" if dots else body + last
    assert cpf not in quick(f"{before}{cpf}{after}")


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=8, max_size=8), edge, edge, st.booleans())
def test_every_cnpj_is_masked(root: str, before: str, after: str, dots: bool) -> None:
    body = f"{root}0001"
    last = "".join(map(str, check_digits([ord(each) - 48 for each in body], 13)))
    cnpj = f"{body[:2]}.{body[2:5]}.{body[5:8]}/{body[8:]}-{last}" if dots else body + last
    assert cnpj not in quick(f"{before}{cnpj}{after}")


@given(
    st.uuids(),
    st.integers(0, 2**128 - 1),
    st.datetimes(datetime(2020, 1, 1), datetime(2036, 1, 1)),
    st.integers(0, 9999999),
)
def test_ids_and_times_stay(some: uuid.UUID, trace: int, when: datetime, number: int) -> None:
    stamp = when.replace(tzinfo=UTC)
    second = int(stamp.timestamp())
    texts = [
        *(str(some), f"{trace:032x}", stamp.isoformat(), f"{when:%Y%m%d%H%M%S}", f"PO-{number:07d}"),
        *(str(second), str(second * 1000 + number % 1000), str(second * 10**9 + number)),
    ]
    if re.fullmatch(r"\d+", f"{trace:032x}") or f"{when:%H%M}" == "0001":
        return
    assert quick(" ".join(texts)) == " ".join(texts)
