"""What a recovery kit says, in the languages it is printed in."""

from __future__ import annotations

from collections.abc import Mapping

ENGLISH: Mapping[str, str] = {
    "title": "Recovery kit",
    "warning": (
        "Whoever holds this page can read every backup of this company. Keep it as you keep the deeds of the "
        "house: in a safe, on paper, in another building than the machines. It is printed once; no copy is "
        "kept, and nobody can make another of it."
    ),
    "stack": "Stack",
    "cluster": "Database cluster",
    "made": "Made",
    "version": "Nexus",
    "public": "Public half, to tell kits apart",
    "key": "The key",
    "key_hint": (
        "Each line has its number, ten letters and two that check them. There is no letter O, I or B and no "
        "digit 1 in it."
    ),
    "places": "Where the backups are",
    "place_local": "{name}: the folder {path} on the machine itself; lost with it",
    "place_directory": "{name}: the folder {path}",
    "place_sftp": "{name}: SFTP, {user}@{host} port {port}, folder {path}; host key {host_key}",
    "place_s3": "{name}: S3, bucket {bucket}, below {prefix}, at {endpoint}, region {region}",
    "no_places": (
        "There is no place beside the machine: when it is lost, so are the backups. Add one to "
        "recovery.places in nexus.yaml, and print this kit again."
    ),
    "place_secret": "Its password or key is not printed here: {name} is entered with a secret of its own.",
    "steps": "To get the company back on an empty machine",
    "step_1": "Install Nexus {version} on a machine with Linux and Python 3.11 or later.",
    "step_2": (
        "Write the six lines of the key into a file that only you can read (chmod 600 key.txt), for example "
        "with: nano key.txt"
    ),
    "step_3": "Write the place as it stands below into a file, for example place.yaml.",
    "step_4": "See what would be done, and then do it:",
    "step_5": "Start the company on the new machine:",
    "step_6": "Delete key.txt. Then print a new kit: nexus recovery kit --replace",
    "file": "place.yaml for {name}",
}

PORTUGUESE: Mapping[str, str] = {
    "title": "Kit de recuperação",
    "warning": (
        "Quem tem esta página lê todos os backups desta empresa. Guarde-a como a escritura da casa: num "
        "cofre, em papel, em outro prédio que não o das máquinas. Ela é impressa uma vez; nenhuma cópia fica "
        "guardada, e ninguém consegue fazer outra igual."
    ),
    "stack": "Sistema",
    "cluster": "Cluster do banco de dados",
    "made": "Feito em",
    "version": "Nexus",
    "public": "Metade pública, para distinguir kits",
    "key": "A chave",
    "key_hint": (
        "Cada linha tem seu número, dez letras e duas que as conferem. Não há nela as letras O, I e B "
        "nem o algarismo 1."
    ),
    "places": "Onde estão os backups",
    "place_local": "{name}: a pasta {path} na própria máquina; perde-se com ela",
    "place_directory": "{name}: a pasta {path}",
    "place_sftp": "{name}: SFTP, {user}@{host} porta {port}, pasta {path}; chave do host {host_key}",
    "place_s3": "{name}: S3, bucket {bucket}, abaixo de {prefix}, em {endpoint}, região {region}",
    "no_places": (
        "Não há nenhum lugar além da máquina: quando ela se perde, os backups se perdem também. Acrescente "
        "um em recovery.places no nexus.yaml e imprima este kit de novo."
    ),
    "place_secret": "A senha ou chave dele não está aqui: entra-se em {name} com um segredo próprio.",
    "steps": "Para ter a empresa de volta numa máquina vazia",
    "step_1": "Instale o Nexus {version} numa máquina com Linux e Python 3.11 ou mais novo.",
    "step_2": (
        "Escreva as seis linhas da chave num arquivo que só você possa ler (chmod 600 key.txt), por exemplo "
        "com: nano key.txt"
    ),
    "step_3": "Escreva o lugar, como está abaixo, num arquivo, por exemplo place.yaml.",
    "step_4": "Veja o que seria feito e depois faça:",
    "step_5": "Inicie a empresa na máquina nova:",
    "step_6": "Apague key.txt. Depois imprima um kit novo: nexus recovery kit --replace",
    "file": "place.yaml para {name}",
}

LANGUAGES: Mapping[str, Mapping[str, str]] = {"pt-BR": PORTUGUESE, "en": ENGLISH}
