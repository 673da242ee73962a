"""The collector: one process beside the control loop that takes in and keeps a stack's telemetry."""
