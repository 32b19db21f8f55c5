package org.junit.jupiter.api

annotation class Test

annotation class BeforeEach

fun assertEquals(expected: Any?, actual: Any?) {
    if (expected != actual) throw AssertionError("$expected is not $actual")
}
