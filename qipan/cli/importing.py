"""`qipan import FILE`: a file of reports through the public API, with a verdict for every row."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from qipan.cli.console import stderr, stdout, table
from qipan.cli.parts import parts

TYPES = {".csv": "text/csv", ".jsonl": "application/jsonl", ".ndjson": "application/jsonl"}
SECONDS = 60.0


class Refused(Exception):
    """The API refused the whole of what was sent; the text lists every fault."""


def register(commands: typer.Typer) -> None:
    """Add the command."""
    commands.command("import")(import_file)


def import_file(
    file: Annotated[
        Path, typer.Argument(help="A .csv, .jsonl or .ndjson of reports.", exists=True, dir_okay=False)
    ],
    url: Annotated[
        str, typer.Option(envvar="QIPAN_URL", help="Where the gateway is, e.g. http://127.0.0.1:8080.")
    ],
    account: Annotated[str, typer.Option(help="Whose right is used, e.g. sandun.acceptor.1.")],
    password: Annotated[
        str,
        typer.Option(envvar="QIPAN_PASSWORD", prompt=True, hide_input=True, help="Better by QIPAN_PASSWORD."),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Write every row's verdict here, as JSON lines.", dir_okay=False)
    ] = None,
) -> None:
    """Import a file of reports. Running it again is harmless: a row is known by its key."""
    media = TYPES.get(file.suffix.lower())
    if media is None:
        raise typer.BadParameter(f"{file.name} is none of {', '.join(TYPES)}", param_hint="FILE")
    try:
        with httpx.Client(base_url=url, timeout=SECONDS, trust_env=False) as http:
            verdicts = _send(http, _token(http, account, password), file.read_bytes(), media)
    except httpx.TransportError as error:
        stderr.print(f"{url} cannot be reached: {error}. Run the command again.", style="red", markup=False)
        raise typer.Exit(1) from None
    except Refused as refused:
        stderr.print(str(refused), style="red", markup=False, highlight=False)
        raise typer.Exit(1) from None
    if out is not None:
        lines = (json.dumps(verdict, ensure_ascii=False) for verdict in verdicts)
        out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    _show(verdicts)
    if any(verdict["status"] >= 400 for verdict in verdicts):
        raise typer.Exit(1)


def _token(http: httpx.Client, account: str, password: str) -> str:
    answer = http.post("/v1/session", json={"account": account, "password": password})
    return str(_answered(answer, 0)["token"])


def _send(http: httpx.Client, token: str, content: bytes, media: str) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": media}
    verdicts = []
    for part in parts(content, header=media == "text/csv") if content.strip() else ():
        told = _answered(http.post("/v1/reports/import", content=part.body, headers=headers), part.ahead)
        verdicts += [{**row, "line": row["line"] + part.ahead} for row in told["results"]]
    return verdicts


def _answered(answer: httpx.Response, ahead: int) -> dict[str, Any]:
    try:
        told: dict[str, Any] = answer.json()
    except ValueError:
        raise Refused(f"{answer.url} answered {answer.status_code}, and not in JSON.") from None
    if answer.is_success:
        return told
    lines = [f"{told.get('title')}: {told.get('detail')}", *_faults(told)]
    if ahead > 0:
        lines.append(
            f"(Line numbers are those of the part that begins after line {ahead + 1}; what came before is stored.)"
        )
    raise Refused("\n".join(lines))


def _show(verdicts: list[dict[str, Any]]) -> None:
    refused = [verdict for verdict in verdicts if verdict["status"] >= 400]
    if refused:
        shown = table("line", "key", "code", "faults")
        for verdict in refused:
            problem = verdict["problem"]
            shown.add_row(
                str(verdict["line"]),
                verdict["key"] or "",
                problem["code"],
                "\n".join(_faults(problem)) or problem["detail"],
            )
        stdout.print(shown)
    repeated = sum(verdict["repeated"] for verdict in verdicts)
    accepted = f"{len(verdicts) - len(refused)} accepted ({repeated} of them before)"
    stdout.print(f"{len(verdicts)} rows: {accepted}, {len(refused)} refused.")
    for code, count in Counter(verdict["problem"]["code"] for verdict in refused).most_common():
        stdout.print(f"  {code}: {count}")


def _faults(problem: dict[str, Any]) -> list[str]:
    return [
        f"{fault['where']}: {fault['what']}"
        + (f" (allowed: {fault['allowed']})" if fault.get("allowed") else "")
        for fault in problem.get("faults", ())
    ]
