"""Which class a process runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from qipan.contracts.subscriptions import CORE_SERVICES
from qipan.hosting.service_class import ClassError, service_class
from qipan.tenancy import District, ServiceSpec, load_district


@pytest.fixture(scope="module")
def xihu() -> District:
    return load_district(Path("districts/xihu"))


def with_pack_service(xihu: District, root: Path, text: str) -> District:
    (root / "own.py").write_text(text)
    spec = ServiceSpec("sandun", "own", None, "own.py:Own", 1, ())
    return replace(xihu, root=root, services=(spec,))


@pytest.mark.parametrize("service", [*CORE_SERVICES, "steward"])
def test_the_core_runs_the_class_named_like_the_service(xihu: District, service: str) -> None:
    assert service_class(xihu, service, None).name == service


def test_a_tenant_runs_its_packs_class_and_its_shadow_the_same(xihu: District) -> None:
    own = service_class(xihu, "dispatch", "sandun")
    core = service_class(xihu, "dispatch", None)
    assert own is not core
    assert issubclass(own, core)
    assert service_class(xihu, "dispatch", "sandun~ex7").__name__ == own.__name__


def test_a_tenant_without_a_class_of_its_own_runs_the_cores(xihu: District) -> None:
    core = service_class(xihu, "dispatch", None)
    assert service_class(xihu, "dispatch", "shuangpu") is core
    assert service_class(xihu, "dispatch", "wenxin") is core


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("class Other:\n    name = 'own'\n", "has no class Own"),
        ("class Own:\n    name = 'another'\n", "must be 'own'"),
        ("Own = 3\n", "has no class Own"),
    ],
)
def test_a_pack_that_does_not_hold_what_it_says_is_told_so(
    xihu: District, tmp_path: Path, text: str, why: str
) -> None:
    with pytest.raises(ClassError, match=why):
        service_class(with_pack_service(xihu, tmp_path, text), "own", "sandun")


def test_a_missing_file_and_a_missing_core_service_are_told(xihu: District, tmp_path: Path) -> None:
    district = with_pack_service(xihu, tmp_path, "")
    (tmp_path / "own.py").unlink()
    with pytest.raises(ClassError, match="is not there"):
        service_class(district, "own", "sandun")
    with pytest.raises(ClassError, match="no core service"):
        service_class(xihu, "nonsense", None)
