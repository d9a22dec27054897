"""The rows of positions: the newest of each worker on shift, and a trail that is forgotten."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from qipan.contracts.positions import Fix
from services.dispatch.positions import Sighting, newest
from services.dispatch.reading import Key
from services.dispatch.tables import SCHEMA


def keep(conn: Connection, sightings: Sequence[Sighting], *, trail: bool) -> None:
    """Keep sightings, the newest of each worker as the position; one that is older changes no position."""
    conn.execute(_KEEP, _columns(newest(sightings)))
    if trail:
        conn.execute(_TRAIL, _columns(sightings))


def forget(conn: Connection, before: Iterable[tuple[str, str, datetime]]) -> None:
    """Forget of each (tenant, worker, moment) where they were before that moment."""
    columns = list(zip(*sorted(before), strict=True))
    if columns:
        values = dict(zip(("tenants", "workers", "ats"), map(list, columns), strict=True))
        conn.execute(_FORGET_TRAIL, values)
        conn.execute(_FORGET, values)


def positions_of(conn: Connection, keys: Iterable[Key]) -> dict[Key, Fix]:
    """Where each of these (tenant, worker) was last."""
    return {(row[0], row[1]): _fix(row) for row in conn.execute(_LAST, _keys(keys))}


def trail_of(conn: Connection, key: Key) -> tuple[Fix, ...]:
    """Where a (tenant, worker) has been, oldest first."""
    return tuple(_fix(row) for row in conn.execute(_WAY, _keys([key])))


def _fix(row: Sequence[object]) -> Fix:
    return Fix.model_validate(dict(zip(("worker", "lon", "lat", "at", "metres"), row[1:], strict=True)))


def _keys(keys: Iterable[Key]) -> dict[str, list[str]]:
    keys = sorted(set(keys))
    return {"tenants": [tenant for tenant, _ in keys], "workers": [worker for _, worker in keys]}


def _columns(sightings: Sequence[Sighting]) -> dict[str, list[object]]:
    return {
        "tenants": [one.tenant for one in sightings],
        "workers": [one.worker for one in sightings],
        "ats": [one.fix.at for one in sightings],
        "lons": [one.fix.lon for one in sightings],
        "lats": [one.fix.lat for one in sightings],
        "metres": [one.fix.metres for one in sightings],
    }


_FIXES = (
    "unnest(CAST(:tenants AS text[]), CAST(:workers AS text[]), CAST(:ats AS timestamptz[]),"
    " CAST(:lons AS float8[]), CAST(:lats AS float8[]), CAST(:metres AS float8[]))"
)
_MOMENTS = (
    "unnest(CAST(:tenants AS text[]), CAST(:workers AS text[]), CAST(:ats AS timestamptz[]))"
    " AS k(tenant, worker, at)"
)
_KEYS = "unnest(CAST(:tenants AS text[]), CAST(:workers AS text[])) AS k(tenant, worker)"
_KEEP = text(
    f"INSERT INTO {SCHEMA}.positions AS p (tenant, worker, at, lon, lat, metres) SELECT * FROM {_FIXES}"
    " ON CONFLICT (tenant, worker) DO UPDATE SET at = excluded.at, lon = excluded.lon, lat = excluded.lat,"
    " metres = excluded.metres WHERE p.at < excluded.at"
)
_TRAIL = text(
    f"INSERT INTO {SCHEMA}.trails (tenant, worker, at, lon, lat, metres) SELECT * FROM {_FIXES}"
    " ON CONFLICT (tenant, worker, at) DO NOTHING"
)
_FORGET_TRAIL = text(
    f"DELETE FROM {SCHEMA}.trails t USING {_MOMENTS}"
    " WHERE t.tenant = k.tenant AND t.worker = k.worker AND t.at < k.at"
)
_FORGET = text(
    f"DELETE FROM {SCHEMA}.positions p USING {_MOMENTS}"
    " WHERE p.tenant = k.tenant AND p.worker = k.worker AND p.at < k.at"
)
_LAST = text(
    f"SELECT tenant, worker, lon, lat, at, metres FROM {SCHEMA}.positions JOIN {_KEYS} USING (tenant, worker)"
)
_WAY = text(
    f"SELECT tenant, worker, lon, lat, at, metres FROM {SCHEMA}.trails JOIN {_KEYS} USING (tenant, worker)"
    " ORDER BY at"
)
