"""What is wrong with recovery, and its verdict, in Brazilian Portuguese; the English text is the key."""

PT_BR = {
    "a backup has been due for {time}; the newest is {age} old": (
        "um backup está atrasado há {time}; o mais novo tem {age}"
    ),
    "a disaster now would cost everything: there is no backup yet": (
        "um desastre agora custaria tudo: ainda não há backup"
    ),
    "a disaster now would cost {loss} of data and about {rto}": (
        "um desastre agora custaria {loss} de dados e cerca de {rto}"
    ),
    "a disaster now would cost {loss} of data and about {rto} (estimated: no restore was measured yet)": (
        "um desastre agora custaria {loss} de dados e cerca de {rto} (estimado: nenhuma restauração foi "
        "medida ainda)"
    ),
    "a disaster would cost {loss} of data; {promised} are promised": (
        "um desastre custaria {loss} de dados; o prometido são {promised}"
    ),
    "a disaster would stop everything for {rto}; {promised} are promised": (
        "um desastre pararia tudo por {rto}; o prometido são {promised}"
    ),
    "a disaster now would cost everything: no backup is whole, in reach and of a known age": (
        "um desastre agora custaria tudo: nenhum backup está íntegro, ao alcance e com idade conhecida"
    ),
    "backup {id} is damaged: {why}": "o backup {id} está danificado: {why}",
    (
        "backups have no room on this machine: {free} are free, {reserve} are reserved; make room, or keep "
        "fewer (recovery.keep)"
    ): (
        "os backups não têm espaço nesta máquina: {free} livres, {reserve} reservados; libere espaço ou "
        "guarde menos (recovery.keep)"
    ),
    "backups use up this machine's disk in {time}; make room, or keep fewer (recovery.keep)": (
        "os backups ocupam o disco desta máquina em {time}; libere espaço ou guarde menos (recovery.keep)"
    ),
    (
        "losing the database now would cost {loss} of data and about {rto}; losing this machine would cost "
        "everything"
    ): ("perder o banco agora custaria {loss} de dados e cerca de {rto}; perder esta máquina custaria tudo"),
    "no backup is whole and of a known age; take one with `nexus backup create --full`": (
        "nenhum backup está íntegro e com idade conhecida; faça um com `nexus backup create --full`"
    ),
    "no backup was verified for {age}; `nexus backup verify` does, and says what keeps it from it": (
        "nenhum backup foi verificado há {age}; `nexus backup verify` verifica e diz o que o impede"
    ),
    "no place beside this machine has a whole backup that the recovery kit opens yet": (
        "nenhum local além desta máquina tem ainda um backup íntegro que o kit de recuperação abra"
    ),
    "no restore was ever proven by a drill": "nenhuma restauração foi provada por um simulado",
    "nothing outlives this machine: name a place elsewhere under recovery.places in nexus.yaml": (
        "nada sobrevive a esta máquina: indique um local fora dela em recovery.places no nexus.yaml"
    ),
    "place {place} lies on this stack's own disk, and is lost with it": (
        "o local {place} fica no próprio disco desta pilha e se perde com ele"
    ),
    "there is no standby since it took over; `nexus standby add` makes one": (
        "não há reserva desde que ela assumiu; `nexus standby add` cria uma"
    ),
    "the standby's WAL is gone from the primary; `nexus standby remove`, then `nexus standby add`": (
        "o WAL da reserva sumiu do principal; `nexus standby remove` e depois `nexus standby add`"
    ),
    "the standby does not follow the primary; see `nexus standby status`": (
        "a reserva não acompanha o principal; veja `nexus standby status`"
    ),
    "the standby is {bytes} behind the primary": "a reserva está {bytes} atrás do principal",
    "commits do not wait for the standby, as they are to: a takeover may lose what was acknowledged": (
        "as confirmações não esperam pela reserva, como deveriam: uma troca pode perder o que foi confirmado"
    ),
    "the last backup failed: {why}": "o último backup falhou: {why}",
    "the last drill of {scenario} failed: {why}": "o último simulado de {scenario} falhou: {why}",
    "the last drill failed: {why}": "o último simulado falhou: {why}",
    "the last drill was {age} ago; one has been due for {time}": (
        "o último simulado foi há {age}; há um atrasado há {time}"
    ),
    (
        "the newest backup, {id}, is {time} ahead of this machine's clock, which was or is wrong: its age is "
        "not known, and a new one is due; set the clock right"
    ): (
        "o backup mais novo, {id}, está {time} à frente do relógio desta máquina, que estava ou está errado: "
        "a idade dele não é conhecida, e um novo é devido; acerte o relógio"
    ),
    "the stream has a gap ({why}); `nexus backup create --full` closes it": (
        "o fluxo tem uma lacuna ({why}); `nexus backup create --full` a fecha"
    ),
    "there is no backup; take one with `nexus backup create`": (
        "não há backup; faça um com `nexus backup create`"
    ),
    (
        "there is no recovery kit: if this machine is lost, nothing opens its backups; `nexus recovery kit` "
        "makes one to print"
    ): (
        "não há kit de recuperação: se esta máquina se perder, nada abre os backups dela; `nexus recovery "
        "kit` faz um para imprimir"
    ),
    "what is committed is not streamed away: the archive does not run; start it with `nexus up`": (
        "o que é confirmado não é transmitido: o arquivo contínuo não está em execução; inicie-o com "
        "`nexus up`"
    ),
    "{why}": "{why}",
}
