"""The scene of a scenario: a running district, one of its towns, and its people, who act only through HTTP."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from qipan.hosting.running import RunningDistrict
from qipan.tenancy import Person

Found = TypeVar("Found")
PATIENCE = 60.0
"""Real seconds that something may take to be heard by whom it concerns."""

RUBBISH = "s:06010"


class Refused(Exception):
    """The system said no: the status, and the problem document."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status, self.problem = status, problem
        super().__init__(f"{status}: {problem}")

    @property
    def code(self) -> str:
        """The problem's stable code."""
        return str(self.problem.get("code", ""))


@dataclass
class Actor:
    """Somebody signed in."""

    person: Person
    http: httpx.Client
    token: str

    @property
    def id(self) -> str:
        return self.person.id

    def get(self, path: str, **params: Any) -> Any:
        """The JSON at `path`; Refused."""
        return _read(self.http.get(path, params=params, headers=self._headers()))

    def post(self, path: str, body: Any = None, *, key: str = "", **params: Any) -> Any:
        """What is answered to `body`; Refused. `key`: the Idempotency-Key."""
        headers = self._headers() | ({"Idempotency-Key": key} if key else {})
        return _read(self.http.post(path, json=body or {}, params=params, headers=headers))

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass
class Filed:
    """A report and the case that it became."""

    report_id: str
    token: str
    case_id: str


@dataclass
class Scene:
    """One town of a running district. What a scenario needs of the domain's time it must wait for: a minute of it
    passes in a second."""

    running: RunningDistrict
    town: str
    _actors: dict[str, Actor] = field(default_factory=dict)
    _places: int = 0

    def who(self, role: str, number: int = 1, *, tenant: str = "") -> Actor:
        """The `number`-th person of a role in the town (or `tenant`)."""
        return self.person(f"{tenant or self.town}.{role}.{number}")

    def person(self, id: str) -> Actor:
        """Somebody of the district's people, signed in."""
        if id not in self._actors:
            person = next(one for one in self.running.district.people if one.id == id)
            http = httpx.Client(base_url=self.running.gateway_url, timeout=20)
            session = {"account": id, "password": self.running.password(person)}
            token = _read(http.post("/v1/session", json=session))["token"]
            self._actors[id] = Actor(person, http, token)
        return self._actors[id]

    def inspector_of(self, case: Mapping[str, Any]) -> Actor:
        """The grid worker of the cell that a case lies in."""
        cell = case["place"]["cells"]["duty"]
        return self.person(
            next(
                one.id
                for one in self.running.district.people_of(self.town)
                if "grid-worker" in one.roles and cell in one.cells
            )
        )

    def somewhere(self) -> dict[str, float]:
        """A point of the town, each time another: never near enough to an earlier one to be the same matter."""
        cells = [c for c in self.running.district.territory.layers["duty"].cells if c.town == self.town]
        self._places += 1
        point = cells[(self._places * 37) % len(cells)].shape.representative_point()
        return {"lon": point.x, "lat": point.y}

    def report(self, text: str, *, matter: str | None = RUBBISH, **fields: Any) -> dict[str, Any]:
        """A citizen's report, as the door answers it: `report_id`, `token` …"""
        body = {"text": f"{text} {uuid.uuid4().hex[:6]}", "matter": matter, **self.somewhere(), **fields}
        answered: dict[str, Any] = _read(
            httpx.post(f"{self.running.gateway_url}/v1/reports", json=body, timeout=20)
        )
        return answered

    def filed(self, text: str = "路边垃圾成堆", **fields: Any) -> Filed:
        """A report, once it is a case."""
        told = self.report(text, **fields)
        leader = self.who("shift-leader")

        def case_id() -> str | None:
            try:
                return leader.get(f"/v1/stories/{told['report_id']}/dispatch")["case_id"]
            except Refused as refused:
                if refused.status != 404:
                    raise
                return None

        return Filed(told["report_id"], told["token"], self.until(case_id))

    def case(self, case_id: str) -> dict[str, Any]:
        """The case as the town's shift leader sees it."""
        found: dict[str, Any] = self.who("shift-leader").get(f"/v1/cases/{case_id}")["case"]
        return found

    def until(self, look: Callable[[], Found | None], seconds: float = PATIENCE) -> Found:
        """What `look` finds, once it finds something; AssertionError when it never does."""
        give_up = time.monotonic() + seconds
        while True:
            found = look()
            if found:
                return found
            assert time.monotonic() < give_up, f"waited {seconds} s in vain"
            time.sleep(0.1)

    def taken(self, case_id: str) -> Actor:
        """The worker to whom a case was offered, who has accepted it."""
        worker = self.person(self.case(case_id)["worker"])
        worker.post(f"/v1/cases/{case_id}/accept")
        return worker

    def closed(self, case_id: str, evidence: str = "photo:after") -> dict[str, Any]:
        """The case, taken from its offer to its end along the straight way."""
        worker = self.taken(case_id)
        worker.post(f"/v1/cases/{case_id}/dispose", {"evidence": [evidence]})
        return self.inspected(case_id)

    def inspected(self, case_id: str) -> dict[str, Any]:
        """A disposed case, inspected by the cell's grid worker and closed."""
        self.inspector_of(self.case(case_id)).post(f"/v1/cases/{case_id}/inspect", {"passed": True})
        case = self.case(case_id)
        if case["stage"] == "inspected":
            self.who("shift-leader").post(f"/v1/cases/{case_id}/close")
            case = self.case(case_id)
        assert case["stage"] == "closed"
        return case

    def track(self, filed: Filed | Mapping[str, Any]) -> dict[str, Any]:
        """What the reporter sees, without an account."""
        report_id = filed.report_id if isinstance(filed, Filed) else filed["report_id"]
        token = filed.token if isinstance(filed, Filed) else filed["token"]
        url = f"{self.running.gateway_url}/v1/reports/{report_id}"
        found: dict[str, Any] = _read(httpx.get(url, params={"token": token}, timeout=20))
        return found

    def refused(self, act: Callable[[], Any]) -> Refused:
        """The refusal that `act` meets; AssertionError when it meets none."""
        try:
            answered = act()
        except Refused as refused:
            return refused
        raise AssertionError(f"this was not refused: {answered}")


def _read(answer: httpx.Response) -> Any:
    body = answer.json() if answer.content else {}
    if answer.is_error:
        raise Refused(answer.status_code, body)
    return body
