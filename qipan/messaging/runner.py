"""Running one service in one process: arrive, serve, and leave without dropping anything.

`eventlet.monkey_patch()` must have been called before anything else was imported (`qipan run` sees to it).
"""

import os
import signal
import threading
from types import FrameType
from typing import Any

from nameko.containers import ServiceContainer
from psycopg import waiting

from qipan import collecting
from qipan.messaging import heard, topology
from qipan.messaging.arrival import Arrival
from qipan.messaging.process import Process, prepare
from qipan.messaging.relay import Relay
from qipan.messaging.service import PROCESS, TAKING_CALLS, DatabaseProvider, subscribed_events
from qipan.observability import logs, metrics
from qipan.observability.health import OpsServer
from qipan.observability.logs import logger
from qipan.settings import Settings

log = logger(__name__)


class ServiceProcess:
    """One instance of a service class, for the core or for one tenant."""

    def __init__(self, service_cls: type[Any], settings: Settings) -> None:
        tenant = settings.tenant or None
        uses_database = any(isinstance(value, DatabaseProvider) for value in vars_of(service_cls))
        self.process: Process = prepare(
            settings, service_cls.name, tenant, schema=service_cls.name if uses_database else None
        )
        self._ops = OpsServer(self.process.health, settings.ops_port, settings.host)
        config = {PROCESS: self.process, TAKING_CALLS: self._taking_calls, "max_workers": 40}
        self._container = ServiceContainer(service_cls, config)
        self._died = threading.Event()
        self._relay = self._make_relay()
        self._arrival: Arrival | None = None
        if tenant is not None:
            self._arrival = Arrival(
                settings.amqp_url,
                service=service_cls.name,
                tenant=tenant,
                instance=self.process.instance,
                events=subscribed_events(self._container),
                token=settings.token,
            )

    @property
    def ops_port(self) -> int:
        """Where /metrics, /healthz and /readyz are."""
        return self._ops.port

    def start(self, ending: threading.Event) -> bool:
        """Begin to serve; a tenant's instance first waits until it has arrived, however long the broker is away.

        False when it was told to end before that.
        """
        process = self.process
        self._ops.start()
        process.health.add_check("broker", self._broker_ready)
        if process.database is not None:
            process.health.add_check("database", self._database_ready)
            pool = process.database.engine.pool
            metrics.watch_pool(process.service, lambda: _pool_states(pool))
        if self._arrival is not None:
            self._arrival.start()
            process.health.add_check("lease", self._arrival.ready)
            if not self._arrived(self._arrival, ending):
                return False
        process.client.start(seconds=5)
        if self._relay is not None:
            self._relay.start()
            metrics.watch_relay(process.service, self._relay.cpu_seconds)
            process.health.add_check("outbox", self._relay.ready)
        self._container.start()
        threading.Thread(target=self._watch, name="container", daemon=True).start()
        log.info("serving", serves=process.serves, instance=process.instance, ops_port=self._ops.port)
        return True

    @property
    def died(self) -> bool:
        """Whether the container ended of an error: its events and timers are in nobody's hands any more."""
        return self._died.is_set()

    def stop(self) -> None:
        """New traffic goes to the core first; then finish what is in hand, and hand back what is left."""
        if self._arrival is not None:
            self._arrival.unbind()
        self._container.stop()
        if self._arrival is not None:
            self._arrival.gone()
        if self._relay is not None:
            self._relay.stop()
        self.process.client.stop()
        if self.process.database is not None:
            self.process.database.close()
        self._ops.stop()
        log.info("stopped", serves=self.process.serves, instance=self.process.instance)

    def _watch(self) -> None:
        try:
            self._container.wait()
        except Exception as error:
            log.critical("the service died", serves=self.process.serves, exc_info=error)
            self._died.set()

    def _taking_calls(self) -> None:
        if self._arrival is not None:
            self._arrival.taking_calls()

    def _arrived(self, arrival: Arrival, ending: threading.Event) -> bool:
        while not ending.is_set():
            try:
                arrival.wait(0.5)
            except TimeoutError:
                continue
            return True
        return False

    def _make_relay(self) -> Relay | None:
        """The core's instances relay their schema's outbox, for the towns' instances too."""
        process = self.process
        if process.database is None or process.tenant is not None:
            return None
        services = process.district.services
        wanted = heard.declarations(services, process.policy.delays_ms)
        return Relay(
            process.database,
            process.settings.amqp_url,
            declare=lambda channel: topology.declare(channel, wanted),
            subscribed=heard.subscribed(services),
        )

    def _broker_ready(self) -> tuple[bool, str]:
        ready = self.process.client.ready()
        metrics.BROKER_CONNECTED.labels(self.process.service).set(ready)
        return ready, "connected" if ready else "not connected, or blocked by the broker"

    def _database_ready(self) -> tuple[bool, str]:
        assert self.process.database is not None
        self.process.database.check()
        return True, "answers"


def run(service_cls: type[Any], settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT, then stop gracefully; returns the exit code.

    EX_SOFTWARE (70) when the service died of an error: relay and calls have threads of their own and would go on
    without it, alive to whoever asks. The host starts a process that ended anew.
    """
    if waiting.wait is not waiting.wait_select:
        raise RuntimeError(
            "psycopg was imported before it was told to wait by select: a lock would stop everything"
        )
    logs.configure(service_cls.name, settings.log, settings.log_level, settings.tenant)
    service = ServiceProcess(service_cls, settings)
    ending = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    if service.start(ending):
        collecting.settle()
        while not ending.wait(0.5) and not service.died:
            pass
        service.stop()
    return os.EX_SOFTWARE if service.died else os.EX_OK


def vars_of(service_cls: type[Any]) -> list[object]:
    """Every class attribute of a service, inherited ones included."""
    return [value for base in service_cls.__mro__ for value in vars(base).values()]


def _pool_states(pool: Any) -> dict[str, int]:
    return {"in_use": pool.checkedout(), "idle": pool.checkedin(), "overflow": max(0, pool.overflow())}
