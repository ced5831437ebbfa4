import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;

/**
 * Load from Apache ZooKeeper's own client, for measurements.
 *
 * <pre>
 * Load read|create|set HOST:PORT CLIENTS IN_FLIGHT SECONDS     operations per second
 * Load etcd URL CLIENTS 1 SECONDS                              the same of etcd's own transactions (a put with one condition)
 * Load watch HOST:PORT SESSIONS WATCHES SECONDS                holds the watches for that long
 * Load herd HOST:PORT SESSIONS CHILDREN CHANGES                seconds until all have heard of all changes
 * </pre>
 */
public class Load {
    static final byte[] DATA = new byte[100];

    public static void main(String[] a) throws Exception {
        int clients = Integer.parseInt(a[2]);
        int inFlight = Integer.parseInt(a[3]);
        int seconds = Integer.parseInt(a[4]);
        switch (a[0]) {
            case "etcd" -> etcd(a[1], clients, seconds);
            case "watch" -> watch(a[1], clients, inFlight, seconds);
            case "herd" -> herd(a[1], clients, inFlight, seconds);
            default -> operations(a[0], a[1], clients, inFlight, seconds);
        }
        System.exit(0);
    }

    static ZooKeeper connect(String hosts) throws Exception {
        return connect(hosts, 1).get(0);
    }

    /** So many sessions, asked for at once. */
    static List<ZooKeeper> connect(String hosts, int sessions) throws Exception {
        CountDownLatch connected = new CountDownLatch(sessions);
        List<ZooKeeper> open = new ArrayList<>();
        for (int i = 0; i < sessions; i++) {
            open.add(new ZooKeeper(hosts, 30_000, event -> {
                if (event.getState() == Watcher.Event.KeeperState.SyncConnected) {
                    connected.countDown();
                }
            }));
        }
        if (!connected.await(60, TimeUnit.SECONDS)) {
            throw new IllegalStateException("no connection to " + hosts);
        }
        return open;
    }

    static void ensure(ZooKeeper zk, String path) throws Exception {
        if (zk.exists(path, false) == null) {
            zk.create(path, DATA, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        }
    }

    static void operations(String kind, String hosts, int clients, int inFlight, int seconds) throws Exception {
        List<ZooKeeper> open = new ArrayList<>();
        for (int i = 0; i < clients; i++) {
            open.add(connect(hosts));
        }
        ensure(open.get(0), "/load");
        for (int i = 0; i < 100; i++) {
            ensure(open.get(0), "/load/" + i);
        }
        AtomicLong done = new AtomicLong();
        AtomicLong failed = new AtomicLong();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < clients; i++) {
            ZooKeeper zk = open.get(i);
            int number = i;
            threads.add(new Thread(() -> {
                Semaphore room = new Semaphore(inFlight);
                for (long n = 0; System.nanoTime() < end; n++) {
                    room.acquireUninterruptibly();
                    String path = "/load/" + (n + number) % 100;
                    switch (kind) {
                        case "read" -> zk.getData(path, false, (rc, p, c, d, s) -> count(rc, done, failed, room), null);
                        case "set" -> zk.setData(path, DATA, -1, (rc, p, c, s) -> count(rc, done, failed, room), null);
                        default -> zk.create("/load/n-", DATA, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL,
                            (rc, p, c, name) -> count(rc, done, failed, room), null);
                    }
                }
                room.acquireUninterruptibly(inFlight);
            }));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        if (failed.get() > 0) {
            throw new IllegalStateException(failed + " operations failed");
        }
        System.out.println(done.get() / seconds);
    }

    static void count(int rc, AtomicLong done, AtomicLong failed, Semaphore room) {
        (rc == 0 ? done : failed).incrementAndGet();
        room.release();
    }

    static void etcd(String url, int clients, int seconds) throws Exception {
        HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        AtomicLong done = new AtomicLong();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        Base64.Encoder base64 = Base64.getEncoder();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < clients; i++) {
            String key = base64.encodeToString(("load" + i).getBytes());
            String body = "{\"compare\":[{\"target\":\"MOD\",\"result\":\"GREATER\",\"key\":\"" + key
                + "\",\"mod_revision\":\"-1\"}],\"success\":[{\"request_put\":{\"key\":\"" + key + "\",\"value\":\""
                + base64.encodeToString(DATA) + "\"}}]}";
            HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/v3/kv/txn"))
                .POST(HttpRequest.BodyPublishers.ofString(body)).build();
            threads.add(new Thread(() -> {
                while (System.nanoTime() < end) {
                    try {
                        HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
                        if (!answer.body().contains("\"succeeded\":true")) {
                            throw new IllegalStateException(answer.body());
                        }
                        done.incrementAndGet();
                    } catch (Exception e) {
                        throw new RuntimeException(e);
                    }
                }
            }));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        System.out.println(done.get() / seconds);
    }

    static void watch(String hosts, int sessions, int watches, int seconds) throws Exception {
        List<ZooKeeper> open = connect(hosts, sessions);
        ensure(open.get(0), "/watched");
        for (int i = 0; i < watches; i++) {
            ensure(open.get(0), "/watched/" + i);
        }
        CountDownLatch set = new CountDownLatch(sessions * watches);
        for (ZooKeeper zk : open) {
            for (int i = 0; i < watches; i++) {
                zk.getData("/watched/" + i, event -> {}, (rc, p, c, d, s) -> set.countDown(), null);
            }
        }
        set.await();
        System.out.println("watching");
        TimeUnit.SECONDS.sleep(seconds);
    }

    static void herd(String hosts, int sessions, int children, int changes) throws Exception {
        ZooKeeper writer = connect(hosts);
        ensure(writer, "/herd");
        for (int i = 0; i < children; i++) {
            ensure(writer, "/herd/" + i);
        }
        CountDownLatch heard = new CountDownLatch(sessions * changes);
        CountDownLatch set = new CountDownLatch(sessions * children);
        for (ZooKeeper zk : connect(hosts, sessions)) {
            for (int child = 0; child < children; child++) {
                String path = "/herd/" + child;
                zk.getData(path, new Watcher() {
                    @Override
                    public void process(org.apache.zookeeper.WatchedEvent event) {
                        if (event.getType() == Event.EventType.NodeDataChanged) {
                            heard.countDown();
                            zk.getData(path, this, (rc, p, c, d, s) -> {}, null);
                        }
                    }
                }, (rc, p, c, d, s) -> set.countDown(), null);
            }
        }
        set.await();
        long begun = System.nanoTime();
        for (int i = 0; i < changes; i++) {
            writer.setData("/herd/" + i % children, DATA, -1);
        }
        if (!heard.await(60, TimeUnit.SECONDS)) {
            throw new IllegalStateException(heard.getCount() + " changes were not heard of");
        }
        System.out.printf("%.2f%n", (System.nanoTime() - begun) / 1e9);
    }
}
