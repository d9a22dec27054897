"""The model in intake: learned from what people decided, asked at the desk, shown to the acceptor."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from qipan.contracts.commands import DecideReport
from qipan.contracts.events import Outcome, ReportReceived
from qipan.messaging.received import Received
from qipan.testing import Databases
from services.intake import store
from services.intake.decide import decide_held
from services.intake.desk import Desk
from services.intake.held import held_report
from services.intake.lessons import Lesson, lessons_of
from services.intake.model import read_model
from services.intake.model_files import Models, trained_file
from services.intake.story import story_of
from services.intake.triage_batch import triage
from tests.integration.intake_here import CONTACTS, NOON, ROOT, SANDUN, Here, build_intake, opened, xihu

LAMP, RUBBISH, NOISE = "s:01037", "s:06010", "s:06028"
SAID = {
    LAMP: ("这段路晚上黑漆漆的{}", "一盏亮的都没有{}", "pitch black at night near {}"),
    RUBBISH: ("臭气熏天苍蝇乱飞{}", "{}没人打扫又臭又脏", "filthy and stinking at {}"),
    NOISE: ("吵死了根本睡不着{}", "{}每晚闹到两点", "cannot sleep because of them at {}"),
}
"""None of it has a word of the town's for its matter."""

PLACES = ("文三路", "古墩路", "学院路", "学校", "后门", "桥头", "6 号楼", "西门")


def classify(var: Path, *words: str, url: str = "") -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "QIPAN_DATABASE_URL": url,
        "QIPAN_DISTRICT": str(ROOT / "districts/xihu"),
        "QIPAN_VAR": str(var),
    }
    command = [sys.executable, "-m", "services.intake", "classify", *words]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def here(database_url: Databases) -> Iterator[Here]:
    with opened(database_url(build_intake)) as door:
        yield door


def report(here: Here, words: str, **fields: Any) -> str:
    answer = here.http.post("/v1/reports", json={"text": words, **SANDUN, **fields})
    return str(answer.json()["report_id"])


def triaged(here: Here, desk: Desk) -> None:
    told = [said for said in here.said() if said["type"] == ReportReceived.type]
    batch = [
        Received(ReportReceived(**said["data"]), said["id"], said["tenant"], "intake", NOON) for said in told
    ]
    with here.database.begin() as work:
        work.conn.execute(text("DELETE FROM intake.outbox"))
        triage(work, desk, batch)


def decided(here: Here, report_id: str, **fields: Any) -> None:
    with here.database.begin() as work:
        command = DecideReport(report_id=report_id, **fields)
        matters = xihu().matters_of("sandun").keys()
        decide_held(work, "sandun", command, matters, "sandun.acceptor.1", {}, Desk(xihu()))


def row_of(here: Here, report_id: str) -> Any:
    with here.database.begin() as work:
        return store.report(work.conn, "sandun", report_id)


def taught(here: Here) -> None:
    """Reports that the words do not know, each decided by an acceptor."""
    desk = Desk(xihu())
    ids = {
        report(here, words.format(place)): matter
        for matter, all in SAID.items()
        for words in all
        for place in PLACES
    }
    triaged(here, desk)
    for report_id, matter in ids.items():
        if row_of(here, report_id).status == "held":
            decided(here, report_id, outcome=Outcome.FILE, matter=matter)


def test_what_people_decided_is_learned_and_the_next_report_is_known(here: Here, tmp_path: Path) -> None:
    taught(here)
    url = here.database.engine.url.render_as_string(hide_password=False)
    figures = tmp_path / "figures.json"
    judged = classify(tmp_path, "evaluate", "--tenant", "sandun", "--json", str(figures), url=url)
    assert judged.returncode == 0, judged.stderr
    told = json.loads(figures.read_text("utf-8"))
    assert told["accuracy"] > 0.8 > told["majority"]
    assert "accuracy" in judged.stdout
    trained = classify(tmp_path, "train", "--tenant", "sandun", url=url)
    assert trained.returncode == 0, trained.stderr
    model = read_model(trained_file(tmp_path, "sandun"))
    assert model.version in trained.stdout
    assert (tmp_path / "models" / "sandun" / f"{model.version}.npz").is_file()

    desk = Desk(xihu(), Models(xihu(), tmp_path))
    known = report(here, "桥头这段路黑漆漆的，一盏亮的都没有", lon=SANDUN["lon"] + 0.003)
    unknown = report(here, "学校后门")
    burst = report(here, "路边喷水了，黑漆漆的")
    triaged(here, desk)
    row = row_of(here, known)
    assert (row.status, row.matter, row.decided_by) == ("filed", LAMP, "rules")
    assert (row.suggestion["by"], row.suggestion["version"]) == ("model", model.version)
    assert row.suggestion["reasons"]
    assert row.suggestion["confidence"] >= 0.6
    held = row_of(here, unknown)
    assert (held.status, held.matter) == ("held", None)
    shown = held_report(held, CONTACTS).suggestion
    assert shown is not None
    assert shown.by == "model"
    assert shown.confidence < 0.6
    urgent = row_of(here, burst)
    assert (urgent.matter, urgent.reason, urgent.suggestion["by"]) == (
        "x-xihu:em:00001",
        "emergency",
        "words",
    )


def test_what_was_suggested_stays_beside_what_a_person_decided(here: Here, tmp_path: Path) -> None:
    report_id = report(here, "路灯旁有垃圾")
    triaged(here, Desk(xihu()))
    row = row_of(here, report_id)
    assert row.status == "held"
    assert row.suggestion["by"] == "words"
    assert row.suggestion["reasons"]
    suggested = row.suggestion["matter"]
    other = ({LAMP, RUBBISH} - {suggested}).pop()
    decided(here, report_id, outcome=Outcome.FILE, matter=other)
    row = row_of(here, report_id)
    assert (row.suggestion["matter"], row.matter, row.decided_by) == (suggested, other, "sandun.acceptor.1")
    with here.database.begin() as work:
        assert lessons_of(work.conn, ["sandun"]) == [Lesson("路灯旁有垃圾", other)]
        story = story_of(work.conn, "sandun", report_id)
    assert story[2].detail["suggested"].startswith(suggested)
    assert story[2].detail["suggested_by"] == "words"


def test_only_what_people_said_is_learned_from(here: Here) -> None:
    """A reporter's own word counts where it held; the rules', a machine's and a declined report's do not."""
    report(here, "暴露垃圾一堆")
    report(here, "看看这个", matter=LAMP)
    report(here, "画面异常 7", matter=LAMP, channel="camera")
    declined = report(here, "嗯嗯嗯")
    triaged(here, Desk(xihu()))
    decided(here, declined, outcome=Outcome.DECLINE, reason="不清楚")
    with here.database.begin() as work:
        assert lessons_of(work.conn, ["sandun"]) == [Lesson("看看这个", LAMP)]
        assert lessons_of(work.conn, ["liuxia"]) == []


def test_too_little_to_learn_from_is_told(here: Here, tmp_path: Path) -> None:
    url = here.database.engine.url.render_as_string(hide_password=False)
    for words, said in (
        (("train", "--tenant", "sandun"), "at least 2 matters"),
        (("train", "--tenant", "atlantis"), "no tenant 'atlantis'"),
    ):
        run = classify(tmp_path, *words, url=url)
        assert run.returncode == 2
        assert said in run.stderr
        assert "Traceback" not in run.stderr


def test_a_csv_teaches_the_district_and_a_town_without_a_model_takes_it(tmp_path: Path) -> None:
    file = tmp_path / "lessons.csv"
    lines = [
        f"{words.format(place)},{matter}" for matter, all in SAID.items() for words in all for place in PLACES
    ]
    file.write_text("\n".join(["text,matter", *lines]) + "\n", encoding="utf-8")
    run = classify(tmp_path, "train", "--tenant", "xihu", "--from", str(file))
    assert run.returncode == 0, run.stderr
    models = Models(xihu(), tmp_path)
    liuxia = models.of("liuxia~ex7")
    assert liuxia is not None
    assert liuxia.about.tenant == "xihu"
    trained_file(tmp_path, "sandun").parent.mkdir(parents=True)
    trained_file(tmp_path, "sandun").write_bytes(b"damaged")
    assert Models(xihu(), tmp_path).of("sandun") is not None
    file.write_text("text,matter\nx,s:99999\n", encoding="utf-8")
    refused = classify(tmp_path, "train", "--tenant", "xihu", "--from", str(file))
    assert (refused.returncode, "s:99999" in refused.stderr) == (2, True)


def test_a_town_may_switch_the_model_off(here: Here, tmp_path: Path) -> None:
    class Never:
        def of(self, tenant: str) -> None:
            raise AssertionError("was asked")

    desk = Desk(xihu(), Never())
    book = desk._book("sandun")
    desk._books["sandun"] = replace(book, policy=replace(book.policy, model=False))
    report(here, "臭气熏天")
    triaged(here, desk)
