"""The broker: whether it answers, its alarms, and queues that nobody consumes. Judged from what its API says."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qipan.contracts.subscriptions import CORE_SERVICES
from qipan.doctor.finding import Finding, fault, ok, warning
from qipan.messaging import topology
from qipan.tenancy.words import Words

AREA = "broker"
LONG = 10_000
"""Messages that wait in one queue: more than a busy minute's."""

MANY_DEAD = 1_000
"""More than this in the queue `dead` means that nobody fetches them: that is done twice a second."""

_ALARMS = {
    "mem_alarm": (Words("内存告警", "memory alarm"), "docs/operate/broker-gone.md"),
    "disk_free_alarm": (Words("磁盘告警", "disk alarm"), "docs/operate/broker-gone.md"),
}


def needed() -> frozenset[str]:
    """The queues that somebody must consume while a district runs."""
    events = (topology.core_queue(service) for service in CORE_SERVICES)
    calls = (topology.calls_core(service) for service in (*CORE_SERVICES, "steward"))
    return frozenset({*events, *calls})


def gone(error: Exception) -> Sequence[Finding]:
    """It does not answer."""
    return [
        fault(
            AREA,
            Words(f"连不上:{error}", f"it cannot be reached: {error}"),
            Words(
                "见 docs/operate/broker-gone.md;上报照常受理",
                "see docs/operate/broker-gone.md; reports are accepted meanwhile",
            ),
        )
    ]


def look(
    nodes: Iterable[Mapping[str, Any]], queues: Iterable[Mapping[str, Any]], needed: Iterable[str]
) -> Sequence[Finding]:
    """What the broker's nodes and queues tell."""
    found = [*_alarms(nodes), *_queues({str(queue["name"]): queue for queue in queues}, needed)]
    return found or [ok(AREA, "无告警,队列都有消费者", "no alarm, and every queue has its consumer")]


def _alarms(nodes: Iterable[Mapping[str, Any]]) -> Iterable[Finding]:
    for node in nodes:
        name = node.get("name", "?")
        if not node.get("running", True):
            yield fault(
                AREA,
                Words(f"节点 {name} 未运行", f"node {name} does not run"),
                Words("启动该节点", "start that node"),
            )
        for key, (what, page) in _ALARMS.items():
            if node.get(key):
                yield fault(
                    AREA,
                    Words(f"{name}:{what.zh},发布被阻塞", f"{name}: {what.en}; it blocks whoever publishes"),
                    Words(
                        f"见 {page};上报照常受理,事件在发件箱等待",
                        f"see {page}; reports are accepted meanwhile, events wait in the outbox",
                    ),
                )


def _queues(queues: Mapping[str, Mapping[str, Any]], needed: Iterable[str]) -> Iterable[Finding]:
    if topology.DEAD not in queues:
        yield _missing(topology.DEAD)
    elif (
        int(queues[topology.DEAD].get("messages") or 0) > MANY_DEAD
    ):  # the steward fetches them, consuming nothing
        yield _unserved(topology.DEAD)
    for name in sorted(needed):
        if name not in queues:
            if name.startswith("calls."):  # it goes with its last consumer
                yield _unserved(name)
            else:
                yield _missing(name)
        elif not queues[name].get("consumers"):
            yield _unserved(name)
    for name, queue in sorted(queues.items()):
        waiting = int(queue.get("messages") or 0)
        if name in (topology.DEAD, *needed):
            pass
        elif waiting and not queue.get("consumers") and ".wait." not in name:
            yield warning(
                AREA,
                Words(
                    f"{name}:{waiting} 条消息无人消费", f"{name}: {waiting} messages and nobody consumes them"
                ),
                Words(
                    "启动其服务(qipan who),或 qipan retire",
                    "start the service that it belongs to (`qipan who` tells), or retire it",
                ),
            )
        if waiting > LONG:
            yield warning(
                AREA,
                Words(f"{name}:{waiting} 条消息在等", f"{name}: {waiting} messages wait"),
                Words("qipan scale 增加副本", "run more of that service: `qipan scale`"),
            )


def _missing(queue: str) -> Finding:
    return fault(
        AREA,
        Words(f"没有队列 {queue}", f"there is no queue {queue}"),
        Words("运行 qipan broker provision", "run `qipan broker provision`"),
    )


def _unserved(queue: str) -> Finding:
    service = queue.removeprefix("calls.").removesuffix(".core")
    service = "steward" if service == topology.DEAD else service
    return fault(
        AREA,
        Words(f"队列 {queue} 没有消费者", f"nobody consumes {queue}"),
        Words(
            f"启动 {service}(qipan ps 查看其日志)",
            f"start {service}; `qipan ps` and `qipan logs` tell why it does not run",
        ),
    )
