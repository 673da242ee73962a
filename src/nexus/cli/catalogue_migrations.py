"""What `nexus migrate` says, in Brazilian Portuguese; the English text is the key."""

PT_BR = {
    "-- loses: {what}": "-- perde: {what}",
    "--to {said!r} is no MODULE=NAME": "--to {said!r} não é MÓDULO=NOME",
    "PostgreSQL does not answer ({reason}); start the stack with `nexus up`": (
        "o PostgreSQL não responde ({reason}); inicie a pilha com `nexus up`"
    ),
    "a prepared transaction (see pg_prepared_xacts)": "uma transação preparada (veja pg_prepared_xacts)",
    "active": "ativa",
    "ahead": "à frente",
    "all schemas are up to date": "todos os esquemas estão em dia",
    "applied": "aplicadas",
    "baseline": "linha de base",
    "contract": "contrai",
    "edited": "editada",
    "expand": "expande",
    "format": "formato",
    "go on?": "continuar?",
    "goes on where it was interrupted": "continua de onde foi interrompida",
    "idle in transaction": "ociosa em transação",
    "idle in transaction (aborted)": "ociosa em transação (abortada)",
    "latest": "última",
    "line {line}: others waited for it, so it gave way; it is tried again": (
        "linha {line}: outros esperavam por ela, então cedeu a vez; será tentada de novo"
    ),
    "line {line}: {percent:.0f} %": "linha {line}: {percent:.0f} %",
    "migrate-one": "migrar",
    "name one migration: --applied NAME or --rolled-back NAME": (
        "indique uma migração: --applied NOME ou --rolled-back NOME"
    ),
    "no database answers: sizes of tables are not known": (
        "nenhum banco de dados responde: o tamanho das tabelas não é conhecido"
    ),
    "out-of-order": "fora de ordem",
    "pending": "pendentes",
    "problems": "problemas",
    "resolve-applied": "registrar como aplicada",
    "resolve-rolled-back": "registrar como desfeita",
    "schema": "esquema",
    "something stands in the way in: {modules}": "há impedimentos em: {modules}",
    "stopping after the running migration; the same command goes on": (
        "parando após a migração em andamento; o mesmo comando continua"
    ),
    "the control loop was lost; the same command goes on where it was": (
        "o laço de controle foi perdido; o mesmo comando continua de onde estava"
    ),
    "this brings it back to what the migrations say:": "isto o traz de volta ao que dizem as migrações:",
    "this stack has no database yet; start it with `nexus up`": (
        "esta pilha ainda não tem banco de dados; inicie-a com `nexus up`"
    ),
    "undo-one": "desfazer",
    "unreadable": "ilegível",
    "user {user}": "usuário {user}",
    "waiting for {blockers}": "aguardando {blockers}",
    "{count} pending; `nexus migrate plan` shows the order": (
        "{count} pendentes; `nexus migrate plan` mostra a ordem"
    ),
    "{file} cannot be read ({reason})": "{file} não pode ser lido ({reason})",
    "{modules}: as the migrations say": "{modules}: como dizem as migrações",
    "{module}: {count} differences": "{module}: {count} diferenças",
    "{path} is no file, no folder and no module": "{path} não é arquivo, nem pasta, nem módulo",
    "{path}: is not what the database says; `--write` renews it": (
        "{path}: difere do que diz o banco de dados; `--write` o renova"
    ),
    "{path}: is what the database says": "{path}: é o que diz o banco de dados",
    "{state} for {time}": "{state} há {time}",
}
