"""Open311's rules without a database: dates, filters, forms, formats, and what is struck out of a public text."""

import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.access import api_key_digest, new_api_key, tenant_of_api_key
from qipan.contracts.case import Stage
from qipan.contracts.errors import Forbidden, Internal, OutsideTerritory, Unavailable
from qipan.contracts.responsible import Responsible
from qipan.personal import STRUCK, struck
from qipan.tenancy.attribute import Attribute, Datatype
from qipan.tenancy.words import Words
from qipan.worktime import Limit
from services.intake.open311 import answers, filters, w3dates
from services.intake.open311.filters import Bounds, Span
from services.intake.open311.refusals import Refused, of_error, trouble
from services.intake.open311.rendering import Document, Format, rendered
from services.intake.open311.services import limit_words
from services.intake.open311.status import notes_of, status_of
from services.intake.public_status import WORDS, ReportStatus

NOW = datetime(2026, 3, 5, 4, tzinfo=UTC)
BOUNDS = Bounds(timedelta(days=90), 1000)
SHANGHAI = ZoneInfo("Asia/Shanghai")
W = Words("字", "word")


def _moments(first: int, last: int) -> st.SearchStrategy[datetime]:
    """Instants between two years."""
    naive = NOW.replace(tzinfo=None)
    return st.datetimes(naive.replace(year=first), naive.replace(year=last), timezones=st.just(UTC))


class TestDates:
    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("1994-11-05T08:15:30-05:00", datetime(1994, 11, 5, 13, 15, 30, tzinfo=UTC)),
            ("1994-11-05T13:15:30Z", datetime(1994, 11, 5, 13, 15, 30, tzinfo=UTC)),
            ("2026-03-05T12:00+08:00", NOW),
            ("2026-03-05T12:00:00 08:00", NOW),
            ("2026-03-05T04:00:00.25Z", NOW + timedelta(milliseconds=250)),
        ],
    )
    def test_the_specifications_examples_and_others_are_read(self, text: str, moment: datetime) -> None:
        assert w3dates.parse(text) == moment

    @pytest.mark.parametrize(
        "text",
        ["", "2026", "2026-03-05", "2026-03-05T04:00:00", "2026-13-05T04:00:00Z", "20260305T040000Z",
         "2026-03-05 04:00:00Z", "2026-03-05T04:00:00+8", "2026-03-05T04:00:00+24:00", "٢٠٢٦-03-05T04:00:00Z"],
    )  # fmt: skip
    def test_what_is_no_w3c_date_with_a_zone_is_not(self, text: str) -> None:
        assert w3dates.parse(text) is None

    @given(_moments(1970, 9000))
    def test_what_is_written_is_read_again_to_the_second(self, moment: datetime) -> None:
        assert w3dates.parse(w3dates.written(moment, SHANGHAI)) == moment.replace(microsecond=0)


class TestFilters:
    def test_without_dates_it_is_the_last_90_days(self) -> None:
        wanted = filters.read({}, NOW, BOUNDS)
        assert (wanted.requested, wanted.updated) == (Span(NOW - timedelta(days=90), NOW), Span())
        assert (wanted.size, wanted.skip, wanted.status, wanted.codes) == (1000, 0, None, ())

    def test_an_empty_argument_is_none(self) -> None:
        empty = {
            name: [""] for name in ("start_date", "status", "service_code", "page", "service_request_id")
        }
        assert filters.read(empty, NOW, BOUNDS) == filters.read({}, NOW, BOUNDS)

    @given(
        st.none() | _moments(2000, 2100),
        st.none() | _moments(2000, 2100),
    )
    def test_no_list_spans_more_than_90_days(self, start: datetime | None, end: datetime | None) -> None:
        asked = {
            "start_date": [start.isoformat() if start else ""],
            "end_date": [end.isoformat() if end else ""],
        }
        if start and end and (start > end or end - start > timedelta(days=90)):
            with pytest.raises(Refused, match="start_date"):
                filters.read(asked, NOW, BOUNDS)
            return
        span = filters.read(asked, NOW, BOUNDS).requested
        assert span.since is not None
        assert span.until is not None
        assert span.until - span.since <= timedelta(days=90)
        assert start is None or span.since == start
        assert end is None or span.until == end

    def test_ids_override_everything_else(self) -> None:
        asked = {"service_request_id": ["a,b", "c, a"], "start_date": ["nonsense"], "status": ["closed"]}
        wanted = filters.read(asked, NOW, BOUNDS)
        assert (wanted.ids, wanted.status, wanted.requested) == (("a", "b", "c"), None, Span())

    def test_by_change_it_is_not_narrowed_by_the_day_of_the_request(self) -> None:
        wanted = filters.read({"updated_after": ["2026-03-01T00:00:00Z"]}, NOW, BOUNDS)
        assert wanted.requested == Span()
        assert wanted.updated.since == datetime(2026, 3, 1, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("status", "meant"), [("open", "open"), ("open,closed", None), ("closed,", "closed")]
    )
    def test_both_statuses_are_all(self, status: str, meant: str | None) -> None:
        assert filters.read({"status": [status]}, NOW, BOUNDS).status == meant

    def test_pages(self) -> None:
        wanted = filters.read({"page": ["3"], "page_size": ["50"]}, NOW, BOUNDS)
        assert (wanted.size, wanted.skip) == (50, 100)

    def test_everything_that_is_wrong_is_told_at_once(self) -> None:
        asked = {"start_date": ["yesterday"], "end_date": ["2026-01-01"], "status": ["done"], "page": ["0"],
                 "page_size": ["1001"], "updated_after": ["now"]}  # fmt: skip
        with pytest.raises(Refused) as refused:
            filters.read(asked, NOW, BOUNDS)
        assert len(refused.value.troubles) == 6
        assert refused.value.status == 400

    def test_a_date_at_the_end_of_time_is_refused(self) -> None:
        with pytest.raises(Refused, match="start_date"):
            filters.read({"start_date": ["9999-12-31T00:00:00Z"]}, NOW, BOUNDS)


ATTRIBUTES = (
    Attribute("plate", W, Datatype.STRING, 1, required=True),
    Attribute("count", W, Datatype.NUMBER, 2),
    Attribute("since", W, Datatype.DATETIME, 3),
    Attribute("story", W, Datatype.TEXT, 4),
    Attribute("fault", W, Datatype.ONE_OF, 5, values=(("dark", W), ("leans", W))),
    Attribute("signs", W, Datatype.SOME_OF, 6, values=(("tyres", W), ("dust", W))),
    Attribute("note", W, Datatype.STRING, 7, variable=False),
)


class TestAnswers:
    def test_they_are_read_with_and_without_brackets_and_right_ones_pass(self) -> None:
        form = {
            "attribute[plate]": [" 浙A12345 "],
            "attribute[count]": ["2.5"],
            "attribute[since]": ["2026-03-01"],
            "attribute[story]": ["one\r\ntwo"],
            "attribute[fault]": ["dark"],
            "attribute[signs][]": ["tyres", "dust"],
            "attribute[]": [""],
            "description": ["not one"],
        }
        given_ones = answers.given(form)
        assert given_ones["plate"] == ("浙A12345",)
        assert given_ones["signs"] == ("tyres", "dust")
        assert list(answers.troubles(given_ones, ATTRIBUTES)) == []
        assert answers.told(given_ones, ATTRIBUTES)[0] == "字：浙A12345"

    @pytest.mark.parametrize(
        ("code", "values"),
        [
            ("plate", ("a\nb",)),
            ("plate", ("a", "b")),
            ("plate", ("x" * 301,)),
            ("count", ("two",)),
            ("count", ("nan",)),
            ("count", ("1_0",)),
            ("since", ("yesterday",)),
            ("story", ("x" * 2001,)),
            ("fault", ("broken",)),
            ("fault", ("dark", "leans")),
            ("signs", ("tyres", "rust")),
            ("note", ("shown only",)),
            ("colour", ("red",)),
        ],
    )
    def test_each_wrong_one_is_named(self, code: str, values: tuple[str, ...]) -> None:
        found = list(answers.troubles({"plate": ("p",), code: values}, ATTRIBUTES))
        assert [one.words.en.partition(":")[0] for one in found] == [f"attribute[{code}]"]

    def test_a_required_one_is_missed(self) -> None:
        [found] = answers.troubles({}, ATTRIBUTES)
        assert found.words == Words("attribute[plate]：必填", "attribute[plate]: is required")


class TestStatus:
    def test_every_public_status_is_open_or_closed_and_has_words(self) -> None:
        every = {*ReportStatus, *Stage}
        assert every <= set(WORDS)
        closed = {status for status in every if status_of(status) == "closed"}
        assert closed == {"declined", "self-disposed", "closed", "voided"}
        assert all(notes_of(status, None, "zh-CN") for status in every)

    def test_a_merged_one_tells_of_its_original(self) -> None:
        assert notes_of("merged", "closed", "en") == "Joined to an earlier report of the same thing. Closed."


class TestPublicTexts:
    @pytest.mark.parametrize(
        "personal",
        ["13812345678", "138 1234 5678", "+86 138-1234-5678", "0571-87654321", "(0571)87654321", "li.si@example.com",
         "330106199003071234", "33010619900307123X", "+44 20 7946 0958"],
    )  # fmt: skip
    def test_what_identifies_a_person_is_struck_out(self, personal: str) -> None:
        assert struck(f"请联系{personal}，谢谢") == f"请联系{STRUCK}，谢谢"

    @pytest.mark.parametrize(
        "harmless",
        [
            "3号楼2单元501室",
            "2026-03-05 12:00",
            "编号 SD-0412",
            "120.085, 30.325",
            "330106109001001",
            "12345",
        ],
    )
    def test_other_numbers_stay(self, harmless: str) -> None:
        assert struck(harmless) == harmless


class TestFormats:
    CONTENT = Document(
        "service_requests",
        [{"a": "<&>\"'", "b": None, "c": True, "d": 1.5, "e": "", "f": "x\x0by\ud7ff😀"}, {"a": "二"}],
    )

    def test_json_and_xml_say_the_same(self) -> None:
        assert json.loads(rendered(self.CONTENT, Format.JSON))[0]["a"] == "<&>\"'"
        root = ET.fromstring(rendered(self.CONTENT, Format.XML))
        assert (root.tag, [child.tag for child in root]) == ("service_requests", ["request", "request"])
        first = {child.tag: child.text for child in root[0]}
        assert first == {
            "a": "<&>\"'",
            "b": None,
            "c": "true",
            "d": "1.5",
            "e": None,
            "f": "x\ufffdy\ud7ff😀",
        }

    @given(st.text())
    def test_any_text_makes_xml_that_can_be_read(self, text: str) -> None:
        ET.fromstring(rendered(Document("errors", [{"description": text}]), Format.XML))

    def test_an_empty_list_is_an_empty_element(self) -> None:
        assert rendered(Document("services", []), Format.XML).endswith(b"<services></services>")
        assert rendered(Document("services", []), Format.JSON) == b"[]"


class TestRefusals:
    def test_our_errors_have_the_specifications_status(self) -> None:
        kinds = {Forbidden: 403, OutsideTerritory: 400, Unavailable: 503, Internal: 500}
        assert {kind: of_error(kind()).status for kind in kinds} == kinds

    def test_several_troubles_of_several_kinds_are_400(self) -> None:
        mixed = Refused([trouble("一", "one", 404), trouble("二", "two", 400)])
        assert mixed.status == 400
        assert Refused([trouble("一", "one", 404)] * 2).status == 404


def test_a_limit_is_said_in_words() -> None:
    said = {text: limit_words(Limit.parse(text)).en for text in ("1 work-day", "90 minutes", "4 work-hours")}
    assert said == {
        "1 work-day": "1 working day",
        "90 minutes": "90 minutes",
        "4 work-hours": "4 working hours",
    }


class TestApiKeys:
    def test_a_key_is_new_every_time_and_names_its_tenant(self) -> None:
        one, other = new_api_key("sandun"), new_api_key("sandun")
        assert one != other
        assert tenant_of_api_key(one) == "sandun"
        assert len(api_key_digest(one)) == 64
        assert one not in api_key_digest(one)

    @pytest.mark.parametrize("key", ["", "sandun", ".secret", "sandun.", "sandun." + "x" * 100, "三墩.x"])
    def test_what_cannot_be_a_key_is_of_nobody(self, key: str) -> None:
        assert tenant_of_api_key(key) is None


def test_a_time_zone_is_the_districts() -> None:
    assert w3dates.written(NOW, SHANGHAI) == "2026-03-05T12:00:00+08:00"
    assert NOW.astimezone(timezone(timedelta(hours=8))).hour == 12


def test_the_notes_of_a_declined_request_say_whose_it_is():
    metro = Responsible(id="m", kind="body", name={"zh": "杭州地铁", "en": "Hangzhou Metro"}, phone="96600")
    assert notes_of("declined", None, "en", metro).endswith("Hangzhou Metro sees to it: 96600")
    assert notes_of("declined", None, "zh", metro).endswith("此事由杭州地铁负责：96600")
    assert "Metro" not in notes_of("filed", None, "en", metro)
