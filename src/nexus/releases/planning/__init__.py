"""Plans of releases: in, back, and what stands in the way. All of it pure.

plan_deploy    the asked releases, let in one service after another
plan_return    the way back of a deployment that did not go well
plan_rollback  the members of a scope, back to their former releases
objections     what a deploy breaks, for the record
"""

from nexus.releases.planning.back import plan_return, plan_rollback
from nexus.releases.planning.deploy import plan_deploy
from nexus.releases.planning.objection import Objection
from nexus.releases.planning.objections import objections, waived
from nexus.releases.planning.request import RolloutRequest

__all__ = [
    "Objection",
    "RolloutRequest",
    "objections",
    "plan_deploy",
    "plan_return",
    "plan_rollback",
    "waived",
]
