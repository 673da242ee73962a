"""Nexus CRM: leads, customers, contacts and interactions."""
