"""What sales remembers of customers and products, so that orders need no other module at hand.

Events may arrive late or twice: a row keeps the newest (``told_at``), and a merge is never undone.
"""

from decimal import Decimal
from uuid import UUID

from nexus_kit import Event, Module, Tx

_CUSTOMERS = """
INSERT INTO customers AS c (company_id, id, name, tax_id, email, status, told_at)
SELECT DISTINCT ON (id) $1, * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],
                                          $7::timestamptz[]) AS e(id, name, tax_id, email, status, told_at)
ORDER BY id, told_at DESC
ON CONFLICT (company_id, id) DO UPDATE
SET name = excluded.name, tax_id = excluded.tax_id, email = excluded.email, told_at = excluded.told_at,
    status = CASE WHEN c.status = 'merged' THEN c.status ELSE excluded.status END
WHERE excluded.told_at > c.told_at
"""
_PRODUCTS = """
INSERT INTO products AS p (company_id, id, sku, name, unit, list_price, currency, active, told_at)
SELECT DISTINCT ON (id) $1, * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::numeric[],
        $7::text[], $8::boolean[], $9::timestamptz[])
    AS e(id, sku, name, unit, list_price, currency, active, told_at)
ORDER BY id, told_at DESC
ON CONFLICT (company_id, id) DO UPDATE
SET sku = excluded.sku, name = excluded.name, unit = excluded.unit, list_price = excluded.list_price,
    currency = excluded.currency, active = excluded.active, told_at = excluded.told_at
WHERE excluded.told_at > p.told_at
"""
# A customer merged into one that was merged itself ends at the last of them.
_MERGE = """
WITH kept AS (
    SELECT coalesce((SELECT merged_into FROM customers WHERE company_id = $1 AND id = $2), $2) AS id
), chained AS (
    UPDATE customers SET merged_into = kept.id FROM kept
    WHERE company_id = $1 AND merged_into = $3 AND customers.id <> $3
)
INSERT INTO customers AS c (company_id, id, name, status, merged_into, told_at)
SELECT $1, $3, '', 'merged', kept.id, '-infinity' FROM kept
ON CONFLICT (company_id, id) DO UPDATE SET status = 'merged', merged_into = excluded.merged_into
RETURNING merged_into
"""
_REPOINT = """
WITH moved AS (
    UPDATE orders o SET customer_id = $2, customer_name = coalesce(c.name, o.customer_name)
    FROM (SELECT 1) AS always LEFT JOIN customers c ON c.company_id = $1 AND c.id = $2
    WHERE o.company_id = $1 AND o.customer_id = $3
    RETURNING o.id, o.customer_name
)
INSERT INTO order_timeline (company_id, order_id, event, params, actor)
SELECT $1, id, 'order.customer_merged',
       jsonb_build_object('customer_name', customer_name, 'duplicate_id', $3::uuid), 'crm' FROM moved
"""


def register(module: Module) -> None:
    """Listen to crm and inventory."""
    module.on_batch("crm", "customer.created", "customer.updated")(customers)
    module.on("crm", "customer.merged")(merged)
    module.on_batch("inventory", "product.created", "product.updated")(products)


async def customers(tx: Tx, events: list[Event]) -> None:
    """Remember customers as crm told them."""
    data = [event.data for event in events]
    await tx.execute(
        _CUSTOMERS,
        events[0].company_id,
        [UUID(one["customer_id"]) for one in data],
        [one["name"] for one in data],
        [one["tax_id"] for one in data],
        [one["email"] for one in data],
        ["inactive" if one["status"] == "merged" else one["status"] for one in data],
        [event.occurred_at for event in events],
    )


async def merged(tx: Tx, event: Event) -> None:
    """Close the duplicate, then repoint its orders to the customer that was kept.

    Two statements: the first waits for orders being placed for the duplicate (they hold it), the second
    sees them.
    """
    kept, duplicate = UUID(event.data["customer_id"]), UUID(event.data["duplicate_id"])
    last = await tx.fetchval(_MERGE, event.company_id, kept, duplicate)
    await tx.execute(_REPOINT, event.company_id, last, duplicate)


async def products(tx: Tx, events: list[Event]) -> None:
    """Remember products as inventory told them."""
    data = [event.data for event in events]
    await tx.execute(
        _PRODUCTS,
        events[0].company_id,
        [UUID(one["product_id"]) for one in data],
        [one["sku"] for one in data],
        [one["name"] for one in data],
        [one["unit"] for one in data],
        [Decimal(one["list_price"]) for one in data],
        [one["currency"] for one in data],
        [one["active"] for one in data],
        [event.occurred_at for event in events],
    )
