"""How far a restore is, and what is no moment, in Brazilian Portuguese; the English text is the key."""

PT_BR = {
    "a copy is of no use, another is looked for: {place}: {why}": (
        "uma cópia não serve, procura-se outra: {place}: {why}"
    ),
    "an incremental backup was put over what it builds on": (
        "um backup incremental foi aplicado sobre aquele em que se baseia"
    ),
    "every file was compared with PostgreSQL's list of them": (
        "cada arquivo foi comparado com a lista do PostgreSQL"
    ),
    "not all backups can be read: {why}": "nem todos os backups podem ser lidos: {why}",
    "nothing was committed after that moment: the end of the WAL is it": (
        "nada foi confirmado depois desse momento: ele é o fim do WAL"
    ),
    "restore point {name}": "ponto de restauração {name}",
    "the WAL is replayed: {place} of {end}": "o WAL é reaplicado: {place} de {end}",
    "timeline {number} is followed, which was lived last ({until}); others end elsewhere: {others}": (
        "segue-se a linha do tempo {number}, a que foi vivida por último ({until}); outras terminam em outro "
        "lugar: {others}"
    ),
    "{places}: behind the living database by {mb} MB of WAL; what was committed last is not there": (
        "{places}: atrasado em relação ao banco vivo em {mb} MB de WAL; o que foi confirmado por último não "
        "está lá"
    ),
    "what was committed on timeline {number} after {place} is no part of the present; --timeline {number} "
    "leads there": (
        "o que foi confirmado na linha do tempo {number} depois de {place} não faz parte do presente; "
        "--timeline {number} leva até lá"
    ),
    "{at} is still to come, it is {now}; name a moment that has been": (
        "{at} ainda está por vir, são {now}; indique um momento que já passou"
    ),
    "{count} restore points have that name: the last one is taken, not {others}": (
        "{count} pontos de restauração têm esse nome: vale o último, e não {others}"
    ),
    "{done} of {all} MB of files are fetched": "{done} de {all} MB de arquivos foram buscados",
    "{local} comes twice in {zone}, where the clock is put back; write {first} for the first, {second} for "
    "the second": (
        "{local} ocorre duas vezes em {zone}, onde o relógio é atrasado; escreva {first} para a primeira, "
        "{second} para a segunda"
    ),
    "{local} does not exist in {zone}, where the clock is put forward: it goes from {before} to {after}": (
        "{local} não existe em {zone}, onde o relógio é adiantado: ele passa de {before} a {after}"
    ),
    "{mb} MB of WAL are replayed": "{mb} MB de WAL são reaplicados",
    "{said!r} is no moment; write it like 2026-11-26 14:30, 2026-11-26T14:30-03:00, yesterday 18:00, 14:30 "
    "or -15m": (
        "{said!r} não é um momento; escreva como 2026-11-26 14:30, 2026-11-26T14:30-03:00, ontem 18:00, "
        "14:30 ou -15m"
    ),
}
