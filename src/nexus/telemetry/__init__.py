"""Telemetry: every log, metric, trace and health answer of a stack, collected, kept and asked.

Names and shapes follow OpenTelemetry's data model (https://opentelemetry.io/docs/specs/otel/logs/data-model/).
"""
