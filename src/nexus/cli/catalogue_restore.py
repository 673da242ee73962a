"""What `nexus restore` says, in Brazilian Portuguese; the English text is the key."""

PT_BR = {
    "say where to, once: --at, --point, --before-migration, --lsn, --backup or --latest": (
        "diga até onde, uma vez só: --at, --point, --before-migration, --lsn, --backup ou --latest"
    ),
    "--into begins anew; say where to": "--into começa do zero; diga até onde",
    "the recovery kit's key": "a chave do kit de recuperação",
    "the place's secret": "o segredo do local",
    "{file} cannot be read: {why}": "{file} não pode ser lido: {why}",
    "this changes the living stack; look at it with --plan, then say --yes": (
        "isto altera a pilha em produção; veja antes com --plan e depois use --yes"
    ),
    "the control loop was lost; `nexus restore --resume` goes on where it was": (
        "o laço de controle foi perdido; `nexus restore --resume` continua de onde parou"
    ),
    "restored to {reaches}": "restaurado até {reaches}",
    "the former data are in {where}; `nexus restore --undo` puts them back": (
        "os dados anteriores estão em {where}; `nexus restore --undo` os traz de volta"
    ),
    "once nobody needs them, this deletes them: {command}": (
        "quando ninguém mais precisar deles, isto os apaga: {command}"
    ),
    "interrupted; the same command begins anew": "interrompido; o mesmo comando recomeça",
    "this starts it: {command}": "isto inicia a pilha restaurada: {command}",
    "what a killed restore had left was removed": "o que uma restauração interrompida deixou foi removido",
    "what had been restored stays in {where}; this deletes it: {command}": (
        "o que havia sido restaurado fica em {where}; isto o apaga: {command}"
    ),
    "lost: {what}": "perde-se: {what}",
    "{option} needs --into": "{option} exige --into",
    "{option} says nothing with {beside}": "{option} não diz nada com {beside}",
    "--from {place} says where backups are, which needs --into; here, name one of recovery.places": (
        "--from {place} diz onde estão os backups, o que exige --into; aqui, indique um de recovery.places"
    ),
    "this stack is not set apart: nothing to do": "esta pilha não está à parte: nada a fazer",
    "from now on this stack writes into the places of the one that it was made from": (
        "a partir de agora esta pilha escreve nos locais daquela de que foi feita"
    ),
    "does that one never run again?": "aquela nunca mais vai rodar?",
    "nothing was done; --yes does it without asking": "nada foi feito; --yes o faz sem perguntar",
    "this stack took over: it is backed up and streamed away from now on": (
        "esta pilha assumiu: a partir de agora ela é copiada e transmitida"
    ),
    "count": "contar",
    "restore": "restaurar",
    "prove": "provar",
    "seal": "arquivar",
    "carry": "copiar",
    "swap": "trocar",
    "swap_back": "desfazer troca",
    "drop": "remover",
    "empty": "esvaziar",
    "check": "verificar",
    "probe": "sondar",
    "unpack": "desempacotar",
    "appear": "publicar",
}
