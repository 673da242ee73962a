"""What the commands on a standby say, in Brazilian Portuguese; the English text is the key."""

PT_BR = {
    "primary: {state}, {data}, port {port}": "principal: {state}, {data}, porta {port}",
    "  port {stable_port} leads to it until `nexus restart {service}`": (
        "  a porta {stable_port} leva a ele até `nexus restart {service}`"
    ),
    "a failover to {data} was begun; `nexus failover` finishes it": (
        "uma troca para {data} foi começada; `nexus failover` a termina"
    ),
    "standby: none; `nexus standby add` makes one": "reserva: nenhuma; `nexus standby add` cria uma",
    "standby: {state}, {data}, port {port}": "reserva: {state}, {data}, porta {port}",
    "{data} was the primary and is fenced; `nexus standby add` makes it the standby": (
        "{data} era o principal e está isolado; `nexus standby add` o torna a reserva"
    ),
    "last takeover: {at}, writes were accepted again after {seconds:.1f} s; {loss}": (
        "última troca: {at}, gravações aceitas de novo após {seconds:.1f} s; {loss}"
    ),
    "volume {volume} of {host} is served no more; `nexus standby remove` empties it": (
        "o volume {volume} de {host} não é mais servido; `nexus standby remove` o esvazia"
    ),
    "nothing was lost": "nada se perdeu",
    "nothing that was acknowledged was lost": "nada do que foi confirmado se perdeu",
    "{count} transactions were lost ({bytes} bytes of WAL)": (
        "{count} transações se perderam ({bytes} bytes de WAL)"
    ),
    "up to {bytes} bytes of WAL were lost": "até {bytes} bytes de WAL se perderam",
    "what was lost is not known: the old primary's disk cannot be read": (
        "não se sabe o que se perdeu: o disco do antigo principal não pode ser lido"
    ),
    "it does not follow the primary at this moment": "não acompanha o principal neste momento",
    "{behind} bytes behind; what it shows is {seconds:.1f} s old": (
        "{behind} bytes atrás; o que mostra tem {seconds:.1f} s"
    ),
    "each commit waits for it: nothing acknowledged is lost when it takes over": (
        "cada confirmação espera por ela: nada confirmado se perde quando ela assume"
    ),
    "commits are to wait for it, but do not now: it is away or catches up": (
        "as confirmações deveriam esperar por ela, mas agora não: está fora ou se atualizando"
    ),
    "commits do not wait for it": "as confirmações não esperam por ela",
    "it takes over by itself": "assume sozinha",
    "it takes over with `nexus failover`": "assume com `nexus failover`",
    "the database changes its server; go on?": "o banco de dados muda de servidor; continuar?",
    "nothing was changed": "nada foi alterado",
    "admit": "admitir",
    "copy": "copiar",
    "rewind": "retroceder",
    "follow": "acompanhar",
    "stream": "transmitir",
    "dismiss": "dispensar",
    "discard": "descartar",
    "hand_over": "entregar",
    "fence": "isolar",
    "catch_up": "alcançar",
    "promote": "promover",
    "repoint": "redirecionar",
    "verify": "verificar",
}
