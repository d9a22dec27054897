"""What a day must reach for the demo to succeed."""

from collections.abc import Iterable, Sequence

from exercise.books import Books

CLOSED_SHARE = 0.9
FEWEST_REPORTS = 1500


def missed(books: Books, towns: Iterable[str], own_dispatch: Sequence[str], *, fewest: int) -> list[str]:
    """The bars that were not reached, in words; empty when all were.

    `own_dispatch`: the tenants that run a dispatch of their own; `fewest`: the accepted reports asked for.
    """
    bars = {
        f"lost is {books.lost}, not 0: {books.doubts.get('lost', [])[:3]}": books.lost == 0,
        f"duplicate effects are {books.duplicate_effects}, not 0": books.duplicate_effects == 0,
        f"accepted is {books.accepted}, visible {books.visible}": books.accepted == books.visible,
        f"{books.unanswered} submissions were never answered": books.unanswered == 0,
        f"accepted is {books.accepted}, fewer than {fewest}": books.accepted >= fewest,
        f"closed is {books.closed}, less than {CLOSED_SHARE:.0%} of {books.filed} filed": (
            books.closed >= CLOSED_SHARE * books.filed
        ),
    }
    bars |= {f"nobody served {town}": bool(books.served_by.get(town)) for town in towns}
    bars |= {
        f"{tenant} was served by {books.served_by.get(tenant)!r}, not by its own dispatch": (
            is_own(books.served_by.get(tenant, ""), tenant)
        )
        for tenant in own_dispatch
    }
    return [words for words, reached in bars.items() if not reached]


def is_own(instance: str, tenant: str) -> bool:
    """Whether an instance's name says that it serves this tenant alone (`dispatch@sandun.…`)."""
    return f"@{tenant}" in instance
