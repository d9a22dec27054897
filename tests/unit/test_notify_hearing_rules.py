"""Rules of packs, people's wishes and rosters: what they may say, and what comes of it."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from case_samples import MORNING, case
from hypothesis import given
from hypothesis import strategies as st

from qipan.contracts import events
from qipan.contracts.preferences import Off, Wishes
from qipan.tenancy import District, PackError, load_district
from services.notify.channel import Outgoing
from services.notify.desk import Desk
from services.notify.notes import Occurrence
from services.notify.outlets import Outlet, Outlets
from services.notify.rosters import Roster, RosterModel
from services.notify.rulebook import all_shapes, books, core_book
from services.notify.templates import LAYOUT
from services.notify.wishes import goes

SHANGHAI = ZoneInfo("Asia/Shanghai")
FILED = events.CaseFiled.type


class Takes:
    def send(self, address: str, message: Outgoing) -> bool:
        return True


OUTLETS = Outlets.of(
    [
        Outlet("post", "mail", Takes()),
        Outlet("text", "sms", Takes()),
        Outlet("police", "webhook", Takes(), personal=False, tenants=frozenset({"sandun"})),
        Outlet("others", "webhook", Takes(), personal=False, tenants=frozenset({"wenxin"})),
    ],
    {"sandun.sweep.1": {"sms": "13800000000"}},
)


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("pack") / "xihu"
    shutil.copytree("districts/xihu", copy)
    return copy


def district_with(packs: Path, files: dict[str, str]) -> District:
    """Xihu with these files besides; those of the test before are gone."""
    for file in (*packs.rglob("notify.toml"), *packs.rglob(LAYOUT), *packs.rglob("flood.told.txt.j2")):
        file.unlink()
    for name, text in files.items():
        (packs / name).parent.mkdir(parents=True, exist_ok=True)
        (packs / name).write_text(text, encoding="utf-8")
    return load_district(packs)


def composed(district: District, tenant: str = "sandun", **changes: object) -> set[tuple[str, str, str]]:
    desk = Desk(district, OUTLETS)
    happened = [Occurrence("m", FILED, case(tenant=tenant, **changes), MORNING)]
    return {(note.recipient, note.channel, note.destination) for note in desk.compose(happened)}


def test_a_town_changes_a_rule_of_the_cores_and_adds_one_for_another_system(packs: Path) -> None:
    district = district_with(
        packs,
        {
            "towns/sandun/notify.toml": """
[rules."case.filed.handler"]
channels = ["in-app", "sms"]

[rules.to-the-police]
event = "case.filed.v1"
destination = "police"
template = "task.offered"
matters = ["s:06*"]

[rules.to-others]
event = "case.filed.v1"
destination = "others"
template = "task.offered"

[rules.leads-too]
event = "case.filed.v1"
role = "town-lead"
scope = "town"
template = "task.offered"
language = "en"
"""
        },
    )
    assert composed(district) == {
        ("sandun.sweep.1", "in-app", ""),
        ("sandun.sweep.1", "sms", "text"),
        ("police", "webhook", "police"),
        ("sandun.town-lead.1", "in-app", ""),
    }  # `others` does not take this town's happenings
    assert ("police", "webhook", "police") not in composed(district, matter="s:07001")
    told = Desk(district, OUTLETS).compose([Occurrence("m", FILED, case(), MORNING)])
    assert next(note for note in told if note.recipient == "sandun.town-lead.1").title.isascii()
    assert {recipient for recipient, _, _ in composed(district, "wenxin")} == {"sandun.sweep.1"}
    shadow = composed(district, "sandun~ex7")
    assert {(channel, destination) for _, channel, destination in shadow} == {("in-app", "")}


def test_who_may_watch_no_longer_follows_no_longer(packs: Path) -> None:
    """Both wished to follow; one of them has lost the role since."""
    desk = Desk(district_with(packs, {}), OUTLETS)
    following = {("sandun", FILED): ["sandun.supervisor.1", "sandun.grid-worker.1"]}
    told = desk.compose([Occurrence("m", FILED, case(), MORNING)], following=following)
    recipients = {note.recipient for note in told}
    assert "sandun.supervisor.1" in recipients
    assert "sandun.grid-worker.1" not in recipients


def test_a_rule_can_be_switched_off(packs: Path) -> None:
    off = '[rules."case.filed.handler"]\noff = true\n'
    assert composed(district_with(packs, {"towns/sandun/notify.toml": off})) == set()


def test_a_town_inherits_rules_and_adds_a_channel_of_its_own(packs: Path) -> None:
    district = district_with(
        packs,
        {
            "towns/sandun/notify.toml": """
[channels.siren]
name = { zh = "警报", en = "siren" }
body = '{"say": {{ title | tojson }}, "id": {{ key | tojson }}}'
""",
        },
    )
    found = books(district)
    assert "siren" in found["shuangpu"].shapes  # it builds on Sandun
    assert "siren" not in found["wenxin"].shapes
    assert set(all_shapes(found)) == {"dingtalk", "wecom", "feishu", "sms", "siren"}


RULE = 'event = "case.filed.v1"\ntemplate = "task.offered"\n'


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"notify.toml": "[rules.x]\n" + RULE}, "say who hears"),
        ({"notify.toml": '[rules.x]\naudience = "handler"\nrole = "handler"\n' + RULE}, "say who hears"),
        ({"notify.toml": '[rules.x]\naudience = "everybody"\n' + RULE}, "rules.x.audience"),
        ({"notify.toml": '[rules.x]\nroster = "night"\n' + RULE}, "there is no roster 'night'"),
        ({"notify.toml": '[rules.x]\nrole = "handler"\nchannels = ["pigeon"]\n' + RULE}, "pigeon"),
        ({"notify.toml": '[rules.x]\nrole = "handler"\nhue = 1\n' + RULE}, "rules.x.hue"),
        (
            {
                "notify.toml": '[rules.x]\nrole = "handler"\nevent = "case.eaten.v1"\ntemplate = "task.offered"\n'
            },
            "does not hear of 'case.eaten.v1'",
        ),
        (
            {"notify.toml": '[rules.x]\nrole = "handler"\nevent = "case.filed.v1"\ntemplate = "no.such"\n'},
            "there is no such template",
        ),
        (
            {
                "notify.toml": '[rules.x]\naudience = "handler"\nevent = "mode.switched.v1"\n'
                'template = "task.offered"\n'
            },
            "is about no case: it has no audience 'handler'",
        ),
        (
            {"notify.toml": '[rules.x]\naudience = "walkers"\n' + RULE},
            "is about a case: it has no audience 'walkers'",
        ),
        (
            {
                "notify.toml": '[rules.x]\nrole = "handler"\nevent = "report.updateswanted.v1"\ntemplate = "a"\n'
            },
            "does not hear of 'report.updateswanted.v1'",
        ),
        ({"notify.toml": "rules = [\n"}, "is not TOML"),
        (
            {
                "towns/sandun/notify.toml": '[rosters.night]\npeople = ["wenxin.dispatcher.1"]\nsince = 2026-01-05\n'
            },
            "nobody of sandun: wenxin.dispatcher.1",
        ),
        (
            {"towns/sandun/notify.toml": '[channels.siren]\nname = {zh="a", en="a"}\nbody = "{{ phone }}"\n'},
            "unknown variables: phone",
        ),
        ({f"towns/sandun/templates/{LAYOUT}": "<p>{{ reporter }}</p>"}, "unknown variables: reporter"),
    ],
)
def test_a_pack_that_says_what_cannot_be_is_refused_with_its_file(
    packs: Path, files: dict[str, str], said: str
) -> None:
    with pytest.raises(PackError, match=said) as refused:
        Desk(district_with(packs, files), OUTLETS)
    assert next(iter(files)).rpartition("/")[2] in str(refused.value) or "templates" in str(refused.value)


def test_a_rule_of_ones_own_has_words_of_ones_own(packs: Path) -> None:
    district = district_with(
        packs,
        {
            "towns/sandun/notify.toml": '[rules.flood]\nevent = "case.filed.v1"\nrole = "town-lead"\n'
            'template = "flood.told"\n',
            "towns/sandun/templates/zh/flood.told.txt.j2": "积水：{{ place }}\n{{ case }}\n",
            "towns/sandun/templates/en/flood.told.txt.j2": "Flood: {{ place }}\n{{ case }}\n",
        },
    )
    told = Desk(district, OUTLETS).compose([Occurrence("m", FILED, case(), MORNING)])
    assert "积水：Zhenhua Road 1" in {note.title for note in told}


def test_mail_has_the_same_words_as_html_and_nothing_in_them_is_markup() -> None:
    desk = Desk(load_district(Path("districts/xihu")), OUTLETS)
    page = desk.templates.html("sandun", "zh", "<b>T</b>", "a & b\n\n<script>")
    assert "<p>a &amp; b</p>" in page
    assert "<script>" not in page
    assert '<html lang="zh-CN">' in page


def test_every_core_rule_has_a_name_and_says_who() -> None:
    rules = [rule for rules in core_book().rules.values() for rule in rules]
    assert len({rule.name for rule in rules}) == len(rules) > 80
    assert all(rule.audience is not None for rule in rules)


def at(hour: int, minute: int = 0, day: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=SHANGHAI)


def going(
    now: datetime, wishes: Wishes, *, urgent: bool = False, quiet: str = "", channel: str = "mail"
) -> object:
    found = goes(
        channel, FILED, urgent=urgent, wishes=wishes, quiet=quiet, now=now.astimezone(UTC), zone=SHANGHAI
    )
    return found if found is None else (found.at, found.gathered)


@pytest.mark.parametrize(
    ("now", "wishes", "quiet", "expected"),
    [
        (at(12), Wishes(), "", (None, False)),
        (at(23), Wishes(), "22:00-07:00", (at(7, day=3), False)),
        (at(3), Wishes(), "22:00-07:00", (at(7), False)),
        (at(7), Wishes(), "22:00-07:00", (None, False)),
        (at(23), Wishes(quiet="00:00-00:01"), "22:00-07:00", (None, False)),
        (at(13), Wishes(quiet="12:00-14:00"), "", (at(14), False)),
        (at(12, 30), Wishes(digest="hourly"), "", (at(13), True)),
        (at(7, 30), Wishes(digest="daily"), "", (at(8), True)),
        (at(12), Wishes(digest="daily"), "", (at(8, day=3), True)),
        (at(21, 30), Wishes(digest="hourly"), "22:00-07:00", (at(7, day=3), True)),
        (at(12), Wishes(off=(Off(channel="mail", event=FILED),)), "", None),
        (at(12), Wishes(off=(Off(channel="mail"),)), "", None),
        (at(12), Wishes(off=(Off(channel="sms"),)), "", (None, False)),
    ],
)
def test_when_a_message_goes(now: datetime, wishes: Wishes, quiet: str, expected: object) -> None:
    assert going(now, wishes, quiet=quiet) == expected


def test_urgent_breaks_through_but_not_by_a_channel_that_is_off() -> None:
    wishes = Wishes(quiet="22:00-07:00", digest="daily")
    assert going(at(23), wishes, urgent=True) == (None, False)
    assert going(at(23), Wishes(off=(Off(channel="mail"),)), urgent=True) is None


HOURS = st.builds(
    lambda a, b: f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}", *[st.integers(0, 1439)] * 2
)


@given(
    st.integers(0, 365 * 86_400),
    HOURS,
    st.sampled_from(["none", "hourly", "daily"]),
)
def test_nothing_comes_in_quiet_hours_nor_too_late_and_the_inbox_has_it_at_once(
    seconds: int, quiet: str, digest: str
) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    wishes = Wishes.model_validate({"quiet": quiet, "digest": digest})
    found = going(now, wishes)
    assert isinstance(found, tuple)
    moment = found[0] or now
    assert now <= moment <= now + timedelta(days=2)
    if quiet.split("-")[0] != quiet.split("-")[1]:
        assert going(moment, Wishes(quiet=quiet)) == (None, False)
    assert going(now, wishes, channel="in-app") == (None, False)


def test_turns_go_round_and_begin_at_the_handover() -> None:
    written = RosterModel.model_validate(
        {"people": ["a", "b", "c"], "since": date(2026, 3, 2), "turn": "day", "handover": 8}
    )
    roster = Roster.of(written)
    assert roster.order(at(8), SHANGHAI) == ("a", "b", "c")
    assert roster.order(at(7, 59), SHANGHAI) == ("c", "a", "b")
    assert roster.order(at(12, day=3), SHANGHAI) == ("b", "c", "a")
    weekly = Roster.of(written.model_copy(update={"turn": "week"}))
    assert {weekly.order(at(12, day=day), SHANGHAI)[0] for day in range(2, 9)} == {"a"}
    assert weekly.order(at(12, day=9), SHANGHAI)[0] == "b"
