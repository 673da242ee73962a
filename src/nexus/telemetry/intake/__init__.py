"""Log intake: reads every log of a stack, parses and masks it, and keeps it exactly once."""

from nexus.telemetry.intake.intake import Intake

__all__ = ["Intake"]
