"""移交: a case is another town's; that town takes it over, does the work, and the citizen sees one case to its end."""

from tests.e2e.scenarios.scene import Scene

OTHER = "wenxin"


def play(scene: Scene) -> None:
    """Both towns and the district see the same case; it stays counted where it arose."""
    filed = scene.filed()
    address = f"/v1/cases/{filed.case_id}"
    dispatcher, theirs = scene.who("dispatcher"), scene.who("dispatcher", tenant=OTHER)
    lead = scene.who("dispatcher", tenant="xihu")
    nobody = scene.refused(lambda: theirs.post(f"{address}/accept-handover"))
    assert nobody.status in (403, 404, 409)
    dispatcher.post(f"{address}/hand-over", {"to": OTHER, "reason": "在文新街道界内"})
    for party in (dispatcher, theirs, lead):
        listed = [case["case_id"] for case in party.get("/v1/handovers")["cases"]]
        assert filed.case_id in listed
    theirs.post(f"{address}/accept-handover")
    unit = next(
        unit
        for unit in scene.running.district.units_of(OTHER)
        if unit.department == "sanitation" and unit.tenant == OTHER
    )
    ours = scene.refused(lambda: dispatcher.post(f"{address}/dispatch", {"unit": f"{scene.town}/sweep"}))
    assert ours.status in (403, 409, 422)
    theirs.post(f"{address}/dispatch", {"unit": unit.id})
    case = scene.case(filed.case_id)
    assert (case["tenant"], case["handover"]["holder"], case["unit"]) == (scene.town, OTHER, unit.id)
    worker = scene.person(case["worker"])
    worker.post(f"{address}/accept")
    worker.post(f"{address}/dispose", {"evidence": ["photo:after"]})
    scene.inspected(filed.case_id)
    scene.until(lambda: scene.track(filed)["status"] == "closed")
