"""Places: what an address or a configuration may name is only what lies in the suite's folder."""

from __future__ import annotations

import pytest
from zodb_conformance.targets.places import (
    is_served,
    names_server,
    refusal_of_address,
    refusal_of_configuration,
)

pytest.importorskip("ZConfig", reason="configurations are read by ZConfig")


@pytest.mark.parametrize(
    "uri",
    [
        "memory://",
        "file://{directory}/Data.fs",
        "file:///{directory}/Data.fs?create=1&blobstorage_dir={directory}/blobs",
        "zeo://localhost:9991?storage=main&wait_timeout=5",
        "zeo:///run/zeo.sock",
        "postgresql://me:word@host/database",
        "demo:(memory://)/(file://{directory}/Data.fs)#database_name=main",
        "not an address",
    ],
)
def test_an_address_in_the_folder_of_a_server_or_in_memory_is_let_through(uri: str) -> None:
    assert refusal_of_address(uri) == ""


@pytest.mark.parametrize(
    ("uri", "mended"),
    [
        ("file:///srv/my.fs", "file://{directory}/my.fs"),
        ("FILE:///srv/my.fs", "FILE://{directory}/my.fs"),
        ("file://my.fs?create=1", "file://{directory}/my.fs?create=1"),
        ("file:///srv/{directory}/my.fs", "file://{directory}/my.fs"),
        ("file://{directory}/../my.fs", "file://{directory}/my.fs"),
        ("file://{directory}x/my.fs", "file://{directory}/my.fs"),
        ("file:///srv/my.fs?note={directory}", "file://{directory}/my.fs?note={directory}"),
        (
            "file://{directory}/a?blobstorage_dir=b",
            "file://{directory}/a?blobstorage_dir={directory}/b",
        ),
        ("file://%7Bdirectory%7D/a", "file://{directory}/a"),
        ("demo:(file:///my.fs)/(memory://)#a=b", "demo:(file://{directory}/my.fs)/(memory://)#a=b"),
        ("demo:(memory://)/(file:///my.fs)", "demo:(memory://)/(file://{directory}/my.fs)"),
        ("zeo://host:1?blob_dir=/srv/blobs", "zeo://host:1?blob_dir={directory}/blobs"),
        ("sqlite://host/my.db", "sqlite://{directory}/my.db"),
        ("other:///srv/my.db", "other://{directory}/my.db"),
    ],
)
def test_an_address_of_a_fixed_place_is_refused_with_the_mended_one(uri: str, mended: str) -> None:
    told = refusal_of_address(uri)
    assert told.startswith(f"--uri {uri} names a fixed place")
    assert told.endswith(f"write instead: --uri '{mended}'")
    assert refusal_of_address(mended) == ""


def test_an_address_of_a_configuration_is_refused_since_nothing_is_filled_in_there() -> None:
    for uri in ("zconfig:///srv/my.conf#main", "demo:(zconfig:///my.conf)/(memory://)"):
        assert "use --zconfig" in refusal_of_address(uri)


@pytest.mark.parametrize(
    "text",
    [
        "<mappingstorage/>",
        "<filestorage>\npath {directory}/Data.fs\nblob-dir {directory}/blobs\n</filestorage>",
        "%define data {directory}/deep\n<filestorage>\npath $data/Data.fs\n</filestorage>",
        "<zeoclient>\nserver /run/zeo.sock\n</zeoclient>",
        "<relstorage>\n<mysql>\nunix_socket /run/my.sock\n</mysql>\n</relstorage>",
        "<clientstorage>\nserver host:1\n<ssl>\ncertificate /etc/a.pem\n</ssl>\n</clientstorage>",
        "<broken",
    ],
)
def test_a_configuration_in_the_folder_of_a_server_or_in_memory_is_let_through(text: str) -> None:
    assert refusal_of_configuration("my.conf", text) == ""


@pytest.mark.parametrize(
    ("text", "line", "mended"),
    [
        ("<filestorage>\n  path /srv/my.fs\n</filestorage>", 2, "path {directory}/my.fs"),
        ("<filestorage>\n  path my.fs\n</filestorage>", 2, "path {directory}/my.fs"),
        (
            "<filestorage>\n  path {directory}/a\n  blob-dir /srv/b\n</filestorage>",
            3,
            "blob-dir {directory}/b",
        ),
        (
            "<demostorage>\n<filestorage base>\npath /srv/my.fs\n</filestorage>\n</demostorage>",
            3,
            "path {directory}/my.fs",
        ),
        (
            "<zlibstorage>\n<filestorage>\npath my.fs\n</filestorage>\n</zlibstorage>",
            3,
            "path {directory}/my.fs",
        ),
        (
            "%define d /srv\n<filestorage>\npath $d/my.fs\n</filestorage>",
            3,
            "path {directory}/my.fs",
        ),
        ("<mine>\n  where ./my.db\n</mine>", 2, "where {directory}/my.db"),
        ("<zeoclient>\n  server a:1\n  blob-dir /b\n</zeoclient>", 3, "blob-dir {directory}/b"),
        (
            "<relstorage>\n<sqlite3>\ndata-dir /srv/my\n</sqlite3>\n</relstorage>",
            3,
            "data-dir {directory}/my",
        ),
    ],
)
def test_a_configuration_of_a_fixed_place_is_refused_with_the_mended_line(
    text: str, line: int, mended: str
) -> None:
    told = refusal_of_configuration("my.conf", text)
    assert told.startswith(f"my.conf, line {line}: {mended.partition(' ')[0]} ")
    assert told.endswith(f"write instead: {mended}")


def test_an_included_file_is_refused_since_nothing_is_filled_in_there() -> None:
    told = refusal_of_configuration("my.conf", "\n%include other.conf\n")
    assert told.startswith("my.conf, line 2: %include other.conf: ")
    assert "write what it holds in place of this line" in told


# Servers, which have one place for all.


@pytest.mark.parametrize(
    ("uri", "served"),
    [
        ("memory://", False),
        ("file://{directory}/Data.fs", False),
        ("sqlite://{directory}/data.db", False),
        ("zeo://localhost:9991", True),
        ("zeo:///srv/socket", True),
        ("postgresql://host/database", True),
        ("demo:(zeo://localhost:9991)/(memory://)#database_name=main", True),
        ("demo:(memory://)/(file://{directory}/Data.fs)", False),
        ("not an address", False),
    ],
)
def test_an_address_tells_whether_it_is_that_of_a_server(uri: str, served: bool) -> None:
    assert is_served(uri) is served


@pytest.mark.parametrize(
    ("section", "served"),
    [("filestorage", False), ("zeoclient", True), ("RelStorage", True), ("mappingstorage", False)],
)
def test_a_configuration_tells_whether_it_names_a_server(section: str, served: bool) -> None:
    assert names_server(f"<{section}>\n  wait yes\n</{section}>\n") is served
    assert names_server(f"<demostorage>\n  <{section} base>\n  </{section}>\n") is served
