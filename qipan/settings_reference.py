"""The reference of settings: `python -m qipan.settings_reference [--check]`."""

import sys

from pydantic_core import PydanticUndefined

from qipan import generated
from qipan.settings import Settings

PAGE = "settings.md"

_HEAD = """# Settings

Every process is told what it needs by environment variables, and no more: the gateway has no domain
database, a town's service no signing key.

Each may also come from a file: with `_FILE` at its end, a variable names the file that holds the value, as
secrets are mounted into containers, e.g. `QIPAN_AMQP_URL_FILE`. Set one of the two. Files that cannot be read
end the process at once; all of them are listed.

<!-- made by `python -m qipan.settings_reference`; do not edit -->

| variable | default | meaning |
|---|---|---|
"""


def as_text() -> str:
    """The page."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = (
            "" if field.default is PydanticUndefined or field.default == "" else f"`{_shown(field.default)}`"
        )
        rows.append(f"| `QIPAN_{name.upper()}` | {default} | {field.description} |")
    return _HEAD + "\n".join(rows) + "\n"


def _shown(value: object) -> str:
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, tuple) else str(value)


if __name__ == "__main__":
    sys.exit(generated.main(PAGE, as_text()))
