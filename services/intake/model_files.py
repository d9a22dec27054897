"""Where models lie: one for each tenant, else whom it inherits from, else the district's."""

from collections.abc import Iterator
from pathlib import Path

from qipan.observability import logs
from qipan.tenancy import District, base_of
from services.intake.model import Model, ModelFault, read_model

FILE = "classifier.npz"

log = logs.logger(__name__)


def trained_file(var: Path, tenant: str) -> Path:
    """Where `qipan classify train` puts a tenant's model to be used from the next start of intake on."""
    return var / "models" / base_of(tenant) / FILE


def kept_file(var: Path, tenant: str, version: str) -> Path:
    """Where the same model is kept, to go back to it."""
    return var / "models" / base_of(tenant) / f"{version}.npz"


def candidates(district: District, var: Path, tenant: str) -> Iterator[Path]:
    """Where to look for a tenant's model, nearest first; at each step what was trained here, then the pack's."""
    for folder in district.folders(tenant):
        owner = district.id if folder == district.root else folder.name
        yield trained_file(var, owner)
        yield folder / FILE


class Models:
    """Every tenant's model, read once. One that cannot be used is told of in the log, and the next is taken."""

    def __init__(self, district: District, var: Path) -> None:
        self._read: dict[Path, Model | None] = {}
        self._of = {tenant: self._nearest(district, var, tenant) for tenant in district.tenants}

    def of(self, tenant: str) -> Model | None:
        """The model for a tenant or its shadow; None when there is none."""
        return self._of.get(base_of(tenant))

    def _nearest(self, district: District, var: Path, tenant: str) -> Model | None:
        for path in candidates(district, var, tenant):
            if path not in self._read:
                self._read[path] = _usable(path)
            if self._read[path] is not None:
                return self._read[path]
        return None


def _usable(path: Path) -> Model | None:
    if not path.is_file():
        return None
    try:
        return read_model(path)
    except ModelFault as fault:
        log.error("a model cannot be used; the words decide, or the district's model", fault=str(fault))
        return None
