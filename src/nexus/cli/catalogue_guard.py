"""What the guard of releases says, in Brazilian Portuguese; the English text is the key."""

PT_BR = {
    "{service} is as good as before": "{service} está tão bom quanto antes",
    "{service} could not be compared with before": "{service} não pôde ser comparado com antes",
    "{service} is being judged": "{service} está em avaliação",
    "{service} is worse than before": "{service} está pior do que antes",
    (
        "{failed} of {requests} requests failed ({share:.1%}), on the other side {others_failed} of {others}"
        " ({others_share:.1%})"
    ): (
        "{failed} de {requests} requisições falharam ({share:.1%}); do outro lado, {others_failed} de"
        " {others} ({others_share:.1%})"
    ),
    "{failed} of {requests} requests failed ({share:.1%}), and there is no other side to compare with": (
        "{failed} de {requests} requisições falharam ({share:.1%}), e não há outro lado para comparar"
    ),
    (
        "{failed} of {requests} requests were refused with 4xx ({share:.1%}), on the other side"
        " {others_failed} of {others} ({others_share:.1%})"
    ): (
        "{failed} de {requests} requisições foram recusadas com 4xx ({share:.1%}); do outro lado,"
        " {others_failed} de {others} ({others_share:.1%})"
    ),
    "{failed} calls from other modules failed, on the other side {others_failed}": (
        "{failed} chamadas de outros módulos falharam; do outro lado, {others_failed}"
    ),
    (
        "{slow} of {timed} requests took more than {tolerance:g} times as long as 95 % of the other side's"
        " ({others_share:.1%} of those did): p50 {p50:.0f} ms instead of {others_p50:.0f}, p95 {p95:.0f} ms"
        " instead of {others_p95:.0f}"
    ): (
        "{slow} de {timed} requisições levaram mais de {tolerance:g} vezes o tempo de 95 % das do outro lado"
        " (lá, {others_share:.1%}): p50 {p50:.0f} ms em vez de {others_p50:.0f}, p95 {p95:.0f} ms"
        " em vez de {others_p95:.0f}"
    ),
    "{instance} {why}": "{instance}: {why}",
    "{instance} is not ready any more: {why}": "{instance} não está mais pronta: {why}",
    "{instance} uses {share:.0%} of its CPU, the other side {others_share:.0%}": (
        "{instance} usa {share:.0%} da sua CPU; o outro lado, {others_share:.0%}"
    ),
    "{instance} uses {used:.0f} of its {limit:.0f} MiB, the other side {others:.0f}": (
        "{instance} usa {used:.0f} dos seus {limit:.0f} MiB; o outro lado, {others:.0f}"
    ),
    "{instance} uses {used:.0f} of its {limit:.0f} MiB; how much was used before is not known": (
        "{instance} usa {used:.0f} dos seus {limit:.0f} MiB; não se sabe quanto usava antes"
    ),
    (
        "{instance} grew from {first:.0f} to {last:.0f} MiB in {seconds:.0f} s, which reaches its"
        " {limit:.0f} MiB in {left:.0f} s"
    ): (
        "{instance} cresceu de {first:.0f} para {last:.0f} MiB em {seconds:.0f} s; assim chega aos seus"
        " {limit:.0f} MiB em {left:.0f} s"
    ),
    "{name} is {value:g} {unit} since the deploy, beyond its limit of {limit:g} (before: {before:g})": (
        "{name} está em {value:g} {unit} desde a implantação, além do limite de {limit:g} (antes: {before:g})"
    ),
    "{name} is {value:g} {unit} since the deploy, far from the {before:g} before": (
        "{name} está em {value:g} {unit} desde a implantação, longe de {before:g} de antes"
    ),
    "{name} was beyond its limit of {limit:g} before the deploy already: not held to it": (
        "{name} já estava além do limite de {limit:g} antes da implantação: não é cobrado por ele"
    ),
    "{name} is beyond its limit of {limit:g}, and what it was before the deploy is not known": (
        "{name} está além do limite de {limit:g}, e não se sabe como estava antes da implantação"
    ),
    "the business is not well, nor was it before the deploy: {why}": (
        "o negócio não vai bem, nem ia antes da implantação: {why}"
    ),
    "the business is not well: {why}": "o negócio não vai bem: {why}",
    "the probe {name} fails at the step {step}: expected {expected}, got {got}": (
        "a sonda {name} falha na etapa {step}: esperado {expected}, obtido {got}"
    ),
    "the probe {name} fails without the new release too, at the step {step}": (
        "a sonda {name} falha também sem a nova versão, na etapa {step}"
    ),
    (
        "{errors} of {requests} requests failed, on the other side {others_errors} of {others};"
        " p95 {p95:.0f} ms, on the other side {others_p95:.0f}"
    ): (
        "{errors} de {requests} requisições falharam; do outro lado, {others_errors} de {others};"
        " p95 {p95:.0f} ms; do outro lado, {others_p95:.0f}"
    ),
    "{errors} of {requests} requests failed": "{errors} de {requests} requisições falharam",
    "the probe {name} went well {count} times": "a sonda {name} deu certo {count} vezes",
    "the probe {name} has not ended yet": "a sonda {name} ainda não terminou",
    "telemetry is behind": "a telemetria está atrasada",
    "how requests are answered is not known: telemetry is behind": (
        "não se sabe como as requisições são respondidas: a telemetria está atrasada"
    ),
    "{requests} of the {least} requests that are needed came": (
        "chegaram {requests} das {least} requisições necessárias"
    ),
    "nobody asks: instances that are ready decide": "ninguém pede nada: decidem as instâncias prontas",
    "nobody asks: instances that are ready and probes decide": (
        "ninguém pede nada: decidem as instâncias prontas e as sondas"
    ),
    "not looked at: {what}": "não observado: {what}",
    "{what} did not go away within {patience:.0f} s": "{what} não passou em {patience:.0f} s",
    "most frequent error: {text} ({count} times)": "erro mais frequente: {text} ({count} vezes)",
    "time, 4xx and KPIs (nothing is collected)": "tempo, 4xx e KPIs (nada é coletado)",
    "requests and KPIs (telemetry does not answer)": "requisições e KPIs (a telemetria não responde)",
    "probes (they cannot be sent to one side from here)": (
        "sondas (daqui não podem ser enviadas a um só lado)"
    ),
}
