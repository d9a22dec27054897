"""`qipan workflow show`: a tenant's process, drawn."""

from typing import Annotated, Literal

import typer

from qipan.cli.console import stdout
from qipan.settings import Settings
from qipan.tenancy import load_district
from qipan.tenancy.workflow import as_mermaid, as_text

commands = typer.Typer(help="The process by which cases go.", no_args_is_help=True)


@commands.callback()
def _group() -> None:
    """The process by which cases go."""


@commands.command()
def show(
    tenant: Annotated[str, typer.Option(help="A town, or the district.")] = "",
    form: Annotated[Literal["mermaid", "text"], typer.Option("--as", help="How it is drawn.")] = "mermaid",
    language: Annotated[Literal["zh", "en"], typer.Option(help="The language of the names.")] = "zh",
) -> None:
    """Draw a tenant's process: a state diagram for Mermaid, or a table."""
    district = load_district(Settings().district)
    workflow = district.workflow(tenant or district.id)
    drawn = as_mermaid(workflow, language) if form == "mermaid" else as_text(workflow, language)
    stdout.print(drawn, end="", markup=False, highlight=False, soft_wrap=True)
