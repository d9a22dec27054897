"""Matching a batch: of all ways to share cases filed together among those who can take them, the best one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from services.dispatch.choosing import Choice
from services.dispatch.squads import Seat

NEVER = 1e9
"""What a place costs that must not be taken, in minutes."""


def load() -> None:
    """Import what matching computes with: a second and 60 MB, for those alone who match; before going aside."""
    import scipy.optimize  # noqa: F401


def match(
    seats: Sequence[Sequence[Seat]], loads: Mapping[str, int], load_minutes: float
) -> list[Seat | None]:
    """For each case one of its seats, so that travel and load together are least; None where there is no room.

    `loads` are the open cases before the batch. A worker's first case of it costs `load_minutes` for each open
    one besides the travel, the second those and one more, and so on: work is spread as far as the way allows.
    """
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    workers = sorted({seat.worker for own in seats for seat in own if seat.worker is not None})
    if not workers or not seats:
        return [None] * len(seats)
    # A worker has as many places as there are cases that could come; the later ones cost more.
    wanted = Counter(seat.worker for own in seats for seat in own)
    places = [(worker, place) for worker in workers for place in range(wanted[worker])]
    first = {worker: column for column, (worker, place) in enumerate(places) if place == 0}
    costs = np.full((len(seats), len(places)), NEVER)
    for row, own in enumerate(seats):
        known = [seat.minutes for seat in own if seat.minutes is not None]
        farthest = max(known, default=0.0)
        for seat in own:
            if seat.worker is None:
                continue
            has, many = loads.get(seat.worker, 0), wanted[seat.worker]
            away = farthest if seat.minutes is None else seat.minutes
            line = away + load_minutes * (has + np.arange(many))
            if seat.most:
                line[max(seat.most - has, 0) :] = NEVER
            costs[row, first[seat.worker] : first[seat.worker] + many] = line
    if len(places) < len(seats):
        costs = np.pad(costs, ((0, 0), (0, len(seats) - len(places))), constant_values=NEVER)
    rows, columns = linear_sum_assignment(costs)
    found: list[Seat | None] = [None] * len(seats)
    for row, column in zip(rows, columns, strict=True):
        if costs[row, column] < NEVER:
            worker = places[column][0]
            found[row] = next(seat for seat in seats[row] if seat.worker == worker)
    return found


def rematched(choices: Sequence[Choice], loads: Mapping[str, int], load_minutes: float) -> list[Choice]:
    """The same choices with their workers matched as a whole; one that has no alternative stays as it is."""
    taken = match([choice.seats for choice in choices], loads, load_minutes)
    return [
        choice if seat is None else _reseated(choice, seat, len(choices))
        for choice, seat in zip(choices, taken, strict=True)
    ]


def _reseated(choice: Choice, seat: Seat, many: int) -> Choice:
    shared = f"shared out with {many} cases filed together"
    if seat.worker == choice.worker:
        return replace(choice, reasons=(*choice.reasons, shared))
    away = "" if seat.minutes is None else f", {seat.minutes:.0f} minutes away"
    return replace(
        choice,
        unit=seat.unit,
        worker=seat.worker,
        reasons=(choice.reasons[0], f"{seat.worker}{away}: {shared}"),
    )
