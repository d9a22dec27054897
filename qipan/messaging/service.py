"""What a service is written with, on Nameko: `consume`, `answer`, `on_timer`, `background` and the providers.

This module and `runner` are the only ones that know Nameko: what they adapt (consumer, call server, timer loop)
knows neither it nor eventlet, so that another host for these entrypoints needs only another pair of modules.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import eventlet
from eventlet import tpool
from eventlet.event import Event as Happened
from eventlet.greenpool import GreenPool
from nameko.extensions import DependencyProvider, Entrypoint, SharedExtension
from pydantic import BaseModel

from qipan.contracts.base import Event, Request
from qipan.contracts.envelope import Envelope
from qipan.contracts.errors import QipanError
from qipan.messaging import topology
from qipan.messaging.call_server import CallServer
from qipan.messaging.caller import Caller
from qipan.messaging.consumer import Consumer, Policy
from qipan.messaging.process import Process
from qipan.messaging.received import Received
from qipan.messaging.serving import Answering, carry_out
from qipan.messaging.timer_loop import TimerLoop
from qipan.observability.logs import logger
from qipan.storage.work import Timer, Work

log = logger(__name__)

Found = TypeVar("Found")

PROCESS = "qipan.process"
"""Where the container's config holds the `Process`."""

TAKING_CALLS = "qipan.taking_calls"
"""Where the container's config holds what is to be called each time that calls begin to be taken."""

CALLS_AT_ONCE = 8
"""Calls in hand at once: the pool of database connections has room for these and the loops beside them."""


class _Method(Entrypoint):
    """An entrypoint whose method runs on a Nameko worker while its caller waits for the outcome."""

    @property
    def process(self) -> Process:
        process: Process = self.container.config[PROCESS]
        return process

    @property
    def name(self) -> str:
        return str(self.method_name)

    def do(self, *args: Any) -> Any:
        done = Happened()

        def handle_result(_context: object, result: object, exc_info: object) -> tuple[object, object]:
            done.send((result, exc_info))
            return result, exc_info

        self.container.spawn_worker(self, args, {}, handle_result=handle_result)
        result, exc_info = done.wait()
        if exc_info is not None:
            raise exc_info[1].with_traceback(exc_info[2])
        return result


def policy_of(service: type[Any], policy: Policy) -> Policy:
    """How a service takes its batches: the given way, or unhurried when the service's class says `unhurried = True`."""
    return policy.unhurried() if getattr(service, "unhurried", False) else policy


class _EventInbox(SharedExtension):
    """The service's one event queue, shared by all of its `consume` methods."""

    def __init__(self) -> None:
        self.methods: list[_Consume] = []
        self.consumer: Consumer | None = None
        super().__init__()

    def start(self) -> None:
        process: Process = self.container.config[PROCESS]
        handlers = {kind.type: method for method in self.methods for kind in method.events}
        self.consumer = Consumer(
            url=process.settings.amqp_url,
            service=process.service,
            queue=(
                topology.core_queue(process.service)
                if process.tenant is None
                else topology.tenant_queue(process.service, process.tenant)
            ),
            handlers=handlers,
            models={kind.type: kind for method in self.methods for kind in method.events},
            database=process.database,
            core_user=process.settings.core_user,
            served_tenant=process.tenant,
            policy=policy_of(self.container.service_cls, process.policy),
        )
        process.health.add_check("events", self.consumer.ready)
        self.container.spawn_managed_thread(self.consumer.run)

    def stop(self) -> None:
        if self.consumer is not None:
            self.consumer.stop()


class _Consume(_Method):
    inbox = _EventInbox()

    def __init__(self, *events: type[Event], **options: Any) -> None:
        if not events:
            raise TypeError("@consume needs the event types it consumes")
        self.events = events
        super().__init__(expected_exceptions=(QipanError,), **options)

    def setup(self) -> None:
        self.inbox.methods.append(self)

    def stop(self) -> None:
        # Dependencies go after entrypoints: the queue must rest before they do.
        self.inbox.stop()

    def run(self, work: Work | None, batch: Sequence[Received[Any]]) -> None:
        self.do(work, batch)


class _CallInbox(SharedExtension):
    """The service's one call queue, shared by all of its `answer` methods."""

    def __init__(self) -> None:
        self.methods: list[_Answer] = []
        self.server: CallServer | None = None
        self._pool = GreenPool(CALLS_AT_ONCE)
        super().__init__()

    def start(self) -> None:
        process: Process = self.container.config[PROCESS]
        answering = {method.request.type: Answering(method.request, method.do) for method in self.methods}
        self.server = CallServer(
            process.settings.amqp_url,
            process.service,
            models={method.request.type: method.request for method in self.methods},
            serve=functools.partial(self._serve, process, answering),
            core_user=process.settings.core_user,
            served_tenant=process.tenant,
            queue=process.tenant and topology.tenant_call_queue(process.service, process.tenant),
            on_taking=self.container.config[TAKING_CALLS],
        )
        process.health.add_check("calls", self.server.ready)
        self.server.start()

    def _serve(
        self,
        process: Process,
        answering: dict[str, Answering],
        envelope: Envelope[Any],
        answered: Callable[[BaseModel | BaseException], None],
    ) -> None:
        def work() -> None:
            try:
                outcome: BaseModel | BaseException = carry_out(process, answering, envelope)
            except Exception as error:  # noqa: BLE001 - whatever it was, the caller waits for an answer
                outcome = error
            answered(outcome)

        self._pool.spawn_n(work)

    def stop(self) -> None:
        if self.server is not None:
            self.server.stop()


class _Answer(_Method):
    calls = _CallInbox()

    def __init__(self, request: type[Request[Any]], **options: Any) -> None:
        self.request = request
        super().__init__(expected_exceptions=(QipanError,), **options)

    def setup(self) -> None:
        self.calls.methods.append(self)

    def stop(self) -> None:
        self.calls.stop()


class _Timers(SharedExtension):
    """The service's one timer loop, shared by all of its `on_timer` methods."""

    def __init__(self) -> None:
        self.methods: list[_OnTimer] = []
        self.loop: TimerLoop | None = None
        super().__init__()

    def start(self) -> None:
        process: Process = self.container.config[PROCESS]
        if process.database is None:
            raise TypeError(f"{process.serves} has no database, and so it can have no timers")
        handlers = {method.kind: method.do for method in self.methods}
        self.loop = TimerLoop(process.database, process.clocks, handlers, process.tenant, process.instance)
        self.container.spawn_managed_thread(self.loop.run)

    def stop(self) -> None:
        if self.loop is not None:
            self.loop.stop()


class _OnTimer(_Method):
    timers = _Timers()

    def __init__(self, kind: str, **options: Any) -> None:
        self.kind = kind
        super().__init__(expected_exceptions=(QipanError,), **options)

    def setup(self) -> None:
        self.timers.methods.append(self)

    def stop(self) -> None:
        self.timers.stop()


class _Background(_Method):
    def __init__(self, every: float, **options: Any) -> None:
        self.every = every
        self._stopping = Happened()
        super().__init__(**options)

    def start(self) -> None:
        self.container.spawn_managed_thread(self._run)

    def stop(self) -> None:
        if not self._stopping.ready():
            self._stopping.send(None)

    def _run(self) -> None:
        while True:
            with eventlet.Timeout(self.every, False):
                self._stopping.wait()
                return
            try:
                self.do()
            except Exception:
                log.exception("background work failed", service=self.process.serves, method=self.name)


class DatabaseProvider(DependencyProvider):
    """Injects the `Database` of the service's schema."""

    def get_dependency(self, worker_ctx: object) -> Any:
        return self.container.config[PROCESS].database


class DistrictProvider(DependencyProvider):
    """Injects the loaded `District`."""

    def get_dependency(self, worker_ctx: object) -> Any:
        return self.container.config[PROCESS].district


class ClocksProvider(DependencyProvider):
    """Injects the tenants' `Clocks`."""

    def get_dependency(self, worker_ctx: object) -> Any:
        return self.container.config[PROCESS].clocks


class ProcessProvider(DependencyProvider):
    """Injects the `Process` itself: settings, instance, health."""

    def get_dependency(self, worker_ctx: object) -> Any:
        return self.container.config[PROCESS]


class ClientProvider(DependencyProvider):
    """Injects a `Caller`: calls other services in this process's own name."""

    def get_dependency(self, worker_ctx: object) -> Any:
        process: Process = self.container.config[PROCESS]
        return Caller(process.client, process.settings.token)


def aside(compute: Callable[[], Found]) -> Found:
    """What `compute` returns, computed on a real thread while the process's other greenlets go on.

    For work that takes milliseconds of processor time; it must not touch sockets, locks or the database.
    """
    found: Found = tpool.execute(compute)
    return found


def beside(work: Callable[[], None]) -> None:
    """Begin `work` on a greenlet of its own and go on; what it raises is logged.

    It ends with the process: it must be such that it may break off anywhere.
    """

    def run() -> None:
        try:
            work()
        except Exception:
            log.exception("work beside failed")

    eventlet.spawn_n(run)


def subscribed_events(container: Any) -> tuple[str, ...]:
    """The event types that the service of a Nameko container consumes."""
    return tuple(
        kind.type
        for entrypoint in container.entrypoints
        if isinstance(entrypoint, _Consume)
        for kind in entrypoint.events
    )


consume = _Consume.decorator
"""`@consume(ReportTriaged, …)`: `method(self, work, batch)` handles a batch of these events in one transaction.

`batch` is a sequence of `Received`, none of which took effect before. What the method raises undoes everything;
the batch is then bisected, the bad message tried again later, and at last kept as a dead letter. In a service
without a database `work` is None, and repeats must be harmless by the method's own doing.
"""

answer = _Answer.decorator
"""`@answer(AcceptTask)`: `method(self, work, call)` answers a command or query; commits after it returns.

`call` is a `Received` with a `grant`; a right narrower than the tenant must be checked with it.
"""

on_timer = _OnTimer.decorator
"""`@on_timer("stage.due")`: `method(self, work, due)` gets the `Timer`s due, each once over all replicas."""

background = _Background.decorator
"""`@background(every=0.5)`: `method(self)` is called again and again, seconds apart, outside any transaction."""

__all__ = [
    "PROCESS",
    "ClientProvider",
    "ClocksProvider",
    "DatabaseProvider",
    "DistrictProvider",
    "ProcessProvider",
    "Received",
    "Timer",
    "Work",
    "answer",
    "aside",
    "background",
    "beside",
    "consume",
    "on_timer",
]
