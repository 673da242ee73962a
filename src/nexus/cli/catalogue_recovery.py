"""What `nexus backup` and `nexus recovery` say, in Brazilian Portuguese; the English text is the key."""

PT_BR = {
    "--delete-backups goes with --delete-data": "--delete-backups acompanha --delete-data",
    "--full and --incremental exclude each other; name one": (
        "--full e --incremental se excluem; indique um só"
    ),
    "WAL": "WAL",
    "a full backup is taken: {why}": "será feito um backup completo: {why}",
    "about as of {lsn}": "aproximadamente em {lsn}",
    "absent": "ausente",
    "back up": "fazer backup",
    "backup {id} cannot be read: {why}": "o backup {id} não pode ser lido: {why}",
    "backup {name} is unpacked": "o backup {name} está sendo desempacotado",
    "backups": "backups",
    "backups stay in {folder}; their keys are in {keys}": (
        "os backups ficam em {folder}; suas chaves estão em {keys}"
    ),
    "began": "início",
    "beside it": "junto com ele",
    "by": "por",
    "by schedule": "pela agenda",
    "catching up": "recuperando o atraso",
    "cluster": "cluster",
    "commits do not wait for it now": "as transações não esperam por ele agora",
    "commits wait for it": "as transações esperam por ele",
    "damaged": "danificado",
    "data lost if only it is left": "dados perdidos se só restar ele",
    "data lost with the database": "dados perdidos com o banco",
    "data lost with this machine": "dados perdidos com esta máquina",
    "deleted: {size} in {time}": "apagado: {size} em {time}",
    "does not run": "não está em execução",
    "drill": "simulado",
    "ended": "fim",
    "estimated": "estimado",
    "every file of backup {name} is compared with PostgreSQL's list": (
        "cada arquivo do backup {name} está sendo comparado com a lista do PostgreSQL"
    ),
    "everything": "tudo",
    "exactly as of {lsn}": "exatamente em {lsn}",
    "free": "livre",
    "full": "completo",
    "how it ended": "como terminou",
    "id": "id",
    "incremental": "incremental",
    "interrupted": "interrompido",
    "job": "tarefa",
    "kept; `nexus recovery place check {place}` asks the place": (
        "guardado; `nexus recovery place check {place}` consulta o local"
    ),
    "last backup": "último backup",
    "last proven restore": "última restauração provada",
    "last verified": "última verificação",
    "made {when}": "feito em {when}",
    "make a new kit?": "fazer um novo kit?",
    "measured {when}": "medido em {when}",
    "name backups, or --all": "indique backups, ou --all",
    "never": "nunca",
    "nexus.yaml names no place {place!r} under recovery.places; {hint}": (
        "nexus.yaml não tem o local {place!r} em recovery.places; {hint}"
    ),
    "next": "próxima",
    "no end": "sem limite",
    "no end in sight": "sem fim à vista",
    "none": "nenhum",
    "not known": "desconhecido",
    "nothing": "nada",
    "nothing was deleted: --plan shows what would be, --yes does it unasked": (
        "nada foi apagado: --plan mostra o que seria, --yes apaga sem perguntar"
    ),
    "nothing to delete": "nada a apagar",
    "nothing was done; --replace makes a new one": "nada foi feito; --replace faz um novo",
    "of": "de",
    "of another cluster": "de outro cluster",
    "off": "desligado",
    "on the clock of {zone}": "no horário de {zone}",
    "on {parent}": "sobre {parent}",
    "paused": "em pausa",
    "place": "local",
    "place {place} is a folder and needs no secret": "o local {place} é uma pasta e não precisa de segredo",
    "places": "locais",
    "print it and delete the file: it opens every backup": (
        "imprima e apague o arquivo: ele abre todos os backups"
    ),
    "promised: {time}": "prometido: {time}",
    "prune": "limpeza",
    "reachable": "acessível",
    "recovery kit": "kit de recuperação",
    "refused": "recusado",
    "restorable": "restaurável",
    "restore": "restauração",
    "rule": "regra",
    "running": "em execução",
    "runs out in {time}": "acaba em {time}",
    "slot {state}, keeps {size}": "slot {state}, retém {size}",
    "space": "espaço",
    "standstill": "parada",
    "stopping; nothing of an unfinished backup counts": ("parando; nada de um backup inacabado conta"),
    "stream of commits": "fluxo de transações",
    "streaming": "transmitindo",
    "taken": "feito",
    "the backup is without the cache, which is built anew: {why}": (
        "o backup fica sem o cache, que é refeito: {why}"
    ),
    "the business totals are not complete or not exact: {why}": (
        "os totais do negócio não estão completos ou não são exatos: {why}"
    ),
    "the business totals are not in the backup: {why}": "os totais do negócio não estão no backup: {why}",
    "the control loop was lost; `nexus backup schedule` tells how it ended": (
        "o laço de controle foi perdido; `nexus backup schedule` diz como terminou"
    ),
    "the kit could not be shown ({reason}), and none was made": (
        "o kit não pôde ser mostrado ({reason}), e nenhum foi feito"
    ),
    "the schedule": "a agenda",
    "there is a kit, made {when}; what was sealed before is opened by that one alone, keep it": (
        "já existe um kit, feito em {when}; o que foi selado antes só abre com aquele, guarde-o"
    ),
    "there is no backup yet; `nexus backup create` takes one": (
        "ainda não há backup; `nexus backup create` faz um"
    ),
    "there is no backup {id}; there are: {known}": "não há o backup {id}; existem: {known}",
    "this is shown once and kept nowhere: print it now": (
        "isto é mostrado uma única vez e não fica guardado: imprima agora"
    ),
    "this removes all data of {stack} and its backups; type its name to go on": (
        "isto apaga todos os dados de {stack} e seus backups; digite o nome dela para continuar"
    ),
    "this stack has no database: there is nothing to back up": (
        "esta pilha não tem banco de dados: não há do que fazer backup"
    ),
    "took": "duração",
    "total": "total",
    "unreachable": "inacessível",
    "value": "valor",
    "verify": "verificação",
    "what need not be kept could not be deleted; see `nexus backup schedule`": (
        "o que não precisa ficar não pôde ser apagado; veja `nexus backup schedule`"
    ),
    "what the interrupted backup {name} had left was deleted": (
        "o que o backup interrompido {name} deixou foi apagado"
    ),
    "whole": "íntegro",
    "{bytes} and {time} behind": "{bytes} e {time} atrás",
    "{done} of about {whole} MB are copied": "{done} de cerca de {whole} MB copiados",
    "{folder} is larger than {limit} MB: {n} of its largest files are no part of the backup, "
    "such as {names}; keep them elsewhere": (
        "{folder} tem mais de {limit} MB: {n} de seus maiores arquivos não fazem parte do backup, "
        "como {names}; guarde-os em outro lugar"
    ),
    "{id} names several backups: {known}": "{id} indica vários backups: {known}",
    "{id}: {size} in {time}": "{id}: {size} em {time}",
    "{id}: {state} ({places}); WAL up to {until}; {size} read in {time}": (
        "{id}: {state} ({places}); WAL até {until}; {size} lidos em {time}"
    ),
    "{name} is put back": "{name} foi posto de volta",
    "{place} can be written and read: {backups} whole backups, {files} files, {stored}; {room}": (
        "{place} pode ser escrito e lido: {backups} backups íntegros, {files} arquivos, {stored}; {room}"
    ),
    "{path} cannot be written: {reason}; the kit that was shown opens nothing, destroy it": (
        "{path} não pode ser gravado: {reason}; o kit que foi mostrado não abre nada, destrua-o"
    ),
    "{place}: {why}": "{place}: {why}",
    "{size} free": "{size} livres",
    "{size} more a day": "{size} a mais por dia",
    "{size} reserved": "{size} reservados",
    "{start} to {end} on timeline {timeline}": "{start} a {end} na linha do tempo {timeline}",
    "{stored} sealed, {plain} plain": "{stored} selados, {plain} originais",
}
