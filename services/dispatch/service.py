"""Dispatch: files cases, offers them, and takes them through the process until they are closed.

A town may run a subclass in its own place and override `choose`, `limits` and `after`: pure rules that are
called with all they may depend on. Cases stay in the district's tables and keep the district's process.
"""

from services.dispatch.change import Stored
from services.dispatch.choosing import Choice, Situation
from services.dispatch.clocks import Limits
from services.dispatch.entrypoints.choices import Choices
from services.dispatch.entrypoints.field import Field
from services.dispatch.entrypoints.fieldlog import Log
from services.dispatch.entrypoints.following_up import FollowingUp
from services.dispatch.entrypoints.handing_over import HandingOver
from services.dispatch.entrypoints.happening import Happening
from services.dispatch.entrypoints.leaving import Leaving
from services.dispatch.entrypoints.lists import Lists
from services.dispatch.entrypoints.loop import Loop
from services.dispatch.entrypoints.mandates import Mandates
from services.dispatch.entrypoints.mode import Modes
from services.dispatch.entrypoints.offline import Offline
from services.dispatch.entrypoints.returning import Returning
from services.dispatch.entrypoints.rosters import Rosters
from services.dispatch.entrypoints.supervising import Supervising
from services.dispatch.entrypoints.timing import Timing
from services.dispatch.entrypoints.together import Together
from services.dispatch.entrypoints.waiting import WaitingCases
from services.dispatch.entrypoints.whereabouts import Whereabouts
from services.dispatch.entrypoints.whistle import Whistling
from services.dispatch.process import Do

__all__ = ["Choice", "Dispatch", "Do", "Limits", "Situation", "Stored"]
"""What a town's own dispatch may import from here."""


class Dispatch(
    Happening,
    Loop,
    Returning,
    HandingOver,
    Field,
    Rosters,
    Together,
    Choices,
    WaitingCases,
    Offline,
    Supervising,
    Modes,
    Whereabouts,
    Whistling,
    Log,
    Mandates,
    Timing,
    FollowingUp,
    Leaving,
    Lists,
):
    """The core's dispatch, and what a town's own is built on. Its rules are in `acting.Acting`."""

    name = "dispatch"
