"""kazoo's recipes against the servers given, each checked for what it promises.

recipes.py HOST:PORT[,HOST:PORT...]
"""

import logging
import socket
import sys
import threading
import time
import uuid

from kazoo.client import KazooClient
from kazoo.exceptions import (
    BadVersionError,
    NoAuthError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    RolledBackError,
)
from kazoo.recipe.cache import TreeCache
from kazoo.security import make_digest_acl

PATIENCE_S = 60
logging.basicConfig(level=logging.ERROR)


def eventually(what, predicate):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if predicate():
            return
        time.sleep(0.02)
    sys.exit(f"{what} did not happen")


def expect(error, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except error:
        return
    sys.exit(f"{call} {arguments} did not fail with {error.__name__}")


class Clients:
    """Opens clients below one node of their own, in turn on each server."""

    def __init__(self, hosts):
        self.hosts = hosts.split(",")
        self.root = "/kazoo-" + uuid.uuid4().hex[:8]
        self.open = []
        first = KazooClient(hosts=hosts, timeout=20)
        first.start(timeout=PATIENCE_S)
        first.ensure_path(self.root)
        first.stop()
        first.close()

    def new(self, **named):
        turn = len(self.open) % len(self.hosts)
        hosts = ",".join(self.hosts[turn:] + self.hosts[:turn])
        client = KazooClient(hosts=hosts + self.root, timeout=20, randomize_hosts=False, **named)
        client.start(timeout=PATIENCE_S)
        self.open.append(client)
        return client

    def close(self):
        for client in self.open:
            client.stop()
            client.close()


def basics(clients):
    one, other = clients.new(), clients.new()
    one.create("/basics", b"first")
    data, stat = one.get("/basics")
    assert (data, stat.version, stat.dataLength) == (b"first", 0, 5), (data, stat)
    stat = one.set("/basics", b"second")
    assert stat.version == 1 and stat.mzxid > stat.czxid, stat
    other.sync("/basics")
    assert other.get("/basics")[0] == b"second"
    expect(BadVersionError, one.set, "/basics", b"", version=7)
    expect(NodeExistsError, one.create, "/basics")
    expect(NoNodeError, one.get, "/nothing")
    one.create("/basics/child")
    expect(NotEmptyError, one.delete, "/basics")
    assert one.exists("/basics").numChildren == 1
    names = [one.create("/basics/n-", sequence=True) for _ in range(3)]
    assert names == sorted(names) and len(set(names)) == 3, names
    transaction = one.transaction()
    transaction.create("/basics/in", b"x")
    transaction.set_data("/basics/in", b"y")
    transaction.delete("/basics/child")
    results = transaction.commit()
    assert results[0] == "/basics/in" and results[2] is True, results
    transaction = one.transaction()
    transaction.create("/basics/never")
    transaction.check("/basics", version=99)
    results = transaction.commit()
    assert isinstance(results[0], RolledBackError) and isinstance(results[1], BadVersionError), results
    assert one.exists("/basics/never") is None
    one.delete("/basics", recursive=True)


def permissions(clients):
    owner = clients.new(auth_data=[("digest", "amy:secret")])
    stranger = clients.new()
    acl = make_digest_acl("amy", "secret", all=True)
    owner.create("/private", b"mine", acl=[acl])
    stranger.sync("/private")
    expect(NoAuthError, stranger.get, "/private")
    expect(NoAuthError, stranger.set, "/private", b"yours")
    assert owner.get("/private")[0] == b"mine"
    assert owner.get_acls("/private")[0] == [acl]
    stranger.add_auth("digest", "amy:secret")
    assert stranger.get("/private")[0] == b"mine"
    owner.delete("/private")


def watches(clients):
    writer, reader = clients.new(), clients.new()
    writer.ensure_path("/watched")
    reader.sync("/watched")
    data, children = [], []
    reader.DataWatch("/watched", lambda value, stat: data.append(value))
    reader.ChildrenWatch("/watched", lambda names: children.append(sorted(names)))
    for number in range(5):
        writer.set("/watched", str(number).encode())
        writer.create(f"/watched/{number}")
    eventually("the last data", lambda: data[-1] == b"4")
    eventually("the last children", lambda: children[-1] == ["0", "1", "2", "3", "4"])
    numbers = [int(value) for value in data[1:]]
    assert numbers == sorted(numbers), numbers
    assert all(set(less) <= set(more) for less, more in zip(children, children[1:])), children


def ephemerals(clients):
    short, long = clients.new(), clients.new()
    gone = threading.Event()
    short.create("/ephemeral", ephemeral=True)
    long.sync("/ephemeral")
    stat = long.exists("/ephemeral", watch=lambda event: event.type == "DELETED" and gone.set())
    assert stat.ephemeralOwner == short.client_id[0], stat
    short.stop()
    assert gone.wait(PATIENCE_S), "the node outlived its session"
    assert long.exists("/ephemeral") is None


def locks(clients):
    counter = {"inside": 0, "turns": 0}

    def work():
        client = clients.new()
        for _ in range(4):
            with client.Lock("/lock"):
                counter["inside"] += 1
                assert counter["inside"] == 1, "two at once"
                counter["turns"] += 1
                time.sleep(0.002)
                counter["inside"] -= 1

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S * 2)
    assert counter == {"inside": 0, "turns": 12}, counter
    reader, other, writer = (clients.new() for _ in range(3))
    first, second = reader.ReadLock("/shared"), other.ReadLock("/shared")
    assert first.acquire(timeout=PATIENCE_S) and second.acquire(timeout=PATIENCE_S)
    exclusive = writer.WriteLock("/shared")
    assert not exclusive.acquire(blocking=False)
    first.release()
    second.release()
    assert exclusive.acquire(timeout=PATIENCE_S)
    exclusive.release()
    semaphore = [client.Semaphore("/semaphore", max_leases=2) for client in (reader, other, writer)]
    assert semaphore[0].acquire(timeout=PATIENCE_S) and semaphore[1].acquire(timeout=PATIENCE_S)
    assert not semaphore[2].acquire(blocking=False)
    semaphore[0].release()
    assert semaphore[2].acquire(timeout=PATIENCE_S)


def election(clients):
    leaders = []

    def run(client, name):
        def lead():
            leaders.append(name)
            time.sleep(0.05)

        client.Election("/election", name).run(lead)

    threads = [threading.Thread(target=run, args=(clients.new(), f"c{n}")) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sorted(leaders) == ["c0", "c1", "c2"], leaders


def others(clients):
    one, other = clients.new(), clients.new()
    counter = one.Counter("/counter")
    for _ in range(5):
        counter += 2
    assert counter.value == 10
    queue = one.LockingQueue("/queue")
    queue.put_all([b"a", b"b"])
    queue.put(b"urgent", priority=1)
    taker = other.LockingQueue("/queue")
    taken = []
    for _ in range(3):
        taken.append(taker.get(timeout=PATIENCE_S))
        assert taker.consume()
    assert taken == [b"urgent", b"a", b"b"], taken
    barrier = one.Barrier("/barrier")
    barrier.create()
    other.sync("/barrier")
    passed = []
    waiter = threading.Thread(target=lambda: passed.append(other.Barrier("/barrier").wait(PATIENCE_S)))
    waiter.start()
    time.sleep(0.2)
    assert not passed
    barrier.remove()
    waiter.join(PATIENCE_S)
    assert passed == [True], passed
    both = [threading.Thread(target=client.DoubleBarrier("/double", 2).enter) for client in (one, other)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    party = one.Party("/party", "one")
    party.join()
    other.Party("/party", "other").join()
    one.sync("/party")
    assert sorted(party) == ["one", "other"], list(party)


def caches(clients):
    writer, reader = clients.new(), clients.new()
    writer.ensure_path("/tree")
    reader.sync("/tree")
    cache = TreeCache(reader, "/tree")
    ready = threading.Event()
    cache.listen(lambda event: event.event_type == 7 and ready.set())
    cache.start()
    for number in range(10):
        writer.ensure_path(f"/tree/{number}/leaf")
        writer.set(f"/tree/{number}/leaf", str(number).encode())
    writer.delete("/tree/3", recursive=True)
    eventually("the cache's end", lambda: sorted(cache.get_children("/tree", [])) == [c for c in "012456789"])
    eventually(
        "the cache's data",
        lambda: all(getattr(cache.get_data(f"/tree/{c}/leaf"), "data", None) == c.encode() for c in "012456789"),
    )
    cache.close()


def moving(clients):
    """A session survives its connection, and its ephemeral node with it."""
    mover, other = clients.new(), clients.new()
    session = mover.client_id
    mover.create("/moving", b"here", ephemeral=True)
    mover.create("/moved")
    seen = []
    mover.DataWatch("/moved", lambda data, stat: seen.append(data))
    mover._connection._socket.shutdown(socket.SHUT_RDWR)
    other.sync("/moved")
    other.set("/moved", b"meanwhile")
    eventually("the news of a change while away", lambda: seen[-1] == b"meanwhile")
    assert mover.client_id == session
    assert mover.get("/moving")[1].ephemeralOwner == session[0]


def main():
    clients = Clients(sys.argv[1])
    try:
        for recipe in (basics, permissions, watches, ephemerals, locks, election, others, caches, moving):
            recipe(clients)
            print(recipe.__name__, flush=True)
    finally:
        clients.close()
    print("all recipes hold")


if __name__ == "__main__":
    main()
