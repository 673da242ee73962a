"""What the demo company sells: home and kitchen goods, priced in reais."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Item:
    """One product of the catalogue: price and cost in BRL, weight of its share in orders."""

    sku: str
    name: str
    price: Decimal
    cost: Decimal
    popularity: int


def _item(sku: str, name: str, price: str, popularity: int, margin: str = "0.42") -> Item:
    amount = Decimal(price)
    return Item(sku, name, amount, (amount * (1 - Decimal(margin))).quantize(Decimal("0.01")), popularity)


CATALOGUE = (
    _item("CAF-001", "Cafeteira italiana 6 xícaras", "149.90", 9),
    _item("CAF-002", "Coador de pano com suporte", "39.90", 7),
    _item("CAF-003", "Café torrado em grãos 1 kg", "68.50", 12, "0.28"),
    _item("COZ-001", "Panela de pressão 4,5 L", "189.90", 8),
    _item("COZ-002", "Frigideira antiaderente 24 cm", "99.90", 10),
    _item("COZ-003", "Jogo de facas 6 peças", "159.00", 5),
    _item("COZ-004", "Tábua de corte em teca", "119.00", 4),
    _item("COZ-005", "Assadeira esmaltada", "74.90", 6),
    _item("COZ-006", "Liquidificador 1200 W", "249.90", 6, "0.30"),
    _item("COZ-007", "Batedeira planetária", "699.00", 2, "0.27"),
    _item("COZ-008", "Potes herméticos (10 un.)", "89.90", 9),
    _item("COZ-009", "Garrafa térmica 1 L", "109.90", 8),
    _item("MES-001", "Aparelho de jantar 20 peças", "329.00", 3),
    _item("MES-002", "Taças de vinho (6 un.)", "129.90", 5),
    _item("MES-003", "Toalha de mesa em algodão", "94.90", 4),
    _item("MES-004", "Talheres inox 24 peças", "179.90", 4),
    _item("CAM-001", "Jogo de cama casal 200 fios", "219.90", 6),
    _item("CAM-002", "Travesseiro de látex", "139.90", 5),
    _item("CAM-003", "Edredom casal dupla face", "259.90", 4),
    _item("BAN-001", "Toalhas de banho (4 un.)", "119.90", 8),
    _item("BAN-002", "Tapete antiderrapante", "49.90", 6),
    _item("LIM-001", "Vassoura e pá dobráveis", "59.90", 6),
    _item("LIM-002", "Varal de chão", "139.00", 3),
    _item("LIM-003", "Cesto de roupa em bambu", "129.00", 3),
    _item("DEC-001", "Luminária de mesa", "159.90", 4),
    _item("DEC-002", "Vaso de cerâmica", "79.90", 5),
    _item("DEC-003", "Quadro decorativo 40 x 60", "99.00", 3),
    _item("ELE-001", "Ventilador de mesa 40 cm", "189.90", 5, "0.25"),
    _item("ELE-002", "Ferro a vapor", "149.90", 4, "0.25"),
    _item("ELE-003", "Chaleira elétrica 1,8 L", "129.90", 7, "0.30"),
)

# On the price list, and not delivered yet: whoever orders them waits.
ANNOUNCED = (
    _item("ELE-101", "Fritadeira elétrica 5 L", "449.90", 1, "0.25"),
    _item("MES-101", "Conjunto de fondue 10 peças", "189.90", 1),
)
