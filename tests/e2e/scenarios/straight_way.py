"""The straight way: reported, filed, disposed of, inspected by somebody else, closed, rated."""

import httpx

from tests.e2e.scenarios.scene import Scene


def play(scene: Scene) -> None:
    """Everybody does their part, nobody can do another's, and the citizen sees it to the end."""
    filed = scene.filed()
    worker = scene.taken(filed.case_id)
    address = f"/v1/cases/{filed.case_id}"
    bare = scene.refused(lambda: worker.post(f"{address}/dispose", {"evidence": []}))
    assert bare.status == 422
    worker.post(f"{address}/dispose", {"evidence": ["photo:after"]})
    own = scene.refused(lambda: worker.post(f"{address}/inspect", {"passed": True}))
    assert own.status == 403
    again = scene.refused(lambda: worker.post(f"{address}/accept"))
    assert (again.status, again.problem["context"]["stage"]) == (409, "disposed")
    case = scene.inspected(filed.case_id)
    assert case["served_by"].partition("@")[0] == "dispatch"
    assert ("@sandun" in case["served_by"]) == (scene.town == "sandun")
    scene.until(lambda: scene.track(filed)["status"] == "closed")
    rated = httpx.post(
        f"{scene.running.gateway_url}/v1/reports/{filed.report_id}/rating",
        params={"token": filed.token},
        json={"rating": 5},
        timeout=20,
    )
    assert rated.status_code == 201
    scene.until(lambda: scene.case(filed.case_id).get("rating") == 5)
