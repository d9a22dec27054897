"""Commands that become a service's own program, where the settings lie in files, as containers have them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from projection_desk import ROOT

from qipan.hosting.embedded import EmbeddedPostgres
from qipan.ids import new_id

pytestmark = pytest.mark.slow

Said = subprocess.CompletedProcess[str]
Qipan = Callable[..., Said]


@pytest.fixture(scope="module")
def qipan(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Qipan]:
    """`qipan …` on a database that has every service's tables, with the environment of compose's `operator`."""
    name = f"programs_{new_id().replace('-', '')}"
    folder = tmp_path_factory.mktemp("operator")
    (folder / "database_url").write_text(postgres.create_database(name))
    (folder / "contact_keys").write_text(f"1:{'c3' * 32}\n")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("QIPAN_")},
        "QIPAN_DISTRICT": str(ROOT / "districts/xihu"),
        "QIPAN_VAR": str(folder / "var"),
        "QIPAN_DATABASE_URL_FILE": str(folder / "database_url"),
        "QIPAN_CONTACT_KEYS_FILE": str(folder / "contact_keys"),
    }

    def run(*words: str) -> Said:
        command = [sys.executable, "-m", "qipan", *words]
        return subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
        )

    for words in (("db", "provision"), ("db", "migrate")):
        done = run(*words)
        assert done.returncode == 0, done.stderr
    yield run
    postgres.drop_database(name)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("notify", "undelivered"), 0, "Everything has arrived"),
        (("notify", "resend", "sandun"), 0, "0 of 0 queued again"),
        (("notify", "preview", "sandun", "task.offered"), 0, "新任务"),
        (
            ("notify", "test-send", "sandun", "task.offered", "--destination", "its"),
            1,
            "no destination 'its'",
        ),
        (("analytics", "recount"), 0, "agree with a recount"),
        (("analytics", "recount", "--verify"), 0, "Analytics has every case"),
        (("audit", "verify"), 0, "0 cases, 0 rows of history"),
        (("contacts", "reseal"), 0, "under key 1 now"),
        (("photos", "sweep"), 0, "0 file(s)"),
        (("classify", "evaluate", "--tenant", "sandun"), 2, "0 rows of 0 matters"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else None,
)
def test_they_run_with_settings_in_files(qipan: Qipan, words: tuple[str, ...], code: int, says: str) -> None:
    done = qipan(*words)
    assert done.returncode == code, done.stderr
    assert says in done.stdout + done.stderr
