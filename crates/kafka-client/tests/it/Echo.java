import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Constructor;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.Readable;

/** Reads lines "Message version hex", decodes with Kafka's own classes, encodes again, prints the same form. */
public class Echo {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        StringBuilder out = new StringBuilder();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] parts = line.split(" ", -1);
            short version = Short.parseShort(parts[1]);
            out.append(parts[0]).append(' ').append(version).append(' ');
            try {
                ByteBuffer buffer = ByteBuffer.wrap(HexFormat.of().parseHex(parts[2]));
                Constructor<?> constructor = Class.forName("org.apache.kafka.common.message." + parts[0] + "Data")
                    .getConstructor(Readable.class, short.class);
                ApiMessage message = (ApiMessage) constructor.newInstance(new ByteBufferAccessor(buffer), version);
                if (buffer.hasRemaining()) out.append("left over: ").append(buffer.remaining()).append(' ');
                ByteBuffer again = MessageUtil.toByteBufferAccessor(message, version).buffer();
                byte[] bytes = new byte[again.remaining()];
                again.get(bytes);
                out.append(HexFormat.of().formatHex(bytes));
            } catch (Exception e) {
                Throwable cause = e.getCause() == null ? e : e.getCause();
                out.append(String.valueOf(cause).replace('\n', ' '));
            }
            out.append('\n');
        }
        System.out.print(out);
    }
}
