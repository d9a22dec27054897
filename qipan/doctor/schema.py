"""The database's schemas beside what this code expects, and what waits in them. Judged from what was read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qipan.doctor.finding import Finding, fault, ok, warning
from qipan.storage.revisions import Fit
from qipan.tenancy.words import Words

AREA = "database"
MIGRATIONS = "migrations"
OLD_SECONDS = 60.0
"""How long a message may wait in an outbox before somebody should look."""


@dataclass(frozen=True, slots=True)
class SchemaState:
    """What was read of one service's schema. `oldest` is the age in seconds of what waits in its outbox; `open_tables`
    those with a tenant and without a forced wall between tenants."""

    fit: Fit
    current: str | None
    wanted: str | None
    oldest: float = 0.0
    open_tables: tuple[str, ...] = ()


def gone(error: Exception) -> Sequence[Finding]:
    """It does not answer."""
    said = (str(error).splitlines() or [""])[0]
    return [
        fault(
            AREA,
            Words(f"连不上:{said}", f"it cannot be reached: {said}"),
            Words("见 docs/operate/database-gone.md", "see docs/operate/database-gone.md"),
        )
    ]


def refused(error: Exception) -> Sequence[Finding]:
    """It answers, and not what was asked."""
    said = (str(error).splitlines() or [""])[0]
    return [
        fault(
            AREA,
            Words(f"数据库有应答,但查询失败:{said}", f"it answers, but not what is asked: {said}"),
            Words(
                "运行 qipan db provision,再 qipan db migrate;57014 表示查询超时,稍后再试",
                "run `qipan db provision`, then `qipan db migrate`; 57014 means that it was too slow: try again later",
            ),
        )
    ]


def look(schemas: Mapping[str, SchemaState], dead_letters: int) -> Sequence[Finding]:
    """What there is to say about them."""
    migrations = [finding for service, state in schemas.items() if (finding := _migrated(service, state))]
    found = [finding for service, state in schemas.items() for finding in _kept(service, state)]
    if dead_letters:
        found.append(
            warning(
                AREA,
                Words(f"{dead_letters} 条死信待处理", f"{dead_letters} dead letters are open"),
                Words(
                    "qipan dead list;见 docs/operate/dead-letters.md",
                    "`qipan dead list`; see docs/operate/dead-letters.md",
                ),
            )
        )
    return [
        *(
            migrations
            or [ok(MIGRATIONS, "各库表结构与代码一致", "every schema is what this version expects")]
        ),
        *(found or [ok(AREA, "可用,租户隔离有效", "it answers, and tenants are kept apart")]),
    ]


def _migrated(service: str, state: SchemaState) -> Finding | None:
    if state.fit is Fit.FITS:
        return None
    if state.fit is Fit.NEWER:
        return fault(
            MIGRATIONS,
            Words(
                f"{service}:版本 {state.current} 比代码({state.wanted})新",
                f"{service} is at {state.current}, newer than this version knows ({state.wanted})",
            ),
            Words(
                "运行迁移它的那个版本,或恢复此前的备份",
                "run the version that migrated it, or restore a backup from before",
            ),
        )
    return fault(
        MIGRATIONS,
        Words(
            f"{service}:版本 {state.current or '空'} 比代码({state.wanted})旧",
            f"{service} is at {state.current or 'nothing'}, older than this version needs ({state.wanted})",
        ),
        Words("运行 qipan db migrate", "run `qipan db migrate`"),
    )


def _kept(service: str, state: SchemaState) -> Sequence[Finding]:
    found = []
    if state.open_tables:
        tables = ", ".join(state.open_tables)
        found.append(
            fault(
                AREA,
                Words(
                    f"{service}:租户未隔离的表 {tables}", f"{service}: no wall between tenants on {tables}"
                ),
                Words(
                    "运行 qipan db provision,再 qipan db migrate",
                    "run `qipan db provision`, then `qipan db migrate`",
                ),
            )
        )
    if state.oldest > OLD_SECONDS:
        found.append(
            warning(
                AREA,
                Words(
                    f"{service}:发件箱最早的消息已等 {state.oldest:.0f} 秒",
                    f"{service}: a message has waited in the outbox for {state.oldest:.0f} s",
                ),
                Words("见 docs/operate/outbox-grows.md", "see docs/operate/outbox-grows.md"),
            )
        )
    return found
