"""Finding the class that a process runs: the core's by its service's name, a tenant's by its pack."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from qipan.tenancy import District, base_of


class ClassError(Exception):
    """There is no such service class; the text says where it was looked for."""


def service_class(district: District, service: str, tenant: str | None) -> type[Any]:
    """The Nameko service class for a service, as the tenant (None: the core) runs it. ClassError."""
    if tenant is not None:
        for spec in district.services:
            if (spec.tenant, spec.service) == (base_of(tenant), service) and spec.cls is not None:
                file, _, name = spec.cls.partition(":")
                return _named(_module_of(district.root / file, f"{spec.tenant}_{service}"), name, service)
    return _core_class(service)


def _core_class(service: str) -> type[Any]:
    try:
        module = importlib.import_module(f"services.{service}.service")
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("services"):
            raise ClassError(f"there is no core service {service!r}") from error
        raise
    for value in vars(module).values():
        if (
            isinstance(value, type)
            and getattr(value, "name", None) == service
            and value.__module__ == module.__name__
        ):
            return value
    raise ClassError(f"{module.__name__} has no class whose name is {service!r}")


def _module_of(file: Path, key: str) -> ModuleType:
    name = f"qipan_pack_{key.replace('-', '_')}"
    description = importlib.util.spec_from_file_location(name, file)
    if not file.is_file() or description is None or description.loader is None:
        raise ClassError(f"{file}, which the pack names, is not there")
    module = importlib.util.module_from_spec(description)
    sys.modules[name] = module
    description.loader.exec_module(module)
    return module


def _named(module: ModuleType, name: str, service: str) -> type[Any]:
    found = getattr(module, name, None)
    if not isinstance(found, type):
        raise ClassError(f"{module.__file__} has no class {name}")
    if getattr(found, "name", None) != service:
        raise ClassError(f"{module.__file__}: {name}.name must be {service!r}, as the pack says")
    return found
