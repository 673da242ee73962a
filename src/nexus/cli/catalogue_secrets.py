"""Brazilian Portuguese for `nexus secrets`."""

PT_BR = {
    "set a secret": "trocar um segredo",
    "rotate a secret": "renovar um segredo",
    "type the value, then Ctrl-D on a line of its own:": "digite o valor e, em outra linha, Ctrl-D:",
    "{file} cannot be read: {why}": "{file} não pode ser lido: {why}",
    "the value is no UTF-8 text; encode it, for example with base64": "o valor não é um texto em UTF-8; "
    "codifique-o, por exemplo com base64",
    "{name} of {service} is new in version {version} of its secrets; nothing that runs was touched: "
    "`nexus deploy {service}` lets it in": "{name} de {service} é novo na versão {version} dos seus "
    "segredos; nada do que está no ar foi tocado: `nexus deploy {service}` o coloca em uso",
}
