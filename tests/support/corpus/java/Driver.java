import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.Array;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * Compiles and runs trees of the corpus in one process.
 *
 * <p>Arguments: the stubs' sources or compiled classes and jars that all share, a file of jobs, a file for what came of them. A line of jobs is
 * {@code job name folder class compiled?}, or, for the job above it, {@code run json-value key=0 key=1 ..}; tabs between.
 * A line of results is {@code name failure} or {@code name outcome}, both as JSON texts.
 */
public final class Driver {
    private static final JavaCompiler COMPILER = ToolProvider.getSystemJavaCompiler();
    private static final long PATIENCE = 60_000;

    private final StandardJavaFileManager files = COMPILER.getStandardFileManager(null, null, null);
    private final List<Path> stubs;
    private final ClassLoader jars;

    private Driver(List<Path> stubs) throws Exception {
        this.stubs = stubs;
        List<URL> path = new ArrayList<>();
        for (Path jar : stubs.subList(1, stubs.size())) {
            path.add(jar.toUri().toURL());
        }
        this.jars = new URLClassLoader(path.toArray(URL[]::new), ClassLoader.getPlatformClassLoader());
    }

    public static void main(String[] arguments) throws Exception {
        List<Path> stubs = new ArrayList<>(Stream.of(arguments[0].split(":")).map(Path::of).toList());
        Path jobs = Path.of(arguments[1]);
        Driver driver = new Driver(stubs);
        if (isSource(stubs.get(0))) {
            Path compiled = jobs.resolveSibling("stubs");
            String defect = driver.compile(stubs.get(0), compiled);
            if (!defect.isEmpty()) {
                throw new IllegalStateException(defect);
            }
            stubs.set(0, compiled);
        }
        try (PrintWriter out = new PrintWriter(arguments[2], "UTF-8")) {
            driver.all(Files.readAllLines(jobs), out);
        }
        System.exit(0);
    }

    private void all(List<String> lines, PrintWriter out) throws Exception {
        String[] job = null;
        String failure = "";
        for (String line : lines) {
            String[] parts = line.split("\t", -1);
            if (parts[0].equals("job")) {
                job = parts;
                Path folder = Path.of(job[2]);
                failure = job[4].isEmpty() ? compile(folder, compiled(job)) : "";
                if (!failure.isEmpty()) {
                    out.println(job[1] + "\tfailure\t" + json(failure));
                }
            } else if (failure.isEmpty()) {
                out.println(job[1] + "\toutcome\t" + json(run(compiled(job), job[3], parts)));
            }
        }
    }

    private static boolean isSource(Path folder) throws Exception {
        try (Stream<Path> found = Files.walk(folder)) {
            return found.anyMatch(path -> path.toString().endsWith(".java"));
        }
    }

    private static Path compiled(String[] job) {
        return Path.of(job[4].isEmpty() ? job[2] + ".classes" : job[4]);
    }

    private String compile(Path folder, Path target) throws Exception {
        Files.createDirectories(target);
        List<Path> sources;
        try (Stream<Path> found = Files.walk(folder)) {
            sources = found.filter(path -> path.toString().endsWith(".java")).sorted().toList();
        }
        StringWriter said = new StringWriter();
        String path = String.join(":", stubs.stream().map(Path::toString).toList());
        List<String> options = List.of("-proc:none", "-Xlint:none", "-nowarn", "-g:none", "-cp", path, "-d", target.toString());
        boolean right =
            COMPILER.getTask(said, files, null, options, null, files.getJavaFileObjectsFromPaths(sources)).call();
        return right ? "" : said.toString().replace(folder + "/", "");
    }

    private String run(Path compiled, String main, String[] parts) throws Exception {
        Map<String, Boolean> outcomes = new HashMap<>();
        for (int at = 2; at < parts.length; at++) {
            String[] pair = parts[at].split("=");
            outcomes.put(pair[0], pair[1].equals("1"));
        }
        List<URL> path = List.of(compiled.toUri().toURL(), stubs.get(0).toUri().toURL());
        AtomicReference<String> result = new AtomicReference<>("\"it never ends\"");
        try (URLClassLoader loader = new URLClassLoader(path.toArray(URL[]::new), jars)) {
            Class<?> stub = loader.loadClass("stub.Stub");
            stub.getMethod("reset", String.class, Map.class).invoke(null, parts[1], outcomes);
            Thread thread = new Thread(() -> result.set(subject(loader, main)));
            thread.setDaemon(true);
            thread.start();
            thread.join(PATIENCE);
            Object trace = stub.getMethod("traced").invoke(null);
            return "{\"result\": " + result.get() + ", \"trace\": " + json(trace) + "}";
        }
    }

    private static String subject(ClassLoader loader, String main) {
        try {
            var method = loader.loadClass(main).getDeclaredMethod("subject");
            method.setAccessible(true);
            return json(method.invoke(null));
        } catch (InvocationTargetException thrown) {
            return json("throws " + thrown.getCause().getClass().getName());
        } catch (Throwable wrong) {
            return json("cannot be run: " + wrong);
        }
    }

    private static String json(Object value) {
        if (value == null || value instanceof Number || value instanceof Boolean) {
            return String.valueOf(value);
        }
        if (value instanceof Map<?, ?> map) {
            List<String> pairs = map.entrySet().stream().map(e -> json(e.getKey() + "") + ": " + json(e.getValue())).sorted().toList();
            return "{" + String.join(", ", pairs) + "}";
        }
        if (value instanceof Iterable<?> many) {
            List<String> each = new ArrayList<>();
            many.forEach(one -> each.add(json(one)));
            return "[" + String.join(", ", each) + "]";
        }
        if (value.getClass().isArray()) {
            List<Object> each = new ArrayList<>();
            for (int at = 0; at < Array.getLength(value); at++) {
                each.add(Array.get(value, at));
            }
            return json(each);
        }
        StringBuilder text = new StringBuilder("\"");
        for (char one : value.toString().toCharArray()) {
            boolean plain = one >= ' ' && one < 127 && one != '"' && one != '\\';
            text.append(plain ? String.valueOf(one) : String.format("\\u%04x", (int) one));
        }
        return text.append('"').toString();
    }
}
