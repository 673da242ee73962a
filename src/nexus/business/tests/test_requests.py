import pytest

from nexus.business.requests import Place, Routes, verdict
from nexus.stack import Process, Step


def process(name: str, **steps: tuple[str, ...]) -> Process:
    return Process(name, {}, tuple(Step(s, "sales", {}, asked) for s, asked in steps.items()), "", (), ())


ROUTES = Routes(
    [
        process(
            "cash",
            quote=("POST /api/sales/orders",),
            confirm=("POST /api/sales/orders/{id}/confirm",),
            see=("GET /api/sales/orders/{id}",),
            sum=("GET /api/sales/orders/summary",),
        ),
        process("close", check=("GET /api/sales/orders/{id}",)),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "places"),
    [
        ("POST", "/api/sales/orders", [("cash", "quote")]),
        ("POST", "/api/sales/orders/", [("cash", "quote")]),
        ("GET", "/api/sales/orders", []),
        ("POST", "/api/sales/orders/0198/confirm", [("cash", "confirm")]),
        ("POST", "/api/sales/orders//confirm", []),
        ("POST", "/api/sales/orders/0198/confirm/twice", []),
        ("GET", "/api/sales/orders/0198", [("cash", "see"), ("close", "check")]),
        ("GET", "/api/sales/orders/summary", [("cash", "sum"), ("close", "check")]),
        ("", "", []),
    ],
)
def test_a_request_is_one_step_of_each_process_and_exact_parts_win(
    method: str, path: str, places: list[tuple[str, str]]
) -> None:
    assert ROUTES.places(method, path) == [Place(*place) for place in places]


@pytest.mark.parametrize(
    ("status", "seconds", "expected"),
    [
        (200, 0.1, "good"),
        (404, 0.1, "good"),
        (409, 0.1, "good"),
        (429, 0.0, "none"),
        (499, 0.3, "none"),
        (499, 7.0, "bad"),
        (-1, 0.3, "none"),
        (-1, 30.0, "bad"),
        (500, 0.1, "bad"),
        (503, 0.0, "bad"),
    ],
)
def test_what_a_request_says_of_availability(status: int, seconds: float, expected: str) -> None:
    assert verdict(status, seconds) == expected
