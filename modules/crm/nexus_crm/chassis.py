"""The CRM's module object: database, events, HTTP application."""

from nexus_kit import Module

module = Module("crm")
