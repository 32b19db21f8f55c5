/** What the cases of the corpus are run with. */
package stub

val flags = Flags()

fun cond(name: String): Boolean = Stub.outcomes.getValue(name)

fun trace(text: String) {
    Stub.trace += text
}

object Stub {
    internal var outcomes: Map<String, Boolean> = emptyMap()
    internal val trace = mutableListOf<String>()
    private var value = "true"

    @JvmStatic
    fun reset(winning: String, conditions: Map<String, Boolean>) {
        value = winning
        outcomes = conditions
        trace.clear()
    }

    @JvmStatic
    fun traced(): List<String> = trace

    internal fun answer(key: String): Any = outcomes[key] ?: when {
        value == "true" || value == "false" -> value.toBoolean()
        value.startsWith("\"") -> value.trim('"')
        else -> value.toInt()
    }
}

/** A client of feature flags, with what vendors call their questions. */
open class Flags {
    open fun isEnabled(key: String, default: Boolean = false): Boolean = Stub.answer(key) as Boolean

    fun getBooleanValue(key: String, default: Boolean): Boolean = Stub.answer(key) as Boolean

    fun getStringValue(key: String, default: String): String = Stub.answer(key) as String

    fun getIntegerValue(key: String, default: Int): Int = Stub.answer(key) as Int

    fun getBooleanDetails(key: String, default: Boolean): Details<Boolean> = Details(Stub.answer(key) as Boolean)

    class Details<T>(val value: T) {
        val variant: String = if (value == true) "on" else "off"
    }
}
