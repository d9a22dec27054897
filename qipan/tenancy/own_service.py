"""The first lines of a town's own version of a core service: the class, and its test."""

from qipan.contracts.subscriptions import CORE_SERVICES
from qipan.tenancy.faults import PackError, PackFault

_HEAD = '''"""{en}'s own {service}: the core's, until a rule of the town's is written here."""

from services.{service}.service import {core}


class {cls}({core}):
    """The core's {service} with {en}'s rules; docs/howto/own-service.md says which there can be."""
'''

_DISPATCH = '''"""{en}'s own dispatch: who is asked to see to a case here."""

from services.dispatch.service import Choice, Dispatch, Situation


class {cls}(Dispatch):
    """The core's dispatch with {en}'s rules; docs/howto/own-service.md says which there can be."""

    def choose(self, situation: Situation) -> Choice | None:
        """The district's rule, until the town has a better one."""
        return super().choose(situation)
'''

_TEST = '''"""What {en}'s own {service} does, without a broker."""

from pathlib import Path

from qipan.hosting.service_class import service_class
from qipan.tenancy import load_district


def test_it_is_the_cores_with_the_towns_rules() -> None:
    district = load_district(Path(__file__).parents[3])
    own, core = service_class(district, "{service}", "{town}"), service_class(district, "{service}", None)
    assert own is not core
    assert issubclass(own, core)
'''


def scaffold(town: str, english: str, service: str) -> tuple[dict[str, object], dict[str, str]]:
    """The service's entry in the town's pack, and its files by their names in the town's folder.

    PackError when there is no such core service.
    """
    if service not in CORE_SERVICES:
        what = f"{service!r} is no core service"
        raise PackError([PackFault(f"towns/{town}/town.toml", "services", what, ", ".join(CORE_SERVICES))])
    core = service.capitalize()
    cls = "".join(part.capitalize() for part in town.split("-")) + core
    words = {"en": english, "service": service, "core": core, "cls": cls, "town": town}
    file = f"{service}.py"
    test = f"tests/test_{town.replace('-', '_')}_{service}.py"
    body = _DISPATCH if service == "dispatch" else _HEAD
    entry: dict[str, object] = {"name": service, "replaces": service, "class": f"{file}:{cls}"}
    return entry, {file: body.format(**words), test: _TEST.format(**words)}
