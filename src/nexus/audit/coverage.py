"""Which kinds of databases a project backs up, by what it runs: comments and mentions do not count."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nexus.audit.facts.backups import backed_up_by, backed_up_by_image
from nexus.audit.facts.images import parse_image
from nexus.audit.readers.shell import Statement, statements
from nexus.audit.subject import Subject

_ONLY_NAMES = frozenset(
    "echo printf log info warn error which type hash -v apt apt-get apk yum dnf microdnf pip pip3 npm".split()
)
"""Programs whose arguments are not run: they speak, look or install (`-v` is left of `command -v`)."""


def backed_up(subject: Subject) -> frozenset[str]:
    """Return the kinds of databases that anything in the project dumps or copies."""
    return frozenset(kind for text in _run(subject) for kind in backed_up_by(text)) | frozenset(
        kind for image in _images(subject) for kind in backed_up_by_image(image)
    )


def _images(subject: Subject) -> Iterator[str]:
    for deployment in subject.deployments:
        for service in deployment.services:
            yield from filter(None, (service.image, service.compose.image))


def _run(subject: Subject) -> Iterator[str]:
    """Yield the text of every command that is run, and the names of images that are programs."""
    for statement in (*(ran.statement for ran in subject.commands), *_elsewhere(subject)):
        installs_a_schedule = "cron" in statement.text
        for command in statement.commands:
            if installs_a_schedule or command.program not in _ONLY_NAMES:
                yield command.text
    for image in _images(subject):
        yield parse_image(image).name


def _elsewhere(subject: Subject) -> Iterator[Statement]:
    """Yield what schedules, labels and configs run: crontabs, units, Jenkinsfiles, jobs of ofelia."""
    known = {*subject.files.ci, *subject.files.compose, *subject.files.dockerfiles, *subject.files.scripts}
    texts = [subject.files.text(path) for path in subject.schedules if path not in known]
    jenkins = (subject.files.text(path) for path in subject.files.ci if path.name == "Jenkinsfile")
    texts += [re.sub(r"(?m)(^|\s)//.*$", "", text) for text in jenkins]
    for deployment in subject.deployments:
        texts += [each.content or "" for each in deployment.project.configs.values()]
        for service in deployment.services:
            texts += [label.text or "" for label in service.compose.labels.values()]
    for text in texts:
        yield from statements(text)
