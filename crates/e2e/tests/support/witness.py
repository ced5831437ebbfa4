"""A witness for end-to-end tests: produce until standard input closes, then account for every acknowledged message.

witness.py produce BOOTSTRAP              prints "ready" after the first acknowledgement, the count at the end
witness.py verify BOOTSTRAP COUNT         reads messages 0 to COUNT-1 back, each once and in order
witness.py round-trip BOOTSTRAP TOPIC [key=value ...]
"""

import sys
import threading
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

TOPIC = "witness"
# A story may take a broker away for a while; giving up is the test's business, not the client's.
PATIENCE_S = 180


def ensure_topic(settings, topic, replication):
    admin = AdminClient(settings)
    deadline = time.time() + PATIENCE_S
    while time.time() < deadline:
        for future in admin.create_topics([NewTopic(topic, 1, replication)], request_timeout=20).values():
            try:
                future.result()
                return
            except Exception as error:  # noqa: BLE001 - printed when it stays
                if "TOPIC_ALREADY_EXISTS" in str(error):
                    return
                last = error
        time.sleep(0.5)
    sys.exit(f"topic {topic} cannot be created: {last}")


def produce(bootstrap):
    settings = {"bootstrap.servers": bootstrap}
    ensure_topic(settings, TOPIC, -1)
    producer = Producer(
        {
            **settings,
            "acks": "all",
            "enable.idempotence": True,
            "delivery.timeout.ms": PATIENCE_S * 1000,
            "linger.ms": 0,
            "reconnect.backoff.max.ms": 500,
        }
    )
    closed = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), closed.set()), daemon=True).start()
    acknowledged = 0
    failed = []

    def delivered(error, _message):
        nonlocal acknowledged
        if error is not None:
            failed.append(str(error))
            return
        acknowledged += 1
        if acknowledged == 1:
            print("ready", flush=True)

    number = 0
    while not closed.is_set() and not failed:
        producer.produce(TOPIC, str(number).encode(), on_delivery=delivered)
        number += 1
        producer.poll(0.01)
    producer.flush(PATIENCE_S)
    if failed or acknowledged != number:
        sys.exit(f"{acknowledged} of {number} acknowledged; {failed[:3]}")
    print(acknowledged, flush=True)


def verify(bootstrap, count):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "witness-verify", "enable.auto.commit": False})
    consumer.assign([TopicPartition(TOPIC, 0, OFFSET_BEGINNING)])
    expected = 0
    deadline = time.time() + PATIENCE_S
    while expected < count:
        message = consumer.poll(1.0)
        if message is None or message.error():
            if time.time() > deadline:
                sys.exit(f"only {expected} of {count} came back")
            continue
        number = int(message.value())
        if number != expected:
            sys.exit(f"expected message {expected}, got {number}: lost, repeated or out of order")
        expected += 1
    consumer.close()


def round_trip(bootstrap, topic, pairs):
    settings = {"bootstrap.servers": bootstrap, **dict(pair.split("=", 1) for pair in pairs)}
    value = f"{time.time()}".encode()
    ensure_topic(settings, topic, -1)
    outcome = []
    producer = Producer({**settings, "acks": "all"})
    producer.produce(topic, value, on_delivery=lambda error, _message: outcome.append(error))
    producer.flush(60)
    if outcome != [None]:
        sys.exit(f"not delivered: {outcome}")
    consumer = Consumer({**settings, "group.id": "round-trip", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    deadline = time.time() + 60
    while time.time() < deadline:
        message = consumer.poll(1.0)
        if message is not None and not message.error() and message.value() == value:
            consumer.close()
            return
    sys.exit("the message did not come back")


if __name__ == "__main__":
    command, bootstrap, *rest = sys.argv[1:]
    if command == "produce":
        produce(bootstrap)
    elif command == "verify":
        verify(bootstrap, int(rest[0]))
    else:
        round_trip(bootstrap, rest[0], rest[1:])
