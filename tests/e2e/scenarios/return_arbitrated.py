"""退件裁决: a unit gives a case back, the dispatcher refuses, the unit disputes, the district's arbiter decides."""

from tests.e2e.scenarios.scene import Filed, Scene


def play(scene: Scene) -> None:
    """Once the refusal stands and counts; once the arbiter sets it aside. Each decision is final and on record."""
    stands = _disputed(scene)
    _arbitrate(scene, stands, justified=False)
    case = scene.case(stands.case_id)
    assert case["stage"] == "offered"
    assert case["counters"]["unjustified_returns"] == 1
    worker = scene.person(case["worker"])
    again = scene.refused(
        lambda: worker.post(f"/v1/cases/{stands.case_id}/return", {"reason": "仍不属于本单位"})
    )
    assert again.status in (403, 409, 422)
    scene.closed(stands.case_id)

    allowed = _disputed(scene)
    _arbitrate(scene, allowed, justified=True)
    case = scene.case(allowed.case_id)
    assert (case["stage"], case.get("worker")) == ("returned", None)
    assert case["counters"]["overturned_refusals"] == 1
    dispatcher = scene.who("dispatcher")
    other = next(
        unit.id
        for unit in scene.running.district.units_of(scene.town)
        if unit.handlers and unit.id != case["unit"] and unit.tenant == scene.town
    )
    dispatcher.post(f"/v1/cases/{allowed.case_id}/dispatch", {"unit": other})
    scene.closed(allowed.case_id)

    story = dispatcher.get(f"/v1/stories/{allowed.case_id}/dispatch")["happenings"]
    steps = [each["what"] for each in story]
    assert steps[1:5] == ["return", "refuse-return", "dispute", "allow-return"]
    decided = story[4]
    assert decided["who"] == "xihu.dispatcher.1"
    assert decided["detail"]["authority"] == "区级职责清单第 3 条"


def _disputed(scene: Scene) -> Filed:
    """A case whose refused return waits for the arbiter."""
    filed = scene.filed()
    address = f"/v1/cases/{filed.case_id}"
    worker = scene.person(scene.case(filed.case_id)["worker"])
    bare = scene.refused(lambda: worker.post(f"{address}/return", {"reason": ""}))
    assert bare.status == 422
    worker.post(f"{address}/return", {"reason": "不属于本单位职责"})
    scene.who("dispatcher").post(f"{address}/refuse-return", {"reason": "属于该单位职责清单"})
    worker.post(f"{address}/dispute", {"reason": "清单中为市政养护"})
    return filed


def _arbitrate(scene: Scene, filed: Filed, *, justified: bool) -> None:
    decision = {"justified": justified, "reason": "按清单裁决", "authority": "区级职责清单第 3 条"}
    address = f"/v1/cases/{filed.case_id}/arbitrate"
    towns_own = scene.refused(lambda: scene.who("dispatcher").post(address, decision))
    assert towns_own.status == 403
    arbiter = scene.who("dispatcher", tenant="xihu")
    waiting = [case["case_id"] for case in arbiter.get("/v1/disputes")["cases"]]
    assert filed.case_id in waiting
    arbiter.post(address, decision, tenant=scene.town)
    assert filed.case_id not in [case["case_id"] for case in arbiter.get("/v1/disputes")["cases"]]
