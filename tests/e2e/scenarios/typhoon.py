"""台风: the town's lead switches to emergency, more units are recommended for the same thing, and back again."""

from typing import Any

from tests.e2e.scenarios.scene import Scene

HIGH_WATER = "x-xihu:em:00002"


def play(scene: Scene) -> None:
    """Only a lead switches; what is filed meanwhile goes by the emergency's run card."""
    lead = scene.who("town-lead")
    order = {"mode": "emergency", "level": 2, "reason": "台风红色预警"}
    assert scene.refused(lambda: scene.who("dispatcher").post("/v1/mode", order)).status == 403
    lacking = scene.refused(lambda: lead.post("/v1/mode", {"mode": "emergency", "reason": "台风"}))
    assert [fault["where"] for fault in lacking.problem["faults"]] == ["level"]
    before = _crew(scene)
    lead.post("/v1/mode", order)
    try:
        assert lead.get("/v1/mode")["now"]["mode"] == "emergency"
        during = scene.until(lambda: crew if len(crew := _crew(scene)) > len(before) else None)
        assert {member["department"] for member in during} > {member["department"] for member in before}
    finally:
        lead.post("/v1/mode", {"mode": "peacetime", "reason": "预警解除"})
    history = lead.get("/v1/mode")["history"]
    assert [each["mode"] for each in history[:2]] == ["peacetime", "emergency"]
    assert history[0]["by"] == lead.id


def _crew(scene: Scene) -> list[dict[str, Any]]:
    filed = scene.filed("河道水位快速上涨，快漫上岸了", matter=HIGH_WATER)
    found: list[dict[str, Any]] = scene.who("dispatcher").get(f"/v1/cases/{filed.case_id}/recommendation")[
        "crew"
    ]
    return found
