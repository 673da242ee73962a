"""What drills find, in Brazilian Portuguese; the English text is the key."""

from __future__ import annotations

from collections.abc import Mapping

FOUND: Mapping[str, str] = {
    "backup {backup} was restored from {place} to {reached}": (
        "o backup {backup} foi restaurado de {place} até {reached}"
    ),
    "it could not be restored: {why}": "não foi possível restaurar: {why}",
    "all {count} modules were ready": "todos os {count} módulos ficaram prontos",
    "not ready: {which}": "não ficaram prontos: {which}",
    "it did not start: {why}": "não iniciou: {why}",
    "all {count} invariants hold": "todos os {count} invariantes valem",
    "{broken} of {count} invariants do not hold: {which}": (
        "{broken} de {count} invariantes não valem: {which}"
    ),
    "the invariants could not be asked: {why}": "não foi possível consultar os invariantes: {why}",
    "the stack has no invariants": "a pilha não tem invariantes",
    "{count} ways of users were gone to their end": (
        "{count} caminhos de usuários foram percorridos até o fim"
    ),
    "probe {name}: {why}": "sonda {name}: {why}",
    "the stack has no probe to go": "a pilha não tem sonda a percorrer",
    "not all of the probe's services run here: {names}": "nem todos os serviços da sonda rodam aqui: {names}",
    "pg_amcheck found every table and index sound": "o pg_amcheck achou íntegros todos os índices e tabelas",
    "pg_amcheck: {why}": "pg_amcheck: {why}",
    "{count} totals are what the backup recorded at {lsn}": (
        "{count} totais são os que o backup registrou em {lsn}"
    ),
    "{wrong} of {count} totals differ at {lsn}: {which}": (
        "{wrong} de {count} totais diferem em {lsn}: {which}"
    ),
    "no total was recorded in the backup": "o backup não registrou nenhum total",
    "no backup has totals of an exact place in the WAL: {why}": (
        "nenhum backup tem totais de um ponto exato do WAL: {why}"
    ),
    "the totals could not be counted: {why}": "não foi possível contar os totais: {why}",
    "from the order to restore to ready modules: {took}; {promised} are promised": (
        "da ordem de restaurar até os módulos prontos: {took}; prometido: {promised}"
    ),
    "the modules were never ready": "os módulos nunca ficaram prontos",
    "{place} lacked {loss} of data when the drill began; {promised} are promised": (
        "{place} tinha {loss} a menos de dados no início do simulado; prometido: {promised}"
    ),
    "nobody knows how far {place} was when the drill began: the stream did not run": (
        "não se sabe até onde {place} estava no início do simulado: o fluxo não rodava"
    ),
    "all that the drill made is gone again": "tudo o que o simulado criou foi removido",
    "kept, as asked, in {folder}": "mantido, como pedido, em {folder}",
    "the drill left something behind: {why}": "o simulado deixou algo para trás: {why}",
    "the cache's contents are not restored: it begins empty, and modules fill it again": (
        "o conteúdo do cache não é restaurado: ele começa vazio, e os módulos o preenchem de novo"
    ),
    "the restored stack ran as plain processes; that containers start on it was not proven": (
        "a pilha restaurada rodou como processos comuns; que contêineres iniciem sobre ela não foi provado"
    ),
    "{services} could not be started on this machine": "{services} não puderam ser iniciados nesta máquina",
    "telemetry is in no backup, and was not restored": (
        "a telemetria não está em nenhum backup, e não foi restaurada"
    ),
    "{count} acknowledged writes are all there": "as {count} escritas confirmadas estão todas lá",
    "{missing} of {count} acknowledged writes are missing, the oldest {loss} older than the disaster; "
    "{promised} are promised": (
        "faltam {missing} de {count} escritas confirmadas, a mais antiga {loss} anterior ao desastre; "
        "prometido: {promised}"
    ),
    "all {count} writes until the chosen moment are there, and none of the {later} after it": (
        "todas as {count} escritas até o momento escolhido estão lá, e nenhuma das {later} posteriores"
    ),
    "{missing} of {count} writes until the chosen moment are missing, {more} of those after it are there": (
        "faltam {missing} de {count} escritas até o momento escolhido, e há {more} das posteriores"
    ),
    "nothing was written before the disaster": "nada foi escrito antes do desastre",
    "the disaster: {what}": "o desastre: {what}",
    "the disaster did not happen: {why}": "o desastre não aconteceu: {why}",
    "the command of the runbook did it": "o comando do roteiro resolveu",
    "the command of the runbook ended with {code}: {why}": "o comando do roteiro terminou com {code}: {why}",
    "the victim could not be made: {why}": "não foi possível criar a vítima: {why}",
    "it stopped for another reason: {why}": "parou por outro motivo: {why}",
    "{table} is what it was: {rows} rows": "{table} está como era: {rows} linhas",
    "{table} is not what it was: {then} before, {now} after": (
        "{table} não está como era: {then} antes, {now} depois"
    ),
    "with the other copy damaged too it was said which file is damaged": (
        "com a outra cópia também danificada, foi dito qual arquivo está danificado"
    ),
    "with the other copy damaged too it was not said: {why}": (
        "com a outra cópia também danificada, isso não foi dito: {why}"
    ),
    "nothing is left of the backup that was cut short": "nada restou do backup interrompido",
    "{count} files are left of the backup that was cut short": (
        "restaram {count} arquivos do backup interrompido"
    ),
    "that nobody can delete the second copy was not proven: {place} has no object lock": (
        "que ninguém possa apagar a segunda cópia não foi provado: {place} não tem bloqueio de objetos"
    ),
    "{what}": "{what}",
}
