import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.TreeCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.retry.RetryOneTime;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

/** Apache ZooKeeper's own client and Curator's recipes against the servers given; each is checked for what it promises. */
public class Recipes {
    static final long PATIENCE_S = 60;
    static String[] hosts;
    static int turn;
    static final String ROOT = "/java-" + Long.toHexString(System.nanoTime());

    public static void main(String[] arguments) throws Exception {
        hosts = arguments[0].split(",");
        try (ZooKeeper zk = client("", event -> {})) {
            zk.create(ROOT, null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        }
        plain();
        System.out.println("plain");
        watches();
        System.out.println("watches");
        moving();
        System.out.println("moving");
        locks();
        System.out.println("locks");
        latch();
        System.out.println("latch");
        caches();
        System.out.println("caches");
        others();
        System.out.println("others");
        System.out.println("all recipes hold");
        System.exit(0);
    }

    static String servers() {
        return hosts[turn++ % hosts.length];
    }

    static ZooKeeper client(String root, Watcher watcher) throws Exception {
        CountDownLatch connected = new CountDownLatch(1);
        ZooKeeper zk = new ZooKeeper(servers() + root, 20_000, event -> {
            if (event.getState() == Watcher.Event.KeeperState.SyncConnected) {
                connected.countDown();
            }
            watcher.process(event);
        });
        check(connected.await(PATIENCE_S, TimeUnit.SECONDS), "no connection");
        return zk;
    }

    static CuratorFramework curator() throws Exception {
        CuratorFramework client = CuratorFrameworkFactory.builder().connectString(servers() + ROOT)
            .sessionTimeoutMs(20_000).retryPolicy(new RetryOneTime(500)).build();
        client.start();
        check(client.blockUntilConnected((int) PATIENCE_S, TimeUnit.SECONDS), "no connection");
        return client;
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    static void eventually(String what, Callable<Boolean> holds) throws Exception {
        long deadline = System.nanoTime() + Duration.ofSeconds(PATIENCE_S).toNanos();
        while (System.nanoTime() < deadline) {
            if (holds.call()) {
                return;
            }
            Thread.sleep(20);
        }
        throw new AssertionError(what + " did not happen");
    }

    static void expect(KeeperException.Code code, Callable<Object> call) throws Exception {
        try {
            call.call();
        } catch (KeeperException e) {
            check(e.code() == code, "expected " + code + ", got " + e.code());
            return;
        }
        throw new AssertionError("expected " + code);
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static void plain() throws Exception {
        try (ZooKeeper zk = client(ROOT, event -> {})) {
            Stat stat = new Stat();
            zk.create("/p", bytes("one"), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, stat);
            check(stat.getVersion() == 0 && stat.getCzxid() == stat.getMzxid(), "stat of create2");
            check(zk.setData("/p", bytes("two"), 0).getVersion() == 1, "version");
            expect(KeeperException.Code.BADVERSION, () -> zk.setData("/p", null, 0));
            expect(KeeperException.Code.NONODE, () -> zk.getData("/nothing", false, null));
            expect(KeeperException.Code.NODEEXISTS,
                () -> zk.create("/p", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
            zk.create("/p/e", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
            expect(KeeperException.Code.NOCHILDRENFOREPHEMERALS,
                () -> zk.create("/p/e/x", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
            check(zk.getEphemerals("/").equals(List.of("/p/e")) || zk.getEphemerals().size() == 1, "ephemerals");
            check(zk.getAllChildrenNumber("/p") == 1, "children");
            check(zk.create("/p/c", null, Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER).equals("/p/c"), "container");
            check(!zk.whoAmI().isEmpty(), "whoAmI");
            // Kafka's registration of a broker.
            List<OpResult> results = zk.multi(Arrays.asList(
                Op.create("/p/id", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL), Op.setData("/p/id", bytes("me"), 0)));
            Stat written = ((OpResult.SetDataResult) results.get(1)).getStat();
            check(written.getVersion() == 1 && written.getEphemeralOwner() == zk.getSessionId(), "multi: " + written);
            try {
                zk.multi(Arrays.asList(Op.check("/p", 1), Op.delete("/absent", -1), Op.setData("/p", null, -1)));
                throw new AssertionError("a multi with a wrong part succeeded");
            } catch (KeeperException e) {
                List<OpResult> failed = e.getResults();
                int[] codes = failed.stream().mapToInt(r -> ((OpResult.ErrorResult) r).getErr()).toArray();
                check(Arrays.equals(codes, new int[] {0, -101, -2}), Arrays.toString(codes));
            }
            List<OpResult> read = zk.multi(Arrays.asList(Op.getData("/p"), Op.getChildren("/p"), Op.getData("/absent")));
            check(((OpResult.GetDataResult) read.get(0)).getData().length == 3, "multiRead");
            check(((OpResult.GetChildrenResult) read.get(1)).getChildren().size() == 3, "multiRead children");
            check(((OpResult.ErrorResult) read.get(2)).getErr() == -101, "multiRead error");
            zk.addAuthInfo("digest", bytes("amy:secret"));
            zk.create("/p/mine", null, Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
            try (ZooKeeper stranger = client(ROOT, event -> {})) {
                sync(stranger, "/p");
                expect(KeeperException.Code.NOAUTH, () -> stranger.getData("/p/mine", false, null));
            }
            // Pipelined as Kafka does, answered in order.
            List<String> answered = Collections.synchronizedList(new ArrayList<>());
            CountDownLatch all = new CountDownLatch(200);
            for (int i = 0; i < 200; i++) {
                zk.create("/p/n" + i, null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, (rc, path, ctx, name) -> {
                    answered.add(rc + path);
                    all.countDown();
                }, null);
            }
            check(all.await(PATIENCE_S, TimeUnit.SECONDS), "pipelined creates");
            for (int i = 0; i < 200; i++) {
                check(answered.get(i).equals("0/p/n" + i), answered.get(i));
            }
        }
    }

    static void sync(ZooKeeper zk, String path) throws Exception {
        CountDownLatch done = new CountDownLatch(1);
        zk.sync(path, (rc, p, ctx) -> done.countDown(), null);
        check(done.await(PATIENCE_S, TimeUnit.SECONDS), "sync");
    }

    static void watches() throws Exception {
        BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
        try (ZooKeeper writer = client(ROOT, event -> {}); ZooKeeper reader = client(ROOT, event -> {})) {
            writer.create("/w", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            sync(reader, "/w");
            reader.addWatch("/w", events::add, AddWatchMode.PERSISTENT_RECURSIVE);
            writer.create("/w/a", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            writer.setData("/w/a", bytes("x"), -1);
            writer.setData("/w", bytes("y"), -1);
            writer.delete("/w/a", -1);
            List<String> told = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                WatchedEvent event = events.poll(PATIENCE_S, TimeUnit.SECONDS);
                check(event != null, "events: " + told);
                told.add(event.getType() + event.getPath());
            }
            check(told.equals(List.of("NodeCreated/w/a", "NodeDataChanged/w/a", "NodeDataChanged/w", "NodeDeleted/w/a")),
                told.toString());
            reader.removeAllWatches("/w", Watcher.WatcherType.Any, false);
            writer.setData("/w", bytes("z"), -1);
            sync(reader, "/w");
            check(reader.getData("/w", false, null)[0] == 'z', "read after sync");
            check(events.stream().noneMatch(event -> event.getType() == Watcher.Event.EventType.NodeDataChanged),
                "a removed watch fired");
        }
    }

    /** A second client takes the session over, on the next server. */
    static void moving() throws Exception {
        ZooKeeper first = client(ROOT, event -> {});
        first.create("/moving", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        CountDownLatch connected = new CountDownLatch(1);
        ZooKeeper second = new ZooKeeper(servers() + ROOT, 20_000, event -> {
            if (event.getState() == Watcher.Event.KeeperState.SyncConnected) {
                connected.countDown();
            }
        }, first.getSessionId(), first.getSessionPasswd());
        check(connected.await(PATIENCE_S, TimeUnit.SECONDS), "the session did not move");
        Stat stat = second.exists("/moving", false);
        check(stat != null && stat.getEphemeralOwner() == first.getSessionId(), "the node did not move: " + stat);
        second.close();
        try (ZooKeeper other = client(ROOT, event -> {})) {
            sync(other, "/moving");
            check(other.exists("/moving", false) == null, "the node outlived its session");
        }
    }

    static void locks() throws Exception {
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger turns = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
        for (int i = 0; i < 3; i++) {
            threads.add(new Thread(() -> {
                try (CuratorFramework client = curator()) {
                    InterProcessMutex mutex = new InterProcessMutex(client, "/mutex");
                    for (int round = 0; round < 4; round++) {
                        check(mutex.acquire(PATIENCE_S, TimeUnit.SECONDS), "no lock");
                        check(inside.incrementAndGet() == 1, "two at once");
                        turns.incrementAndGet();
                        inside.decrementAndGet();
                        mutex.release();
                    }
                } catch (Throwable e) {
                    failures.add(e);
                }
            }));
        }
        for (Thread thread : threads) {
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        check(failures.isEmpty() && turns.get() == 12, "locks: " + turns + " " + failures);
        try (CuratorFramework client = curator()) {
            InterProcessReadWriteLock lock = new InterProcessReadWriteLock(client, "/rw");
            check(lock.writeLock().acquire(PATIENCE_S, TimeUnit.SECONDS), "write lock");
            check(lock.readLock().acquire(PATIENCE_S, TimeUnit.SECONDS), "read lock inside");
            lock.readLock().release();
            lock.writeLock().release();
        }
    }

    static void latch() throws Exception {
        List<CuratorFramework> clients = new ArrayList<>();
        List<LeaderLatch> latches = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            clients.add(curator());
            LeaderLatch latch = new LeaderLatch(clients.get(i), "/latch", "c" + i);
            latch.start();
            latches.add(latch);
        }
        Set<String> led = new HashSet<>();
        for (int i = 0; i < 3; i++) {
            eventually("a leader", () -> latches.stream().filter(LeaderLatch::hasLeadership).count() == 1);
            LeaderLatch leader = latches.stream().filter(LeaderLatch::hasLeadership).findFirst().get();
            led.add(leader.getId());
            latches.remove(leader);
            leader.close();
        }
        check(led.size() == 3, "leaders: " + led);
        for (CuratorFramework client : clients) {
            client.close();
        }
    }

    static void caches() throws Exception {
        // Two readers: before 3.9 a server keeps one kind of watch per node and connection.
        try (CuratorFramework writer = curator(); CuratorFramework reader = curator(); CuratorFramework other = curator()) {
            writer.create().forPath("/cache");
            reader.sync().forPath("/cache");
            other.sync().forPath("/cache");
            TreeCache tree = TreeCache.newBuilder(reader, "/cache").build();
            tree.start();
            CuratorCache cache = CuratorCache.build(other, "/cache");
            cache.start();
            for (int i = 0; i < 10; i++) {
                writer.create().creatingParentsIfNeeded().forPath("/cache/" + i + "/leaf", bytes("" + i));
            }
            writer.setData().forPath("/cache/5/leaf", bytes("changed"));
            writer.delete().deletingChildrenIfNeeded().forPath("/cache/3");
            eventually("TreeCache's end", () -> tree.getCurrentChildren("/cache") != null
                && tree.getCurrentChildren("/cache").size() == 9
                && tree.getCurrentData("/cache/5/leaf") != null
                && new String(tree.getCurrentData("/cache/5/leaf").getData()).equals("changed")
                && tree.getCurrentData("/cache/9/leaf") != null);
            eventually("CuratorCache's end", () -> cache.size() == 19
                && new String(cache.get("/cache/5/leaf").get().getData()).equals("changed"));
            tree.close();
            cache.close();
        }
    }

    static void others() throws Exception {
        try (CuratorFramework one = curator(); CuratorFramework other = curator()) {
            SharedCount count = new SharedCount(one, "/count", 0);
            count.start();
            check(count.trySetCount(count.getVersionedValue(), 7), "count");
            SharedCount same = new SharedCount(other, "/count", 0);
            same.start();
            eventually("the count", () -> same.getCount() == 7);
            count.close();
            same.close();
            PersistentNode node = new PersistentNode(one, CreateMode.EPHEMERAL, false, "/node", bytes("x"));
            node.start();
            check(node.waitForInitialCreate(PATIENCE_S, TimeUnit.SECONDS), "node");
            other.sync().forPath("/node");
            other.delete().forPath("/node");
            eventually("the node's return", () -> other.checkExists().forPath("/node") != null);
            node.close();
        }
    }
}
