package stub;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What the cases of the corpus are run with. */
public final class Stub {
    public static final Flags flags = new Flags();
    private static final List<String> TRACE = new ArrayList<>();
    private static Map<String, Boolean> outcomes = Map.of();
    private static String value = "true";

    private Stub() {}

    public static void reset(String winning, Map<String, Boolean> conditions) {
        value = winning;
        outcomes = conditions;
        TRACE.clear();
    }

    public static List<String> traced() {
        return TRACE;
    }

    public static boolean cond(String name) {
        if (!outcomes.containsKey(name)) {
            throw new IllegalStateException("no condition " + name);
        }
        return outcomes.get(name);
    }

    public static void trace(String text) {
        TRACE.add(text);
    }

    static Object answer(String key) {
        if (outcomes.containsKey(key)) {
            return outcomes.get(key);
        }
        if (value.equals("true") || value.equals("false")) {
            return Boolean.valueOf(value);
        }
        return value.startsWith("\"") ? value.substring(1, value.length() - 1) : (Object) Integer.valueOf(value);
    }
}
