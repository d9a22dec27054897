"""离线: a worker has no signal for a morning; what was done is brought in once, and a conflict is a person's."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.scenarios.scene import Actor, Scene


def play(scene: Scene) -> None:
    """One case goes through; the other was taken away meanwhile, and the dispatcher decides."""
    done, gone = scene.filed(), scene.filed()
    case = scene.case(done.case_id)
    worker = scene.person(case["worker"])
    device = f"phone-{uuid.uuid4().hex[:8]}"
    batch = [
        _command(1, done.case_id, case["version"], "accept"),
        _command(
            2, done.case_id, case["version"], "dispose", {"evidence": ["photo:after"], "note": "已清理"}
        ),
    ]
    first = _brought_in(worker, device, batch)
    assert [each["outcome"] for each in first] == ["applied", "applied"]
    again = _brought_in(worker, device, batch)
    assert [(each["outcome"], each["repeated"]) for each in again] == [("applied", True), ("applied", True)]
    disposed = scene.case(done.case_id)
    assert (disposed["stage"], disposed["counters"]["disposals"]) == ("disposed", 1)
    scene.inspected(done.case_id)

    offered = scene.case(gone.case_id)
    holder = scene.person(offered["worker"])
    leader = scene.who("shift-leader")
    leader.post(f"/v1/cases/{gone.case_id}/void", {"reason": "重复上报"})
    late = _brought_in(
        holder,
        f"phone-{uuid.uuid4().hex[:8]}",
        [
            _command(1, gone.case_id, offered["version"], "accept"),
            _command(2, gone.case_id, offered["version"], "dispose", {"evidence": ["photo:after"]}),
        ],
    )
    assert [each["outcome"] for each in late] == ["conflict", "held"]
    assert late[0]["case"]["stage"] == "voided"
    waiting = scene.who("dispatcher").get("/v1/conflicts")["conflicts"]
    conflict = next(one for one in waiting if one["case_id"] == gone.case_id)
    assert conflict["held"] == 1
    leader.post(f"/v1/conflicts/{conflict['conflict_id']}", {"decision": "discard", "note": "已作废"})
    assert scene.case(gone.case_id)["stage"] == "voided"
    left = scene.who("dispatcher").get("/v1/conflicts")["conflicts"]
    assert gone.case_id not in [one["case_id"] for one in left]


def _brought_in(worker: Actor, device: str, commands: list[dict[str, Any]]) -> list[dict[str, Any]]:
    body = {"client": device, "sent_at": datetime.now(UTC).isoformat(), "commands": commands}
    answered: list[dict[str, Any]] = worker.post("/v1/offline", body)["answers"]
    return answered


def _command(
    sequence: int, case_id: str, version: int, does: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(hours=3 - sequence)
    return {
        "sequence": sequence,
        "at": at.isoformat(),
        "case_id": case_id,
        "expected_version": version,
        "does": does,
        "body": body or {},
    }
