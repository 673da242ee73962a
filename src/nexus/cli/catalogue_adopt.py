"""What `nexus adopt` says, in Brazilian Portuguese; the English text is the key."""

FILES = {
    "adopt {count} services of {name}": "adotar {count} serviços de {name}",
    "create": "criar",
    "replace": "substituir",
    "keep": "manter",
    "remove": "remover",
    "its service is gone": "o serviço não existe mais",
    "not known, or not to be written in a manifest:": "não se sabe, ou não cabe em um manifesto:",
    "{count} files would be written to {folder}": "{count} arquivos seriam gravados em {folder}",
    "{count} files written to {folder}": "{count} arquivos gravados em {folder}",
    "{file} has no services; there is nothing to adopt": "{file} não tem serviços; não há o que adotar",
    "the manifests drafted from this project do not load:\n{faults}": (
        "os manifestos feitos a partir deste projeto não carregam:\n{faults}"
    ),
    "{folder} is not a folder; name another one with -o": "{folder} não é uma pasta; indique outra com -o",
    "{folder} holds files that `nexus adopt` did not write, or that were changed since: {files}; "
    "move them away, or name another folder with -o": (
        "{folder} tem arquivos que `nexus adopt` não gravou, ou que mudaram desde então: {files}; "
        "retire-os de lá, ou indique outra pasta com -o"
    ),
    "{file} cannot be read ({reason}); mend its rights": (
        "{file} não pode ser lido ({reason}); corrija as permissões"
    ),
    "{where} cannot be written ({reason}); nothing was changed": (
        "{where} não pode ser gravado ({reason}); nada foi alterado"
    ),
}

REASONS = {
    "its image is {image}": "a imagem é {image}",
    "Compose builds it from {file}": "o Compose a constrói de {file}",
    "Nexus runs PostgreSQL itself": "o próprio Nexus executa o PostgreSQL",
    "it is off: Compose starts it with the profile {profile} only": (
        "desligado: o Compose só o inicia com o perfil {profile}"
    ),
    "it is off: its replicas are 0": "desligado: tem 0 réplicas",
    "{port} is published": "{port} está publicada",
    "the container listens on {port}": "o contêiner escuta na {port}",
    "{port} is exposed": "{port} está exposta",
    "its PORT says {port}": "a variável PORT diz {port}",
    "its health check asks port {port}": "a verificação de saúde pergunta à porta {port}",
    "others call it at port {port}": "outros o chamam na porta {port}",
    "nginx passes to port {port}": "o nginx repassa à porta {port}",
    "{port} is usual for this image": "{port} é a porta habitual desta imagem",
    "its Dockerfile exposes {port}": "o Dockerfile expõe {port}",
    "depends_on names {target}": "depends_on cita {target}",
    "depends_on names {target}, not required": "depends_on cita {target}, sem exigir",
    "its schema lives in {target}": "o esquema fica em {target}",
    "{key} names {target}": "{key} cita {target}",
    "nginx passes {path} to {target}": "o nginx repassa {path} a {target}",
    "nginx passes {path} to it": "o nginx lhe repassa {path}",
    "nginx takes bodies up to {limit}": "o nginx aceita corpos de até {limit}",
    "the schema is {schema}": "o esquema é {schema}",
    "Prisma's folder": "a pasta do Prisma",
    "{key} is given by Nexus in {given}": "{key} é dada pelo Nexus em {given}",
    "its health check asks {path}": "a verificação de saúde pergunta {path}",
    "the project limits it": "o projeto o limita",
    "others have {port} already; {free} is free": "outros já têm a {port}; a {free} está livre",
    "{target} lies in the volume {source}": "{target} está no volume {source}",
    "{source} is mounted at {target}": "{source} é montado em {target}",
    "it runs from its image: nobody there uses what Nexus would give": (
        "executa a partir da imagem: ninguém ali usa o que o Nexus daria"
    ),
    "its stop_grace_period says so": "é o que diz stop_grace_period",
    "{theirs} is a name of the platform's own": "{theirs} é um nome da própria plataforma",
}

UNKNOWN = {
    "runs once and ends, but a manifest describes what keeps running; it is switched off": (
        "executa uma vez e termina, mas um manifesto descreve o que fica em execução; foi desligado"
    ),
    "run it by hand, or write it as a task in nexus.yaml": (
        "execute-o à mão, ou escreva-o como tarefa no nexus.yaml"
    ),
    "Compose builds the image, and a manifest has no field for that": (
        "o Compose constrói a imagem, e um manifesto não tem campo para isso"
    ),
    "build it before `nexus up` (docker compose build), or give the brick a runtime that Nexus builds": (
        "construa-a antes de `nexus up` (docker compose build), ou dê ao módulo um runtime do Nexus"
    ),
    "runs PostgreSQL {version}, Nexus runs {ours}": "executa PostgreSQL {version}, o Nexus executa {ours}",
    "move the data with pg_dump and pg_restore, not by copying files": (
        "leve os dados com pg_dump e pg_restore, sem copiar arquivos"
    ),
    "runs Redis; Nexus itself runs Valkey, which speaks the same protocol": (
        "executa Redis; o próprio Nexus executa Valkey, que fala o mesmo protocolo"
    ),
    "write `runtime: valkey` without image and command to let Nexus run it": (
        "escreva `runtime: valkey` sem image e command para que o Nexus o execute"
    ),
    "publishes further ports ({ports}), a manifest has one": (
        "publica outras portas ({ports}), um manifesto tem uma"
    ),
    "describe them as services of their own, or do without": (
        "descreva-as como serviços próprios, ou fique sem elas"
    ),
    "says nowhere which port it listens on; {free} is written down": (
        "não diz em lugar nenhum em que porta escuta; ficou escrito {free}"
    ),
    "correct `port`; a service that listens on none cannot be described yet": (
        "corrija `port`; um serviço que não escuta em nenhuma ainda não pode ser descrito"
    ),
    "waits until {target} has ended well, which a manifest cannot say": (
        "espera que {target} termine bem, o que um manifesto não sabe dizer"
    ),
    "run {target} before `nexus up`": "execute {target} antes de `nexus up`",
    "depends on {target}, which is off; the need is written as soft": (
        "depende de {target}, que está desligado; a necessidade ficou como soft"
    ),
    "switch {target} on in nexus.yaml and move it to needs.hard": (
        "ligue {target} no nexus.yaml e passe-o para needs.hard"
    ),
    "uses the schema {schema} of {owner}": "usa o esquema {schema} de {owner}",
    "give it a schema of its own, or let {owner} alone write there": (
        "dê-lhe um esquema próprio, ou deixe só {owner} escrever ali"
    ),
    "keeps its data in {database}, and schemas can be described in PostgreSQL only": (
        "guarda os dados em {database}, e só esquemas do PostgreSQL podem ser descritos"
    ),
    "keeps its data in {database}, which is off": "guarda os dados em {database}, que está desligado",
    "switch {database} on in nexus.yaml, add it to needs.hard, and describe the schema": (
        "ligue {database} no nexus.yaml, acrescente-o a needs.hard e descreva o esquema"
    ),
    "its migrations and backups stay your own": "as migrações e os backups continuam com você",
    "its models live in several schemas ({schemas}); {schema} is written down": (
        "os modelos ficam em vários esquemas ({schemas}); ficou escrito {schema}"
    ),
    "split the others off: a module owns one schema": "separe os outros: um módulo possui um esquema",
    "its tables lie in the schema {schema} of the database, which other services may share": (
        "as tabelas ficam no esquema {schema} do banco, que outros serviços podem usar"
    ),
    "move them to a schema of its own (ALTER TABLE ... SET SCHEMA), then add `database`": (
        "leve-as para um esquema próprio (ALTER TABLE ... SET SCHEMA) e acrescente `database`"
    ),
    "has no migrations in Prisma's format": "não tem migrações no formato do Prisma",
    "write folders <timestamp>_<name>/migration.sql and name theirs in database.migrations.path": (
        "escreva pastas <data>_<nome>/migration.sql e indique-as em database.migrations.path"
    ),
    "its folder of migrations {folder} does not exist yet": "a pasta de migrações {folder} ainda não existe",
    "write the first one: prisma migrate diff --from-empty --to-schema-datamodel {schema} --script": (
        "escreva a primeira: prisma migrate diff --from-empty --to-schema-datamodel {schema} --script"
    ),
    "{key} is no name that a manifest allows under env": "{key} não é um nome que um manifesto aceite em env",
    "rename it to capital letters, digits and underscores": "use letras maiúsculas, algarismos e sublinhados",
    "reads the secret {source}; its value was not copied": "lê o segredo {source}; o valor não foi copiado",
    "provide it as {secret}; the file's path will be in {variable}": (
        "forneça-o como {secret}; o caminho do arquivo estará em {variable}"
    ),
    "{key} is a secret; its value was not copied": "{key} é um segredo; o valor não foi copiado",
    "{key} takes its value from whoever starts Compose, and nothing sets it here": (
        "{key} recebe o valor de quem inicia o Compose, e aqui nada o define"
    ),
    "write it under env if the service needs it": "escreva-o em env se o serviço precisar dele",
    "{key} names {target}, but Nexus sets {key} itself, to where the service listens": (
        "{key} cita {target}, mas o próprio Nexus define {key} como o lugar em que o serviço escuta"
    ),
    "let it read the name of {target} from another variable, and write that under env": (
        "faça-o ler o nome de {target} de outra variável e escreva-a em env"
    ),
    "{key} says something else than where it listens, but Nexus sets {key} itself": (
        "{key} não diz onde ele escuta, mas o próprio Nexus define {key}"
    ),
    "let it read that from another variable, and write it under env": (
        "faça-o ler isso de outra variável e escreva-a em env"
    ),
    "provide it as {secret}, and read it from the file named in {variable}": (
        "forneça-o como {secret} e leia-o do arquivo indicado em {variable}"
    ),
    "{key} is the same for these services, and Nexus makes a secret for each alone": (
        "{key} é o mesmo para estes serviços, e o Nexus faz um segredo para cada um"
    ),
    "give all of them the same file": "dê o mesmo arquivo a todos",
    "no limits are set; Nexus gives an instance 256M and one core": (
        "não há limites; o Nexus dá a uma instância 256M e um núcleo"
    ),
    "measure what it uses (docker stats) and write resources": (
        "meça o que ele usa (docker stats) e escreva resources"
    ),
    "addresses of other services were kept as they are under env": (
        "endereços de outros serviços ficaram em env como estavam"
    ),
    "Nexus gives the true ones in NEXUS_URL_<NAME>; read those, then remove yours": (
        "o Nexus dá os verdadeiros em NEXUS_URL_<NOME>; leia esses e retire os seus"
    ),
    "passes {path} to {host}, which is no service here": (
        "repassa {path} a {host}, que não é um serviço daqui"
    ),
    "add a service for it, or drop it": "acrescente um serviço para ele, ou retire-o",
    "the location {path} is no plain prefix": "o location {path} não é um simples prefixo",
    "write the prefixes that it stands for under upstreams": (
        "escreva em upstreams os prefixos que ele representa"
    ),
    "cuts {path} off before it passes a request to {host}; Nexus passes the whole path": (
        "corta {path} antes de repassar a {host}; o Nexus repassa o caminho inteiro"
    ),
    "let {host} answer under {path}": "faça {host} responder em {path}",
    "its configuration cannot be read to the end ({error})": (
        "a configuração não pode ser lida até o fim ({error})"
    ),
    "mend it, or write upstreams by hand": "corrija-a, ou escreva upstreams à mão",
    "takes bodies of any size, Nexus takes 2M": "aceita corpos de qualquer tamanho, o Nexus aceita 2M",
    "set BODY_LIMIT under env": "defina BODY_LIMIT em env",
    "its command holds a secret and was not copied": "o comando contém um segredo e não foi copiado",
    "let it read the secret from a file, then write `command`": (
        "faça-o ler o segredo de um arquivo e então escreva `command`"
    ),
    "no field of a manifest says what {keys} says": "nenhum campo de um manifesto diz o que {keys} diz",
    "check that it runs without": "verifique se ele funciona sem isso",
    "its labels for Traefik were not read": "os rótulos para o Traefik não foram lidos",
    "write its routes by hand": "escreva as rotas à mão",
    "mounts {target} as {type}, which a manifest cannot say": (
        "monta {target} como {type}, o que um manifesto não sabe dizer"
    ),
    "let it run without": "execute-o sem isso",
    "keeps {target} in a volume without a name, which ends with its container": (
        "guarda {target} em um volume sem nome, que acaba com o contêiner"
    ),
    "if what lies there must last, give the volume a name and adopt again": (
        "se o que está ali deve durar, dê um nome ao volume e adote de novo"
    ),
    "is given the socket {source}, with all that it may do there; it was not taken over": (
        "recebe o socket {source}, com tudo o que pode fazer ali; não foi assumido"
    ),
    "let it run without, or add it to volumes if you trust it that far": (
        "execute-o sem isso, ou acrescente-o a volumes se confia tanto nele"
    ),
    "may only read {source} at {target}, and what a manifest mounts can be written to, too": (
        "só pode ler {source} em {target}, e o que um manifesto monta também pode ser escrito"
    ),
    "build it into its image, or add it to volumes if the service may change it": (
        "inclua-o na imagem, ou acrescente-o a volumes se o serviço pode alterá-lo"
    ),
    "keeps {target} in the volume {source}, which is not the project's own (external)": (
        "guarda {target} no volume {source}, que não é do projeto (external)"
    ),
    "copy its data to a volume of this stack, then write that one under volumes": (
        "copie os dados para um volume desta stack e escreva este em volumes"
    ),
    "keeps {target} in the volume {source}, which has a driver or options of its own": (
        "guarda {target} no volume {source}, que tem driver ou opções próprias"
    ),
    "mount it on the machine, and write the path under volumes": (
        "monte-o na máquina e escreva o caminho em volumes"
    ),
    "mounts a part of the volume {source} at {target}, and a manifest mounts whole ones": (
        "monta uma parte do volume {source} em {target}, e um manifesto monta volumes inteiros"
    ),
    "give this part a volume of its own": "dê a essa parte um volume próprio",
    "mounts {source} at {target}, names that a manifest does not allow": (
        "monta {source} em {target}, nomes que um manifesto não permite"
    ),
    "rename them": "dê-lhes outros nomes",
    "its data lie in the volume {theirs}, and Nexus calls its own {ours}": (
        "os dados estão no volume {theirs}, e o Nexus chama o seu de {ours}"
    ),
    "copy what is in the one to the other before `nexus up`": (
        "copie o que há em um para o outro antes de `nexus up`"
    ),
    "mounts {source}, which does not exist here": "monta {source}, que não existe aqui",
    "make it before `nexus up`": "crie-o antes de `nexus up`",
    "runs {count} times; without a gateway that holds its port, Nexus runs it once": (
        "executa {count} vezes; sem um gateway que tenha a porta, o Nexus o executa uma vez"
    ),
    "add a service with kind: gateway, runtime: haproxy to infrastructure, then write scale": (
        "acrescente a infrastructure um serviço com kind: gateway, runtime: haproxy e então escreva scale"
    ),
    "{key} calls {target} {host}, a name that only Compose gives it": (
        "{key} chama {target} de {host}, nome que só o Compose lhe dá"
    ),
    "write {target} there": "escreva {target} ali",
    "keeps its data in {database}, which runs from its image; Nexus makes schemas in its own only": (
        "guarda os dados em {database}, que executa a partir da imagem; o Nexus só faz esquemas no seu"
    ),
    "reads configs, and a manifest has no field for them": (
        "lê configs, e um manifesto não tem campo para elas"
    ),
    "build them into its image": "inclua-as na imagem",
    "has an entrypoint of its own, and a manifest has no field for it": (
        "tem um entrypoint próprio, e um manifesto não tem campo para ele"
    ),
    "set it in the image": "defina-o na imagem",
    "is not restarted by Compose when it ends; Nexus always starts it again": (
        "o Compose não o reinicia quando termina; o Nexus sempre o inicia de novo"
    ),
    "switch it off in nexus.yaml if it is meant to end": "desligue-o no nexus.yaml se ele deve terminar",
    "Nexus starts it empty; the data stays in {source}": "o Nexus o inicia vazio; os dados ficam em {source}",
    "move it with pg_dump and pg_restore": "leve-os com pg_dump e pg_restore",
    "let the cache fill again": "deixe o cache encher de novo",
    "its initial scripts {source} are not run: Nexus makes a role and a schema for each module": (
        "os scripts iniciais {source} não são executados: o Nexus cria um papel e um esquema para cada módulo"
    ),
    "bring what else they do into a migration": "leve para uma migração o que mais eles fazem",
    "its command sets options that Nexus does not take over": (
        "o comando define opções que o Nexus não assume"
    ),
    "check whether you still need them": "verifique se ainda precisa delas",
    "Nexus writes its configuration from upstreams; what else yours says is not taken over": (
        "o Nexus escreve a configuração a partir de upstreams; o mais que a sua diz não é assumido"
    ),
    "compare certificates, redirects, caches and limits before you switch": (
        "compare certificados, redirecionamentos, caches e limites antes de trocar"
    ),
}

PT_BR = {**FILES, **REASONS, **UNKNOWN}
