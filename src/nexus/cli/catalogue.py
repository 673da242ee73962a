"""What the command line says, in Brazilian Portuguese; the English text is the key."""

PT_BR = {
    "nexus: {message}": "nexus: {message}",
    "already up: nothing to do": "já está no ar: nada a fazer",
    "nothing runs": "nada está em execução",
    "done: {count} steps in {seconds:.1f} s": "pronto: {count} passos em {seconds:.1f} s",
    "waiting: {holder} is changing this stack": "aguardando: {holder} está alterando esta pilha",
    "stopping after the running steps; the same command goes on later": (
        "parando após os passos em andamento; o mesmo comando continua depois"
    ),
    "service": "serviço",
    "state": "estado",
    "address": "endereço",
    "instances": "instâncias",
    "release": "versão",
    "since": "desde",
    "restarts": "reinícios",
    "missing": "falta",
    "ready": "pronto",
    "starting": "iniciando",
    "degraded": "degradado",
    "down": "parado",
    "open {url} and log in as {email}; the password is in {file}": (
        "abra {url} e entre como {email}; a senha está em {file}"
    ),
    "start": "iniciar",
    "stop": "parar",
    "migrate": "migrar",
    "initialise": "inicializar",
    "secrets": "segredos",
    "keys": "chaves",
    "reload": "recarregar",
    "restart": "reiniciar",
    "delete": "apagar",
    "done": "feito",
    "failed": "falhou",
    "started": "iniciado",
    "{stack} is ready": "{stack} está no ar",
    "{stack} is not ready": "{stack} não está pronta",
    "the control loop does not run; start it with `nexus up`": (
        "o laço de controle não está em execução; inicie-o com `nexus up`"
    ),
    "this removes all data of {stack}; type its name to go on": (
        "isto apaga todos os dados de {stack}; digite o nome dela para continuar"
    ),
    "the name does not match; nothing was deleted": "o nome não confere; nada foi apagado",
    "no log of {service} yet; there are: {known}": "ainda não há log de {service}; existem: {known}",
    "{title}: {rows} offending rows": "{title}: {rows} linhas em desacordo",
    "all {count} invariants hold ({ms:.0f} ms)": "todas as {count} invariantes valem ({ms:.0f} ms)",
    "{broken} of {count} invariants are broken": "{broken} de {count} invariantes violadas",
    "unknown command {name!r}; commands: {known}": "comando desconhecido {name!r}; comandos: {known}",
    "unexpected: {error}; details are in {log}": "inesperado: {error}; os detalhes estão em {log}",
    "mend: {mend}": "solução: {mend}",
    "ok": "ok",
    "warn": "aviso",
    "fail": "falha",
    "tasks of this stack": "tarefas desta pilha",
}
