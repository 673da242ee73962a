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
