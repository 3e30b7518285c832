"""The laws of ObjectStore, kept by a directory always and by a real S3 server where the environment names one."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from runtime.object_store import (
    InvalidKeyError,
    Object,
    ObjectInfo,
    ObjectNotFoundError,
    ObjectStore,
    ObjectStoreError,
    PreconditionFailedError,
    StoreUnavailableError,
    check_key,
    is_key,
)
from runtime.object_store_directory import DirectoryStore
from runtime.object_store_s3 import S3Store
from runtime.object_stores import open_store
from runtime.settings import StoreSettings
from tests.real import require_env


def s3_store(prefix: str, **replaced: str) -> S3Store:
    env = require_env("S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_REGION", "S3_BUCKET")
    arguments = {
        "bucket": env["S3_BUCKET"],
        "endpoint": env["S3_ENDPOINT"],
        "region": env["S3_REGION"],
        "access_key": env["S3_ACCESS_KEY"],
        "secret_key": env["S3_SECRET_KEY"],
        **replaced,
    }
    return S3Store(arguments.pop("bucket"), prefix, **arguments)  # type: ignore[arg-type]


@pytest.fixture(params=["directory", pytest.param("s3", marks=pytest.mark.real)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    if request.param == "directory":
        yield DirectoryStore(tmp_path / "store")
        return
    bucket = s3_store(f"laws/{uuid4().hex}")
    yield bucket
    for info in bucket.list():
        bucket.delete(info.key)


def keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return [info.key for info in store.list(prefix)]


def in_threads(count: int, work: Callable[[int], object]) -> list[object]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


class TestPutAndGet:
    def test_what_was_put_is_got(self, store: ObjectStore) -> None:
        etag = store.put("models/a.npy", b"\x00\xff content")
        assert store.get("models/a.npy") == Object(b"\x00\xff content", etag)

    def test_a_put_replaces(self, store: ObjectStore) -> None:
        first = store.put("k", b"one")
        second = store.put("k", b"two")
        assert first != second
        assert store.get("k") == Object(b"two", second)

    def test_an_empty_object_is_an_object(self, store: ObjectStore) -> None:
        etag = store.put("empty", b"")
        assert store.get("empty") == Object(b"", etag)
        assert store.head("empty") == ObjectInfo("empty", 0, etag)
        assert store.get_range("empty", 0, 10) == b""

    def test_a_file_is_put(self, store: ObjectStore, tmp_path: Path) -> None:
        file = tmp_path / "input"
        file.write_bytes(b"from a file")
        first = store.put("k", file)
        assert store.get("k").data == b"from a file"
        file.write_bytes(b"")
        second = store.put("k", file, if_match=first)
        assert store.get("k") == Object(b"", second)

    def test_a_large_file_goes_up_and_down(self, store: ObjectStore, tmp_path: Path) -> None:
        file = tmp_path / "input"
        file.write_bytes(os.urandom(12 * 2**20))  # in three parts with minio
        etag = store.put("large", file)
        assert store.head("large") == ObjectInfo("large", 12 * 2**20, etag)
        assert list(store.list()) == [ObjectInfo("large", 12 * 2**20, etag)]
        assert store.download("large", tmp_path / "output") == etag
        assert (tmp_path / "output").read_bytes() == file.read_bytes()
        assert store.put("large", file, if_match=etag)

    def test_a_missing_file_is_the_callers_error(self, store: ObjectStore, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match="nowhere"):
            store.put("k", tmp_path / "nowhere")
        assert keys(store) == []

    def test_what_is_not_there_is_said_so(self, store: ObjectStore, tmp_path: Path) -> None:
        for read in (store.get, lambda k: store.get_range(k, 0, 1), lambda k: store.get_range(k, 0, 0)):
            with pytest.raises(ObjectNotFoundError, match="'no/such'"):
                read("no/such")
        with pytest.raises(ObjectNotFoundError, match="'no/such'"):
            store.download("no/such", tmp_path / "out")
        assert store.head("no/such") is None
        assert list(tmp_path.glob("*out*")) == []

    def test_a_download_replaces_the_file_and_makes_its_folder(self, store: ObjectStore, tmp_path: Path) -> None:
        etag = store.put("k", b"content")
        target = tmp_path / "new" / "file"
        assert store.download("k", target) == etag
        store.put("k", b"content 2")
        store.download("k", target)
        assert target.read_bytes() == b"content 2"
        assert list(target.parent.iterdir()) == [target]

    def test_a_failed_download_leaves_the_file(self, store: ObjectStore, tmp_path: Path) -> None:
        target = tmp_path / "file"
        target.write_bytes(b"old")
        with pytest.raises(ObjectNotFoundError):
            store.download("k", target)
        assert target.read_bytes() == b"old"

    def test_a_reader_never_sees_a_part(self, store: ObjectStore) -> None:
        contents = [bytes([n]) * 300_000 for n in range(4)]
        store.put("k", contents[0])
        done = threading.Event()

        def write(n: int) -> None:
            for _ in range(8):
                store.put("k", contents[n])

        def read(_: int) -> None:
            while not done.is_set():
                assert store.get("k").data in contents

        with ThreadPoolExecutor(6) as pool:
            readers = [pool.submit(read, n) for n in range(2)]
            for writer in [pool.submit(write, n) for n in range(4)]:
                writer.result()
            done.set()
            for reader in readers:
                reader.result()


class TestRange:
    @pytest.mark.parametrize(
        ("start", "length", "expected"),
        [
            (0, 10, b"0123456789"),
            (0, 3, b"012"),
            (3, 4, b"3456"),
            (9, 1, b"9"),
            (8, 100, b"89"),
            (0, 10**12, b"0123456789"),
            (10, 1, b""),
            (10**12, 5, b""),
            (0, 0, b""),
            (4, 0, b""),
        ],
    )
    def test_a_range_is_cut_at_the_end(self, store: ObjectStore, start: int, length: int, expected: bytes) -> None:
        store.put("k", b"0123456789")
        assert store.get_range("k", start, length) == expected

    @pytest.mark.parametrize(("start", "length"), [(-1, 1), (0, -1)])
    def test_negative_is_refused(self, store: ObjectStore, start: int, length: int) -> None:
        with pytest.raises(ValueError, match="start and length of 0 or more"):
            store.get_range("k", start, length)


class TestHeadListDelete:
    def test_head_and_list_know_size_and_etag(self, store: ObjectStore) -> None:
        etag = store.put("a/b", b"12345")
        assert store.head("a/b") == ObjectInfo("a/b", 5, etag)
        assert list(store.list()) == [ObjectInfo("a/b", 5, etag)]

    def test_a_folder_is_no_object(self, store: ObjectStore) -> None:
        store.put("a/b", b"1")
        assert store.head("a") is None
        assert store.head("a/b/c") is None
        with pytest.raises(ObjectNotFoundError):
            store.get("a")
        store.delete("a")
        assert keys(store) == ["a/b"]

    def test_keys_come_in_the_order_of_their_bytes(self, store: ObjectStore) -> None:
        names = ["a", "a-b", "ab/c", "ab/c-d", "ab/cd/e", "ab0", "b!", "b/é", "b/z", "b/\U0001f600", "b/ﬀ", "B"]
        for name in reversed(names):
            store.put(name, b"")
        assert keys(store) == sorted(names, key=str.encode)

    def test_a_prefix_need_not_end_at_a_slash(self, store: ObjectStore) -> None:
        for name in ["models/1/a", "models/1/b", "models/10/a", "models.json", "modern", "x"]:
            store.put(name, b"")
        assert keys(store, "models/") == ["models/1/a", "models/1/b", "models/10/a"]
        assert keys(store, "models/1") == ["models/1/a", "models/1/b", "models/10/a"]
        assert keys(store, "models/1/") == ["models/1/a", "models/1/b"]
        assert keys(store, "models/1/a") == ["models/1/a"]
        assert keys(store, "mod") == ["models.json", "models/1/a", "models/1/b", "models/10/a", "modern"]
        assert keys(store, "nothing/") == keys(store, "x/") == []

    def test_an_empty_store_lists_nothing(self, store: ObjectStore) -> None:
        assert keys(store) == []

    @pytest.mark.parametrize("prefix", ["/", "../", "a//", ".hidden"])
    def test_a_prefix_of_no_key_is_refused(self, store: ObjectStore, prefix: str) -> None:
        with pytest.raises(InvalidKeyError):
            store.list(prefix)

    def test_deleting_is_idempotent(self, store: ObjectStore) -> None:
        store.delete("a/b")
        store.put("a/b", b"1")
        store.delete("a/b")
        store.delete("a/b")
        assert store.head("a/b") is None
        assert keys(store) == []

    def test_a_deleted_objects_folder_is_free(self, store: ObjectStore) -> None:
        store.put("a/b/c", b"1")
        store.delete("a/b/c")
        store.put("a", b"2")
        assert keys(store) == ["a"]


class TestConditions:
    def test_if_absent(self, store: ObjectStore) -> None:
        etag = store.put("k", b"1", if_absent=True)
        with pytest.raises(PreconditionFailedError, match="'k'"):
            store.put("k", b"2", if_absent=True)
        assert store.get("k") == Object(b"1", etag)

    def test_if_match(self, store: ObjectStore) -> None:
        first = store.put("k", b"1")
        second = store.put("k", b"2", if_match=first)
        with pytest.raises(PreconditionFailedError, match="'k'"):
            store.put("k", b"3", if_match=first)
        assert store.get("k") == Object(b"2", second)

    def test_if_match_of_nothing(self, store: ObjectStore) -> None:
        etag = store.put("k", b"1")
        store.delete("k")
        with pytest.raises(PreconditionFailedError, match="'k'"):
            store.put("k", b"2", if_match=etag)
        assert store.head("k") is None

    def test_the_etag_of_head_and_list_will_do(self, store: ObjectStore) -> None:
        store.put("k", b"1")
        info = store.head("k")
        assert info is not None
        store.put("k", b"2", if_match=info.etag)
        (info,) = store.list()
        store.put("k", b"3", if_match=info.etag)

    def test_both_conditions_are_refused(self, store: ObjectStore) -> None:
        with pytest.raises(ValueError, match="exclude each other"):
            store.put("k", b"", if_match="x", if_absent=True)

    def test_one_of_many_creators_wins(self, store: ObjectStore) -> None:
        for turn in range(5):

            def create(n: int, key: str = f"k{turn}") -> bool:
                try:
                    store.put(key, str(n).encode(), if_absent=True)
                except PreconditionFailedError:
                    return False
                return True

            won = in_threads(8, create)
            assert won.count(True) == 1
            assert store.get(f"k{turn}").data == str(won.index(True)).encode()

    def test_one_of_many_updaters_wins(self, store: ObjectStore) -> None:
        etag = store.put("k", b"start")
        for turn in range(5):

            def update(n: int, etag: str = etag, turn: int = turn) -> bool:
                try:
                    store.put("k", f"{turn} {n}".encode(), if_match=etag)
                except PreconditionFailedError:
                    return False
                return True

            won = in_threads(8, update)
            assert won.count(True) == 1
            found = store.get("k")
            assert found.data == f"{turn} {won.index(True)}".encode()
            etag = found.etag


class TestKeys:
    @pytest.mark.parametrize(
        "key",
        [
            "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", ".tmp/x", "a/.b", "a\nb", "a\x00", "a\x7f",
            "a\x85", " ", " a", "a ", "a/ /b", "\udcff", "x" * 256, "é" * 128, "/".join(["x" * 200] * 6),
        ],
    )  # fmt: skip
    def test_what_is_no_key_is_refused_everywhere(self, store: ObjectStore, tmp_path: Path, key: str) -> None:
        for use in (
            lambda k: store.put(k, b""),
            store.get,
            lambda k: store.get_range(k, 0, 1),
            lambda k: store.download(k, tmp_path / "out"),
            store.head,
            store.delete,
        ):
            with pytest.raises(InvalidKeyError):
                use(key)

    @settings(
        max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
    )
    @given(key=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(is_key))
    def test_any_key_comes_back(self, store: ObjectStore, key: str) -> None:
        folder = uuid4().hex
        etag = store.put(f"{folder}/{key}", key.encode())
        assert store.get(f"{folder}/{key}") == Object(key.encode(), etag)
        assert list(store.list(folder + "/")) == [ObjectInfo(f"{folder}/{key}", len(key.encode()), etag)]
        store.delete(f"{folder}/{key}")
        assert store.head(f"{folder}/{key}") is None

    @pytest.mark.parametrize(("first", "second"), [("a", "a/b"), ("a/b", "a"), ("a/b", "a/b/c/d")])
    def test_a_key_in_the_way_of_another_loses_nothing(self, store: ObjectStore, first: str, second: str) -> None:
        store.put(first, b"first")
        try:
            store.put(second, b"second")
        except ObjectStoreError as error:
            assert second in str(error)  # noqa: PT017 - a store may also hold both
        else:
            assert store.get(second).data == b"second"
        assert store.get(first).data == b"first"


@given(key=st.text(max_size=20))
def test_a_key_is_refused_only_with_a_reason(key: str) -> None:
    try:
        check_key(key)
    except InvalidKeyError as error:
        assert "must" in str(error)  # noqa: PT017 - both outcomes are right
        assert not is_key(key)
    else:
        assert is_key(key)


class TestDirectory:
    def test_a_key_in_the_way_of_another_is_refused(self, tmp_path: Path) -> None:
        store = DirectoryStore(tmp_path)
        store.put("a", b"")
        store.put("b/c", b"")
        for key in ("a/x", "b"):
            with pytest.raises(ObjectStoreError, match=f"'{key}'.*choose another key"):
                store.put(key, b"")

    def test_etags_differ_even_where_inodes_and_ticks_come_again(self, tmp_path: Path) -> None:
        store = DirectoryStore(tmp_path)
        etags = [store.put("k", b"same") for _ in range(200)]
        assert len(set(etags)) == 200

    def test_links_are_not_followed(self, tmp_path: Path) -> None:
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside/secret").write_text("secret")
        store = DirectoryStore(tmp_path / "store")
        store.put("in", b"")
        (tmp_path / "store/link").symlink_to(tmp_path / "outside")
        (tmp_path / "store/file").symlink_to(tmp_path / "outside/secret")
        for use in (store.get, store.delete, store.head, lambda k: store.put(k, b""), lambda k: store.list(k + "/x")):
            for key in ("link/secret", "file"):
                with pytest.raises(ObjectStoreError, match="symbolic link"):
                    use(key)
        assert keys(store) == ["in"]
        assert (tmp_path / "outside/secret").read_text() == "secret"

    def test_the_root_may_be_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        store = DirectoryStore(tmp_path / "link")
        store.put("a/b", b"1")
        assert keys(store) == ["a/b"]
        assert (tmp_path / "real/a/b").read_bytes() == b"1"

    def test_what_a_killed_process_left_is_removed_in_time(self, tmp_path: Path) -> None:
        store = DirectoryStore(tmp_path)
        store.put("k", b"")
        old, new = tmp_path / ".tmp/old", tmp_path / ".tmp/new"
        old.write_bytes(b"")
        new.write_bytes(b"")
        os.utime(old, (0, 0))
        DirectoryStore(tmp_path).put("k", b"")
        assert sorted(path.name for path in (tmp_path / ".tmp").iterdir()) == ["lock", "new"]

    def test_nothing_is_left_behind(self, tmp_path: Path) -> None:
        store = DirectoryStore(tmp_path)
        store.put("k", b"")
        with pytest.raises(PreconditionFailedError):
            store.put("k", b"", if_absent=True)
        assert [path.name for path in (tmp_path / ".tmp").iterdir()] == ["lock"]

    def test_a_place_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        store = DirectoryStore(tmp_path / "file")
        with pytest.raises(StoreUnavailableError, match=r"'k': .* in .*file"):
            store.put("k", b"")
        assert keys(store) == []

    def test_processes_lose_no_update(self, tmp_path: Path) -> None:
        code = """if True:
            import sys
            from pathlib import Path
            from runtime.object_store import PreconditionFailedError
            from runtime.object_store_directory import DirectoryStore
            store, done = DirectoryStore(Path(sys.argv[1])), 0
            while done < 50:
                old = store.get("counter")
                try:
                    store.put("counter", str(int(old.data) + 1).encode(), if_match=old.etag)
                    done += 1
                except PreconditionFailedError:
                    pass
        """
        store = DirectoryStore(tmp_path)
        store.put("counter", b"0")
        processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
        assert [process.wait(60) for process in processes] == [0, 0, 0]
        assert store.get("counter").data == b"150"


def unreachable(endpoint: str) -> S3Store:
    return S3Store(
        "bucket",
        endpoint=endpoint,
        region="us-east-1",
        access_key="visible",
        secret_key="hidden-secret",
        connect_timeout=0.1,
        read_timeout=0.1,
    )


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class TestS3:
    @pytest.mark.parametrize("port", ["closed_port", "silent_port"])
    def test_an_unreachable_server_is_named_and_no_secret_is(
        self,
        request: pytest.FixtureRequest,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
        port: str,
    ) -> None:
        caplog.set_level(logging.WARNING)
        endpoint = f"http://127.0.0.1:{request.getfixturevalue(port)}"
        store = unreachable(endpoint)
        for use in (
            lambda: store.put("k", b"1"),
            lambda: store.put("k", b"1", if_absent=True),
            lambda: store.put("k", b"1", if_match="x"),
            lambda: store.get("k"),
            lambda: store.head("k"),
            store.list,
            lambda: store.delete("k"),
            lambda: store.download("k", tmp_path / "out"),
        ):
            with pytest.raises(StoreUnavailableError) as caught:
                use()
            assert endpoint in str(caught.value)
            assert "check STORE_ENDPOINT" in str(caught.value)
            assert caught.value.__cause__ is None
            for text in (str(caught.value), caplog.text):
                assert "hidden-secret" not in text
                assert "Signature" not in text
        assert "hidden-secret" not in repr(store)

    @pytest.mark.real
    @pytest.mark.parametrize("wrong", ["access_key", "secret_key"])
    def test_refused_credentials_are_said_so(self, wrong: str) -> None:
        store = s3_store("laws", **{wrong: "wrong-credential"})
        for use in (
            lambda: store.put("k", b""),
            lambda: store.put("k", b"", if_absent=True),
            lambda: store.get("k"),
            store.list,
            lambda: store.delete("k"),
        ):
            with pytest.raises(
                StoreUnavailableError, match=r"refused the credentials.*check STORE_ACCESS_KEY"
            ) as caught:
                use()
            assert "wrong-credential" not in str(caught.value)

    @pytest.mark.real
    def test_a_missing_bucket_is_named(self) -> None:
        store = s3_store("laws", bucket="no-such-bucket-here")
        for use in (
            lambda: store.put("k", b""),
            lambda: store.put("k", b"", if_absent=True),
            lambda: store.put("k", b"", if_match="x"),
            lambda: store.get("k"),
            store.list,
        ):
            with pytest.raises(StoreUnavailableError, match=r"no bucket 'no-such-bucket-here'.*create it"):
                use()

    @pytest.mark.real
    def test_a_prefix_keeps_stores_apart(self) -> None:
        run = uuid4().hex
        outer, inner, beside = (s3_store(prefix) for prefix in (f"laws/{run}", f"laws/{run}/in", f"laws/{run}/in2"))
        inner.put("k", b"1")
        beside.put("k", b"2")
        assert keys(outer) == ["in/k", "in2/k"]
        assert keys(inner) == ["k"]
        for key in keys(outer):
            outer.delete(key)

    def test_a_prefix_counts_as_part_of_the_key(self) -> None:
        with pytest.raises(InvalidKeyError, match="1024"):
            S3Store("b", "/".join(["p" * 200] * 4), endpoint="http://localhost:1", region="r").head("k/" * 110 + "k")


class TestOpenStore:
    def test_a_file_url(self, tmp_path: Path) -> None:
        folder = tmp_path / "a folder"
        store = open_store(StoreSettings(url=folder.as_uri()))
        store.put("k", b"1")
        assert (folder / "k").read_bytes() == b"1"

    @pytest.mark.parametrize("url", ["file://relative/path", "file:///"])
    def test_a_file_url_is_absolute(self, url: str) -> None:
        with pytest.raises(ObjectStoreError, match="STORE_URL"):
            open_store(StoreSettings(url=url))

    def test_a_file_url_needs_no_s3_client(self) -> None:
        code = (
            "import sys; from runtime.object_stores import open_store; from runtime.settings import StoreSettings;"
            "open_store(StoreSettings(url='file:///tmp')); sys.exit('minio' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

    def test_an_s3_url(self) -> None:
        store = open_store(
            StoreSettings(
                url="s3://bucket/some/prefix/",
                endpoint="http://localhost:9",
                access_key=SecretStr("a"),
                secret_key=SecretStr("hidden"),
            )
        )
        assert repr(store) == "S3Store(s3://bucket/some/prefix/ at http://localhost:9)"

    def test_half_of_the_credentials_is_refused(self) -> None:
        with pytest.raises(ObjectStoreError, match="STORE_SECRET_KEY must be set together"):
            open_store(StoreSettings(url="s3://bucket", access_key=SecretStr("a")))
