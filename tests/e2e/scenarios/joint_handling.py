"""联合处置: three departments work on one case; it is not over before each has shown its part or was let off."""

from typing import Any

from tests.e2e.scenarios.scene import Actor, Scene


def play(scene: Scene) -> None:
    """The lead's disposal cannot pass inspection while another's part is open."""
    filed = scene.filed("道路塌陷，自来水管爆裂，交通受阻", matter="s:06013")
    address = f"/v1/cases/{filed.case_id}"
    dispatcher = scene.who("dispatcher")
    lead = scene.person(scene.case(filed.case_id)["worker"])
    lead.post(f"{address}/accept")
    dispatcher.post(f"{address}/open-support", {"unit": f"{scene.town}/water", "reason": "关阀抢修"})
    dispatcher.post(f"{address}/open-support", {"unit": f"{scene.town}/order", "reason": "围挡"})
    case = scene.case(filed.case_id)
    assert [part["state"] for part in case["supports"]] == ["asked", "asked"]
    assert len({case["department"], *(part["department"] for part in case["supports"])}) == 3
    water, order = case["supports"]
    helper = _helper(scene, water)
    assert filed.case_id in [each["case_id"] for each in helper.get("/v1/work")["cases"]]
    helper.post(f"{address}/accept-support", {"task_id": water["task_id"]})
    bare = scene.refused(
        lambda: helper.post(f"{address}/finish-support", {"task_id": water["task_id"], "evidence": []})
    )
    assert bare.status == 422
    lead.post(f"{address}/dispose", {"evidence": ["photo:road"]})
    inspector = scene.inspector_of(case)
    early = scene.refused(lambda: inspector.post(f"{address}/inspect", {"passed": True}))
    assert early.status in (409, 422)
    finished = {"task_id": water["task_id"], "evidence": ["photo:pipe"], "note": "已修复"}
    helper.post(f"{address}/finish-support", finished)
    dispatcher.post(f"{address}/excuse-support", {"task_id": order["task_id"], "reason": "现场无需围挡"})
    case = scene.inspected(filed.case_id)
    assert [part["state"] for part in case["supports"]] == ["done", "excused"]
    assert case["supports"][0]["evidence"] == ["photo:pipe"]


def _helper(scene: Scene, part: dict[str, Any]) -> Actor:
    if part.get("worker"):
        return scene.person(part["worker"])
    return scene.person(f"{part['unit'].replace('/', '.')}.1")
