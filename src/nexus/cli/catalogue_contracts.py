"""What `nexus contracts` says, in Brazilian Portuguese; the English text is the key."""

PT_BR = {
    "consumers": "consumidores",
    "everything: nothing is declared": "tudo: nada foi declarado",
    "fields": "campos",
    "nobody's use would break; compared with {against}": "nenhum uso quebraria; comparado com {against}",
    "operation or event": "operação ou evento",
    "provider": "provedor",
    "the working tree itself (nothing runs)": "a própria árvore de trabalho (nada está em execução)",
    "there is no module {name!r}; there are: {known}": "não há o módulo {name!r}; existem: {known}",
    "uses that would break: {count}; compared with {against}": (
        "usos que quebrariam: {count}; comparado com {against}"
    ),
    "what runs": "o que está em execução",
}
