"""Settings: each that is malformed, and each that contradicts another. Pure."""

from collections.abc import Sequence

from pydantic import ValidationError

from qipan.doctor.finding import Finding, fault, ok, warning
from qipan.messaging.nodes import is_address
from qipan.settings import Settings
from qipan.tenancy.clocks import Clocks
from qipan.tenancy.words import Words

AREA = "settings"

_FORMS = {
    "amqp_url": (("amqp", "amqps"), "amqp://user:password@host:port/vhost"),
    "amqp_management_url": (("http", "https"), "http://user:password@host:15672"),
    "database_url": (
        ("postgresql", "postgresql+psycopg", "postgres"),
        "postgresql://role:password@host:port/database",
    ),
    "smtp_url": (("mailto", "mailtos"), "mailtos://user:password@host"),
}


def malformed(error: ValidationError) -> list[Finding]:
    """One finding for each setting that cannot be read."""
    found = []
    for each in error.errors(include_url=False, include_input=False):
        name = "QIPAN_" + "_".join(map(str, each["loc"][:1])).upper()
        found.append(
            fault(
                AREA,
                Words(f"{name} 无效:{each['msg']}", f"{name} is not valid: {each['msg']}"),
                Words(
                    f"改正 {name};允许的写法见 docs/reference/settings.md",
                    f"mend {name}; docs/reference/settings.md says what may stand there",
                ),
            )
        )
    return found


def look(settings: Settings) -> Sequence[Finding]:
    """What reads well and cannot be."""
    found = [finding for name, form in _FORMS.items() if (finding := _form(settings, name, *form))]
    try:
        Clocks.from_json(settings.clocks)
    except ValueError as error:
        found.append(
            fault(
                AREA,
                Words(f"QIPAN_CLOCKS 无效:{error}", f"QIPAN_CLOCKS is not valid: {error}"),
                Words("改正或清空 QIPAN_CLOCKS", "mend QIPAN_CLOCKS, or leave it empty for real time"),
            )
        )
    if settings.unguarded:
        found.append(
            fault(
                AREA,
                Words(
                    f"QIPAN_UNGUARDED={settings.unguarded}:保护被关闭",
                    f"QIPAN_UNGUARDED={settings.unguarded} switches a guard off: messages are lost or doubled",
                ),
                Words("清空 QIPAN_UNGUARDED 并重启", "unset QIPAN_UNGUARDED and start everything anew"),
            )
        )
    if settings.amqp_url and not settings.amqp_management_url:
        found.append(
            warning(
                AREA,
                Words(
                    "未设 QIPAN_AMQP_MANAGEMENT_URL:看不到消息代理的告警",
                    "QIPAN_AMQP_MANAGEMENT_URL is not set: the broker's alarms cannot be seen from here",
                ),
                Words("设置 QIPAN_AMQP_MANAGEMENT_URL", "set QIPAN_AMQP_MANAGEMENT_URL"),
            )
        )
    return found or [ok(AREA, "设置有效", "every setting can be read")]


def _form(settings: Settings, name: str, schemes: tuple[str, ...], form: str) -> Finding | None:
    value = getattr(settings, name)
    if not value:
        return None
    if is_address(value, *schemes, several=name.startswith("amqp")):
        return None
    variable = f"QIPAN_{name.upper()}"
    return fault(
        AREA,
        Words(f"{variable} 不是一个地址", f"{variable} is not an address of that kind"),
        Words(f"写成 {form}", f"write it as {form}"),
    )
