"""What commands on telemetry say, in Brazilian Portuguese; the English text is the key."""

PT_BR = {
    "--csv and --json exclude each other": "--csv e --json se excluem",
    "--follow goes on for ever; leave out --until and entities": (
        "--follow não termina; deixe de lado --until e entidades"
    ),
    "--since ({since}) is not before --until ({until})": (
        "--since ({since}) não é anterior a --until ({until})"
    ),
    "--otlp-endpoint {url!r} is no address; write http://HOST:4318 or off": (
        "--otlp-endpoint {url!r} não é um endereço; escreva http://HOST:4318 ou off"
    ),
    "--{name} names no {name}; write it like --{name} ID": (
        "--{name} não diz qual {name}; escreva como --{name} ID"
    ),
    "KPIs": "KPIs",
    "all": "tudo",
    "beside it": "em paralelo",
    "budget left": "saldo",
    "burn": "queima",
    "burn 1 h": "queima 1 h",
    "burn 6 h": "queima 6 h",
    "business": "negócio",
    "changes within {since}": "mudanças nos últimos {since}",
    "cpu": "cpu",
    "critical path": "caminho crítico",
    "error": "erro",
    "errors": "erros",
    "health": "saúde",
    "live": "vivo",
    "log errors": "erros no log",
    "logs": "logs",
    "logs behind": "logs em atraso",
    "lost: {what}": "perdido: {what}",
    "memory": "memória",
    "metrics": "métricas",
    "module": "módulo",
    "name": "nome",
    "name a trace, or a thing such as --order ID": "indique um trace, ou algo como --order ID",
    "no series at that time; `nexus metrics` lists the names": (
        "nenhuma série nesse momento; `nexus metrics` lista os nomes"
    ),
    "no span of trace {trace}; `nexus logs --trace {trace}` shows its lines": (
        "nenhum span do trace {trace}; `nexus logs --trace {trace}` mostra suas linhas"
    ),
    "no such option {option}; this stack's entities: {known}": (
        "não há a opção {option}; entidades desta pilha: {known}"
    ),
    "no trace touches it": "nenhum trace passa por isso",
    "no value yet": "ainda sem valor",
    "nobody was asked within the last minutes": "ninguém foi consultado nos últimos minutos",
    "not ready": "não pronta",
    "nothing": "nada",
    "nothing was collected yet; telemetry starts with the stack: `nexus up`": (
        "nada foi coletado ainda; a telemetria começa com a pilha: `nexus up`"
    ),
    "now {now}, least {least}, most {most}": "agora {now}, mínimo {least}, máximo {most}",
    "objective": "objetivo",
    "only the first {count} rows are shown; --limit shows more": (
        "só as primeiras {count} linhas são mostradas; --limit mostra mais"
    ),
    "only the newest {count} lines are shown; -n shows more": (
        "só as {count} linhas mais novas são mostradas; -n mostra mais"
    ),
    "p95": "p95",
    "process": "processo",
    "processes": "processos",
    "rate": "taxa",
    "services": "serviços",
    "sort": "ordem",
    "target": "meta",
    "telemetry holds": "a telemetria guarda",
    "this is no terminal; --once prints one picture": "isto não é um terminal; --once imprime uma imagem",
    "this stack declares no KPIs": "esta pilha não declara KPIs",
    "trace": "trace",
    "traces": "traces",
    "value": "valor",
    "waiting": "espera",
    "work by service": "trabalho por serviço",
    "at risk": "em risco",
    "worth an hour": "vale por hora",
    "{count} failed": "{count} com erro",
    "{count} further series are not drawn": "mais {count} séries não são desenhadas",
    "{count} further series are not shown": "mais {count} séries não são mostradas",
    "{count} further spans are not shown": "mais {count} spans não são mostrados",
    "{count} metrics, {series} series": "{count} métricas, {series} séries",
    "{count} rows": "{count} linhas",
    "{count} series of {metric} of {service}: too many values of {label}": (
        "{count} séries de {metric} de {service}: valores demais de {label}"
    ),
    "1 span": "1 span",
    "{count} spans": "{count} spans",
    "{option} is zero; name an amount of time such as 5m": "{option} é zero; indique uma duração como 5m",
    "{rows} rows, {size}": "{rows} linhas, {size}",
    "{said!r} is no amount of time; write it like 30s, 5m, 1h or 2d": (
        "{said!r} não é uma duração; escreva como 30s, 5m, 1h ou 2d"
    ),
    "{said!r} is no point of time; write it like 1h, 30m, yesterday, 10:00 or 2026-11-25T10:00": (
        "{said!r} não é um momento; escreva como 1h, 30m, yesterday, 10:00 ou 2026-11-25T10:00"
    ),
    "{series} series": "{series} séries",
    "{service} is {time} behind": "{service} está {time} em atraso",
    "{size} of the disk free": "{size} livres no disco",
    "{time} waiting on the critical path": "{time} de espera no caminho crítico",
    "… {count} lines (--full shows them)": "… {count} linhas (--full as mostra)",
    "… {time} later": "… {time} depois",
}
