"""What commands on releases say, in Brazilian Portuguese; the English text is the key."""

PT_BR = {
    "--steps {said!r} are no percentages; write them like 5,25,100": (
        "--steps {said!r} não são porcentagens; escreva como 5,25,100"
    ),
    "--{name} stands alone: no module, no other option": (
        "--{name} se usa sozinha: sem módulo e sem outra opção"
    ),
    "`nexus deploy --resume` goes on, `--abort` sends it back": (
        "`nexus deploy --resume` continua, `--abort` desfaz"
    ),
    "abandon": "abandonar",
    "admit": "admitir",
    "at": "em",
    "failed, nothing changed: {cause}": "falhou, nada foi alterado: {cause}",
    "held: {cause}; {mend}": "retida: {cause}; {mend}",
    "nothing to do: {why}": "nada a fazer: {why}",
    "promoted: {releases}": "promovida: {releases}",
    "promoted: {releases}; away meanwhile: {gaps}": (
        "promovida: {releases}; fora do ar nesse meio tempo: {gaps}"
    ),
    "rolled back (cause: {cause}): {releases} again": "revertida (causa: {cause}): {releases} de novo",
    "{sentence}": "{sentence}",
    "before": "antes",
    "built": "feita",
    "by": "por",
    "candidate": "candidata",
    "commit": "commit",
    "deploy": "implantação",
    "deployment": "implantação",
    "deployment {id} goes on": "a implantação {id} continua",
    "deployment {id} stands still after its running step": (
        "a implantação {id} para depois do passo em andamento"
    ),
    "first": "primeira",
    "going back: {cause}": "voltando: {cause}",
    "healthy": "saudável",
    "held": "retida",
    "hook": "gancho",
    "interrupted": "interrompida",
    "it is about to be taken up again": "está para ser retomada",
    "judge": "julgar",
    "judging {service} at {weight} %, {left}": "julgando {service} a {weight} %, {left}",
    "kind": "tipo",
    "modules": "módulos",
    "name the modules to deploy; `nexus releases` lists what there is": (
        "indique os módulos a implantar; `nexus releases` lista o que existe"
    ),
    "no control loop came up; the next `nexus up` goes on with the deployment": (
        "nenhum laço de controle iniciou; o próximo `nexus up` continua a implantação"
    ),
    "nothing runs; start with `nexus up`": "nada está em execução; comece com `nexus up`",
    "nothing to do": "nada a fazer",
    "nothing was changed": "nada foi alterado",
    "nothing was deployed yet": "nada foi implantado ainda",
    "now": "agora",
    "p50": "p50",
    "p99": "p99",
    "paused": "pausada",
    "paused by {who}; `nexus deploy --resume` goes on": (
        "pausada por {who}; `nexus deploy --resume` continua"
    ),
    "promote": "promover",
    "promoted": "promovida",
    "reason": "motivo",
    "recreate": "recriar",
    "releases": "versões",
    "replace": "substituir",
    "requests": "requisições",
    "returning": "voltando",
    "roll back?": "voltar?",
    "rollback": "retorno",
    "rolled back": "revertida",
    "running": "em andamento",
    "set": "conjunto",
    "shift": "deslocar",
    "stable": "estável",
    "suspect": "suspeita",
    "the control loop ended before anything was changed": (
        "o laço de controle terminou antes de alterar qualquer coisa"
    ),
    "the control loop was lost; waiting for the next one to go on": (
        "o laço de controle se perdeu; aguardando o próximo continuar"
    ),
    "the deployment goes on; `nexus deploy --status` shows it, `--abort` sends it back": (
        "a implantação continua; `nexus deploy --status` a mostra, `--abort` a faz voltar"
    ),
    "the same deployment is under way; following it": "a mesma implantação está em andamento; acompanhando",
    "this may break modules that run; go on?": "isto pode quebrar módulos em execução; continuar?",
    "upgrade": "atualização",
    "version": "nome da versão",
    "waiting for evidence": "aguardando evidências",
    "watch": "observar",
    "watching {service}, {left}": "observando {service}, {left}",
    "what": "o quê",
    "why": "por quê",
    "withdrawn; nothing was changed": "retirada; nada foi alterado",
    "{count} services": "{count} serviços",
    "{kind} {id}: {changes} (asked by {who})": "{kind} {id}: {changes} (pedida por {who})",
    "{requests} requests, errors {errors} against {former}, p95 {p95} against {before}": (
        "{requests} requisições, erros {errors} contra {former}, p95 {p95} contra {before}"
    ),
    "{seconds:.0f} s left": "faltam {seconds:.0f} s",
    "{title} is built; `nexus deploy {name}` lets it in": (
        "{title} está feita; `nexus deploy {name}` a coloca em uso"
    ),
    "{title} is there already": "{title} já existe",
    "{who} lets it go on": "{who} a deixa continuar",
}
