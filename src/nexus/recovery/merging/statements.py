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
            f"SELECT FROM {self.table.quoted} AS t JOIN {self._staged('added')} AS s ON {self._key('n')} "
            "FOR UPDATE OF t"
        )

    def take_away(self) -> str:
        """Takes rows away that are as they were compared."""
        return (
            f"DELETE FROM {self.table.quoted} AS t USING {self._staged('added')} AS s "
            f"WHERE {self._key('n')}{self._unchanged()}"
        )

    def dragged(self, reference: Reference) -> str:
        """How many rows of another table would be deleted or changed along with those that are taken away."""
        pairs = zip(reference.columns, reference.to_columns, strict=True)
        joined = " AND ".join(
            f"f.{identifier(column)} = {self._value('n', self._column(to))}" for column, to in pairs
        )
        text = (
            f"SELECT count(*) FROM {identifier(reference.schema, reference.table)} AS f "
            f"JOIN {self._staged('added')} AS s ON {joined}"
        )
        if (reference.schema, reference.table) == (self.table.schema, self.table.name):
            own = " AND ".join(
                f"f.{identifier(each)} = {self._value('n', self._column(each), 'o')}"
                for each in self.found.key
            )
            text += f" WHERE NOT EXISTS (SELECT FROM {self._staged('added')} AS o WHERE {own})"
        return text

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

    def _put(self) -> str:
        changes = [each for each in map(self._column, self.found.columns) if self._settable(each)]
        values = ", ".join(f"{identifier(each.name)} = {self._value('t', each)}" for each in changes)
        return (
            f"UPDATE {self.table.quoted} AS t SET {values} FROM {self._staged('changed')} AS s "
            f"WHERE {self._key('n')}{self._unchanged()} RETURNING 1"
        )

    def _back(self) -> str:
        columns = [self._column(each) for each in self.found.columns]
        names = ", ".join(identifier(each.name) for each in columns)
        values = ", ".join(self._value("t", each) for each in columns)
        return (
            f"INSERT INTO {self.table.quoted} ({names}) OVERRIDING SYSTEM VALUE SELECT {values} "
            f"FROM {self._staged('gone')} AS s WHERE (SELECT count(*) FROM put) >= 0 "
            f"AND NOT EXISTS (SELECT FROM {self.table.quoted} AS t WHERE {self._key('t')}) RETURNING 1"
        )

    def _unchanged(self) -> str:
        changes = [each for each in map(self._column, self.found.columns) if self._settable(each)]
        return "".join(
            f" AND t.{identifier(each.name)}::text IS NOT DISTINCT FROM s.{self._staged_name('n', each)}"
            for each in changes
        )

    def _settable(self, column: Column) -> bool:
        return column.name not in self.found.key and not column.always

    def _key(self, letter: str) -> str:
        return " AND ".join(
            f"t.{identifier(each)} = {self._value(letter, self._column(each))}" for each in self.found.key
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
