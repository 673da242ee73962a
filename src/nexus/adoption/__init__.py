"""A Compose project that runs today -> the manifests of a stack.

adoption = adopt(Path("shop"))                              # reads and plans
steps = plan_files(adoption.files, adoption.folder)         # against what lies there
write_files(steps, adoption.folder)                         # all or nothing
"""

from nexus.adoption.adopting import Adoption, adopt
from nexus.adoption.drafting import Draft
from nexus.adoption.notes import AdoptionError, Note, Reason
from nexus.adoption.planning import FileStep, plan_files
from nexus.adoption.writing import write_files

__all__ = [
    "Adoption",
    "AdoptionError",
    "Draft",
    "FileStep",
    "Note",
    "Reason",
    "adopt",
    "plan_files",
    "write_files",
]
