"""A tenant's instance arrives, keeps its lease, and leaves: the instance's side of the steward's bargain."""

import threading
import time

from qipan.contracts.commands import Arrive, Lease, Leave
from qipan.contracts.errors import Forbidden, Invalid, NotFound, QipanError, Unauthenticated
from qipan.messaging.client import DIRECT_REPLY, Client
from qipan.messaging.leases import LEASE_SECONDS, RENEW_SECONDS, RETRY_SECONDS
from qipan.observability.logs import logger

log = logger(__name__)

CALL_SECONDS = 4.0

REFUSALS = (Forbidden, Unauthenticated, Invalid, NotFound)
"""Answers that asking again would not change."""


class Arrival:
    """Asks the core for the queues of `service` for `tenant` and renews the lease on a thread of its own.

    Its calls use the broker's direct reply-to: a tenant's broker user may declare nothing, and its reply
    queue is only there once it has arrived.
    """

    def __init__(
        self,
        url: str,
        *,
        service: str,
        tenant: str,
        instance: str,
        events: tuple[str, ...],
        token: str,
        renew_seconds: float = RENEW_SECONDS,
    ) -> None:
        self._tenant = tenant
        self._arrive = Arrive(serves=service, instance=instance, events=events)
        self._token = token
        self._renew_seconds = renew_seconds
        self._client = Client(url, f"{service}@{tenant} arrival", reply_queue=DIRECT_REPLY)
        self._lock = threading.Lock()
        self._arrived = threading.Event()
        self._leaving = threading.Event()
        self._renew_now = threading.Event()
        self._lease: Lease | None = None
        self._holds_until = 0.0
        self._trouble = "has not arrived yet"
        self._refusal: QipanError | None = None
        self._thread = threading.Thread(target=self._renew, name=f"{service}@{tenant} lease", daemon=True)

    def start(self) -> None:
        """Begin to ask; returns at once."""
        self._client.start()
        self._thread.start()

    def wait(self, seconds: float | None = None) -> Lease:
        """Wait until it has arrived (None: however long that takes).

        Raises the steward's refusal, or TimeoutError.
        """
        if not self._arrived.wait(seconds):
            raise TimeoutError(f"not arrived within {seconds:g} s: {self._trouble}")
        if self._lease is None:
            assert self._refusal is not None
            raise self._refusal
        return self._lease

    def ready(self) -> tuple[bool, str]:
        """Whether the lease holds, and if not why."""
        if time.monotonic() < self._holds_until:
            return True, "leased"
        return False, f"no lease: {self._trouble}"

    def taking_calls(self) -> None:
        """Calls are taken now: have them routed here at once, not at the next renewal."""
        self._renew_now.set()

    def unbind(self) -> None:
        """Leaving, first step: from now on new traffic goes to the core.

        Unheard it does no harm: the lease lapses, which does the same.
        """
        with self._lock:
            self._leaving.set()
            self._renew_now.set()
        self._leave("unbind")

    def gone(self) -> None:
        """Leaving, last step: everything taken was finished; what is left in the queue goes to the core."""
        self._leave("gone")
        self._client.stop()

    def _leave(self, phase: str) -> None:
        request = Leave.model_validate(
            {"serves": self._arrive.serves, "instance": self._arrive.instance, "phase": phase}
        )
        try:
            self._client.call(request, tenant=self._tenant, principal=self._token, timeout=CALL_SECONDS)
        except (QipanError, TimeoutError) as error:
            log.warning("leaving unheard; the lease will lapse", phase=phase, error=str(error))

    def _renew(self) -> None:
        while not self._leaving.is_set():
            started = time.monotonic()
            pause = self._renew_seconds
            self._renew_now.clear()
            with self._lock:  # a renewal under way is finished before leaving begins, or it would undo that
                if self._leaving.is_set():
                    return
                try:
                    self._lease = self._client.call(
                        self._arrive, tenant=self._tenant, principal=self._token, timeout=CALL_SECONDS
                    )
                except (QipanError, TimeoutError) as error:
                    pause = self._refused(error)
                else:
                    self._holds_until = started + self._lease.seconds
                    self._trouble = f"not renewed for {LEASE_SECONDS:g} s"
                    self._arrived.set()
            self._renew_now.wait(pause)

    def _refused(self, error: QipanError | TimeoutError) -> float:
        if str(error) != self._trouble:
            log.warning("arrival failed; asking again", error=str(error))
        self._trouble = str(error)
        if isinstance(error, REFUSALS):
            self._refusal = error
            self._arrived.set()
            return self._renew_seconds
        return RETRY_SECONDS
