"""Inventory: products, warehouses, stock movements, reservations and shipments."""
