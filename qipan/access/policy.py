"""The one table of rights: action × role → scope. What it does not name is denied.

A role's scope says how far its holder's right reaches; the handler that acts compares the thing with it
(`Grant.require`). Sources: GB/T 30428's separation of the centre that files and closes (shift leader) from
the centre that dispatches (dispatcher), and of who disposes (handler) from who inspects (grid worker).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from qipan.access.principal import Role
from qipan.contracts import (
    callouts,
    choosing,
    citizens,
    commands,
    deliveries,
    devices,
    feed,
    field,
    fieldlog,
    figures,
    follow_up,
    handover,
    joint,
    mandates,
    modes,
    news,
    offline,
    positions,
    preferences,
    queries,
    returns,
    rosters,
    search,
    supervision,
    timing,
    verifications,
    whistle,
    wording,
)
from qipan.contracts.base import Request


class Scope(StrEnum):
    """How far a right reaches, narrowest first."""

    OWN = "own"  # only what is the principal's own
    UNIT = "unit"  # what is assigned to one of the principal's units, in whichever tenant it arose
    CELL = "cell"  # what lies in one of the principal's cells
    DEPARTMENT = "department"  # what is assigned to the department that the principal's tenant is
    TENANT = "tenant"  # everything of the principal's tenant; of a district's principal: of all its tenants
    DISTRICT = "district"  # everything in the district, whichever tenant the principal is of
    PUBLIC = "public"  # anybody, signed in or not


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may do one action. `everyone` needs no principal; `reads_only` lets a department look abroad.

    `from_above`: the roles in which the district's own people may do it in a town that has nobody of its own for
    it; the handler asks whether that is so (`Grant.from_above`).
    """

    scopes: Mapping[Role, Scope]
    reads_only: bool = False
    everyone: bool = False
    from_above: frozenset[Role] = frozenset()


REPORT_POST = "report.post.v1"
REPORT_TRACK = "report.track.v1"
REPORT_RATE = "report.rate.v1"
REPORT_IMPORT = "report.import.v1"
CALL_TAKE = "call.take.v1"
READING_POST = "reading.post.v1"
ALARM_POST = "alarm.post.v1"
COMPONENT_SHOW = "component.show.v1"
OPEN311_POST = "open311.post.v1"
OPEN311_READ = "open311.read.v1"
STREAM = "stream.listen.v1"

_TOWN_STAFF = (
    Role.ACCEPTOR,
    Role.SHIFT_LEADER,
    Role.DISPATCHER,
    Role.SUPERVISOR,
    Role.TOWN_LEAD,
    Role.DISTRICT_LEAD,
)
_STAFF = (*_TOWN_STAFF, Role.GRID_WORKER, Role.HANDLER, Role.OPERATOR)
_PEOPLE = (*_STAFF, Role.CITIZEN)
_WATCHERS = dict.fromkeys((*_TOWN_STAFF, Role.OPERATOR), Scope.TENANT)
_CALL_TAKERS = (
    Role.ACCEPTOR,
    Role.SHIFT_LEADER,
    Role.DISPATCHER,  # a department has no acceptors
    Role.OPERATOR,
    Role.SERVICE,  # a department's own system
)
_ARBITERS = dict.fromkeys((Role.DISPATCHER, Role.SUPERVISOR, Role.DISTRICT_LEAD), Scope.TENANT)
_SUPERVISORS = dict.fromkeys((Role.SUPERVISOR, Role.TOWN_LEAD, Role.DISTRICT_LEAD), Scope.TENANT)
_WORKERS = {Role.HANDLER: Scope.UNIT, Role.GRID_WORKER: Scope.CELL}

_DELIVERERS = dict.fromkeys((Role.OPERATOR, Role.SUPERVISOR, Role.DISTRICT_LEAD), Scope.TENANT)
_ON_SHIFT = {
    Role.HANDLER: Scope.OWN,
    Role.GRID_WORKER: Scope.OWN,
    Role.DISPATCHER: Scope.TENANT,
    Role.SHIFT_LEADER: Scope.TENANT,
}

_CENTRE = dict.fromkeys((Role.DISPATCHER, Role.SHIFT_LEADER), Scope.TENANT)
_PARTIES = {**_CENTRE, Role.HANDLER: Scope.UNIT, Role.SERVICE: Scope.DEPARTMENT}
_WHISTLE = dict.fromkeys((Role.DISPATCHER, Role.TOWN_LEAD, Role.DISTRICT_LEAD), Scope.TENANT)

_REQUESTS: dict[type[Request[Any]], dict[Role, Scope]] = {
    # intake
    commands.SubmitReport: {Role.SERVICE: Scope.TENANT, Role.MACHINE: Scope.TENANT},
    commands.DecideReport: {Role.ACCEPTOR: Scope.TENANT, Role.SHIFT_LEADER: Scope.TENANT},
    commands.SplitReport: {Role.ACCEPTOR: Scope.TENANT, Role.SHIFT_LEADER: Scope.TENANT},
    commands.UnmaskContact: {Role.ACCEPTOR: Scope.TENANT, Role.SHIFT_LEADER: Scope.TENANT},
    queries.ListHeld: {
        Role.ACCEPTOR: Scope.TENANT,
        Role.SHIFT_LEADER: Scope.TENANT,
        Role.SUPERVISOR: Scope.TENANT,
    },
    queries.ListPhotos: {**dict.fromkeys(_TOWN_STAFF, Scope.TENANT), **_WORKERS},
    queries.GetReport: {**_WATCHERS, Role.SERVICE: Scope.TENANT},
    queries.TellReport: _WATCHERS,
    # an address leaves intake for notify alone, whose name the handler asks for
    citizens.ReachReporter: {Role.SERVICE: Scope.TENANT},
    commands.IssueApiKey: {Role.OPERATOR: Scope.TENANT},
    commands.RevokeApiKey: {Role.OPERATOR: Scope.TENANT},
    queries.ListApiKeys: {Role.OPERATOR: Scope.TENANT},
    verifications.ListVerifications: {
        Role.GRID_WORKER: Scope.CELL,
        Role.ACCEPTOR: Scope.TENANT,
        Role.SHIFT_LEADER: Scope.TENANT,
        Role.SUPERVISOR: Scope.TENANT,
    },
    verifications.AnswerVerification: {Role.GRID_WORKER: Scope.CELL, Role.SUPERVISOR: Scope.TENANT},
    feed.GetFeed: {Role.SERVICE: Scope.TENANT, Role.OPERATOR: Scope.TENANT},
    feed.NoteReference: {Role.SERVICE: Scope.DEPARTMENT},
    devices.RegisterDevice: {Role.OPERATOR: Scope.TENANT},
    devices.RevokeDevice: {Role.OPERATOR: Scope.TENANT},
    devices.ListDevices: {Role.OPERATOR: Scope.TENANT, Role.SUPERVISOR: Scope.TENANT},
    # dispatch
    commands.DispatchCase: {Role.DISPATCHER: Scope.TENANT},
    choosing.DispatchWaiting: {Role.DISPATCHER: Scope.TENANT},
    choosing.MatchWaiting: {Role.DISPATCHER: Scope.TENANT, Role.SHIFT_LEADER: Scope.TENANT},
    choosing.RecommendUnits: dict.fromkeys(
        (Role.DISPATCHER, Role.SHIFT_LEADER, Role.SUPERVISOR, Role.TOWN_LEAD, Role.DISTRICT_LEAD),
        Scope.TENANT,
    ),
    commands.AcceptTask: {Role.HANDLER: Scope.UNIT, Role.SERVICE: Scope.DEPARTMENT},
    field.DepartForTask: {Role.HANDLER: Scope.UNIT},
    field.ArriveOnScene: {Role.HANDLER: Scope.UNIT},
    commands.ReturnTask: {Role.HANDLER: Scope.UNIT, Role.SERVICE: Scope.DEPARTMENT},
    returns.RefuseReturn: {Role.DISPATCHER: Scope.TENANT},
    returns.DisputeReturn: {Role.HANDLER: Scope.UNIT, Role.SERVICE: Scope.DEPARTMENT},
    # the step asks besides that whoever decides is the district's, in the role that `dispatch.arbiter` names
    returns.ArbitrateReturn: _ARBITERS,
    returns.ListDisputes: _ARBITERS,
    # the steps ask besides who has the case, and who is asked to take it
    handover.HandOver: {Role.HANDLER: Scope.UNIT, Role.DISPATCHER: Scope.TENANT},
    handover.AcceptHandover: {Role.HANDLER: Scope.UNIT, Role.DISPATCHER: Scope.TENANT},
    handover.RefuseHandover: {Role.HANDLER: Scope.UNIT, Role.DISPATCHER: Scope.TENANT},
    handover.WithdrawHandover: {Role.HANDLER: Scope.UNIT, Role.DISPATCHER: Scope.TENANT},
    handover.DecideHandover: _ARBITERS,
    handover.ListHandovers: _WATCHERS,
    joint.OpenSupport: {Role.DISPATCHER: Scope.TENANT},
    joint.AcceptSupport: {Role.HANDLER: Scope.UNIT, Role.SERVICE: Scope.DEPARTMENT},
    joint.FinishSupport: {Role.HANDLER: Scope.UNIT},
    joint.ReturnSupport: {Role.HANDLER: Scope.UNIT, Role.SERVICE: Scope.DEPARTMENT},
    joint.ExcuseSupport: {Role.DISPATCHER: Scope.TENANT},
    commands.DisposeTask: {Role.HANDLER: Scope.UNIT, Role.SERVICE: Scope.DEPARTMENT},
    commands.InspectCase: {Role.GRID_WORKER: Scope.CELL, Role.SUPERVISOR: Scope.TENANT},
    commands.CloseCase: {Role.SHIFT_LEADER: Scope.TENANT},
    commands.VoidCase: {Role.SHIFT_LEADER: Scope.TENANT},
    timing.AskForTime: {Role.HANDLER: Scope.UNIT},
    # the steps ask besides that whoever endorses is of the department asked, and whoever decides is not
    timing.EndorseTime: {Role.DISPATCHER: Scope.TENANT},
    timing.DecideTime: {Role.DISPATCHER: Scope.TENANT},
    timing.ResumeCase: {Role.DISPATCHER: Scope.TENANT},
    timing.ListTimeRequests: _WATCHERS,
    timing.ListSuspended: _WATCHERS,
    commands.TakeStep: {**dict.fromkeys(_TOWN_STAFF, Scope.TENANT), **_WORKERS},
    follow_up.CallBack: {Role.ACCEPTOR: Scope.TENANT, Role.SHIFT_LEADER: Scope.TENANT},
    follow_up.AnswerRectification: {Role.HANDLER: Scope.UNIT, Role.DISPATCHER: Scope.TENANT},
    follow_up.CloseRectification: {Role.SHIFT_LEADER: Scope.TENANT},
    follow_up.ListRectifications: {**_WATCHERS, Role.HANDLER: Scope.UNIT},
    supervision.SuperviseCase: _SUPERVISORS,
    supervision.AnswerSupervision: {
        Role.HANDLER: Scope.UNIT,
        Role.DISPATCHER: Scope.TENANT,
        Role.SHIFT_LEADER: Scope.TENANT,
    },
    supervision.ExpediteCase: dict.fromkeys(_TOWN_STAFF, Scope.TENANT),
    supervision.RemarkCase: _SUPERVISORS,
    queries.ListWork: {**_WATCHERS, **_WORKERS},
    search.SearchCases: {**_WATCHERS, **_WORKERS},
    queries.GetCase: {**_WATCHERS, **_WORKERS, Role.SERVICE: Scope.TENANT},
    queries.TellCase: _WATCHERS,
    # the field: workers sign on themselves, or are signed on by the town's centre
    field.StartShift: _ON_SHIFT,
    field.EndShift: _ON_SHIFT,
    field.GetField: {**_WATCHERS, Role.HANDLER: Scope.UNIT},
    rosters.GetRoster: {**_WATCHERS, Role.HANDLER: Scope.UNIT},
    rosters.ChangeRoster: _CENTRE,
    # where others are: only for who commands them; one's own for oneself (`whereabouts` asks which)
    positions.ReportPositions: {
        Role.HANDLER: Scope.OWN,
        Role.GRID_WORKER: Scope.OWN,
        Role.SERVICE: Scope.TENANT,
    },
    positions.GetPositions: _ON_SHIFT,
    # the log of a case: the centre instructs, every party speaks and reads (`entrypoints.fieldlog` asks which)
    fieldlog.GiveInstruction: _CENTRE,
    fieldlog.AcknowledgeInstruction: {Role.HANDLER: Scope.UNIT},
    fieldlog.AddRemark: _PARTIES,
    fieldlog.CallBackup: {Role.HANDLER: Scope.UNIT},
    fieldlog.AnswerBackup: _CENTRE,
    fieldlog.GetLog: {**_WATCHERS, **_PARTIES, Role.SUPERVISOR: Scope.TENANT},
    fieldlog.ListBackup: {**_CENTRE, Role.SUPERVISOR: Scope.TENANT, Role.TOWN_LEAD: Scope.TENANT},
    # 吹哨: the town summons; who was summoned answers
    whistle.BlowWhistle: _WHISTLE,
    whistle.EndWhistle: _WHISTLE,
    whistle.AnswerWhistle: {
        Role.HANDLER: Scope.UNIT,
        Role.DISPATCHER: Scope.DEPARTMENT,
        Role.SERVICE: Scope.DEPARTMENT,
    },
    whistle.ListWhistles: {**_WATCHERS, Role.HANDLER: Scope.UNIT, Role.SERVICE: Scope.TENANT},
    modes.SwitchMode: {Role.TOWN_LEAD: Scope.TENANT, Role.DISTRICT_LEAD: Scope.TENANT},
    modes.GetMode: dict.fromkeys((*_STAFF, Role.SERVICE), Scope.TENANT),
    # without signal: the right to each command is asked for as its own
    offline.ReplayCommand: {**_WORKERS, Role.SUPERVISOR: Scope.TENANT},
    offline.ListConflicts: _WATCHERS,
    offline.DecideConflict: {Role.DISPATCHER: Scope.TENANT, Role.SHIFT_LEADER: Scope.TENANT},
    queries.GetWorkflow: dict.fromkeys((*_STAFF, Role.SERVICE), Scope.TENANT),
    # who answers for what is no secret in the district: one board of chess
    mandates.GrantMandate: {Role.DISPATCHER: Scope.TENANT, Role.DISTRICT_LEAD: Scope.TENANT},
    mandates.RevokeMandate: {Role.DISPATCHER: Scope.TENANT, Role.DISTRICT_LEAD: Scope.TENANT},
    mandates.ListMandates: dict.fromkeys((*_STAFF, Role.SERVICE), Scope.DISTRICT),
    mandates.WhoMayHandle: dict.fromkeys((*_STAFF, Role.SERVICE), Scope.DISTRICT),
    # notify
    commands.MarkRead: dict.fromkeys(_PEOPLE, Scope.OWN),
    queries.ListMessages: dict.fromkeys(_PEOPLE, Scope.OWN),
    queries.TellMessages: _WATCHERS,
    # others' messages leave notify for the gateway alone, whose name the handler asks for
    news.AskNews: {Role.SERVICE: Scope.TENANT},
    # one's own wishes; what one follows besides is asked there
    preferences.GetWishes: dict.fromkeys(_STAFF, Scope.OWN),
    preferences.SetWishes: dict.fromkeys(_STAFF, Scope.OWN),
    callouts.AnswerCallout: dict.fromkeys(_STAFF, Scope.OWN),
    callouts.ListCallouts: {**dict.fromkeys(_STAFF, Scope.OWN), **_WATCHERS},
    wording.PreviewWords: _DELIVERERS,
    wording.SendTest: {Role.OPERATOR: Scope.TENANT, Role.SUPERVISOR: Scope.TENANT},
    # what did not arrive names whom it was for: those who look after the installation and the town's supervision
    deliveries.ListUndelivered: _DELIVERERS,
    deliveries.ResendDeliveries: _DELIVERERS,
    deliveries.NoteReceipt: {Role.SERVICE: Scope.TENANT},
    # analytics: the league is published (晾晒), every member of staff may see it
    queries.GetBoard: dict.fromkeys(_STAFF, Scope.DISTRICT),
    figures.ListIndicators: dict.fromkeys(_STAFF, Scope.DISTRICT),
    figures.GetFigures: dict.fromkeys(_STAFF, Scope.DISTRICT),
    figures.GetLeague: dict.fromkeys(_STAFF, Scope.DISTRICT),
    figures.ExplainScore: dict.fromkeys(_STAFF, Scope.DISTRICT),
    # only the district's own people reach the district's table with a right of this scope
    figures.PublishLeague: {Role.SUPERVISOR: Scope.TENANT, Role.DISTRICT_LEAD: Scope.TENANT},
    figures.CorrectLeague: {Role.SUPERVISOR: Scope.TENANT, Role.DISTRICT_LEAD: Scope.TENANT},
    # these name places and cases
    figures.GetHotspots: _WATCHERS,
    figures.GetWarnings: _WATCHERS,
    # the steward
    commands.Arrive: {Role.SERVICE: Scope.TENANT},
    commands.Leave: {Role.SERVICE: Scope.TENANT},
    queries.Who: {
        Role.OPERATOR: Scope.DISTRICT,
        Role.SERVICE: Scope.DISTRICT,
        Role.DISTRICT_LEAD: Scope.DISTRICT,
    },
}

# where a town has neither acceptors nor shift leaders, its held reports wait for the district's dispatchers
_FROM_ABOVE: dict[type[Request[Any]], frozenset[Role]] = dict.fromkeys(
    (commands.DecideReport, commands.SplitReport, commands.UnmaskContact, queries.ListHeld),
    frozenset({Role.DISPATCHER}),
)

_CORE: dict[str, Rule] = {
    **{
        kind.type: Rule(scopes, reads_only=kind.reads_only, from_above=_FROM_ABOVE.get(kind, frozenset()))
        for kind, scopes in _REQUESTS.items()
    },
    # at the HTTP doors: a citizen reports without signing in, and follows with the report's own token
    REPORT_POST: Rule({}, everyone=True),
    REPORT_TRACK: Rule({}, reads_only=True, everyone=True),
    REPORT_RATE: Rule({}, everyone=True),
    # what stands in the street and has a plate with its id: nothing about people
    COMPONENT_SHOW: Rule({}, reads_only=True, everyone=True),
    # in bulk: as every citizen may report anywhere, whoever may import may so in every town
    REPORT_IMPORT: Rule(dict.fromkeys(_CALL_TAKERS, Scope.DISTRICT)),
    # the hotline's call, with its number in the switchboard: for who sits there
    CALL_TAKE: Rule(dict.fromkeys(_CALL_TAKERS, Scope.DISTRICT)),
    # a device, by the key that it was registered with
    ALARM_POST: Rule({Role.MACHINE: Scope.TENANT}),
    READING_POST: Rule({Role.MACHINE: Scope.TENANT, Role.SERVICE: Scope.TENANT}),
    # Open311: with an API key one reports; what was reported that way is public, as its specification has it
    OPEN311_POST: Rule({Role.MACHINE: Scope.TENANT}),
    OPEN311_READ: Rule({}, reads_only=True, everyone=True),
    STREAM: Rule({**_WATCHERS, **_WORKERS}, reads_only=True),
    # 你说我办: what was said and done, where the tenant shows it
    figures.ListDone.type: Rule({}, reads_only=True, everyone=True),
}
_of_tenants: dict[str, Rule] = {}


def rule_for(action: str) -> Rule | None:
    """Who may do `action`; None when nobody said so."""
    return _CORE.get(action) or _of_tenants.get(action)


def core_rules() -> Mapping[str, Rule]:
    """Every action that the core decides about, with its rule."""
    return _CORE


def allow(action: str, scopes: Mapping[Role, Scope], *, reads_only: bool = False) -> None:
    """Say who may do an action of a tenant's own service; ValueError for one that the core decides about."""
    if action in _CORE:
        raise ValueError(f"the district core decides who may do {action!r}; a tenant's own service cannot")
    _of_tenants[action] = Rule(dict(scopes), reads_only=reads_only)
