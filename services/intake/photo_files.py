"""Where photos lie: a folder, or an object store by its address (fsspec: `s3://…`)."""

import os
import secrets
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import fsspec
from fsspec.core import url_to_fs


class PhotoFiles:
    """Writes and reads whole files. What fails raises OSError, or what the store's own library raises."""

    def __init__(self, url: str) -> None:
        self._fs: Any
        self._fs, root = url_to_fs(url)
        self._root = str(root).rstrip("/")
        self._local = "file" in _protocols(self._fs)

    @classmethod
    def of(cls, url: str, var: Path) -> "PhotoFiles":
        """The store at `url`; without one a folder below `var` that only its owner may enter."""
        if url:
            return cls(url)
        folder = (var / "photos").absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(folder.as_uri())

    def keep(self, path: str, content: bytes) -> None:
        """Write a file whole or not at all; it is on the disk when this returns."""
        full = f"{self._root}/{path}"
        if not self._local:
            self._fs.pipe_file(full, content)
            return
        self._fs.makedirs(full.rpartition("/")[0], exist_ok=True)
        beside = f"{full}.{secrets.token_hex(8)}.part"
        with self._fs.open(beside, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.replace(beside, full)

    def read(self, path: str) -> bytes | None:
        """A file's content, or None when there is none."""
        try:
            content: bytes = self._fs.cat_file(f"{self._root}/{path}")
        except FileNotFoundError:
            return None
        return content

    def remove(self, path: str) -> None:
        """Delete a file; one that is gone is gone."""
        try:
            self._fs.rm_file(f"{self._root}/{path}")
        except FileNotFoundError:
            return

    def older_than(self, seconds: float) -> Iterator[str]:
        """The paths of files that were last written longer ago than that (real time)."""
        before = time.time() - seconds
        for full, facts in self._fs.find(self._root, detail=True).items():
            if _written(facts) < before:
                yield str(full).removeprefix(self._root).lstrip("/")

    def is_older_than(self, path: str, seconds: float) -> bool:
        """Whether the file is there and was last written longer ago than that."""
        full = f"{self._root}/{path}"
        try:
            self._fs.invalidate_cache(full)
            return _written(self._fs.info(full)) < time.time() - seconds
        except FileNotFoundError:
            return False


def _protocols(fs: fsspec.AbstractFileSystem) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def _written(facts: dict[str, Any]) -> float:
    """When a file was last written, as each kind of store says it."""
    for name in ("mtime", "LastModified", "last_modified", "created"):
        value = facts.get(name)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, int | float):
            return float(value)
    return time.time()
