"""Sandun's own dispatch (三墩镇派遣): what is under water goes to the town's own team, and at once."""

from dataclasses import replace

from qipan.sdk import Limit, Matter
from services.dispatch.service import Choice, Dispatch, Limits, Situation

FLOODING = frozenset({"x-xihu:em:00001", "x-xihu:em:00002", "x-xihu:em:00006"})
"""Burst main, ponding, flood."""

TEAM = "sandun/rescue"
MOST_EACH = 5
"""Open cases each of the team may have before the district's rule takes over: a storm needs everybody."""

ACCEPT_WITHIN = Limit.parse("10 minutes")


class SandunDispatch(Dispatch):
    """The core's dispatch with Sandun's rule for flooding."""

    def choose(self, situation: Situation) -> Choice | None:
        """The town's emergency team for flooding while it has a hand free; else the district's rule."""
        team = situation.squad(TEAM)
        if situation.matter.code not in FLOODING or team is None:
            return super().choose(situation)
        choice = situation.ask(team, "Sandun's own emergency team sees to flooding first")
        if choice.worker is None or situation.loads.get(choice.worker, 0) >= MOST_EACH:
            return super().choose(situation)
        return choice

    def limits(self, matter: Matter, usual: Limits) -> Limits:
        """Flooding is to be accepted within ten minutes."""
        return replace(usual, accept=ACCEPT_WITHIN) if matter.code in FLOODING else usual
