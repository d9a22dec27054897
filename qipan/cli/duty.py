"""`qipan duty check`: where nobody answers for a matter, and where several do."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from qipan.cli.console import stdout, table
from qipan.contracts.mandates import ListMandates
from qipan.duty import Finding, check
from qipan.hosting.operator import Operator
from qipan.settings import Settings
from qipan.tenancy import Clocks, District, Mandate, base_of, load_district
from qipan.tenancy.mandate import from_state

commands = typer.Typer(help="Who answers for what.", no_args_is_help=True)

MOST_SHOWN = 50
"""Rows of the table; how many there are in all is told."""


@commands.callback()
def _group() -> None:
    """Who answers for what."""


@commands.command("check")
def check_duty(
    pack_only: Annotated[bool, typer.Option("--pack-only", help="Only the pack's own mandates.")] = False,
    begins: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day; else today.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="How many days are looked at.")] = 365,
    as_json: Annotated[bool, typer.Option("--json", help="Every finding as JSON.")] = False,
) -> None:
    """Find every gap and overlap of responsibility over matter × duty cell × time; exit code 1 when there are any.

    Granted and revoked mandates are asked of the dispatch that runs.
    """
    settings = Settings()
    district = load_district(settings.district)
    zone = ZoneInfo(district.zone)
    now = Clocks.from_json(settings.clocks).now(district.id).astimezone(zone)
    first = (begins.replace(tzinfo=zone) if begins else now).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    mandates = _of_pack(district) if pack_only else _granted(settings)
    found = check(district, mandates, first, first + timedelta(days=days))
    if as_json:
        rows = [asdict(one) for one in found]
        stdout.print(json.dumps(rows, default=str, ensure_ascii=False), markup=False, soft_wrap=True)
    else:
        _show(found)
    if found:
        raise typer.Exit(1)


def _of_pack(district: District) -> dict[str, tuple[Mandate, ...]]:
    return {town.id: district.standing_mandates(town.id) for town in district.towns}


def _granted(settings: Settings) -> dict[str, list[Mandate]]:
    found: dict[str, list[Mandate]] = defaultdict(list)
    after: str | None = None
    with Operator(settings) as operator:
        while True:
            page = operator.call(ListMandates(limit=500, after=after))
            for state in page.mandates:
                found[base_of(state.tenant)].append(from_state(state))
            after = page.next
            if after is None:
                return found


def _show(found: Sequence[Finding]) -> None:
    """One row for cells that have the same finding."""
    rows: dict[tuple[str, str, str, datetime, datetime, tuple[str, ...]], list[str]] = defaultdict(list)
    for one in found:
        rows[one.kind, one.town, one.matter, one.begins, one.ends, one.units].append(one.cell)
    shown = table("what", "town", "matter", "cells", "from", "until", "units")
    for (kind, town, matter, begins, ends, units), cells in list(rows.items())[:MOST_SHOWN]:
        named = cells[0] if len(cells) == 1 else f"{cells[0]} … ({len(cells)})"
        shown.add_row(
            kind,
            town,
            matter,
            named,
            f"{begins:%F %H:%M}",
            f"{ends:%F %H:%M}",
            ", ".join(units),
        )
    if rows:
        stdout.print(shown)
    gaps = sum(one.kind == "gap" for one in found)
    stdout.print(f"{gaps} gaps and {len(found) - gaps} overlaps.")
    if len(rows) > MOST_SHOWN:
        stdout.print(f"{len(rows) - MOST_SHOWN} more rows; --json tells all.")
