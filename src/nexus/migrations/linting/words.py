"""What lint says, in Brazilian Portuguese."""

from __future__ import annotations

from collections.abc import Mapping

PT_BR: Mapping[str, str] = {
    # constraints
    "NOT NULL of {column} scans {table} while nobody may read or write it": (
        "NOT NULL de {column} percorre {table} enquanto ninguém pode lê-la ou gravá-la"
    ),
    "{what} scans {table} while nobody may read or write it": (
        "{what} percorre {table} enquanto ninguém pode lê-la ou gravá-la"
    ),
    "{what} looks up all keys while nobody may write into either table": (
        "{what} procura todas as chaves enquanto ninguém pode gravar em nenhuma das duas tabelas"
    ),
    "{what} builds its index while nobody may read or write {table}": (
        "{what} constrói seu índice enquanto ninguém pode ler ou gravar {table}"
    ),
    "the check of {column}": "a restrição CHECK de {column}",
    "the constraint": "a restrição",
    "ATTACH PARTITION scans {part} under a lock that stops all who use it": (
        "ATTACH PARTITION percorre {part} sob um bloqueio que para todos os que a usam"
    ),
    # indexes
    "builds {index} while nobody may write into {table}": (
        "constrói {index} enquanto ninguém pode gravar em {table}"
    ),
    "an index": "um índice",
    "computes {table} while nobody may read it": "calcula {table} enquanto ninguém pode lê-la",
    "writes whole tables anew while nobody may read or write them": (
        "regrava tabelas inteiras enquanto ninguém pode lê-las ou gravá-las"
    ),
    # tables
    "the new type of {column} writes {table} anew while nobody may read or write it": (
        "o novo tipo de {column} regrava {table} enquanto ninguém pode lê-la ou gravá-la"
    ),
    "the new type of {column} scans {table} while nobody may read or write it": (
        "o novo tipo de {column} percorre {table} enquanto ninguém pode lê-la ou gravá-la"
    ),
    "{column} gets a value in each row: {table} is written anew while nobody may read or write it": (
        "{column} recebe um valor em cada linha: {table} é regravada enquanto ninguém pode lê-la ou gravá-la"
    ),
    "{table} is written anew while nobody may read or write it": (
        "{table} é regravada enquanto ninguém pode lê-la ou gravá-la"
    ),
    # backfills
    "writes many rows of {table} in one transaction, which locks them until its end": (
        "grava muitas linhas de {table} em uma só transação, que as bloqueia até o fim"
    ),
    "writes many rows of {table} in one transaction, which locks them until its end; to batch it: {how}": (
        "grava muitas linhas de {table} em uma só transação, que as bloqueia até o fim; para dividi-la: {how}"
    ),
    "line {line} took {lock} on {locked}, and is held until these rows of {table} are written": (
        "a linha {line} obteve {lock} em {locked}, mantido até que estas linhas de {table} estejam gravadas"
    ),
    # losses
    "the column {column} of {table} is dropped: the data is nowhere else": (
        "a coluna {column} de {table} é removida: os dados não existem em outro lugar"
    ),
    "{table} is dropped: the data is nowhere else": (
        "{table} é removida: os dados não existem em outro lugar"
    ),
    "{table} loses all its rows: the data is nowhere else": (
        "{table} perde todas as suas linhas: os dados não existem em outro lugar"
    ),
    "{table}: {rows}, {size}": "{table}: {rows}, {size}",
    # who reads what
    "drops {what}, which is read by {readers}": "remove {what}; quem lê: {readers}",
    "moves {what}, which is read by {readers}": "move {what}; quem lê: {readers}",
    "renames {what}, which is read by {readers}": "renomeia {what}; quem lê: {readers}",
    "changes the type of {what}, which is read by {readers}": ("muda o tipo de {what}; quem lê: {readers}"),
    "{readers} and {more} more": "{readers} e mais {more}",
    "the KPI {name} of {who} ({place})": "o KPI {name} de {who} ({place})",
    "the invariant {name} of {who} ({place})": "a invariante {name} de {who} ({place})",
    "the objective {name} of {who} ({place})": "o objetivo {name} de {who} ({place})",
    "the contract of {who} ({name}) ({place})": "o contrato de {who} ({name}) ({place})",
    "the SQL of {who} ({place})": "o SQL de {who} ({place})",
    "the stack": "toda a plataforma",
    # phases
    "takes away (`{head}`), while line {line} adds: no release can be between the two": (
        "retira algo (`{head}`), enquanto a linha {line} acrescenta: nenhuma versão pode ficar entre as duas"
    ),
    "takes away what {who} reads, and waits for no release of it": (
        "retira o que {who} lê, e não espera por nenhuma versão dele"
    ),
    # surroundings
    "sets {setting}, which Nexus has set: what follows may be made for another, or elsewhere": (
        "define {setting}, que o Nexus já definiu: o que segue pode ser criado para outro, ou em outro lugar"
    ),
    "what this code locks, writes or loses shows only when it runs; rehearse it": (
        "o que este código bloqueia, grava ou perde só aparece quando ele roda; ensaie-o"
    ),
    "changes or locks {schema}, which {module} does not own": (
        "altera ou bloqueia {schema}, que não pertence a {module}"
    ),
    # what the living tables say
    "{table} is empty: done at once": "{table} está vazia: feito na hora",
    "{table}: {rows}: done at once": "{table}: {rows}: feito na hora",
    "{table}: {rows}, {size}; {blocks} wait while the lock is waited for": (
        "{table}: {rows}, {size}; {blocks} esperam enquanto o bloqueio é aguardado"
    ),
    "{table}: {rows}, {size}; {time} beside the users": "{table}: {rows}, {size}; {time} sem parar ninguém",
    "{table}: {rows}, {size}; {time}, and {blocks} wait meanwhile": (
        "{table}: {rows}, {size}; {time}, e {blocks} esperam enquanto isso"
    ),
    "{table}: {rows}, {size}; {time}, and rows stay locked meanwhile": (
        "{table}: {rows}, {size}; {time}, e as linhas ficam bloqueadas enquanto isso"
    ),
    "reads and writes": "leituras e gravações",
    "writes": "gravações",
    "schema changes": "mudanças de esquema",
    "nobody": "ninguém",
    "instant": "instantâneo",
    # set aside
    "its author allows it: {reason}": "seu autor o permite: {reason}",
    "nothing that is there before is worked through, locked for long, or lost": (
        "nada do que já existe é percorrido, bloqueado por muito tempo ou perdido"
    ),
    "it is about what the same migrations make": "trata do que as mesmas migrações criam",
    "its migration says that it is a contract: it waits until nothing runs that needs what it takes": (
        "sua migração se declara contract: ela espera até que nada em execução precise do que ela retira"
    ),
    "squawk asks for it": "o squawk o pede",
    "{count} times: squawk asks for it": "{count} vezes: o squawk o pede",
    "Nexus sets lock_timeout by itself, gives up early and tries again": (
        "o Nexus define lock_timeout sozinho, desiste cedo e tenta de novo"
    ),
    "Nexus bounds each statement by itself, and watches who waits for it": (
        "o Nexus limita cada comando sozinho, e observa quem espera por ele"
    ),
    "Nexus sets lock_timeout and statement_timeout by itself": (
        "o Nexus define lock_timeout e statement_timeout sozinho"
    ),
    "a migration is one transaction, or each of its statements is recorded by itself: "
    "after a failure Nexus goes on where it stood": (
        "uma migração é uma só transação, ou cada comando é registrado por si: depois de uma falha o Nexus "
        "continua de onde parou"
    ),
    "Nexus runs it outside of a transaction": "o Nexus o executa fora de uma transação",
    "Nexus reads which transactions a script makes by itself": (
        "o Nexus lê quais transações um script abre por si mesmo"
    ),
    "Nexus sets the search path to the module's own schema": (
        "o Nexus define o search_path para o esquema do próprio módulo"
    ),
    "a value without a place stands last, which is what its author wrote": (
        "um valor sem posição fica por último, que é o que seu autor escreveu"
    ),
    "PostgreSQL's own parser reads it": "o analisador do próprio PostgreSQL o lê",
    # how findings are printed
    "error": "erro",
    "warning": "aviso",
    "note": "nota",
    "set aside": "posto de lado",
    "living": "banco",
    "because {reason}": "porque {reason}",
    "write instead:": "escreva em vez disso:",
    "no findings": "nada encontrado",
    "{count} errors": "{count} erros",
    "{count} warnings": "{count} avisos",
    "{count} notes": "{count} notas",
    "{count} set aside": "{count} postos de lado",
    "1 error": "1 erro",
    "1 warning": "1 aviso",
    "1 note": "1 nota",
}
