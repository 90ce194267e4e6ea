"""What waits for Redis: its order, what travels together, and the bound."""

from __future__ import annotations

from sockio_gevent.cluster.redis_queue import WriteQueue


def published(queue: WriteQueue, channel: str, *envelopes: bytes) -> None:
    for envelope in envelopes:
        assert queue.put(("PUBLISH", channel, envelope), channel)


def test_envelopes_of_one_channel_travel_together_in_their_order() -> None:
    queue = WriteQueue(10_000)
    published(queue, "a", b"1", b"2")
    published(queue, "b", b"3")
    published(queue, "a", b"4")
    queue.put(("XADD", "stream"))
    published(queue, "a", b"5", b"6")
    queue.put(("PUBLISH", "a", b"7"))
    assert queue.batch() == [
        ("PUBLISH", "a", b"12"),
        ("PUBLISH", "b", b"3"),
        ("PUBLISH", "a", b"4"),
        ("XADD", "stream"),
        ("PUBLISH", "a", b"56"),
        ("PUBLISH", "a", b"7"),
    ]
    assert [queue.pop() for _ in range(6)] == [2, 1, 1, 1, 2, 1]
    assert not queue
    assert queue.size == 0


def test_what_was_not_taken_is_in_the_next_batch_with_what_has_come_since() -> None:
    queue = WriteQueue(10_000)
    published(queue, "a", b"1", b"2")
    published(queue, "b", b"3")
    assert len(queue.batch()) == 2
    assert queue.pop() == 2
    published(queue, "b", b"4")
    assert queue.batch() == [("PUBLISH", "b", b"34")]


def test_one_message_has_a_bound_and_so_has_one_batch() -> None:
    queue = WriteQueue(10_000_000)
    published(queue, "a", *[bytes(30_000)] * 5, bytes(100_000), b"1", b"2")
    sizes = [len(data) for _, _, data in queue.batch()]
    assert sizes == [60_000, 60_000, 30_000, 100_000, 2]
    for _ in range(5):
        queue.pop()
    published(queue, "a", *[b"x"] * 1000)
    ((_, _, data),) = queue.batch()
    assert len(data) < 1000
    assert queue.pop() == len(data)


def test_too_much_is_not_taken() -> None:
    queue = WriteQueue(1000)
    assert not queue.put(("PUBLISH", "a", bytes(1000)), "a")
    published(queue, "a", bytes(500))
    assert not queue.put(("PUBLISH", "a", bytes(500)), "a")
    queue.batch()
    queue.pop()
    published(queue, "a", bytes(500))
