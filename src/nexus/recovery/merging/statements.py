"""The SQL that writes one table. Values lie as text in temporary tables, and are cast to the columns' types.

One statement puts changed rows back and brings gone ones back, the first before the second: values that must
be unique may have moved from one to the other, and references are checked at its end. A row that is not any
more as it was when it was compared is left as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nexus.migrations.quoting import identifier, literal
from nexus.recovery.merging.difference import TableDifference
from nexus.recovery.merging.spool import Part
from nexus.recovery.merging.tables import DELETE, INSERT, UPDATE, Column, Reference, Table, Trigger


@dataclass(frozen=True)
class Statements:
    """Those of one table, as it is now."""

    table: Table
    found: TableDifference

    def staging(self, part: Part) -> str:
        """The name of the temporary table for one of the spooled files."""
        return f"nexus_{part}_{self.found.file}"

    def stage(self, part: Part) -> str:
        """Makes it, for its owner to read."""
        letters = {"gone": "t", "changed": "tn", "added": "n"}[part]
        names = [f"{letter}{n} text" for letter in letters for n in range(len(self.found.columns))]
        name = identifier("pg_temp", self.staging(part))
        return (
            f"CREATE TEMP TABLE {identifier(self.staging(part))} ({', '.join(names)}) ON COMMIT DROP; "
            f"GRANT SELECT ON {name} TO {identifier(self.table.owner)}"
        )

    def write(self) -> str:
        """Puts back and brings back; answers with how many of each."""
        return (
            f"WITH put AS ({self._put() if self.found.put else 'SELECT 1 WHERE false'}), "
            f"back AS ({self._back() if self.found.back else 'SELECT 1 WHERE false'}) "
            "SELECT (SELECT count(*) FROM put) AS put, (SELECT count(*) FROM back) AS back"
        )

    def hold(self) -> str:
        """Keeps others from changing the rows that are to be taken away, and from referring to them."""
        return (
            f"SELECT FROM {self.table.rows} AS t JOIN {self._staged('added')} AS s ON {self._key('n')} "
            "FOR UPDATE OF t"
        )

    def take_away(self) -> str:
        """Takes rows away that are as they were compared."""
        return (
            f"DELETE FROM {self.table.rows} AS t USING {self._staged('added')} AS s "
            f"WHERE {self._key('n')}{self._unchanged()}"
        )

    def dragged(self, reference: Reference) -> str:
        """How many rows that are kept would be deleted or changed along with those that are taken away."""
        text = self._referring(reference, "added")
        if (reference.schema, reference.table) == (self.table.schema, self.table.name):
            away = f"{self._key('n', 'f', 'o')}{self._unchanged('f', 'o')}"
            text += f" WHERE NOT EXISTS (SELECT FROM {self._staged('added')} AS o WHERE {away})"
        return text

    def carried(self, reference: Reference) -> str:
        """How many rows refer to values that are put back, and would be changed along with them."""
        columns = [each for each in map(self.table.column, reference.to_columns) if each is not None]
        moved = [
            f"{self._value('t', each)} IS DISTINCT FROM {self._value('n', each)}"
            for each in columns
            if each.name in self.found.columns and self._settable(each)
        ]
        moved += ["true" for each in columns if each.generated]  # from whatever is put back
        return f"{self._referring(reference, 'changed')} WHERE {' OR '.join(moved) or 'false'}"

    def as_then(self, part: Part) -> str:
        """How many rows of a part this transaction wrote that are as they were then; the age of a row that
        another one wrote is above 0.
        """
        told = map(self._column, self.found.columns)
        compared = [each for each in told if part == "gone" or self._settable(each)]
        same = "".join(
            f" AND t.{identifier(each.name)}::text IS NOT DISTINCT FROM s.{self._staged_name('t', each)}"
            for each in compared
        )
        return (
            f"SELECT count(*) FROM {self.table.rows} AS t JOIN {self._staged(part)} AS s "
            f"ON {self._key('t')}{same} WHERE age(t.xmin) <= 0"
        )

    def advance(self, column: Column) -> str:
        """The sequence of a column gives out nothing that came back."""
        assert column.sequence is not None
        highest = f"(SELECT max({self._value('t', column)}) FROM {self._staged('gone')} AS s)"
        return (
            f"SELECT setval({literal(column.sequence)}::regclass, m) FROM {highest} AS x (m), "
            f"{column.sequence} AS q WHERE x.m >= q.last_value"
        )

    def triggers(self, enable: bool) -> str:
        """Has its triggers rest, or work as they did; those that the database made itself always work."""
        commands = []
        for each in self.firing():
            how = ("ENABLE ALWAYS" if each.always else "ENABLE") if enable else "DISABLE"
            commands.append(f"ALTER TABLE {self.table.quoted} {how} TRIGGER {identifier(each.name)}")
        return "; ".join(commands)

    def firing(self) -> Sequence[Trigger]:
        """The triggers that a merge makes fire."""
        counts = ((INSERT, self.found.back), (UPDATE, self.found.put), (DELETE, self.found.away))
        events = [event for event, count in counts if count]
        return [each for each in self.table.triggers if each.fires_at(*events)]

    def referring(self) -> Sequence[Reference]:
        """The references of others, and its own, to this table."""
        us = (self.table.schema, self.table.name)
        return [each for each in self.table.references if (each.to_schema, each.to_table) == us]

    def _put(self) -> str:
        changes = [each for each in map(self._column, self.found.columns) if self._settable(each)]
        values = ", ".join(f"{identifier(each.name)} = {self._value('t', each)}" for each in changes)
        return (
            f"UPDATE {self.table.rows} AS t SET {values} FROM {self._staged('changed')} AS s "
            f"WHERE {self._key('n')}{self._unchanged()} RETURNING 1"
        )

    def _back(self) -> str:
        columns = [self._column(each) for each in self.found.columns]
        names = ", ".join(identifier(each.name) for each in columns)
        values = ", ".join(self._value("t", each) for each in columns)
        return (
            f"INSERT INTO {self.table.quoted} ({names}) OVERRIDING SYSTEM VALUE SELECT {values} "
            f"FROM {self._staged('gone')} AS s WHERE (SELECT count(*) FROM put) >= 0 "
            f"AND NOT EXISTS (SELECT FROM {self.table.rows} AS t WHERE {self._key('t')}) RETURNING 1"
        )

    def _referring(self, reference: Reference, part: Part) -> str:
        """How many rows refer to rows that a part holds and that are as they were compared."""
        pairs = zip(reference.columns, reference.to_columns, strict=True)
        joined = " AND ".join(f"f.{identifier(column)} = t.{identifier(to)}" for column, to in pairs)
        return (
            f"SELECT count(*) FROM {identifier(reference.schema, reference.table)} AS f "
            f"JOIN {self.table.rows} AS t ON {joined} "
            f"JOIN {self._staged(part)} AS s ON {self._key('n')}{self._unchanged()}"
        )

    def _unchanged(self, row: str = "t", of: str = "s") -> str:
        changes = [each for each in map(self._column, self.found.columns) if self._settable(each)]
        return "".join(
            f" AND {row}.{identifier(each.name)}::text IS NOT DISTINCT FROM "
            f"{of}.{self._staged_name('n', each)}"
            for each in changes
        )

    def _settable(self, column: Column) -> bool:
        return column.name not in self.found.key and not column.always

    def _key(self, letter: str, row: str = "t", of: str = "s") -> str:
        return " AND ".join(
            f"{row}.{identifier(each)} = {self._value(letter, self._column(each), of)}"
            for each in self.found.key
        )

    def _value(self, letter: str, column: Column, of: str = "s") -> str:
        return f"{of}.{self._staged_name(letter, column)}::{column.type}"

    def _staged_name(self, letter: str, column: Column) -> str:
        return f"{letter}{self.found.columns.index(column.name)}"

    def _staged(self, part: Part) -> str:
        return identifier("pg_temp", self.staging(part))

    def _column(self, name: str) -> Column:
        found = self.table.column(name)
        assert found is not None
        return found
