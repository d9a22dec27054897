"""The words of messages: Jinja2 in a sandbox, checked when they are loaded, overridden by a town's own."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from qipan.tenancy.faults import PackError, PackFault

LANGUAGES = ("zh", "en")
SUFFIX = ".txt.j2"
LAYOUT = "mail.html.j2"
LAYOUT_VARIABLES = ("language", "title", "body", "lines")
"""What the layout of mail may name; `lines` are those of the body."""
CORE = Path(__file__).parent / "templates"


class Templates:
    """Every template, compiled. A file's first line is the title, the rest the body."""

    def __init__(self, core: Mapping[tuple[str, str], Template]) -> None:
        self._core = dict(core)
        self._own: dict[tuple[str, str, str], Template] = {}
        self._layouts: dict[str, Template] = {}

    @classmethod
    def load(
        cls,
        names: Iterable[str],
        variables: Collection[str],
        own: Mapping[str, Iterable[Path]],
        core: Path = CORE,
        own_names: Mapping[str, Collection[str]] | None = None,
    ) -> "Templates":
        """Read the core's templates and those of live tenants (`own`: tenant → folders, the nearest first).

        `names` are those that the core's rules use, `own_names` those that a tenant's do. PackError lists every
        fault: a template that a rule uses and nobody wrote, one that no rule uses, a syntax error, a variable that
        is not among `variables`.
        """
        wanted, faults = set(names), list[PackFault]()
        templates = cls({})
        for key, template in _read(core, wanted, variables, faults):
            templates._core[key] = template
        for name in sorted(wanted):
            for language in LANGUAGES:
                if not (core / language / f"{name}{SUFFIX}").exists():
                    faults.append(PackFault(f"{language}/{name}{SUFFIX}", "", "there is no such template"))
        everybodys = wanted.union(*(own_names or {}).values())
        for tenant, folders in own.items():
            theirs = wanted | set((own_names or {}).get(tenant, ()))
            for folder in folders:
                # What a folder higher up holds may be another tenant's to use.
                for (name, language), template in _read(folder, everybodys, variables, faults):
                    if name in theirs:
                        templates._own.setdefault((tenant, name, language), template)
            for name in sorted(theirs - wanted):
                for language in LANGUAGES:
                    if (tenant, name, language) not in templates._own:
                        file = f"{tenant}: templates/{language}/{name}{SUFFIX}"
                        faults.append(PackFault(file, "", "a rule uses it, and there is no such template"))
        for tenant, folders in {"": [core], **own}.items():
            found = next((folder / LAYOUT for folder in folders if (folder / LAYOUT).exists()), None)
            layout = _compile(LAYOUT, found.read_bytes(), LAYOUT_VARIABLES, _HTML) if found else None
            if isinstance(layout, PackFault):
                faults.append(layout)
            elif layout is not None:
                templates._layouts[tenant] = layout
        if faults:
            raise PackError(faults)
        return templates

    def html(self, tenant: str, language: str, title: str, body: str) -> str:
        """The same words as a page of HTML, in the layout of a live tenant or the core's; all of them escaped."""
        layout = self._layouts.get(tenant) or self._layouts[""]
        lines = [line for line in body.splitlines() if line.strip()]
        return layout.render(language=language, title=title, body=body, lines=lines)

    @property
    def names(self) -> set[str]:
        """Every template of the core."""
        return {name for name, _ in self._core}

    def render(self, tenant: str, name: str, language: str, words: Mapping[str, str]) -> tuple[str, str]:
        """Title and body in a live tenant's own words, or in the core's; Chinese for an unknown language."""
        language = language if language in LANGUAGES else LANGUAGES[0]
        template = self._own.get((tenant, name, language)) or self._core[name, language]
        title, _, body = template.render(words).partition("\n")
        return title.strip(), body.strip()


_HTML = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=True)
_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


def _read(
    folder: Path, wanted: set[str], variables: Collection[str], faults: list[PackFault]
) -> Iterable[tuple[tuple[str, str], Template]]:
    for path in sorted(folder.glob(f"*/*{SUFFIX}")):
        language, name = path.parent.name, path.name.removesuffix(SUFFIX)
        file = f"{folder.parent.name}/{folder.name}/{language}/{path.name}"
        if language not in LANGUAGES:
            faults.append(PackFault(file, "", f"{language!r} is not a language", ", ".join(LANGUAGES)))
        elif name not in wanted:
            faults.append(PackFault(file, "", "no rule uses this template", ", ".join(sorted(wanted))))
        else:
            found = _compile(file, path.read_bytes(), variables)
            if isinstance(found, PackFault):
                faults.append(found)
            else:
                yield (name, language), found


def _compile(
    file: str,
    source: bytes,
    variables: Collection[str],
    environment: ImmutableSandboxedEnvironment = _ENVIRONMENT,
) -> Template | PackFault:
    """The template, if it reads, names only known variables and can be filled in."""
    try:
        text = source.decode()
        unknown = meta.find_undeclared_variables(environment.parse(text)) - set(variables)
        if unknown:
            named = ", ".join(sorted(unknown))
            return PackFault(file, "", f"it names unknown variables: {named}", ", ".join(sorted(variables)))
        template = environment.from_string(text)
        template.render(dict.fromkeys(variables, "1"))
    except UnicodeDecodeError:
        return PackFault(file, "", "it is not UTF-8")
    except TemplateSyntaxError as error:
        return PackFault(file, f"line {error.lineno}", error.message or "it does not parse")
    except Exception as error:  # noqa: BLE001 - whatever a trial run raises, a message must not meet it later
        return PackFault(file, "", f"it cannot be filled in: {error}")
    return template
