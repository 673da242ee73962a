"""The shape of a schema: drift from its migrations, undoing one, a map of all.

read_shape(connection, schemas)     all objects of some schemas, from the catalogue
compare(have, want)                 what tells two shapes apart, each with its SQL
in_order(differences)               the statements of a comparison as they are executed
"""

from nexus.migrations.shape.compare import compare
from nexus.migrations.shape.difference import Difference, Step, in_order
from nexus.migrations.shape.read import read_shape
from nexus.migrations.shape.thing import Grant, Key, Shape, Thing

__all__ = ["Difference", "Grant", "Key", "Shape", "Step", "Thing", "compare", "in_order", "read_shape"]
