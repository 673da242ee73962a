"""The module's chassis: settings, database, events, HTTP application."""

from nexus_kit import Module

module = Module("inventory")
