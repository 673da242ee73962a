"""What a timeline entry says to people, by event key; ``{name}`` is one of its parameters."""

from collections.abc import Mapping
from typing import Any

LANGUAGES = ("pt-BR", "en")

TEXTS: dict[str, tuple[str, str]] = {
    "order.created": ("Pedido criado", "Order created"),
    "order.changed": ("Pedido alterado", "Order changed"),
    "order.quoted": ("Orçamento emitido", "Quotation issued"),
    "order.confirmed": ("Pedido confirmado", "Order confirmed"),
    "order.backorder_requested": ("Aguardando reposição de estoque", "Waiting for stock to arrive"),
    "order.cancelled": ("Pedido cancelado: {reason}", "Order cancelled: {reason}"),
    "order.completed": ("Pedido concluído", "Order completed"),
    "order.customer_merged": (
        "Cliente unificado com {customer_name}",
        "Customer merged into {customer_name}",
    ),
    "stock.reserved": ("Estoque reservado", "Stock reserved"),
    "stock.reservation_failed": ("Estoque insuficiente", "Not enough stock"),
    "stock.released": ("Reserva de estoque liberada", "Stock reservation released"),
    "shipment.shipped": ("Mercadoria expedida", "Goods shipped"),
    "shipment.failed": ("Falha na expedição: {reason}", "Shipment failed: {reason}"),
    "shipment.returned": ("Mercadoria devolvida ao estoque", "Goods returned to stock"),
    "invoice.posted": ("Fatura {number} emitida", "Invoice {number} posted"),
    "payment.received": ("Pagamento recebido", "Payment received"),
    "payment.reconciled": ("Pagamento conciliado", "Payment reconciled"),
    "invoice.reversed": ("Fatura estornada", "Invoice reversed"),
}
REASONS: dict[str, tuple[str, str]] = {
    "payment_expired": ("pagamento não recebido no prazo", "payment did not arrive in time"),
}


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


def language(accepted: str | None) -> str:
    """The language for an Accept-Language header: the first of ours it names, Portuguese otherwise."""
    for part in (accepted or "").split(","):
        tag = part.split(";")[0].strip().lower()
        if tag.startswith("en"):
            return "en"
        if tag.startswith("pt"):
            return "pt-BR"
    return LANGUAGES[0]


def text(event: str, params: Mapping[str, Any], lang: str) -> str:
    """The sentence of a timeline entry; an unknown event reads as its key."""
    column = LANGUAGES.index(lang)
    values = _Blank(params)
    if reason := REASONS.get(values["reason"]):
        values["reason"] = reason[column]
    template = TEXTS[event][column] if event in TEXTS else event.replace("{", "").replace("}", "")
    return template.format_map(values).rstrip(": ")
