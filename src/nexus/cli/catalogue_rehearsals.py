"""What rehearsals say, in Brazilian Portuguese; the English text is the key."""

PT_BR = {
    "Copy, load and checks": "Cópia, carga e verificações",
    "Rehearsal {id}": "Ensaio {id}",
    "attempts": "tentativas",
    "failed": "falhou",
    "failed writes": "escritas falhas",
    "p99 (ms)": "p99 (ms)",
    "probe {name} is run on the copy": "a sonda {name} é executada na cópia",
    "probe {name} was not run: what it needs is off": (
        "a sonda {name} não foi executada: aquilo de que precisa está desligado"
    ),
    "seconds": "segundos",
    "statement": "comando",
    "the database is copied: {way}, {mb} MB": "o banco de dados é copiado: {way}, {mb} MB",
    "the invariants are asked while the releases run": (
        "os invariantes são consultados enquanto as versões rodam"
    ),
    "the plan is applied to the copy under replayed writes": (
        "o plano é aplicado à cópia sob escritas repetidas"
    ),
    "the releases are started on the copy, their ports moved by {n}": (
        "as versões são iniciadas na cópia, com as portas deslocadas em {n}"
    ),
    "the releases are asked on the copy for what users read": (
        "as versões são consultadas na cópia sobre o que os usuários leem"
    ),
    "release {name}: is ready on the new schema, nothing more was tried: {why}": (
        "versão {name}: está pronta com o novo esquema, nada mais foi tentado: {why}"
    ),
    "release {name}: works on the new schema, requests answered: {n}": (
        "versão {name}: funciona com o novo esquema, requisições respondidas: {n}"
    ),
    "the stack on the copy was not taken down orderly: {why}": (
        "a pilha sobre a cópia não foi derrubada em ordem: {why}"
    ),
    "the writes of the living database are counted for {seconds} s": (
        "as escritas do banco de dados vivo são contadas por {seconds} s"
    ),
    "worst wait (ms)": "maior espera (ms)",
    "writes": "escritas",
    "{n} invariants are asked after the plan": "{n} invariantes são consultados depois do plano",
    "{n} invariants are asked before the plan": "{n} invariantes são consultados antes do plano",
    "{n} rehearsals that had been killed were cleared away": (
        "{n} ensaios que haviam sido mortos foram limpos"
    ),
    "{way} was not possible: {why}": "{way} não foi possível: {why}",
    "{what}: failed: {why}": "{what}: falhou: {why}",
    "{what}: not smoke-tested: {why}": "{what}: não testada: {why}",
    "{what}: works on the new schema": "{what}: funciona com o novo esquema",
}
