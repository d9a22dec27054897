"""赋权撤回: a department takes its mandate back while tasks run; none of them vanishes, and the department is asked."""

from typing import Any

from tests.e2e.scenarios.scene import Scene

DEPARTMENT = "sanitation"


def play(scene: Scene) -> None:
    """What was accepted goes on, what was only offered goes to the department, and so does what comes after."""
    running, offered = scene.filed(), scene.filed()
    worker = scene.taken(running.case_id)
    district = scene.who("dispatcher", tenant="xihu")
    mandate = _mandate(scene)
    assert scene.case(running.case_id)["mandate"] == mandate["mandate_id"]
    order = {"town": scene.town, "reason": "作业合同到期"}
    address = f"/v1/mandates/{mandate['mandate_id']}/revoke"
    assert scene.refused(lambda: scene.who("dispatcher").post(address, order)).status in (403, 404)
    told = district.post(address, order)
    try:
        assert (told["referred"], told["continued"]) >= (1, 1)
        assert scene.case(running.case_id)["stage"] == "accepted"
        assert not _may(scene)
        later = scene.filed()
        for filed in (offered, later):
            case = scene.case(filed.case_id)
            assert (case["stage"], case["department"], case.get("unit")) == ("filed", DEPARTMENT, None)
        refused = scene.refused(
            lambda: scene.who("dispatcher").post(
                f"/v1/cases/{later.case_id}/dispatch", {"unit": f"{scene.town}/sweep", "worker": worker.id}
            )
        )
        assert refused.status in (403, 409, 422)
    finally:
        given = {
            "town": scene.town,
            "department": DEPARTMENT,
            "kind": "entrusted",
            "legal_basis": "新签环卫作业委托书",
        }
        district.post("/v1/mandates", given)
    assert _may(scene)
    worker.post(f"/v1/cases/{running.case_id}/dispose", {"evidence": ["photo:after"]})
    scene.inspected(running.case_id)
    for filed in (offered, later):
        scene.who("dispatcher").post(
            f"/v1/cases/{filed.case_id}/dispatch", {"unit": f"{scene.town}/sweep", "worker": worker.id}
        )
        scene.closed(filed.case_id)


def _mandate(scene: Scene) -> dict[str, Any]:
    found = scene.who("dispatcher").get("/v1/mandates", limit=500)["mandates"]
    return next(one for one in found if one["department"] == DEPARTMENT and one["tenant"] == scene.town)


def _may(scene: Scene) -> bool:
    """Whether the town may command the department's squad, and that the answer says why."""
    told = scene.who("dispatcher").get("/v1/duty/who", matter="s:06010")
    unit = next(one for one in told["units"] if one["unit"] == f"{scene.town}/sweep")
    assert unit["why"]
    return bool(unit["may"])
