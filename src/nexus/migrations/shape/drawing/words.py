"""The words of the map in the languages it is written in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Words = Callable[[str], str]

_PT: Mapping[str, str] = {
    "Map of the data": "Mapa dos dados",
    "Made by `nexus migrate map` from the database; what is written here by hand is lost.": (
        "Feito por `nexus migrate map` a partir do banco de dados; o que for escrito aqui à mão se perde."
    ),
    "Overview": "Visão geral",
    "Who tells whom (events, whole lines), and who reads whose tables or answers (broken lines).": (
        "Quem avisa quem (eventos, linhas cheias), e quem lê tabelas ou respostas de quem "
        "(linhas tracejadas)."
    ),
    "module": "módulo",
    "schema": "esquema",
    "owner": "dono",
    "role": "papel",
    "tables": "tabelas",
    "read by": "lido por",
    "column": "coluna",
    "type": "tipo",
    "null": "nulo",
    "yes": "sim",
    "no": "não",
    "default": "padrão",
    "key": "chave",
    "comment": "comentário",
    "generated": "gerada",
    "identity": "identidade",
    "Indexes": "Índices",
    "Constraints": "Restrições",
    "Read by": "Lido por",
    "Views": "Visões",
    "Types": "Tipos",
    "Functions": "Funções",
    "Policies": "Políticas",
    "partition of": "partição de",
    "not valid": "não validada",
    "row-level security": "segurança por linha",
    "about": "cerca de",
    "rows": "linhas",
    "table": "tabela",
    "whole table": "tabela inteira",
    "1,000.0": "1.000,0",
    "no tables": "nenhuma tabela",
    "kpi": "KPI",
    "invariant": "invariante",
    "objective": "objetivo",
    "contract": "contrato",
    "sql": "SQL",
}


def words(language: str) -> Words:
    """How a word of the map is written in a language: `pt-BR`, else English."""
    if language == "pt-BR":
        return lambda text: _PT.get(text, text)
    return lambda text: {"kpi": "KPI", "sql": "SQL"}.get(text, text)
