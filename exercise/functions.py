"""What of the closed loop a day used: which functions, how often, by what the players were answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exercise.players.tally import Tally


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the platform: its words, and the players' steps that use it, as (role, step)."""

    key: str
    words: str
    steps: tuple[tuple[str, str], ...]


FUNCTIONS: Sequence[Function] = (
    Function("returns", "退件 returns", (("handler", "return"),)),
    Function("returns_refused", "退件不准 returns refused", (("dispatcher", "refuse-return"),)),
    Function("disputes", "申请裁决 disputes", (("handler", "dispute"),)),
    Function("arbitrations", "裁决 arbitrations", (("arbiter", "arbitrate"),)),
    Function("arrivals", "到场 arrivals told", (("handler", "arrive"),)),
    Function("joint_handling", "联合处置 parts of joint handling done", (("supporter", "finish-support"),)),
    Function("inspections", "核查 inspections", (("grid-worker", "inspect"),)),
    Function("expedited", "催办 expedited", (("supervisor", "expedite"),)),
    Function("supervised", "督办 supervised", (("supervisor", "supervise"),)),
    Function("declined", "不予受理 declined by a person", (("acceptor", "decline"),)),
    Function("ratings", "好差评 ratings", (("rater", "rated"),)),
)


def used(tally: Tally) -> Mapping[str, int]:
    """How often each function was used."""
    return {
        function.key: sum(tally.of(role, step) for role, step in function.steps) for function in FUNCTIONS
    }
