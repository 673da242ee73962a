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
    "`of` is missing; write it like of=order_id=4711": "falta `of`; escreva como of=order_id=4711",
    "`{name}` is missing": "falta `{name}`",
    "lines of a thing of the business cannot be followed; leave out `of` or `follow`": (
        "linhas de um objeto do negócio não podem ser seguidas; deixe de lado `of` ou `follow`"
    ),
    "more than one trace begins with {said!r}: {known}": "mais de um trace começa com {said!r}: {known}",
    "no KPI {name!r}; there are: {known}": "não há o KPI {name!r}; existem: {known}",
    "no trace begins with {said!r}": "nenhum trace começa com {said!r}",
    "nothing is collected while the control loop does not run": (
        "nada é coletado enquanto o laço de controle não está em execução"
    ),
    "since={since} is not before until={until}": "since={since} não é anterior a until={until}",
    "start={start} is not before end={end}": "start={start} não é anterior a end={end}",
    "step={step:g} gives more than {most} points a series; choose a longer one": (
        "step={step:g} dá mais de {most} pontos por série; escolha um maior"
    ),
    "telemetry's collector ended and does not come back; see `nexus logs control`": (
        "o coletor da telemetria terminou e não volta; veja `nexus logs control`"
    ),
    "telemetry does not answer yet; its collector starts together with the stack": (
        "a telemetria ainda não responde; o coletor inicia junto com a pilha"
    ),
    "the body is no JSON object": "o corpo não é um objeto JSON",
    "the body is no JSON: {error}": "o corpo não é JSON: {error}",
    "{name}={value!r} is not of the form field=value": "{name}={value!r} não tem a forma campo=valor",
    "{name}={value!r} is not a number above 0": "{name}={value!r} não é um número acima de 0",
    "{name}={value!r} is not a point of time; write it like 2026-11-25T10:00:00Z": (
        "{name}={value!r} não é um momento; escreva como 2026-11-25T10:00:00Z"
    ),
    "{name}={value!r} is not a whole number from 0 to {most}": (
        "{name}={value!r} não é um número inteiro de 0 a {most}"
    ),
    "{name}={value!r} is not one of {known}": "{name}={value!r} não é um de {known}",
    "{said!r} is no trace id; it has {whole} hexadecimal digits, the first {shortest} are needed": (
        "{said!r} não é um id de trace; ele tem {whole} dígitos hexadecimais, indique os primeiros {shortest}"
    ),
    "{series} series": "{series} séries",
    "{service} is {time} behind": "{service} está {time} em atraso",
    "{size} of the disk free": "{size} livres no disco",
    "{time} waiting on the critical path": "{time} de espera no caminho crítico",
    "… {count} lines (--full shows them)": "… {count} linhas (--full as mostra)",
    "… {time} later": "… {time} depois",
}
