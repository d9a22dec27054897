"""The scoreboard after a day: the books, the league of the towns (晾晒榜), and who served whom."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from exercise.books import Books
from exercise.functions import FUNCTIONS
from qipan.tenancy import District

_STATES = {
    "open": "在办 open",
    "closed": "结案 closed",
    "voided": "作废 voided",
    "declined": "不予受理 declined",
    "merged": "合并 merged",
    "held": "待核 held",
    "verifying": "核实中 verifying",
    "self-disposed": "自处置 self-disposed",
    "dead letter": "死信 dead letter",
}


def show(
    console: Console,
    district: District,
    books: Books,
    standings: Sequence[Mapping[str, Any]],
    services: Mapping[str, Mapping[str, Sequence[str]]],
    functions: Mapping[str, int],
) -> None:
    """Print it. `standings`: the published league; `services`: tenant → service → instances; `functions`: how
    often each was used."""
    console.print(_books(books))
    console.print(_functions(functions))
    console.print(_league(district, books, standings))
    own = _own_services(district, services)
    if own.row_count:
        console.print(own)


def _books(books: Books) -> Table:
    table = Table(title="账目 The books", show_header=False, box=SIMPLE_HEAD)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for words, number in (
        ("上报 submitted", books.submitted),
        ("受理 accepted", books.accepted),
        ("拒收 refused", books.refused),
        ("未答 unanswered", books.unanswered),
        ("可见 visible", books.visible),
        ("立案 filed", books.filed),
        ("结案 closed", books.closed),
        ("在办 open", books.open),
        ("通知 notifications", books.notifications),
        ("死信 dead letters", books.dead_letters),
        ("丢失 lost", books.lost),
        ("重复 duplicate effects", books.duplicate_effects),
    ):
        table.add_row(words, str(number))
    table.add_section()
    for state, count in sorted(books.by_state.items(), key=lambda entry: -entry[1]):
        table.add_row(_STATES[state], str(count))
    return table


def _functions(used: Mapping[str, int]) -> Table:
    table = Table(title="功能 What the day used", show_header=False, box=SIMPLE_HEAD)
    cells = [(function.words, str(used[function.key])) for function in FUNCTIONS]
    half = -(-len(cells) // 2)
    for _ in range(2):
        table.add_column(style="bold")
        table.add_column(justify="right")
    for row in range(half):
        right = cells[half + row] if half + row < len(cells) else ("", "")
        table.add_row(*cells[row], *right)
    return table


def _league(district: District, books: Books, standings: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title="晾晒榜 League of the towns", box=SIMPLE_HEAD)
    for heading in ("#", "镇街\nTown"):
        table.add_column(heading, no_wrap=True)
    for heading in (
        "得分\nscore",
        "受理\naccepted",
        "立案\nfiled",
        "结案\nclosed",
        "在办\nopen",
        "超期\noverdue",
    ):
        table.add_column(heading, justify="right")
    standing = {each["tenant"]: each for each in standings}
    ranked = sorted(district.towns, key=lambda town: _rank(standing.get(town.id, {}), town.id))
    for town in ranked:
        mine, counts = standing.get(town.id, {}), books.by_town.get(town.id, {})
        score = mine.get("score")
        table.add_row(
            str(mine.get("rank") or "–"),
            f"{town.name.zh} {_short(town.name.en)}",
            "–" if score is None else f"{score:.1f}",
            *(str(counts.get(word, 0)) for word in ("accepted", "filed", "closed", "open", "overdue")),
        )
    return table


def _short(name: str) -> str:
    """A town's English name without what kind of town it is."""
    return name.removesuffix(" Sub-district").removesuffix(" Town")


def _rank(standing: Mapping[str, Any], town: str) -> tuple[float, str]:
    return (standing.get("rank") or float("inf"), town)


def _own_services(district: District, services: Mapping[str, Mapping[str, Sequence[str]]]) -> Table:
    table = Table(title="各自的服务 Services of their own", box=SIMPLE_HEAD)
    for heading in ("租户 Tenant", "服务 Service", "实例 Instance"):
        table.add_column(heading)
    for tenant in sorted(services):
        for service, instances in sorted(services[tenant].items()):
            table.add_row(district.tenant(tenant).name.zh, service, ", ".join(instances))
    return table
