"""The rules as they are written: the core's `rules.toml`, and what packs' `notify.toml` change of it and add."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from qipan.access import Role
from qipan.contracts.case import Stage
from qipan.contracts.events import CASE_EVENTS
from qipan.contracts.subscriptions import FIELD_EVENTS, NOTICE_EVENTS
from qipan.tenancy import District
from qipan.tenancy.faults import PackError, PackFault, of_validation
from qipan.tenancy.inherit import Table, merged
from qipan.tenancy.model import Model
from services.notify.audiences import Audience, fits
from services.notify.rosters import Roster, RosterModel
from services.notify.rules import Channel, Rule, Rules, Scope
from services.notify.shapes import Shape, core_shapes

FILE = "notify.toml"
CORE = Path(__file__).parent / "rules.toml"
PERSONAL = (Channel.IN_APP.value, Channel.MAIL.value)
"""The channels to persons that are no shapes."""

_OF_NOTICES = frozenset(kind.type for kind in NOTICE_EVENTS)
_EVENTS = frozenset(kind.type for kind in (*CASE_EVENTS, *FIELD_EVENTS, *NOTICE_EVENTS))
_LISTS = ("stages", "channels", "matters")


class RuleModel(Model):
    """`[rules.<name>]`, once what the pack leaves out has come from below. See `services.notify.rules.Rule`."""

    event: str
    template: str
    audience: Literal[tuple(one.value for one in Audience)] | None = None  # type: ignore[valid-type]
    role: Literal[tuple(one.value for one in Role)] | None = None  # type: ignore[valid-type]
    scope: Literal[tuple(one.value for one in Scope)] | None = None  # type: ignore[valid-type]
    roster: str | None = None
    destination: str | None = None
    channels: Annotated[list[str], Field(min_length=1)] = Field(default=[Channel.IN_APP.value])
    language: Literal["zh", "en"] | None = None
    stages: list[Literal[tuple(one.value for one in Stage)]] = Field(default=[])  # type: ignore[valid-type]
    matters: list[str] = Field(default=[])
    urgent: bool = False
    off: bool = False
    worst_rating: Annotated[int, Field(ge=1, le=5)] | None = None
    level: Annotated[int, Field(ge=1, le=3)] | None = None
    asked_of: Literal["town", "district"] | None = None
    own_stage: str | None = None
    asked: bool | None = None
    endorsing: bool | None = None
    overdue: bool | None = None
    unanswered: bool = False
    waiting: bool = False

    @model_validator(mode="after")
    def _says_who_once(self) -> "RuleModel":
        """ValueError unless exactly one thing says who hears, of whom the event can speak; `scope` is a role's."""
        who = [one for one in (self.audience, self.role, self.roster, self.destination) if one is not None]
        if len(who) != 1:
            raise ValueError("say who hears by one of audience, role, roster and destination")
        if self.scope is not None and self.role is None:
            raise ValueError("scope belongs to a role")
        if self.event not in _EVENTS:
            raise ValueError(f"notify does not hear of {self.event!r}")
        if self.audience is not None and not fits(Audience(self.audience), notice=self.event in _OF_NOTICES):
            about = "no case" if self.event in _OF_NOTICES else "a case"
            raise ValueError(f"{self.event} is about {about}: it has no audience {self.audience!r}")
        return self


class BookModel(Model):
    """A `notify.toml` laid upon those below it."""

    rules: dict[str, RuleModel] = Field(default={})
    channels: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")], Shape] = Field(default={})
    rosters: dict[str, RosterModel] = Field(default={})


@dataclass(frozen=True)
class Book:
    """What holds in one live tenant."""

    rules: Rules
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    rosters: Mapping[str, Roster] = field(default_factory=dict)

    @property
    def templates(self) -> set[str]:
        """Every template that a rule uses."""
        return {rule.template for rules in self.rules.values() for rule in rules}


def core_rules() -> Rules:
    """The core's own rules by event."""
    return core_book().rules


@cache
def core_book() -> Book:
    """What holds where no pack says otherwise."""
    raw = tomllib.loads(CORE.read_text(encoding="utf-8"))
    return _book(BookModel.model_validate(raw))


def books(district: District) -> dict[str, Book]:
    """What holds in each live tenant; PackError lists everything that is wrong with the packs' files."""
    faults, found = list[PackFault](), dict[str, Book]()
    core = tomllib.loads(CORE.read_text(encoding="utf-8"))
    for tenant in district.tenants:
        files = [folder / FILE for folder in district.folders(tenant) if (folder / FILE).exists()]
        if not files:
            found[tenant] = core_book()
            continue
        raw: Table = core
        own = district.folders(tenant)[0]
        tables = [
            (file, table if file.parent == own else _inheritable(table))
            for file in files
            if (table := _read(district, file, faults)) is not None
        ]
        for _, table in reversed(tables):
            raw = merged(raw, table)
        read = _validated(district, raw, tables, faults) if len(tables) == len(files) else None
        if read is not None:
            found[tenant] = _book(read)
            faults += _checked(district, tenant, read, tables)
    if faults:
        raise PackError(faults)
    return found


def all_shapes(found: Mapping[str, Book]) -> dict[str, Shape]:
    """The core's channels and every pack's; PackError where two packs mean different things by one name."""
    shapes = dict(core_shapes())
    for tenant, book in found.items():
        for name, shape in book.shapes.items():
            if name in PERSONAL or shapes.setdefault(name, shape) != shape:
                raise PackError(
                    [PackFault(f"{tenant}: {FILE}", f"channels.{name}", "another channel has this name")]
                )
    return shapes


def _book(read: BookModel) -> Book:
    by_event: dict[str, list[Rule]] = {}
    for name, rule in read.rules.items():
        if not rule.off:
            by_event.setdefault(rule.event, []).append(_rule(name, rule))
    rosters = {name: Roster.of(written) for name, written in read.rosters.items()}
    return Book(by_event, read.channels, rosters)


def _rule(name: str, written: RuleModel) -> Rule:
    said = written.model_dump(exclude={"off", "audience", "role", "scope", "stages", "channels", "matters"})
    return Rule(
        **said,
        name=name,
        audience=Audience(written.audience) if written.audience else None,
        role=Role(written.role) if written.role else None,
        scope=Scope(written.scope) if written.scope else Scope.TOWN,
        stages=frozenset(map(Stage, written.stages)),
        channels=tuple(written.channels),
        matters=tuple(written.matters),
    )


def _inheritable(table: Table) -> Table:
    """What a town takes over of another's file: who is on call is the other's own, with the rules that call them."""
    rules = table.get("rules")
    if isinstance(rules, Mapping):
        kept = {name: r for name, r in rules.items() if not (isinstance(r, Mapping) and "roster" in r)}
        table = {**table, "rules": kept}
    return {key: value for key, value in table.items() if key != "rosters"}


def _read(district: District, file: Path, faults: list[PackFault]) -> Table | None:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        faults.append(PackFault(_shown(district, file), "", "is not UTF-8"))
    except tomllib.TOMLDecodeError as error:
        faults.append(PackFault(_shown(district, file), "", f"is not TOML: {error}"))
    return None


def _validated(
    district: District, raw: Table, tables: Sequence[tuple[Path, Table]], faults: list[PackFault]
) -> BookModel | None:
    def origin(key: tuple[str, ...]) -> tuple[str, str]:
        file = next(
            (file for file, table in tables if _names(table, key[:2])), tables[0][0] if tables else CORE
        )
        return _shown(district, file), ".".join(key)

    try:
        return BookModel.model_validate(raw)
    except ValidationError as error:
        faults += of_validation(error, origin)
        return None


def _checked(
    district: District, tenant: str, read: BookModel, tables: Sequence[tuple[Path, Table]]
) -> Iterator[PackFault]:
    """What only the whole shows: channels and rosters that are not there, people who are not."""
    file = _shown(district, tables[0][0])
    personal = {
        *PERSONAL,
        *(name for name, shape in {**core_shapes(), **read.channels}.items() if shape.personal),
    }
    people = {person.id for person in district.people_of(tenant)}
    for name, rule in read.rules.items():
        strange = sorted(set(rule.channels) - personal)
        if strange:
            allowed = ", ".join(sorted(personal))
            yield PackFault(
                file, f"rules.{name}.channels", f"no channel to persons: {', '.join(strange)}", allowed
            )
        if rule.roster is not None and rule.roster not in read.rosters:
            allowed = ", ".join(sorted(read.rosters))
            yield PackFault(file, f"rules.{name}.roster", f"there is no roster {rule.roster!r}", allowed)
    for name, roster in read.rosters.items():
        strange = sorted(set(roster.people) - people)
        if strange:
            yield PackFault(file, f"rosters.{name}.people", f"nobody of {tenant}: {', '.join(strange)}")
        if set(roster.channels) - personal:
            yield PackFault(
                file, f"rosters.{name}.channels", "no channel to persons", ", ".join(sorted(personal))
            )


def _names(table: Any, key: tuple[str, ...]) -> bool:
    for part in key:
        if not isinstance(table, Mapping) or part not in table:
            return False
        table = table[part]
    return True


def _shown(district: District, file: Path) -> str:
    return str(file.relative_to(district.root)) if file.is_relative_to(district.root) else file.name
