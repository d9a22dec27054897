"""An unhappy citizen: a poor rating opens a rectification, and the case is taken up again until it is good."""

from typing import Any

import httpx

from tests.e2e.scenarios.scene import Filed, Scene


def play(scene: Scene) -> None:
    """The reporter rates, the unit puts right and answers, the leader closes; the reporter reopens, and rates anew."""
    filed = scene.filed()
    scene.closed(filed.case_id)
    scene.until(lambda: _page(scene, filed)["status"] == "closed")
    first = scene.case(filed.case_id)
    unit = scene.person(first["worker"])
    assert _citizen(scene, filed, "rating", {"rating": 1, "note": "第二天又堆满了"}).status_code == 201

    def rectification() -> Any:
        return (scene.case(filed.case_id).get("follow_up") or {}).get("rectification")

    opened = scene.until(rectification)
    assert (opened["status"], opened["worker"]) == ("open", unit.id)
    address = f"/v1/cases/{filed.case_id}"
    listed = unit.get("/v1/rectifications", status="open")["cases"]
    assert filed.case_id in {case["case_id"] for case in listed}
    leader = scene.who("shift-leader")
    early = scene.refused(lambda: leader.post(f"{address}/close-rectification", {"accepted": True}))
    assert early.status == 409
    scene.until(lambda: _page(scene, filed).get("rectification"))
    unit.post(f"{address}/answer-rectification", {"answer": "已重新清扫", "evidence": ["photo:again"]})
    leader.post(f"{address}/close-rectification", {"accepted": True})
    assert rectification()["status"] == "closed"
    scene.until(lambda: _page(scene, filed)["rectification"]["status"] == "closed")

    reopened = _citizen(scene, filed, "reopen", {"reason": "又堆满了"})
    assert reopened.status_code == 201, reopened.text
    scene.until(lambda: scene.case(filed.case_id)["stage"] == "filed")
    again = scene.case(filed.case_id)
    assert (again["counters"]["reopened"], again.get("worker")) == (1, None)
    scene.who("dispatcher").post(f"{address}/dispatch", {"unit": first["unit"]})
    scene.closed(filed.case_id, "photo:third")
    scene.until(lambda: _page(scene, filed)["status"] == "closed")
    assert _citizen(scene, filed, "rating", {"rating": 5}).status_code == 201
    scene.until(lambda: scene.case(filed.case_id).get("rating") == 5)
    told = scene.who("supervisor").get(f"/v1/stories/{filed.case_id}/dispatch")["happenings"]
    steps = [one["what"] for one in told]
    expected = ["rate", "rectify", "answer-rectification", "close-rectification", "reopen", "dispatch"]
    assert [step for step in steps if step in expected] == [*expected, "rate"]


def _page(scene: Scene, filed: Filed) -> dict[str, Any]:
    page: dict[str, Any] = scene.track(filed)
    return page


def _citizen(scene: Scene, filed: Filed, what: str, body: dict[str, Any]) -> httpx.Response:
    """What whoever holds the tracking token sends."""
    return httpx.post(
        f"{scene.running.gateway_url}/v1/reports/{filed.report_id}/{what}",
        params={"token": filed.token},
        json=body,
        timeout=20,
    )
