"""How a restore in place ended, as it is told."""

from __future__ import annotations

from nexus.control.migrating.telling import outcome
from nexus.control.restoring.acting import Acting
from nexus.plans import Outcome

FAULTY = 1  # the exit code where all was done, and something is not right


def ended_as(ended: Outcome, acting: Acting, former: str, discard: str, anew: bool) -> dict[str, object]:
    """The last event. `former`: where the data lie that were moved aside; `discard`: what deletes them;
    `anew`: whether what was restored is gone again.
    """
    begun = acting.begun
    sentence, state, code = ended.sentence(), str(ended.state), ended.exit_code
    if ended.state == "done" and acting.faults:
        state, code = "failed", FAULTY
        sentence = (
            f"restored to {begun.reaches}, which runs; but {'; '.join(acting.faults)}; --undo takes it back"
        )
    elif ended.state == "done":
        sentence = f"restored to {begun.reaches}"
    elif anew:
        sentence += "; the living data were not touched and are written again: the same command begins anew"
    elif "swap" not in begun.done and begun.phase == "beside":
        sentence += "; the living data were not touched; the same command goes on, --undo gives it up"
    else:
        sentence += "; the restored data are in place; the same command goes on, --undo takes them back"
    told = {"reaches": begun.reaches, "former": former, "discard": discard if former else ""}
    return outcome(state, sentence, code, notes=acting.said, **told)
