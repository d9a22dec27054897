"""The one table from which the routes of cases, held reports, messages and boards are made."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, create_model

from qipan.contracts import (
    callouts,
    choosing,
    commands,
    deliveries,
    feed,
    field,
    fieldlog,
    figures,
    follow_up,
    handover,
    joint,
    mandates,
    modes,
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


@dataclass(frozen=True, slots=True)
class Route:
    """An address, and the request that it becomes. A field named in the path is taken from there."""

    method: Literal["GET", "POST"]
    path: str
    request: type[Request[Any]]

    @property
    def from_path(self) -> str | None:
        """The field that the path gives, if any."""
        return self.path.partition("{")[2].partition("}")[0] or None


ROUTES: tuple[Route, ...] = (
    Route("GET", "/v1/work", queries.ListWork),
    Route("GET", "/v1/cases", search.SearchCases),
    Route("GET", "/v1/cases/{case_id}", queries.GetCase),
    Route("GET", "/v1/matching", choosing.MatchWaiting),
    Route("POST", "/v1/matching", choosing.DispatchWaiting),
    Route("GET", "/v1/cases/{case_id}/recommendation", choosing.RecommendUnits),
    Route("POST", "/v1/cases/{case_id}/dispatch", commands.DispatchCase),
    Route("POST", "/v1/cases/{case_id}/accept", commands.AcceptTask),
    Route("POST", "/v1/cases/{case_id}/depart", field.DepartForTask),
    Route("POST", "/v1/cases/{case_id}/arrive", field.ArriveOnScene),
    Route("POST", "/v1/cases/{case_id}/return", commands.ReturnTask),
    Route("POST", "/v1/cases/{case_id}/refuse-return", returns.RefuseReturn),
    Route("POST", "/v1/cases/{case_id}/dispute", returns.DisputeReturn),
    Route("POST", "/v1/cases/{case_id}/arbitrate", returns.ArbitrateReturn),
    Route("GET", "/v1/disputes", returns.ListDisputes),
    Route("POST", "/v1/cases/{case_id}/hand-over", handover.HandOver),
    Route("POST", "/v1/cases/{case_id}/accept-handover", handover.AcceptHandover),
    Route("POST", "/v1/cases/{case_id}/refuse-handover", handover.RefuseHandover),
    Route("POST", "/v1/cases/{case_id}/withdraw-handover", handover.WithdrawHandover),
    Route("POST", "/v1/cases/{case_id}/decide-handover", handover.DecideHandover),
    Route("GET", "/v1/handovers", handover.ListHandovers),
    Route("POST", "/v1/cases/{case_id}/open-support", joint.OpenSupport),
    Route("POST", "/v1/cases/{case_id}/accept-support", joint.AcceptSupport),
    Route("POST", "/v1/cases/{case_id}/finish-support", joint.FinishSupport),
    Route("POST", "/v1/cases/{case_id}/return-support", joint.ReturnSupport),
    Route("POST", "/v1/cases/{case_id}/excuse-support", joint.ExcuseSupport),
    Route("POST", "/v1/cases/{case_id}/dispose", commands.DisposeTask),
    Route("POST", "/v1/cases/{case_id}/inspect", commands.InspectCase),
    Route("POST", "/v1/cases/{case_id}/close", commands.CloseCase),
    Route("POST", "/v1/cases/{case_id}/void", commands.VoidCase),
    Route("POST", "/v1/cases/{case_id}/step", commands.TakeStep),
    Route("POST", "/v1/cases/{case_id}/time", timing.AskForTime),
    Route("POST", "/v1/cases/{case_id}/time/endorse", timing.EndorseTime),
    Route("POST", "/v1/cases/{case_id}/time/decide", timing.DecideTime),
    Route("POST", "/v1/cases/{case_id}/resume", timing.ResumeCase),
    Route("GET", "/v1/time-requests", timing.ListTimeRequests),
    Route("GET", "/v1/suspended", timing.ListSuspended),
    Route("POST", "/v1/cases/{case_id}/callback", follow_up.CallBack),
    Route("GET", "/v1/rectifications", follow_up.ListRectifications),
    Route("POST", "/v1/cases/{case_id}/answer-rectification", follow_up.AnswerRectification),
    Route("POST", "/v1/cases/{case_id}/close-rectification", follow_up.CloseRectification),
    Route("POST", "/v1/cases/{case_id}/supervise", supervision.SuperviseCase),
    Route("POST", "/v1/cases/{case_id}/answer-supervision", supervision.AnswerSupervision),
    Route("POST", "/v1/cases/{case_id}/expedite", supervision.ExpediteCase),
    Route("POST", "/v1/cases/{case_id}/remark", supervision.RemarkCase),
    Route("GET", "/v1/field", field.GetField),
    Route("POST", "/v1/shifts/start", field.StartShift),
    Route("POST", "/v1/shifts/end", field.EndShift),
    Route("GET", "/v1/roster", rosters.GetRoster),
    Route("POST", "/v1/roster", rosters.ChangeRoster),
    Route("GET", "/v1/positions", positions.GetPositions),
    Route("POST", "/v1/positions", positions.ReportPositions),
    Route("GET", "/v1/cases/{case_id}/log", fieldlog.GetLog),
    Route("POST", "/v1/cases/{case_id}/log", fieldlog.AddRemark),
    Route("POST", "/v1/cases/{case_id}/instruct", fieldlog.GiveInstruction),
    Route("POST", "/v1/cases/{case_id}/acknowledge", fieldlog.AcknowledgeInstruction),
    Route("GET", "/v1/backup", fieldlog.ListBackup),
    Route("POST", "/v1/cases/{case_id}/backup", fieldlog.CallBackup),
    Route("POST", "/v1/cases/{case_id}/backup/answer", fieldlog.AnswerBackup),
    Route("GET", "/v1/whistles", whistle.ListWhistles),
    Route("POST", "/v1/cases/{case_id}/whistle", whistle.BlowWhistle),
    Route("POST", "/v1/whistles/{whistle_id}/answer", whistle.AnswerWhistle),
    Route("POST", "/v1/whistles/{whistle_id}/end", whistle.EndWhistle),
    Route("GET", "/v1/mode", modes.GetMode),
    Route("POST", "/v1/mode", modes.SwitchMode),
    Route("GET", "/v1/conflicts", offline.ListConflicts),
    Route("POST", "/v1/conflicts/{conflict_id}", offline.DecideConflict),
    Route("GET", "/v1/workflow", queries.GetWorkflow),
    Route("GET", "/v1/duty/who", mandates.WhoMayHandle),
    Route("GET", "/v1/mandates", mandates.ListMandates),
    Route("POST", "/v1/mandates", mandates.GrantMandate),
    Route("POST", "/v1/mandates/{mandate_id}/revoke", mandates.RevokeMandate),
    Route("GET", "/v1/held", queries.ListHeld),
    Route("GET", "/v1/held/{report_id}", queries.GetReport),
    Route("POST", "/v1/held/{report_id}", commands.DecideReport),
    Route("POST", "/v1/held/{report_id}/split", commands.SplitReport),
    Route("GET", "/v1/verifications", verifications.ListVerifications),
    Route("POST", "/v1/verifications/{report_id}", verifications.AnswerVerification),
    Route("GET", "/v1/reports/{report_id}/photos", queries.ListPhotos),
    Route("GET", "/v1/feed", feed.GetFeed),
    Route("POST", "/v1/reports/{report_id}/reference", feed.NoteReference),
    Route("POST", "/v1/reports/{report_id}/contact", commands.UnmaskContact),
    Route("GET", "/v1/messages", queries.ListMessages),
    Route("POST", "/v1/messages/{message_id}/read", commands.MarkRead),
    Route("GET", "/v1/wishes", preferences.GetWishes),
    Route("POST", "/v1/wishes", preferences.SetWishes),
    Route("GET", "/v1/callouts", callouts.ListCallouts),
    Route("POST", "/v1/callouts/{callout_id}/answer", callouts.AnswerCallout),
    Route("GET", "/v1/wording/{template}", wording.PreviewWords),
    Route("POST", "/v1/wording/{template}/test", wording.SendTest),
    Route("GET", "/v1/deliveries/undelivered", deliveries.ListUndelivered),
    Route("POST", "/v1/deliveries/resend", deliveries.ResendDeliveries),
    Route("POST", "/v1/deliveries/{key}/receipt", deliveries.NoteReceipt),
    Route("GET", "/v1/board", queries.GetBoard),
    Route("GET", "/v1/indicators", figures.ListIndicators),
    Route("GET", "/v1/figures", figures.GetFigures),
    Route("GET", "/v1/league", figures.GetLeague),
    Route("POST", "/v1/league", figures.PublishLeague),
    Route("POST", "/v1/league/correct", figures.CorrectLeague),
    Route("GET", "/v1/league/{member}", figures.ExplainScore),
    Route("GET", "/v1/hotspots", figures.GetHotspots),
    Route("GET", "/v1/warnings", figures.GetWarnings),
    Route("GET", "/v1/who", queries.Who),
    Route("GET", "/v1/stories/{subject}/dispatch", queries.TellCase),
    Route("GET", "/v1/stories/{subject}/intake", queries.TellReport),
    Route("GET", "/v1/stories/{subject}/notify", queries.TellMessages),
)

DOOR_ROUTES: tuple[tuple[str, str], ...] = (
    ("POST", "/v1/reports"),
    ("GET", "/v1/reports/{rest:path}"),
    ("POST", "/v1/reports/{rest:path}"),
    ("POST", "/v1/readings"),
    ("POST", "/v1/alarms"),
    ("GET", "/v1/components/{rest:path}"),
)
"""What is intake's own: its door describes and decides it."""


@cache
def body_model(route: Route) -> type[BaseModel]:
    """What the request's body (or query) may hold: the contract's fields without those given elsewhere."""
    elsewhere = {route.from_path, "expected_version"}
    fields: dict[str, Any] = {
        name: (field.annotation, field)
        for name, field in route.request.model_fields.items()
        if name not in elsewhere
    }
    config = ConfigDict(strict=route.method == "POST", allow_inf_nan=False)
    return create_model(
        f"{route.request.__name__}Body", __config__=config, __doc__=route.request.__doc__, **fields
    )
