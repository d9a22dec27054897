"""A case's story, put together from what each service recorded of it."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from qipan.contracts.base import Query
from qipan.contracts.errors import NotFound, QipanError
from qipan.contracts.queries import Happening, Happenings, TellCase, TellMessages, TellReport
from qipan.messaging.dead_letter import DeadLetter
from qipan.tenancy import District

TELLERS: tuple[type[Query[Happenings]], ...] = (TellReport, TellCase, TellMessages)


class Asker(Protocol):
    """Who can ask every service (`qipan.hosting.operator.Operator` is one)."""

    district: District

    def submit(self, request: Query[Happenings], tenant: str) -> "Future[Happenings]": ...


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is known, oldest first by real time, and which services could not be asked."""

    happenings: tuple[Happening, ...]
    silent: tuple[str, ...]


class Letters(Protocol):
    """Who keeps the dead letters (`qipan.messaging.dead.DeadLetters` is one)."""

    def about(self, subject: str) -> Sequence[DeadLetter]: ...


def timeline(asker: Asker, letters: Letters, subject: str, tenant: str | None) -> Timeline:
    """All that is recorded of a case or report, in one tenant or in every one; NotFound when that is nothing.

    A report and its case have different ids: what the first round mentions is asked for in a second one.
    """
    tenants = [tenant] if tenant else sorted(asker.district.tenants)
    first, mentioned, silent = _ask(asker, {subject}, tenants)
    mentioned -= {subject}
    second, _, also_silent = _ask(asker, mentioned, tenants)
    dead = [of_dead_letter(letter) for id in {subject, *mentioned} for letter in letters.about(id)]
    found = {
        (each.service, each.message_id, each.what, each.real_at): each for each in (*first, *second, *dead)
    }
    if not found and not silent:
        raise NotFound(f"Nothing is known of {subject!r}.")
    ordered = sorted(found.values(), key=lambda each: (each.real_at, each.version or 0))
    return Timeline(tuple(ordered), tuple(sorted(silent | also_silent)))


def of_dead_letter(letter: DeadLetter) -> Happening:
    """A dead letter as something that happened. It knows real time only."""
    at = letter.first_at or datetime.now(UTC)
    return Happening(
        at=at,
        real_at=at,
        service=letter.service,
        what=f"dead letter ({letter.state})",
        message_id=letter.message_id,
        detail={"letter": letter.id, "reason": letter.reason},
    )


def _ask(asker: Asker, subjects: set[str], tenants: list[str]) -> tuple[list[Happening], set[str], set[str]]:
    """What is told of the subjects, the ids under which others know them, and who did not answer."""
    asked = [
        (teller.service, asker.submit(teller(subject=subject), tenant))
        for subject in sorted(subjects)
        for tenant in tenants
        for teller in TELLERS
    ]
    found: list[Happening] = []
    ids: set[str] = set()
    silent: set[str] = set()
    for service, future in asked:
        try:
            told = future.result()
        except NotFound:
            continue
        except QipanError:
            silent.add(service)
        else:
            found += told.happenings
            ids |= {id for id in (told.case_id, told.report_id) if id is not None}
    return found, ids, silent
