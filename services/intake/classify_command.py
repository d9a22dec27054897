"""`qipan classify train|evaluate`: a tenant's model from its own corrected cases, and how good it is."""

import argparse
import json
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qipan.contracts.errors import QipanError
from qipan.settings import Settings, settings
from qipan.storage import Database
from qipan.tenancy import Clocks, District, base_of, load_district
from services.intake.learning import HELD_OUT, LEAST_ROWS, Evaluation, TooFew, evaluate, train
from services.intake.lessons import MOST, Lesson, LessonFault, lessons_of, read_lessons
from services.intake.model_files import kept_file, trained_file
from services.intake.town_book import TownBook

CANNOT = 2


def main(arguments: list[str] | None = None) -> int:
    """0 when done, 2 with the reason when there is too little to learn from or a file cannot be used."""
    options = _parser().parse_args(arguments)
    process = settings()
    district = load_district(Path(process.district))
    try:
        tenant = district.tenant(base_of(options.tenant)).id
        lessons = _lessons(options, district, process, tenant)
        if options.command == "train":
            _train(options, district, process, tenant, lessons)
        else:
            _evaluate(options, district, tenant, lessons)
    except (TooFew, LessonFault, QipanError) as error:
        sys.stderr.write(f"{error}\n")
        return CANNOT
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="qipan classify", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, does in (
        ("train", "learn, and write the model that intake uses from its next start on"),
        ("evaluate", "learn from a part and say how well the rest is recognised; writes no model"),
    ):
        command = commands.add_parser(name, help=does)
        command.add_argument("--tenant", required=True, help="whose; the district's id: of all its tenants")
        command.add_argument(
            "--from",
            dest="file",
            type=Path,
            help="a CSV with the columns text and matter, instead of the cases",
        )
        command.add_argument("--most", type=int, default=MOST, help="take at most so many cases, the newest")
        command.add_argument(
            "--least-rows", type=int, default=LEAST_ROWS, help="learn only about matters with so many rows"
        )
        command.add_argument("--seed", type=int, default=1, help="which rows are held out")
        command.add_argument("--json", type=Path, help="write the figures here as JSON")
        if name == "train":
            command.add_argument("--out", type=Path, help="write the model here instead")
        else:
            command.add_argument(
                "--held-out", type=float, default=HELD_OUT, help="the share that is held out"
            )
    return parser


def _lessons(options: argparse.Namespace, district: District, process: Settings, tenant: str) -> list[Lesson]:
    if options.file is not None:
        lessons = read_lessons(options.file)
        unknown = sorted({lesson.matter for lesson in lessons} - district.matters_of(tenant).keys())
        if unknown:
            raise LessonFault(f"{options.file}: {tenant} knows no matter {', '.join(unknown)}")
        return lessons
    tenants = list(district.tenants) if tenant == district.id else [tenant]
    database = Database(process.database_url, schema="intake", clocks=Clocks.from_json(process.clocks))
    with closing(database), database.begin() as work:
        return lessons_of(work.conn, tenants, options.most)


def _train(
    options: argparse.Namespace, district: District, process: Settings, tenant: str, lessons: list[Lesson]
) -> None:
    model = train(lessons, tenant, datetime.now(UTC), least_rows=options.least_rows, seed=options.seed)
    if options.out is not None:
        written = [options.out]
    else:
        written = [kept_file(process.var, tenant, model.version), trained_file(process.var, tenant)]
    for path in written:
        model.write(path)
    rows = sum(model.about.rows.values())
    told = {
        "version": model.version,
        "rows": rows,
        "matters": len(model.matters),
        "left_out": len(lessons) - rows,
        "runs": len(model.runs),
        "files": [str(path) for path in written],
    }
    _tell(options, told)
    unknown = len(set(model.matters) - district.matters_of(tenant).keys())
    if unknown:
        sys.stdout.write(f"{unknown} of the matters are not {tenant}'s any more and will not be suggested.\n")


def _evaluate(options: argparse.Namespace, district: District, tenant: str, lessons: list[Lesson]) -> None:
    book = TownBook.of(district, tenant)
    found: Evaluation = evaluate(
        lessons,
        book.vocabulary,
        book.policy.least_confidence,
        datetime.now(UTC),
        held_out=options.held_out,
        least_rows=options.least_rows,
        seed=options.seed,
    )
    _tell(options, {"tenant": tenant, **found.to_dict()})


def _tell(options: argparse.Namespace, told: dict[str, Any]) -> None:
    for name, value in told.items():
        shown = ", ".join(value) if isinstance(value, list) else "-" if value is None else value
        sys.stdout.write(f"{name.replace('_', ' '):26}{shown}\n")
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
