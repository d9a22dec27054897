"""Photos' files in a folder and in an object store, spoken to over HTTP by the S3 protocol: the same behaviour."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from services.intake.photo_files import PhotoFiles

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@contextmanager
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty bucket, as an operator would set it; the endpoint and keys are in the environment."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            monkeypatch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="photos")
        yield "s3://photos/xihu"
    finally:
        server.stop()


@pytest.fixture(params=["folder", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "folder":
        yield tmp_path.as_uri()
        return
    with bucket(monkeypatch) as found:
        yield found


def test_a_file_is_kept_read_replaced_found_and_removed(url: str) -> None:
    files, another = PhotoFiles(url), PhotoFiles(url)
    assert files.read("sandun/r1/a") is None
    assert list(files.older_than(-60)) == []
    files.keep("sandun/r1/a", b"first")
    files.keep("sandun/r1/a", b"second")
    another.keep("wenxin/r2/b", b"theirs")
    assert files.read("sandun/r1/a") == another.read("sandun/r1/a") == b"second"
    assert sorted(files.older_than(-60)) == ["sandun/r1/a", "wenxin/r2/b"]
    assert list(files.older_than(3600)) == []
    assert files.is_older_than("wenxin/r2/b", -60)
    assert not files.is_older_than("wenxin/r2/b", 3600)
    another.remove("wenxin/r2/b")
    files.remove("wenxin/r2/b")
    assert files.read("wenxin/r2/b") is None
    assert not files.is_older_than("wenxin/r2/b", -60)
    assert list(files.older_than(-60)) == ["sandun/r1/a"]
