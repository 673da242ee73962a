"""What `nexus restore --module` says, in Brazilian Portuguese; the English text is the key."""

PT_BR = {
    "--take is now or then": "--take é now ou then",
    "these are options of --module, which brings rows back: {options}": (
        "estas são opções de --module, que traz linhas de volta: {options}"
    ),
    "{option} is not an option of --module: rows come back into the living stack alone": (
        "{option} não é opção de --module: as linhas voltam apenas para a pilha em produção"
    ),
    "the control loop was lost; a merge is whole or not there: run the command again": (
        "o laço de controle foi perdido; a mesclagem está completa ou não existe: execute o comando de novo"
    ),
    "{back} rows brought back, {put} put back, {away} taken away, {kept} kept": (
        "{back} linhas trazidas de volta, {put} repostas, {away} retiradas, {kept} mantidas"
    ),
    "; {differ} not as they were then: triggers wrote something else": (
        "; {differ} não estão como antes: gatilhos gravaram outra coisa"
    ),
    "what was compared could not be deleted at once; it is within a day": (
        "o que foi comparado não pôde ser apagado agora; será em até um dia"
    ),
    "all {count} differences, one a line: --json, or {file}": (
        "todas as {count} diferenças, uma por linha: --json, ou {file}"
    ),
    "restoring {reaches} beside the living stack": "restaurando {reaches} ao lado da pilha em produção",
    "{table} is compared": "{table} está sendo comparada",
    "others hold what is needed; tried again in {s:.1f} s": (
        "outros retêm o que é preciso; nova tentativa em {s:.1f} s"
    ),
    "then": "antes",
    "now": "agora",
    "deleted": "apagadas",
    "changed": "alteradas",
    "added": "criadas",
    "conflicts": "conflitos",
    "written": "gravadas",
    "row": "linha",
    "does": "ação",
    "then → now": "antes → agora",
    "bring back": "trazer de volta",
    "put back": "repor",
    "take away": "retirar",
    "keep": "manter",
    "conflict": "conflito",
    "point": "ponto",
    "merge": "mesclar",
}
