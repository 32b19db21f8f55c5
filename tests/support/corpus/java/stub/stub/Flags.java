package stub;

/** A client of feature flags, with what vendors call their questions. */
public class Flags {
    public boolean isEnabled(String key) {
        return (Boolean) Stub.answer(key);
    }

    public boolean isEnabled(String key, boolean otherwise) {
        return (Boolean) Stub.answer(key);
    }

    public boolean getBooleanValue(String key, boolean otherwise) {
        return (Boolean) Stub.answer(key);
    }

    public String getStringValue(String key, String otherwise) {
        return (String) Stub.answer(key);
    }

    public int getIntegerValue(String key, int otherwise) {
        return (Integer) Stub.answer(key);
    }

    public boolean boolVariation(String key, Object context, boolean otherwise) {
        return (Boolean) Stub.answer(key);
    }

    public Details getBooleanDetails(String key, boolean otherwise) {
        return new Details((Boolean) Stub.answer(key));
    }

    /** What OpenFeature answers with. */
    public record Details(boolean value) {
        public boolean getValue() {
            return value;
        }

        public String getVariant() {
            return value ? "on" : "off";
        }
    }
}
