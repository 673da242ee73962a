"""A history of migrations like those that teams write with Prisma over some years; the same for each call."""

from __future__ import annotations

import random
from pathlib import Path

TYPES = ("TEXT", "INTEGER", "BIGINT", "BOOLEAN", "TIMESTAMP(3)", "DECIMAL(12,2)", "JSONB", "UUID")
DEFAULTS = {"INTEGER": "0", "BIGINT": "0", "BOOLEAN": "false", "DECIMAL(12,2)": "0.00", "JSONB": "'{}'"}
NOUNS = (
    "account order item invoice payment product supplier customer contact address price tax stock batch "
    "shipment carrier route employee shift contract clause document note task label branch budget asset"
).split()


class Writer:
    """Writes one migration after another, knowing what the former ones made."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.tables: dict[str, dict[str, str]] = {}
        self._enums: list[str] = []

    def next(self, number: int) -> tuple[str, str]:
        """The name and the script of a migration."""
        choice = self._random.random()
        if len(self.tables) < 4 or choice < 0.28:
            return self._create_table(number)
        if choice < 0.55:
            return self._add_column(number)
        if choice < 0.70:
            return self._index(number)
        if choice < 0.80:
            return self._foreign_key(number)
        if choice < 0.86:
            return self._enum(number)
        if choice < 0.93:
            return self._data(number)
        return self._drop_column(number)

    def _table(self) -> str:
        return self._random.choice(sorted(self.tables))

    def _create_table(self, number: int) -> tuple[str, str]:
        table = f"{self._random.choice(NOUNS).title()}{number}"
        columns = {f"field{i}": self._random.choice(TYPES) for i in range(self._random.randrange(3, 12))}
        self.tables[table] = columns
        lines = ['    "id" TEXT NOT NULL', *(f'    "{c}" {t}' for c, t in columns.items())]
        lines += ['    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP']
        body = ",\n".join([*lines, f'\n    CONSTRAINT "{table}_pkey" PRIMARY KEY ("id")'])
        index = f'CREATE INDEX "{table}_createdAt_idx" ON "{table}"("createdAt");'
        return (
            f"create_{table.lower()}",
            f'-- CreateTable\nCREATE TABLE "{table}" (\n{body}\n);\n\n-- CreateIndex\n{index}\n',
        )

    def _add_column(self, number: int) -> tuple[str, str]:
        table, kind = self._table(), self._random.choice(TYPES)
        column = f"added{number}"
        self.tables[table][column] = kind
        default = (
            f" NOT NULL DEFAULT {DEFAULTS[kind]}" if kind in DEFAULTS and self._random.random() < 0.5 else ""
        )
        return (
            f"add_{column}",
            f'-- AlterTable\nALTER TABLE "{table}" ADD COLUMN     "{column}" {kind}{default};\n',
        )

    def _index(self, number: int) -> tuple[str, str]:
        table = self._table()
        column = self._random.choice(
            sorted(c for c, t in self.tables[table].items() if t != "JSONB") or ["id"]
        )
        unique = "UNIQUE " if column == "id" else ""
        name = f"{table}_{column}_{number}_idx"
        return f"index_{number}", f'-- CreateIndex\nCREATE {unique}INDEX "{name}" ON "{table}"("{column}");\n'

    def _foreign_key(self, number: int) -> tuple[str, str]:
        table, other = self._table(), self._table()
        column = f"ref{number}"
        self.tables[table][column] = "TEXT"
        sql = (
            f'-- AlterTable\nALTER TABLE "{table}" ADD COLUMN     "{column}" TEXT;\n\n-- AddForeignKey\n'
            f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_{column}_fkey" FOREIGN KEY ("{column}") '
            f'REFERENCES "{other}"("id") ON DELETE SET NULL ON UPDATE CASCADE;\n'
        )
        return f"link_{number}", sql

    def _enum(self, number: int) -> tuple[str, str]:
        if self._enums and self._random.random() < 0.4:
            kind = self._random.choice(self._enums)
            return (
                f"extend_{kind.lower()}",
                f"-- AlterEnum\nALTER TYPE \"{kind}\" ADD VALUE 'STATE_{number}';\n",
            )
        kind, table = f"State{number}", self._table()
        self._enums.append(kind)
        sql = (
            f"-- CreateEnum\nCREATE TYPE \"{kind}\" AS ENUM ('DRAFT', 'OPEN', 'DONE');\n\n-- AlterTable\n"
            f'ALTER TABLE "{table}" ADD COLUMN     "state{number}" "{kind}" NOT NULL DEFAULT \'DRAFT\';\n'
        )
        return f"state_{number}", sql

    def _data(self, number: int) -> tuple[str, str]:
        table = self._table()
        sql = (
            f'-- Rows that every installation has\nINSERT INTO "{table}" ("id") VALUES (\'seed-{number}\')\n'
            f'ON CONFLICT DO NOTHING;\n\nUPDATE "{table}" SET "createdAt" = \'2024-01-01 00:00:00\' '
            f"WHERE \"id\" = 'seed-{number}';\n"
        )
        return f"seed_{number}", sql

    def _drop_column(self, number: int) -> tuple[str, str]:
        table = self._table()
        droppable = sorted(column for column in self.tables[table] if column.startswith("field"))
        if not droppable:
            return self._add_column(number)
        column = self._random.choice(droppable)
        del self.tables[table][column]
        sql = f'-- AlterTable\nALTER TABLE "{table}" DROP COLUMN "{column}";\n'
        return f"drop_{column}_{number}", sql


def write_history(folder: Path, count: int, seed: int = 7) -> list[Path]:
    """Writes `count` migrations in Prisma's format; returns their scripts in order."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "migration_lock.toml").write_text('provider = "postgresql"\n')
    writer, scripts = Writer(seed), []
    for number in range(count):
        name, sql = writer.next(number)
        month, day = divmod(number, 28)
        place = folder / f"{2020 + month // 12}{month % 12 + 1:02d}{day + 1:02d}{number:06d}_{name}"
        place.mkdir()
        (place / "migration.sql").write_text(sql)
        scripts.append(place / "migration.sql")
    return scripts
