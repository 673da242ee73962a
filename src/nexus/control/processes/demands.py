"""What a stack must be for this machine to run it as plain processes."""

from __future__ import annotations

from nexus.control.addresses import Refused
from nexus.runtimes.process.drivers import driver
from nexus.runtimes.protocol import StartError
from nexus.stack import Stack


def demands(stack: Stack) -> None:
    """Whether every service has a program that runs here.

    Raises:
        Refused: one has not.
    """
    for service in stack.services:
        try:
            driver(service)
        except StartError as error:
            hint = "; run the stack in containers: `nexus up --runtime compose`"
            raise Refused(f"{error}{hint if service.runtime == 'image' else ''}") from error
