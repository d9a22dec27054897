"""The monthly report: what figures say about a period, in one language, ready to be laid out. Pure."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from qipan.contracts.figures import Declared, Figure, Figures, Hotspots, League
from services.gateway import charts
from services.gateway.charts import Drawing, Series
from services.gateway.sheet import Sheet

MOST_MATTERS = 12
MOST_PLACES = 10

_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("治理月报", "Governance report"),
    "period": ("统计周期", "Period"),
    "made": ("生成时间", "Made at"),
    "sums": ("总体情况", "In total"),
    "received": ("上报", "Reports"),
    "filed": ("立案", "Cases filed"),
    "disposed": ("处置", "Disposed of"),
    "closed": ("结案", "Closed"),
    "overdue": ("超期未处置", "Overdue and not disposed of"),
    "by_day": ("每日立案与结案", "Filed and closed, day by day"),
    "indicators": ("指标", "Indicators"),
    "indicator": ("指标", "Indicator"),
    "value": ("数值", "Value"),
    "formula": ("计算", "Formula"),
    "league": ("晾晒榜", "League table"),
    "published": ("已公布", "as published"),
    "live": ("未公布，截至生成时", "not published; as of when this was made"),
    "rank": ("名次", "Rank"),
    "town": ("镇街", "Town"),
    "score": ("得分", "Score"),
    "before": ("上期", "Before"),
    "matters": ("事项", "Matters"),
    "matter": ("事项", "Matter"),
    "on_time": ("按期处置率", "Disposed of in time"),
    "places": ("高发与反复地点", "Repeated places"),
    "place": ("位置", "Place"),
    "times": ("件数", "Cases"),
    "back": ("结案后复发", "Back after closure"),
    "note": (
        "除数为零的指标没有数值。指标参照公开实践，不声称符合国家标准。",
        "A rate with nothing to divide by has no value. Indicators follow public practice; conformity to a "
        "standard is not claimed.",
    ),
    "none": ("无", "none"),
    "minutes": ("分钟", "min"),
}


@dataclass(frozen=True, slots=True)
class Given:
    """What the report is made of, as analytics answered; `names`: the tenant's indicators."""

    tenant: str
    whole: Figures
    daily: Figures
    matters: Figures
    league: League | None
    hotspots: Hotspots
    indicators: Sequence[Declared]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first row is the headings. `right`: columns that hold numbers; `widths`: their proportions."""

    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int]
    widths: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and what stands below it."""

    title: str
    drawing: Drawing | None = None
    table: Table | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The whole report in one language."""

    language: str
    title: str
    subtitle: str
    sections: tuple[Section, ...]
    note: str


class Writer:
    """Writes reports in the language of a sheet."""

    def __init__(self, sheet: Sheet, language: str, zone: str) -> None:
        self._sheet = sheet
        self._column = 1 if language == "en" else 0
        self._language = "en" if language == "en" else "zh"
        self._zone = ZoneInfo(zone)

    def write(self, given: Given, made_at: str) -> Report:
        """The report."""
        word, whole = self._word, given.whole
        name = self._sheet.named(given.tenant, "tenant", given.tenant) or given.tenant
        first, last = self._day(whole.since.timestamp()), self._day(whole.until.timestamp() - 1)
        return Report(
            language="en" if self._column else "zh-CN",
            title=f"{name} · {word('title')}",
            subtitle=f"{word('period')}: {first} – {last} · {word('made')}: {made_at}",
            sections=tuple(self._sections(given)),
            note=word("note"),
        )

    def _sections(self, given: Given) -> list[Section]:
        sections = [
            Section(self._word("sums"), table=self._sums(given.whole.rows)),
            Section(self._word("by_day"), drawing=self._by_day(given.daily)),
            Section(self._word("indicators"), table=self._indicators(given)),
        ]
        if given.league is not None:
            state = self._word("published" if given.league.published else "live")
            chart, table = self._league(given.league)
            sections.append(Section(self._word("league"), drawing=chart, table=table, note=state))
        counted = f"{self._word('filed')} · {self._word('on_time')}"
        sections.append(Section(self._word("matters"), drawing=self._matters(given), note=counted))
        sections.append(Section(self._word("places"), table=self._places(given.hotspots)))
        return sections

    def _sums(self, rows: Sequence[Figure]) -> Table:
        names = ("received", "filed", "disposed", "closed")
        counts = [str(_sum(rows, name)) for name in names] + [str(_sum(rows, "overdue_pending"))]
        heads = tuple(self._word(name) for name in (*names, "overdue"))
        return Table((heads, tuple(counts)), frozenset(range(len(heads))))

    def _by_day(self, daily: Figures) -> Drawing:
        days: dict[float, tuple[int, int]] = {}
        step, at = 86_400, daily.since.timestamp()
        while at < daily.until.timestamp():
            days[at], at = (0, 0), at + step
        known = sorted(days)
        for row in daily.rows:
            day = known[max(0, bisect_right(known, row.since.timestamp()) - 1)]
            filed, closed = days[day]
            days[day] = (filed + row.counts.get("filed", 0), closed + row.counts.get("closed", 0))
        names = [self._day(day)[5:] for day in known]
        filed_and_closed = (
            Series(self._word("filed"), tuple(days[day][0] for day in known)),
            Series(self._word("closed"), tuple(days[day][1] for day in known)),
        )
        return charts.lines(names, filed_and_closed, self._word("by_day"))

    def _indicators(self, given: Given) -> Table:
        rows = [(self._word("indicator"), self._word("value"), self._word("formula"))]
        for one in given.indicators:
            above = sum(row.values[one.id].above for row in given.whole.rows if one.id in row.values)
            below = sum(row.values[one.id].below for row in given.whole.rows if one.id in row.values)
            value = self._value(one.unit, above / below if below > 0 else None)
            rows.append((one.name[self._language], value, one.formula[self._language]))
        return Table(tuple(rows), frozenset({1}), (30, 12, 58))

    def _league(self, league: League) -> tuple[Drawing, Table]:
        rows = [tuple(self._word(name) for name in ("rank", "town", "score", "before"))]
        bars = []
        for place in league.places:
            name = self._named_member(league.of, place.member)
            score = self._word("none") if place.score is None else f"{place.score:.2f}"
            before = "–" if place.before_rank is None else f"{place.before_rank}"
            rows.append((str(place.rank or "–"), name, score, before))
            bars.append((name, place.score, score))
        return charts.bars(bars, self._word("league")), Table(tuple(rows), frozenset({0, 2, 3}))

    def _matters(self, given: Given) -> Drawing:
        most = sorted(given.matters.rows, key=lambda row: -row.counts.get("filed", 0))[:MOST_MATTERS]
        rows = []
        for row in most:
            filed, on_time = row.counts.get("filed", 0), row.values.get("on_time_disposal")
            share = self._value("share", on_time.value if on_time else None)
            name = self._sheet.named(given.tenant, "matter", row.member) or row.member
            rows.append((name, float(filed), f"{filed} · {share}"))
        return charts.bars(rows, f"{self._word('matters')} · {self._word('on_time')}")

    def _places(self, hotspots: Hotspots) -> Table:
        rows = [tuple(self._word(name) for name in ("town", "matter", "place", "times", "back"))]
        for one in hotspots.places[:MOST_PLACES]:
            town = self._sheet.named(one.tenant, "tenant", one.tenant) or one.tenant
            matter = self._sheet.named(one.tenant, "matter", one.matter) or one.matter
            where = one.component or f"{one.lat:.4f}, {one.lon:.4f}"
            rows.append((town, matter, where, str(one.filed), str(one.came_back)))
        if len(rows) == 1:
            rows.append((self._word("none"), "", "", "", ""))
        return Table(tuple(rows), frozenset({3, 4}), (24, 34, 22, 8, 12))

    def _named_member(self, of: str, member: str) -> str:
        kind = "tenant" if of == "towns" else "department"
        return self._sheet.named(member if of == "towns" else self._sheet.district_id, kind, member) or member

    def _value(self, unit: str, value: float | None) -> str:
        if value is None:
            return self._word("none")
        if unit == "work-minutes":
            return f"{value:.0f} {self._word('minutes')}"
        return f"{value * 100:.1f} %"

    def _day(self, timestamp: float) -> str:
        return datetime.fromtimestamp(timestamp, self._zone).date().isoformat()

    def _word(self, name: str) -> str:
        return _WORDS[name][self._column]


def _sum(rows: Sequence[Figure], counter: str) -> int:
    return sum(row.counts.get(counter, 0) for row in rows)
