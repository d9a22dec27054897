"""自处置: a grid worker settles a small matter on the spot; nobody is dispatched, and it counts for the town."""

from tests.e2e.scenarios.scene import Scene


def play(scene: Scene) -> None:
    """The report is settled, no case is filed, and the town's board shows it."""
    worker = scene.who("grid-worker")
    before = _settled(scene)
    told = worker.post(
        "/v1/reports",
        {
            "text": "清理了暴露垃圾",
            "matter": "s:06010",
            "channel": "grid",
            "self_disposed": True,
            **scene.somewhere(),
        },
    )
    story = scene.until(
        lambda: [
            each
            for each in scene.who("shift-leader").get(f"/v1/stories/{told['report_id']}/intake")["happenings"]
            if each["what"] == "triaged"
        ]
    )
    assert story[0]["who"] == "rules"
    scene.until(lambda: _settled(scene) > before)
    refused = scene.refused(
        lambda: scene.who("shift-leader").get(f"/v1/stories/{told['report_id']}/dispatch")
    )
    assert refused.status == 404


def _settled(scene: Scene) -> int:
    hours = scene.who("shift-leader").get("/v1/board")["hours"]
    return sum(int(hour["self_disposed"]) for hour in hours)
