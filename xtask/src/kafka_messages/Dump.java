import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.protocol.Errors;

/** Prints Kafka's message definitions named on the command line, then its error codes, from the jar on the class path. */
public class Dump {
    public static void main(String[] names) throws Exception {
        for (String name : names) {
            try (InputStream in = Dump.class.getResourceAsStream("/common/message/" + name + ".json")) {
                if (in == null) throw new IllegalStateException("no message " + name);
                System.out.println("=== " + name);
                System.out.println(new String(in.readAllBytes(), StandardCharsets.UTF_8));
            }
        }
        System.out.println("=== errors");
        for (Errors e : Errors.values()) {
            boolean retriable = e.exception() instanceof RetriableException;
            String message = e.message() == null ? "" : e.message().replace('\n', ' ');
            System.out.println(e.code() + "\t" + e.name() + "\t" + retriable + "\t" + message);
        }
    }
}
