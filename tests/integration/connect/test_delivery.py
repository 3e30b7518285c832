"""The sink delivers every event exactly once, whatever dies."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from connectors.connect_api import ConnectApi
from connectors.topics import TopicAdmin
from contracts.events import ENGAGEMENT_EVENTS
from runtime.event_stream import EventProducer, registry_client
from tests.integration.connect.lake import Sink, Stack
from tests.integration.connect.messages import assert_exactly_once, numbers, send
from tests.processes import eventually, room

log = logging.getLogger(__name__)


@contextmanager
def no_commits(sink: Sink) -> Iterator[None]:
    """Meanwhile nobody can commit to the table; it can be read."""
    engine = create_engine(sink.lake.catalog_uri.get_secret_value())
    with engine.connect() as connection:
        connection.execute(text("LOCK TABLE iceberg_tables IN EXCLUSIVE MODE"))
        yield
    engine.dispose()


def taken(sink: Sink) -> int:
    """Events that the sink has written to files and will not read again."""
    with closing(ConnectApi(sink.connect)) as api:
        return sum(offset for (topic, _), offset in api.offsets(sink.name).items() if topic == ENGAGEMENT_EVENTS)


@contextmanager
def watched(sink: Sink, tmp_path: Path) -> Iterator[Path]:
    """`python -m connectors watch`, as on a cluster."""
    told = tmp_path / "watch.log"
    environment = {**sink.environment(), "CONNECT_WATCH_SECONDS": "2"}
    with room("connectors", "watch", environment=environment, log=told):
        eventually(lambda: f"{sink.name} runs" in told.read_text(), 60, "the connector")
        yield told


def test_100_000_events_arrive_exactly_once_through_kills_of_worker_and_broker(sink: Sink, tmp_path: Path) -> None:
    first, total = 10_000, 100_000
    stack = sink.stack
    with watched(sink, tmp_path) as told:
        # written to files, said so on the control topic, offsets committed: and then dead before the first commit
        with no_commits(sink):
            send(sink.kafka, numbers(0, first))
            eventually(lambda: taken(sink) == first, 60, "all events in files")
            stack.worker.kill()
        assert sink.count() == 0
        stack.worker.start()
        with sending(sink, first, total - first) as sent:
            for victim in (stack.worker, stack.broker, stack.worker):
                before, when = sink.count(), time.monotonic()
                eventually(lambda: sink.count() > before, 60, "a commit")  # noqa: B023 - called at once
                log.info("committed %.0f s later; sent %d, committed %d", time.monotonic() - when, sent(), sink.count())
                victim.kill()
                time.sleep(1)
                victim.start()
        ended = time.monotonic()
        sink.wait_for(total, 120)
        log.info("%d events: there %.0f s after the last was acknowledged", total, time.monotonic() - ended)
        # what would come twice, would come now
        time.sleep(3 * sink.connect.commit_seconds)
        assert_exactly_once(sink.rows(), total)
        with sink.table() as table:
            log.info("%s; %d restarts", table.statistics(), told.read_text().count("restarting"))


@contextmanager
def sending(sink: Sink, first: int, count: int) -> Iterator[Callable[[], int]]:
    """Sends in a thread, some two thousand a second; yields how many so far, ends when all are acknowledged."""
    with registry_client(sink.kafka) as registry:
        producer = EventProducer(sink.kafka, registry)

        def work() -> None:
            for number, each in enumerate(numbers(first, count)):
                producer.send(each)
                if number % 1_000 == 0:
                    time.sleep(0.5)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield lambda: first + producer.delivery.sent
        finally:
            thread.join()
        delivery = producer.flush(120)
    assert delivery.acknowledged == count, delivery


def test_s3_down_for_30_seconds_loses_nothing(sink: Sink, tmp_path: Path) -> None:
    with watched(sink, tmp_path) as told:
        send(sink.kafka, numbers(0, 2_000))
        sink.wait_for(2_000)
        sink.stack.s3.kill()
        send(sink.kafka, numbers(2_000, 3_000))
        time.sleep(30)
        sink.stack.s3.start()
        back = time.monotonic()
        send(sink.kafka, numbers(5_000, 1_000))
        sink.wait_for(6_000)
        log.info(
            "S3 back: all there %.0f s after, %d restarts",
            time.monotonic() - back,
            told.read_text().count("restarting"),
        )
        time.sleep(2 * sink.connect.commit_seconds)
        assert_exactly_once(sink.rows(), 6_000)


@pytest.fixture
def real_name(sink: Sink) -> Sink:
    """The sink, its cluster named by the broker's own id."""
    cluster = TopicAdmin(sink.kafka.model_copy(update={"cluster": None})).cluster()
    return replace(sink, kafka=sink.kafka.model_copy(update={"cluster": cluster}))


def test_a_rebuilt_cluster_under_a_kept_lake_loses_and_doubles_nothing(real_name: Sink, stack: Stack) -> None:
    before = real_name
    before.prepare()
    before.register()
    send(before.kafka, numbers(0, 3_000))
    before.wait_for(3_000)

    stack.worker.stop()
    stack.broker.rebuild()
    stack.worker.start()
    cluster = TopicAdmin(before.kafka.model_copy(update={"cluster": None})).cluster()
    after = replace(before, kafka=before.kafka.model_copy(update={"cluster": cluster}))
    assert after.name != before.name
    after.prepare()
    after.register()
    try:
        send(after.kafka, numbers(3_000, 2_000))
        after.wait_for(5_000)
        time.sleep(2 * after.connect.commit_seconds)
        rows = after.rows()
    finally:
        with closing(ConnectApi(after.connect)) as api:
            api.delete(after.name)
    assert_exactly_once(rows, 5_000)
    clusters = rows["kafka_cluster"].value_counts().to_pylist()
    log.info("rebuilt: %s", clusters)
    assert {each["values"]: each["counts"] for each in clusters} == {before.cluster: 3_000, after.cluster: 2_000}
