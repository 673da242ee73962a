"""What reports of drills say in Brazilian Portuguese; the English text is the key."""

from __future__ import annotations

from collections.abc import Mapping

from nexus.recovery.drilling.words_found import FOUND

LANGUAGES = ("pt-BR", "en")

PT_BR: Mapping[str, str] = {
    **FOUND,
    "Recovery drill": "Simulado de recuperação",
    "PROVEN": "PROVADO",
    "FAILED": "FALHOU",
    "NOT PROVEN": "NÃO PROVADO",
    "Scenario": "Cenário",
    "Stack": "Pilha",
    "Began": "Início",
    "Ended": "Fim",
    "Restored from": "Restaurado de",
    "Backup": "Backup",
    "Reached": "Alcançado",
    "Standstill (RTO)": "Parada (RTO)",
    "Data lost (RPO)": "Dados perdidos (RPO)",
    "promised: {value}": "prometido: {value}",
    "not measured": "não medido",
    "What was proven": "O que foi provado",
    "What was found to be wrong": "O que está errado",
    "What was NOT proven": "O que NÃO foi provado",
    "The numbers of the business at {lsn}": "Os números do negócio em {lsn}",
    "The commands, as the runbook {runbook} tells them": "Os comandos, como diz o roteiro {runbook}",
    "number": "número",
    "recorded": "registrado",
    "found": "encontrado",
    "same": "igual",
    "DIFFERENT": "DIFERENTE",
    "Signed with {algorithm} by the key {key}": "Assinado com {algorithm} pela chave {key}",
    "`nexus drill verify FILE` checks it.": "`nexus drill verify ARQUIVO` confere a assinatura.",
    "proven: {count} of {count}": "provado: {count} de {count}",
    "not proven: {what}": "não provado: {what}",
    "{what}: {why}": "{what}: {why}",
    "required, and missing: {names}": "exigido, e ausente: {names}",
    "nightly": "noturno",
}


def say(text: str, language: str, **values: object) -> str:
    """A text in a language, with its values filled in."""
    found = PT_BR.get(text, text) if language == "pt-BR" else text
    return found.format(**values) if values else found
