"""The shape of a schema: drift from its migrations, undoing one, a map of all.

read_shape(connection, schemas)     all objects of some schemas, from the catalogue
compare(have, want)                 what tells two shapes apart, each with its SQL
in_order(differences)               the statements of a comparison as they are executed
shadow(url)                         a database of its own beside the living one
drift(url, sources)                 what tells the living schemas from what their migrations make
undo_plan, undo                     taking back a migration that only expanded
draw(shape, sources, readers, …)    the map of all tables as a document; `events_of(stack)` for its arrows
"""

from nexus.migrations.shape.compare import compare
from nexus.migrations.shape.difference import Difference, Step, in_order
from nexus.migrations.shape.drawing.around import Reads, Tells, events_of
from nexus.migrations.shape.drawing.document import draw
from nexus.migrations.shape.drift import drift
from nexus.migrations.shape.read import read_shape
from nexus.migrations.shape.shadow import shadow
from nexus.migrations.shape.thing import Grant, Key, Shape, Thing
from nexus.migrations.shape.undo import undo
from nexus.migrations.shape.undoing import UndoPlan, undo_plan

__all__ = [
    "Difference",
    "Grant",
    "Key",
    "Reads",
    "Shape",
    "Step",
    "Tells",
    "Thing",
    "UndoPlan",
    "compare",
    "draw",
    "drift",
    "events_of",
    "in_order",
    "read_shape",
    "shadow",
    "undo",
    "undo_plan",
]
