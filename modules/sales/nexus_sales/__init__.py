"""Nexus sales: price lists, orders and the order-to-cash saga."""
