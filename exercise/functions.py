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
    Function("joint", "联合处置 parts in joint handling", (("dispatcher", "open-support"),)),
    Function("joint_done", "协办完成 parts done", (("support", "finish-support"),)),
    Function("whistles", "吹哨 whistles", (("dispatcher", "whistle"),)),
    Function("whistle_arrivals", "报到 departments arrived", (("summoned", "arrived"),)),
    Function("mandates_revoked", "撤回赋权 mandates revoked", (("department", "revoke"),)),
    Function("mandates_granted", "赋权 mandates granted", (("department", "grant"),)),
    Function("departments_asked", "商请部门 assigned by the department", (("department", "dispatch"),)),
    Function("extensions", "延期 extended", (("dispatcher", "approve extension"),)),
    Function("deferrals", "缓办 deferred", (("dispatcher", "approve deferral"),)),
    Function("suspensions", "挂账 suspended", (("dispatcher", "approve suspension"),)),
    Function("resumed", "恢复办理 resumed", (("dispatcher", "resume"),)),
    Function(
        "time_refused",
        "不予批准 time refused",
        tuple(("dispatcher", f"refuse {kind}") for kind in ("extension", "deferral", "suspension")),
    ),
    Function("unit_handovers", "转办 taken over by a unit", (("handler", "accept-handover"),)),
    Function("town_handovers", "移交 taken over by a town", (("dispatcher", "accept-handover"),)),
    Function("handovers_decided", "指定管辖 decided by the district", (("arbiter", "decide-handover"),)),
    Function(
        "verifications",
        "核实 verified before filing",
        tuple(("verifier", finding) for finding in ("different", "not-found")),
    ),
    Function(
        "emergencies",
        "平战切换 into emergency and back",
        (("town-lead", "emergency"), ("town-lead", "peacetime")),
    ),
    Function("offline", "离线 brought in afterwards", (("offline", "applied"),)),
    Function("instructions", "指令回执 instructions acknowledged", (("handler", "acknowledge"),)),
    Function("backup", "增援 calls for back-up answered", (("dispatcher", "answer-backup"),)),
    Function(
        "shifts", "上岗下岗 shifts signed on and off", (("handler", "start shift"), ("handler", "end shift"))
    ),
    Function("days_planned", "排班 days planned otherwise", (("shift-leader", "plan a day"),)),
    Function("support_arrivals", "协办到场 supporting workers arrived", (("support", "arrive"),)),
    Function("arrivals", "到场 arrivals told", (("handler", "arrive"),)),
    Function("inspections", "核查 inspections", (("grid-worker", "inspect"),)),
    Function("expedited", "催办 expedited", (("supervisor", "expedite"),)),
    Function("supervised", "督办 supervised", (("supervisor", "supervise"),)),
    Function("declined", "不予受理 declined by a person", (("acceptor", "decline"),)),
    Function("ratings", "好差评 ratings", (("rater", "rated"),)),
    Function("rectifications", "整改 rectified", (("shift-leader", "close-rectification"),)),
    Function("reopened", "重开 reopened", (("rater", "reopened"),)),
    Function("callbacks", "回访 callbacks", (("acceptor", "callback"),)),
)


def used(tally: Tally) -> Mapping[str, int]:
    """How often each function was used."""
    return {
        function.key: sum(tally.of(role, step) for role, step in function.steps) for function in FUNCTIONS
    }
