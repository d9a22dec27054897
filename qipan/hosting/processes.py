"""The host that runs Qipan as processes of this machine."""

import itertools
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from qipan.hosting import logfile, targets
from qipan.hosting.command import command
from qipan.hosting.embedded.home import free_port
from qipan.hosting.guarded import Guarded, StartError
from qipan.hosting.plan import check_replicas, has, phase_of, plan, spec_of
from qipan.hosting.port import HTTP_SERVICES, ProcessSpec, Refused, State, Status
from qipan.hosting.running_process import RunningProcess
from qipan.observability.logs import logger
from qipan.tenancy import District

log = logger(__name__)

GRACE = 30.0
"""Seconds in which a process may finish what it holds before it is killed."""

WRONG_CONFIGURATION = os.EX_CONFIG
"""The exit code of a process that finds its pack or settings wrong: starting it again would not help."""

WATCH_SECONDS = 0.25

Environment = Callable[[ProcessSpec], Mapping[str, str]]
CommandOf = Callable[[str, str | None], list[str]]


class ProcessHost:
    """Runs each `ProcessSpec` under a guard, restarts what ends unasked, and logs to `<var>/log/<id>.log`.

    `environment` gives what a process gets besides the ports and name chosen here. Nothing survives this
    process; `close` (or leaving the `with` block) stops everything in order.
    """

    def __init__(
        self, district: District, var: Path, environment: Environment, command_of: CommandOf = command
    ) -> None:
        self._district = district
        self._var = var.absolute()
        self._logs = self._var / "log"
        self._environment = environment
        self._command_of = command_of
        self._known: dict[str, RunningProcess] = {}
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="host", daemon=True)
        self._watcher.start()

    def start(self, spec: ProcessSpec, port: int | None = None) -> None:
        """See `Host.start`; at this `port`, if one is given. StartError when the command itself cannot be run."""
        with self._lock:
            if self._closing.is_set():
                raise Refused("The host is stopping.")
            if spec.id in self._known:
                raise Refused(f"{spec.id} runs already.")
            running = RunningProcess(spec, port or free_port())
            self._known[spec.id] = running
            try:
                self._launch(running)
            except StartError:
                del self._known[spec.id]
                raise
            self._tell_targets()

    def stop(self, id: str, *, graceful: bool = True) -> None:
        """See `Host.stop`. Returns when the process has ended."""
        with self._lock:
            running = self._get(id)
            running.stopping = True
        if running.process is not None:
            if graceful:
                running.process.stop()
            else:
                running.process.kill()
        with self._lock:
            self._known.pop(id, None)
            self._tell_targets()

    def list(self) -> Sequence[Status]:
        """See `Host.list`. Asks every process whether it is ready, all at once, 2 s at most."""
        with self._lock:
            running = sorted(self._known.values(), key=lambda each: each.spec.id)
        if not running:
            return []
        with ThreadPoolExecutor(min(16, len(running))) as pool:
            return list(pool.map(RunningProcess.status, running))

    def scale(self, service: str, tenant: str | None, replicas: int) -> None:
        """See `Host.scale`. Returns when those that are too many have ended."""
        check_replicas(service, tenant, replicas)
        with self._lock:
            wanted = spec_of(self._district, service, tenant)
            present = sorted(
                (each.spec for each in self._known.values() if each.spec.serves == wanted.serves),
                key=lambda spec: spec.number,
            )
            taken = {spec.number for spec in present}
            free = (number for number in itertools.count(1) if number not in taken)
            for number in itertools.islice(free, max(0, replicas - len(present))):
                self.start(spec_of(self._district, service, tenant, number))
        self._stop_all([spec.id for spec in present[replicas:]])

    def retire(self, service: str, tenant: str) -> None:
        """See `Host.retire`."""
        self.scale(service, tenant, 0)

    def reload(self, district: District, seconds: float) -> dict[int, float]:
        """Have every process read the pack anew, which is now `district`: the steward, the core's, tenants' own, HTTP.

        Each is at its old address again. What is not in the new pack any more is ended, what was not in the old one is
        started. StartError when one kind is not ready within `seconds`. Returns for how many seconds each kind was away
        at most, by `phase_of`: from the word to stop until all of it was ready.
        """
        with self._lock:
            before, self._district = self._district, district
            running = {each.spec.id: (each.spec, each.port) for each in self._known.values()}
        old, new = ({spec.id: spec for spec in plan(each)} for each in (before, district))
        over = {
            id for id, (spec, _) in running.items() if spec.tenant is not None and not has(district, spec)
        }
        self._stop_all(sorted(over))
        again = {id: found for id, found in running.items() if id not in over}
        first: dict[str, tuple[ProcessSpec, int | None]] = {
            id: (spec, None) for id, spec in new.items() if id not in old and id not in running
        }
        away = {}
        for phase in (3, 2, 1, 0):
            begun = time.monotonic()
            turn = [found for found in (*again.values(), *first.values()) if phase_of(found[0]) == phase]
            self._stop_all([spec.id for spec, _ in turn if spec.id in again])
            for spec, port in turn:
                self.start(spec, port)
            self.wait_ready(seconds)
            away[phase] = time.monotonic() - begun
        return away

    def logs(self, id: str, lines: int = 100) -> str:
        """See `Host.logs`."""
        known = {path.name.removesuffix(".log") for path in self._logs.glob("*.log")}
        if id not in known:
            raise Refused(f"There is no log of {id!r}.")
        return logfile.tail(self._log_of(id), lines)

    def kill(self, id: str) -> None:
        """SIGKILL a process as a fault would: the host then restarts it like any that ended unasked."""
        with self._lock:
            process = self._get(id).process
        if process is not None:
            process.kill()

    def signal(self, id: str, name: str) -> None:
        """Send a process a signal by its name without SIG, e.g. STOP and CONT for one that hangs."""
        with self._lock:
            process = self._get(id).process
        if process is not None:
            process.signal(name)

    def url(self, id: str) -> str:
        """Where a process answers HTTP: the door and the gateway everything, others their operations."""
        with self._lock:
            return self._get(id).url

    def wait_ready(self, seconds: float, told: Callable[[int, int], None] | None = None) -> None:
        """Wait until everything is ready; `told` hears how many of how many are.

        StartError, with the log's end of those that are not, when they are not within `seconds`, or at once
        when one says that its configuration is wrong.
        """
        give_up = time.monotonic() + seconds
        while True:
            statuses = self.list()
            waiting = [status.id for status in statuses if status.state is not State.READY]
            if told is not None:
                told(len(statuses) - len(waiting), len(statuses))
            if not waiting:
                return
            misconfigured = [status.id for status in statuses if status.exit_code == WRONG_CONFIGURATION]
            if misconfigured or time.monotonic() > give_up:
                waiting = misconfigured or waiting
                said = "\n".join(f"--- {id}\n{self.logs(id, 15)}" for id in waiting)
                why = "cannot start" if misconfigured else f"not ready within {seconds:g} s"
                raise StartError(f"{why}: {', '.join(waiting)}\n{said}")
            time.sleep(0.2)

    def close(self) -> None:
        """Stop everything: what takes requests first, then tenants' services, the core, the steward last."""
        self._closing.set()
        self._watcher.join()
        with self._lock:
            specs = [running.spec for running in self._known.values()]
        for phase in range(4):
            self._stop_all([spec.id for spec in specs if phase_of(spec) == phase])
        targets.forget(self._var, targets.QIPAN)

    def __enter__(self) -> "ProcessHost":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _get(self, id: str) -> RunningProcess:
        running = self._known.get(id)
        if running is None:
            raise Refused(f"There is no process {id!r}; `qipan ps` lists those there are.")
        return running

    def _tell_targets(self) -> None:
        targets.write(
            self._var,
            targets.QIPAN,
            [
                targets.Target(f"127.0.0.1:{each.port}", each.spec.id, each.spec.serves)
                for each in self._known.values()
            ],
        )

    def _log_of(self, id: str) -> Path:
        return self._logs / f"{id}.log"

    def _launch(self, running: RunningProcess) -> None:
        spec = running.spec
        port = "QIPAN_PORT" if spec.service in HTTP_SERVICES else "QIPAN_OPS_PORT"
        name = f"{spec.service}-{spec.tenant or 'core'}-{spec.number}-{secrets.token_hex(3)}".replace(
            "~", "-"
        )
        env = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            **self._environment(spec),
            "QIPAN_TENANT": spec.tenant or "",
            "QIPAN_INSTANCE": name,
            port: str(running.port),
        }
        logfile.keep_small(self._log_of(spec.id))
        running.process = Guarded.start(
            self._command_of(spec.service, spec.tenant),
            log=self._log_of(spec.id),
            env=env,
            cwd=Path.cwd(),
            grace=GRACE,
        )
        running.since = datetime.now(UTC)
        running.was_ready = False

    def _stop_all(self, ids: Sequence[str]) -> None:
        if ids:
            with ThreadPoolExecutor(len(ids)) as pool:
                list(pool.map(self._stop_if_known, ids))

    def _stop_if_known(self, id: str) -> None:
        try:
            self.stop(id)
        except Refused:
            return  # somebody else stopped it meanwhile

    def _watch(self) -> None:
        while not self._closing.wait(WATCH_SECONDS):
            with self._lock:
                for running in self._known.values():
                    self._tend(running)

    def _tend(self, running: RunningProcess) -> None:
        """Restart a process that ended unasked, after a pause that grows while it keeps ending."""
        logfile.keep_small(self._log_of(running.spec.id))
        if running.stopping or running.alive:
            return
        now = time.monotonic()
        if running.process is not None:
            lived = (datetime.now(UTC) - running.since).total_seconds()
            pause = running.backoff.after(lived)
            running.start_at = now + pause
            running.exit_code = running.process.poll()
            log.warning(
                "ended unasked",
                process=running.spec.id,
                exit_code=running.exit_code,
                restart_in=pause,
                log=str(self._log_of(running.spec.id)),
            )
            running.process = None
        elif now >= running.start_at:
            running.restarts += 1
            try:
                self._launch(running)
            except StartError as error:
                running.start_at = now + running.backoff.after(0.0)
                log.error("restart failed", process=running.spec.id, why=str(error))
