"""吹哨报到: a flooded crossing; the town whistles for three departments, each one's arrival is on record."""

from tests.e2e.scenarios.scene import Scene

PONDING = "x-xihu:em:00002"
THREE = {"water": "water", "traffic-police": "traffic", "police": "police"}
"""The departments, with the town's unit of each."""


def play(scene: Scene) -> None:
    """Each department's people hear it and report that they are there; nobody can do it for them."""
    dispatcher = scene.who("dispatcher")
    filed = scene.filed("路口积水，车辆滞留", matter=PONDING)
    whistle = dispatcher.post(
        f"/v1/cases/{filed.case_id}/whistle", {"departments": list(THREE), "reason": "路口积水"}
    )
    assert [one["department"] for one in whistle["summons"]] == list(THREE)
    address = f"/v1/whistles/{whistle['whistle_id']}"
    for department, unit in THREE.items():
        handler = scene.who(unit)
        scene.until(
            lambda handler=handler: [
                message
                for message in handler.get("/v1/messages")["messages"]
                if message.get("case_id") == filed.case_id and "吹哨" in message["title"]
            ]
        )
        handler.post(f"{address}/answer", {"department": department})
    [now] = dispatcher.get("/v1/whistles", case_id=filed.case_id)["whistles"]
    assert all(one["arrived_at"] for one in now["summons"])
    sweeper = scene.who("sweep")
    refused = scene.refused(lambda: sweeper.post(f"{address}/answer", {"department": "water"}))
    assert refused.status == 403
    dispatcher.post(f"{address}/end", {"outcome": "积水已排除"})
