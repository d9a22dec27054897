"""Settings whose values lie in files: `QIPAN_X_FILE` names the file that holds the value of `QIPAN_X`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

LARGEST = 65_536
"""Bytes. A larger file is no setting; most likely the wrong file was named."""


class UnreadableSettings(ValueError):
    """Files that settings name cannot be taken; the text lists every one, and what to do."""


class SettingsFiles(PydanticBaseSettingsSource):
    """Reads each file once, without the line end that editors add. What is wrong with any is told at once."""

    def __call__(self) -> dict[str, Any]:
        """Field → value, for the fields that have a file; UnreadableSettings."""
        found: dict[str, Any] = {}
        faults = []
        for name, field in self.settings_cls.model_fields.items():
            try:
                value, _, complex = self.get_field_value(field, name)
            except UnreadableSettings as fault:
                faults.append(str(fault))
                continue
            if value is not None:
                found[name] = self.prepare_field_value(name, field, value, complex)
        if faults:
            raise UnreadableSettings("; ".join(faults))
        return found

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The file's text, or None where none is named."""
        variable = f"{self.config.get('env_prefix', '')}{field_name}".upper()
        path = os.environ.get(f"{variable}_FILE", "")
        if not path:
            return None, field_name, False
        if variable in os.environ:
            raise UnreadableSettings(f"{variable} and {variable}_FILE are both set; unset one")
        return _text(f"{variable}_FILE", Path(path)), field_name, False


def with_settings(environment: Mapping[str, str], told: Mapping[str, str]) -> dict[str, str]:
    """The environment with these settings in it, and without files for the same ones."""
    return {
        name: value for name, value in environment.items() if name.removesuffix("_FILE") not in told
    } | dict(told)


def _text(variable: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise UnreadableSettings(f"{variable}: {path} is larger than {LARGEST} bytes and so no setting")
        return content.decode().rstrip("\r\n")
    except OSError as error:
        raise UnreadableSettings(f"{variable}: {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UnreadableSettings(f"{variable}: {path} is not text in UTF-8") from None
