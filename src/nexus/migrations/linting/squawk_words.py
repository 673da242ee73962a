"""What squawk's rules say, in Brazilian Portuguese; squawk itself speaks English."""

from __future__ import annotations

from collections.abc import Mapping

_CLIENTS = "pode quebrar os clientes existentes"

SQUAWK_PT_BR: Mapping[str, str] = {
    "adding-field-with-default": "uma coluna nova com valor padrão volátil regrava a tabela",
    "adding-foreign-key-constraint": "uma chave estrangeira percorre as duas tabelas e para as gravações",
    "adding-not-nullable-field": "NOT NULL percorre a tabela e para leituras e gravações",
    "adding-required-field": "uma coluna nova NOT NULL sem valor padrão falha se a tabela tiver linhas",
    "adding-serial-primary-key-field": "uma chave primária nova constrói seu índice e para tudo",
    "ban-alter-domain-with-add-constraint": "domínios com restrições são difíceis de mudar sem parar",
    "ban-alter-identity": f"mudar a identidade de uma coluna {_CLIENTS}",
    "ban-char-field": "char(n) quase sempre é engano; prefira text ou varchar",
    "ban-concurrent-index-creation-in-transaction": "CONCURRENTLY não funciona dentro de uma transação",
    "ban-create-domain-with-constraint": "domínios com restrições são difíceis de mudar sem parar",
    "ban-drop-column": f"remover uma coluna {_CLIENTS}",
    "ban-drop-constraint": "remover uma restrição tira uma garantia com que os clientes contam",
    "ban-drop-database": f"remover um banco de dados {_CLIENTS}",
    "ban-drop-domain": f"remover um domínio {_CLIENTS}",
    "ban-drop-extension": "remover uma extensão remove também suas funções e seus tipos",
    "ban-drop-function": f"remover uma função {_CLIENTS}",
    "ban-drop-generated-expression": f"remover a expressão de uma coluna gerada {_CLIENTS}",
    "ban-drop-not-null": f"remover NOT NULL {_CLIENTS}",
    "ban-drop-schema": f"remover um esquema {_CLIENTS}",
    "ban-drop-sequence": f"remover uma sequência {_CLIENTS}",
    "ban-drop-table": f"remover uma tabela {_CLIENTS}",
    "ban-drop-type": f"remover um tipo {_CLIENTS}",
    "ban-drop-view": f"remover uma visão {_CLIENTS}",
    "ban-duplicate-column-assignments": "a mesma coluna recebe mais de um valor",
    "ban-set-schema": f"mover um objeto para outro esquema {_CLIENTS}",
    "ban-truncate-cascade": "CASCADE esvazia também todas as tabelas que se referem a esta",
    "ban-uncommitted-transaction": "a transação nunca é confirmada nem desfeita",
    "changing-column-type": "mudar o tipo de uma coluna pode regravar a tabela e para leituras e gravações",
    "constraint-missing-not-valid": "uma restrição nova percorre a tabela e para as gravações",
    "disallowed-unique-constraint": "uma restrição UNIQUE constrói seu índice e para leituras e gravações",
    "identifier-too-long": "o nome é longo demais: o PostgreSQL o corta em 63 bytes",
    "prefer-bigint-over-int": "números de 32 bits podem chegar ao seu limite; use 64 bits",
    "prefer-bigint-over-smallint": "números de 16 bits podem chegar ao seu limite; use 64 bits",
    "prefer-identity": "serial dificulta permissões e dependências; use uma coluna IDENTITY",
    "prefer-text-field": "mudar o tamanho de um varchar bloqueia a tabela; use text com CHECK",
    "prefer-timestamp-tz": "timestamp perde o fuso horário; use timestamptz",
    "renaming-column": f"renomear uma coluna {_CLIENTS}",
    "renaming-object": f"renomear um objeto {_CLIENTS}",
    "renaming-table": f"renomear uma tabela {_CLIENTS}",
    "require-concurrent-index-creation": "construir um índice sem CONCURRENTLY para as gravações",
    "require-concurrent-index-deletion": "remover um índice sem CONCURRENTLY para leituras e gravações",
    "require-concurrent-partition-detach": "DETACH PARTITION sem CONCURRENTLY para leituras e gravações",
    "require-concurrent-reindex": "REINDEX sem CONCURRENTLY para leituras e gravações",
}
