"""What `nexus migrate` says, in Brazilian Portuguese; the English text is the key."""

PT_BR = {
    " row": " linha",
    " rows": " linhas",
    "({rows} rows at a time)": "({rows} linhas por vez)",
    ", begun {n} times": ", iniciada {n} vezes",
    ", {count} waiting for a release": ", {count} aguardando uma versão",
    ", {n} writes failed: {why}": ", {n} escritas falharam: {why}",
    "-- loses: {what}": "-- perde: {what}",
    "--max-rate {said!r} is no rate; write it like 50M": (
        "--max-rate {said!r} não é uma taxa; escreva como 50M"
    ),
    "--rate {rate:g} cannot be replayed; write a number above 0, at most {most}": (
        "--rate {rate:g} não pode ser repetido; escreva um número acima de 0, no máximo {most}"
    ),
    "--to {said!r} is no MODULE=NAME": "--to {said!r} não é MÓDULO=NOME",
    "1 migration": "1 migração",
    "1 module": "1 módulo",
    "1 waits for a release": "1 aguarda uma versão",
    "5,000.5": "5.000,5",
    "; {waits} (see `nexus migrate plan`)": "; {waits} (veja `nexus migrate plan`)",
    "PostgreSQL does not answer ({reason}); start the stack with `nexus up`": (
        "o PostgreSQL não responde ({reason}); inicie a pilha com `nexus up`"
    ),
    "a prepared transaction (see pg_prepared_xacts)": "uma transação preparada (veja pg_prepared_xacts)",
    "active": "ativa",
    "ahead": "à frente",
    "all schemas are up to date": "todos os esquemas estão em dia",
    "and {count} more that touch nothing that was there before": (
        "e mais {count} que não tocam em nada que já existia"
    ),
    "applied": "aplicadas",
    "baseline": "linha de base",
    "because {causes}": "porque {causes}",
    "circle": "círculo",
    "contract": "contrai",
    "copy: {way}, {mb} MB in {seconds} s": "cópia: {way}, {mb} MB em {seconds} s",
    "correct it; the rest of the plan is of what can be read": (
        "corrija-o; o resto do plano é do que pode ser lido"
    ),
    "destroys data: {known}": "destrói dados: {known}",
    "done: 1 step in {seconds:.1f} s": "pronto: 1 passo em {seconds:.1f} s",
    "edited": "editada",
    "exactly this plan has not been rehearsed with success": (
        "exatamente este plano não foi ensaiado com sucesso"
    ),
    "expand": "expande",
    "failed: {what}": "falhou: {what}",
    "first: {need}": "antes: {need}",
    "format": "formato",
    "go on?": "continuar?",
    "goes on where it was interrupted": "continua de onde foi interrompida",
    "high risk": "risco alto",
    "history": "histórico",
    "idle in transaction": "ociosa em transação",
    "idle in transaction (aborted)": "ociosa em transação (abortada)",
    "indexes {table}: {known}, {time}": "indexa {table}: {known}, {time}",
    "instant": "instantâneo",
    "interrupted; the copy is gone, nothing was rehearsed": "interrompido; a cópia se foi, nada foi ensaiado",
    "invariants: {held} of {all} as before": "invariantes: {held} de {all} como antes",
    "its inverse is made, and proven in a shadow database": (
        "a inversa é gerada e provada em um banco de dados sombra"
    ),
    "its size is not known": "seu tamanho não é conhecido",
    "later:": "depois:",
    "latest": "última",
    "line": "linha",
    "line {line}: gave way, {who} waited for {table}; it is tried again": (
        "linha {line}: cedeu a vez, {who} esperava por {table}; será tentada de novo"
    ),
    "line {line}: waiting for {who}": "linha {line}: aguardando {who}",
    "line {line}: {what}": "linha {line}: {what}",
    "load: {rate} writes a second on {tables} tables ({source}); {writes} written, {failed} failed": (
        "carga: {rate} escritas por segundo em {tables} tabelas ({source}); {writes} feitas, {failed} "
        "falharam"
    ),
    "longest wait of a write {ms} ms": "a escrita que mais esperou: {ms} ms",
    "low risk": "risco baixo",
    "may block for {seconds} s": "pode bloquear por {seconds} s",
    "medium risk": "risco médio",
    "migrate: {total}": "migrate: {total}",
    "name one migration: --applied, --rolled-back, --resume or --edited NAME": (
        "indique uma migração: --applied, --rolled-back, --resume ou --edited NOME"
    ),
    "no database answers: sizes of tables are not known": (
        "nenhum banco de dados responde: o tamanho das tabelas não é conhecido"
    ),
    "no risk": "sem risco",
    "nobody": "ninguém",
    "note: {what}": "nota: {what}",
    "nothing is pending: there is nothing to rehearse": "nada está pendente: não há o que ensaiar",
    "nothing is to be done": "nada a fazer",
    "nothing to apply{waits}": "nada a aplicar{waits}",
    "nothing was done": "nada foi feito",
    "order": "ordem",
    "out-of-order": "fora de ordem",
    "pausing: {why}": "em pausa: {why}",
    "pending": "pendentes",
    "problems": "problemas",
    "reads and writes": "leituras e escritas",
    "record as applied": "registrar como aplicada",
    "record as edited": "registrar como editada",
    "record as rolled back": "registrar como desfeita",
    "record as to go on": "registrar que continua",
    "refused:": "recusado:",
    "rehearsal": "ensaio",
    "rehearse it: nexus migrate rehearse": "ensaie-o: nexus migrate rehearse",
    "release {name}: failed: {why}": "versão {name}: falhou: {why}",
    "release {name}: not smoke-tested: {why}": "versão {name}: não testada: {why}",
    "rename it so that it sorts last (a newer timestamp or a higher number)": (
        "renomeie-a para que fique por último (um carimbo de tempo mais novo ou um número maior)"
    ),
    "restore its file": "restaure o arquivo",
    "restore point {name} at {lsn}": "ponto de restauração {name} em {lsn}",
    "rewrites {table}: {known}, {time}": "regrava {table}: {known}, {time}",
    "rows not counted yet": "linhas ainda não contadas",
    "scans {table}: {known}, {time}": "percorre {table}: {known}, {time}",
    "schema": "esquema",
    "schema changes": "mudanças de esquema",
    "something stands in the way in: {modules}": "há impedimentos em: {modules}",
    "statement by statement": "comando por comando",
    "stopping once the running migration ends or lets go; the same command goes on": (
        "parando quando a migração em andamento terminar ou desistir; o mesmo comando continua"
    ),
    "the control loop was lost; the same command goes on where it was": (
        "o laço de controle foi perdido; o mesmo comando continua de onde estava"
    ),
    "this brings it back to what the migrations say:": "isto o traz de volta ao que dizem as migrações:",
    "this stack has no database yet; start it with `nexus up`": (
        "esta pilha ainda não tem banco de dados; inicie-a com `nexus up`"
    ),
    "time not known": "tempo desconhecido",
    (
        "times are estimated for a small machine with a network disk; `nexus migrate rehearse` measures "
        "this one"
    ): (
        "os tempos são estimados para uma máquina pequena com disco em rede; `nexus migrate rehearse` "
        "mede esta"
    ),
    "undo": "desfazer",
    "unreadable": "ilegível",
    "user {user}": "usuário {user}",
    "was interrupted, goes on": "foi interrompida, continua",
    "what it did so far differs, too; first: {mend}": "o que ela já fez também difere; primeiro: {mend}",
    "writes rows of {table}: {known}, {time}": "grava linhas de {table}: {known}, {time}",
    "{count} migrations": "{count} migrações",
    "{count} modules": "{count} módulos",
    "{count} pending; `nexus migrate plan` shows the order": (
        "{count} pendentes; `nexus migrate plan` mostra a ordem"
    ),
    "{count} wait for a release": "{count} aguardam uma versão",
    "{file} cannot be read ({reason})": "{file} não pode ser lido ({reason})",
    "{lock} on {table}, blocks {whom}: {why}": "{lock} em {table}, bloqueia {whom}: {why}",
    "{migrations} in {modules}, {time}": "{migrations} em {modules}, {time}",
    "{modules}: as the migrations say": "{modules}: como dizem as migrações",
    "{module}: 1 difference": "{module}: 1 diferença",
    "{module}: brought up to date by its own command: {command}": (
        "{module}: atualizado por seu próprio comando: {command}"
    ),
    "{module}: cannot be compared: {reason}": "{module}: não pode ser comparado: {reason}",
    "{module}: {count} differences": "{module}: {count} diferenças",
    "{path} is no file, no folder and no module": "{path} não é arquivo, nem pasta, nem módulo",
    "{path}: is not what the database says; `--write` renews it": (
        "{path}: difere do que diz o banco de dados; `--write` o renova"
    ),
    "{path}: is what the database says": "{path}: é o que diz o banco de dados",
    "{rows} rows": "{rows} linhas",
    "{state} for {time}": "{state} há {time}",
}
