"""What `nexus drill` says, in Brazilian Portuguese; the English text is the key."""

PT_BR = {
    "--all drills every scenario; leave out --scenario": "--all simula todos os cenários; omita --scenario",
    "this stack has signed nothing yet; name the key it must be signed with: --key": (
        "esta pilha ainda não assinou nada; informe a chave com que deve estar assinado: --key"
    ),
    "the report is whole, but signed with another key: {key}": (
        "o relatório está íntegro, mas foi assinado com outra chave: {key}"
    ),
    "the signature holds: {key}": "a assinatura confere: {key}",
    "stopping after the running step; what was made is cleaned up": (
        "parando após o passo em andamento; o que foi criado será removido"
    ),
    "report: {file}": "relatório: {file}",
    "interrupted: nothing is proven, and what was made is gone": (
        "interrompido: nada foi provado, e o que foi criado foi removido"
    ),
    "the newest backup is restored and proven": "o backup mais recente é restaurado e provado",
    "never drilled": "nunca simulado",
    "proven {at}": "provado em {at}",
    "FAILED {at}: {why}": "FALHOU em {at}: {why}",
    "drill one with `nexus drill --scenario NAME`; their runbooks are in docs/runbooks": (
        "simule um com `nexus drill --scenario NOME`; os roteiros estão em docs/runbooks"
    ),
    "{n} drills that had been killed were cleared away": (
        "{n} simulados interrompidos à força foram removidos"
    ),
    "examine": "examinar",
    "count": "contar",
    "clean": "limpar",
    "report": "relatar",
    "victim": "vítima",
    "load": "carga",
    "damage": "dano",
    "recover": "recuperar",
}
