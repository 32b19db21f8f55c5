"""What Java and Kotlin mean by a name, a type or a package hangs on other files."""

from __future__ import annotations

from textwrap import dedent

import pytest

from flagtrail.codebase.cleanup import Winner
from flagtrail.codebase.plan import plan
from flagtrail.codebase.repository import Files


def removed(files: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """What the files become, and why places of them are left alone."""
    before = Files({path: dedent(text).lstrip("\n").encode() for path, text in files.items()})
    made = plan(before, "new-ui", Winner("on", value=True))
    after = {path: data.decode() for path, data in before.items()}
    for change in made.changes:
        after[change.path] = (change.after or b"").decode()
    return after, [refusal.why for refusal in made.refusals]


PRINTER = "package shop;\n\nclass Printer {{\n    void show({}) {{ }}\n    void show({}) {{ }}\n}}\n"


@pytest.mark.parametrize(
    ("one", "other", "given", "left"),
    [
        ("boolean on", "Object any", 'flags.isEnabled("new-ui")', True),
        ("boolean on, int n", "T any, int n", 'flags.isEnabled("new-ui"), 1', True),
        ("boolean on", "Map<String, Object> all", 'flags.isEnabled("new-ui")', False),
        ("boolean on", "Object any, int n", 'flags.isEnabled("new-ui")', False),
    ],
)
def test_an_answer_by_whose_type_another_files_method_is_chosen__is_left(
    one: str, other: str, given: str, *, left: bool
) -> None:
    page = "package shop;\n\nclass Page {{\n    void run(Printer printer) {{\n        printer.show({});\n    }}\n}}\n"
    files = {"shop/Printer.java": PRINTER.format(one, other), "shop/Page.java": page.format(given)}
    after, why = removed(files)
    assert after["shop/Page.java"] == page.format(given if left else given.replace('flags.isEnabled("new-ui")', "true"))
    assert why == (["unsupported"] if left else [])


@pytest.mark.parametrize(
    ("own", "asked", "left"),
    [
        (
            "class Row { Row(String text) { } boolean isEnabled() { return false; } }",
            'new Row("new-ui").isEnabled()',
            True,
        ),
        ("class FeatureRow { FeatureRow(String text) { } }", 'new FeatureRow("new-ui").isEnabled()', False),
        ('class All { static final Row ROW = new Row("new-ui"); }', "All.ROW.isEnabled()", True),
        ("class Base { boolean isEnabled(String key) { return key.isEmpty(); } }", 'isEnabled("new-ui")', True),
        (
            "class Base { boolean isEnabled(String key) { return flags.isEnabled(key); } }",
            'this.isEnabled("new-ui")',
            False,
        ),
        (
            "class Base { boolean isFeatureEnabled(String key) { return all.get(key); } }",
            'isFeatureEnabled("new-ui")',
            False,
        ),
    ],
)
def test_what_is_only_called_as_flags_are_asked_for__is_left(own: str, asked: str, *, left: bool) -> None:
    page = (
        f"package shop;\n\nclass Page extends Base {{\n    int run() {{\n        return {asked} ? 1 : 2;\n    }}\n}}\n"
    )
    after, why = removed({"shop/Own.java": f"package shop;\n\n{own}\n", "shop/Page.java": page})
    assert ("return 1;" in after["shop/Page.java"]) is not left
    assert ("unclassified" in why) is left


FIELD = """
    package shop;

    class Page {
        %sprivate boolean wide = flags.isEnabled("new-ui");

        int run() {
            return wide ? 1 : 2;
        }
    }
    """
TEST = 'package shop;\n\nclass PageTest {\n    void narrow(Page page) { setField(page, "wide", false); }\n}\n'
BY_NAME = (
    'package shop;\n\nclass PageTest {\n    String n = "wide";\n    Object on = Page.class.getDeclaredField(n);\n}\n'
)


@pytest.mark.parametrize(("annotation", "test"), [("", TEST), ("", BY_NAME), ('@Value("${wide}") ', "")])
def test_a_field_that_something_else_may_set__is_read_as_before(annotation: str, test: str) -> None:
    after, _ = removed({"shop/Page.java": FIELD % annotation, "shop/PageTest.java": test})
    assert "boolean wide = true;" in after["shop/Page.java"]
    assert "return wide ? 1 : 2;" in after["shop/Page.java"]


@pytest.mark.parametrize(("beside", "stays"), [("", False), ("package shop.old;\n\nclass Else { }\n", True)])
def test_an_import_of_a_whole_package__goes_with_its_last_file(beside: str, *, stays: bool) -> None:
    page = """
        package shop;

        import shop.old.*;

        class Page {
            int run() {
                return flags.isEnabled("new-ui") ? 1 : new Legacy().fee();
            }
        }
        """
    files = {
        "shop/Page.java": page,
        "shop/old/Legacy.java": "package shop.old;\n\npublic class Legacy { public int fee() { return 2; } }\n",
        "shop/Order.kt": "package shop\n\nimport shop.old.*\n\nclass Order\n",
        "shop/old/Else.java": beside,
    }
    after, _ = removed({path: text for path, text in files.items() if text})
    assert not after["shop/old/Legacy.java"]
    assert {"shop.old" in after[path] for path in ("shop/Page.java", "shop/Order.kt")} == {stays}


def test_a_parameter__that_a_test_is_run_for_with_several_values__stays() -> None:
    page = "class Page {\n    static int fee(boolean old) {\n        return %s;\n    }\n}\n"
    test = "class PageTest {\n    @ParameterizedTest\n    void of(boolean old) { check(Page.fee(old)); }\n}\n"
    after, why = removed({"Page.java": page % 'flags.isEnabled("new-ui") ? 1 : old ? 2 : 3', "PageTest.java": test})
    assert after == {"Page.java": page % "1", "PageTest.java": test}
    assert why == ["still_used"]


def test_a_parameter_of_kotlin__of_which_java_sees_several_overloads__stays() -> None:
    fee = "@JvmOverloads\nfun fee(a: Int, old: Int = 3, b: Int): Int = %s\n"
    use = "class Use {\n    int run() {\n        return FeeKt.fee(1, 2);\n    }\n}\n"
    after, _ = removed({"Fee.kt": fee % 'if (flags.isEnabled("new-ui")) a + b else old', "Use.java": use})
    assert after == {"Fee.kt": fee % "a + b", "Use.java": use}


FEATURE = "package shop\n\nenum class {} {{\n    NEW_UI,\n    SEARCH;\n}}\n"
ASKS = """
    package shop

    fun run(flags: Flags, arguments: List<String>): Int {
        val wide = flags.isActive(%s.NEW_UI)
        return if (wide) arguments.size else 2
    }

    fun search(flags: Flags) = flags.isActive(%s.SEARCH)
    """


@pytest.mark.parametrize(("name", "is_flag"), [("ShopFeature", True), ("Level", False)])
def test_a_member_of_an_enumeration_of_flags__is_the_flag_of_its_own_name(name: str, *, is_flag: bool) -> None:
    files = {"shop/Names.kt": FEATURE.format(name), "shop/Page.kt": dedent(ASKS % (name, name)).lstrip()}
    made = plan(Files({path: text.encode() for path, text in files.items()}), "NEW_UI", Winner("on", value=True))
    after = {change.path: (change.after or b"").decode() for change in made.changes}
    assert not made.refusals
    assert after.keys() == (files.keys() if is_flag else set())
    assert ("return arguments.size" in after.get("shop/Page.kt", "")) is is_flag
    assert after.get("shop/Names.kt", FEATURE).count("NEW_UI") == (not is_flag)


@pytest.mark.parametrize(
    ("name", "body", "asked"),
    [
        ("PhoneFeature", "NFC, GPS", "phone.hasFeature(PhoneFeature.NFC)"),
        ("PhoneFeature", "NFC, GPS", "phone.isEnabled(PhoneFeature.NFC)"),
        ("Setting", "NFC, GPS", "features.isEnabled(Setting.NFC)"),
        ("Gate", "NFC, GPS; boolean on; boolean isActive() { return this.on; }", "Gate.NFC.isActive()"),
    ],
)
def test_a_member_that_only_has_a_flags_name__is_no_flag(name: str, body: str, asked: str) -> None:
    use = f"package shop;\n\nclass Use {{\n    int run() {{ return {asked} ? 1 : 2; }}\n}}\n"
    files = {f"shop/{name}.java": f"package shop;\n\nenum {name} {{ {body} }}\n", "shop/Use.java": use}
    made = plan(Files({path: text.encode() for path, text in files.items()}), "NFC", Winner("on", value=True))
    assert made.changes == ()


@pytest.mark.parametrize(
    ("loads", "stays"),
    [
        ('Class.forName("shop.old.$kind")', True),
        ('Class.forName(PACKAGE + kind)\n\nval PACKAGE = "shop.old."', True),
        ('Charset.forName("UTF-8").also { log("old") }', False),
        ('Class.forName("mail.$kind").also { log("old") }', False),
    ],
)
def test_a_class__that_may_be_loaded_by_a_name_put_together__stays(loads: str, *, stays: bool) -> None:
    page = (
        'package shop\n\nimport shop.old.Legacy\n\nfun fee() = if (flags.isEnabled("new-ui")) 1 else Legacy().fee()\n'
    )
    after, _ = removed(
        {
            "shop/Page.kt": page,
            "shop/Load.kt": f"package shop\n\nfun load(kind: String) = {loads}\n",
            "shop/old/Legacy.kt": "package shop.old\n\nclass Legacy { fun fee() = 2 }\n",
        }
    )
    assert bool(after["shop/old/Legacy.kt"]) is stays


@pytest.mark.parametrize(
    ("looks", "stays"),
    [
        ("Object.class.getMethod(name)", True),
        ("Page.class.getDeclaredMethods()", True),
        ("document.getField(name)", False),
        ("document.getFields()", False),
    ],
)
def test_a_method__that_reflection_may_look_up__stays(looks: str, *, stays: bool) -> None:
    page = """
        package shop;

        class Page {
            static int legacy() { return 2; }

            static int run() {
                return flags.isEnabled("new-ui") ? 1 : legacy();
            }

            static Object look(Document document, String name) throws Exception {
                return %s;
            }
        }
        """
    after, _ = removed({"shop/Page.java": page % looks})
    assert ("legacy" in after["shop/Page.java"]) is stays


def test_a_key_in_code_that_cannot_be_parsed__is_told_though_no_text_can_be_read_there() -> None:
    page = """
        package shop

        class Page(c: Client) : Base(on = c.isEnabled("new-ui")) { fun fee() = 1 }
        class Footer(c: Client) { private val on by lazy { println("x"); c.isEnabled("new-ui") }; fun fee() = 2 }
        """
    before = dedent(page).lstrip().encode()
    made = plan(Files({"Page.kt": before}), "new-ui", Winner("on", value=True))
    assert [(each.line, each.why) for each in made.refusals] == [(3, "unsupported"), (4, "unsupported")]


@pytest.mark.parametrize(
    ("reads", "stays"),
    [
        ("ObjectMapper json, String text", True),
        ("RestTemplate web, String url", True),
        ("Map<String, String> all", False),
    ],
)
def test_a_property_of_a_bean__that_others_may_read_as_a_whole__stays(reads: str, *, stays: bool) -> None:
    files = {
        "shop/Order.java": "package shop;\n\npublic class Order {\n    public int getFee() { return 1; }\n\n"
        "    public int getTotal() { return 2; }\n}\n",
        "shop/Page.java": "package shop;\n\nclass Page {\n    int run(Order order) {\n"
        '        return flags.isEnabled("new-ui") ? order.getTotal() : order.getFee();\n    }\n}\n',
        "shop/Orders.java": f"package shop;\n\nabstract class Orders {{\n    abstract Order of({reads});\n}}\n",
    }
    after, _ = removed(files)
    assert ("getFee" in after["shop/Order.java"]) is stays


MEMBERS = '[[patterns]]\ncall = "Features"\nkind = "members"\n\n[[patterns]]\ncall = "remote"\nkey = "key"\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("fun a() = if (!Features.newUi) 1 else 2", "fun a() = 2"),
        ("fun a() = b() || !shop.Features.newUi", "fun a() = b()"),
        ("fun a() = listOf(b(), !Features.newUi())", "fun a() = listOf(b(), false)"),
        ("fun a() = b(Features.newUi)", "fun a() = b(true)"),
        (
            'class A {\n    val on: Boolean by remote(\n        key = "newUi",\n    )\n}',
            "class A {\n    val on: Boolean = true\n}",
        ),
    ],
)
def test_a_flag_that_is_a_member_or_a_delegate_in_kotlin__is_taken_with_what_belongs_to_it(
    before: str, after: str
) -> None:
    files = {".flagtrail.toml": MEMBERS, "Page.kt": f"package shop\n\n{before}\n"}
    made = plan(Files({path: text.encode() for path, text in files.items()}), "newUi", Winner("on", value=True))
    assert [change.after for change in made.changes] == [f"package shop\n\n{after}\n".encode()]


@pytest.mark.parametrize(
    ("call", "after"),
    [
        ("fee(1, 2) { b() }", "fee(1) { b() }"),
        ("fee(1) { b() }", None),
        ("fee(old = 2, n = 1) { b() }", "fee(n = 1) { b() }"),
        ("fee(n = 1, 2) { b() }", None),
    ],
)
def test_an_argument_of_kotlin__goes_only_where_its_place_is_sure(call: str, after: str | None) -> None:
    fee = "package shop\n\nfun fee(n: Int, old: Int = 0, f: () -> Unit): Int {\n    f()\n    return {}\n}}\n"
    fee = fee.replace("{\n    f()", "{{\n    f()")
    use = "package shop\n\nfun use() = {}\n"
    asked = 'if (flags.isEnabled("new-ui")) n else old'
    made, _ = removed({"Fee.kt": fee.format(asked), "Use.kt": use.format(call)})
    kept = fee.format("n") if after is None else fee.format("n").replace("old: Int = 0, ", "")
    assert made == {"Fee.kt": kept, "Use.kt": use.format(after or call)}


@pytest.mark.parametrize(
    ("read", "after", "why"),
    [
        ("Page.WIDE ? 1 : 2", "1", []),
        ("!shop.Page.WIDE ? 1 : 2", "2", []),
        ("page.WIDE ? 1 : 2", "page.WIDE ? 1 : 2", ["reassigned"]),
        ("fees.Page.WIDE ? 1 : 2", "fees.Page.WIDE ? 1 : 2", ["reassigned"]),
    ],
)
def test_a_constant_of_the_answer__is_followed_where_it_is_looked_up_in_its_class(
    read: str, after: str, why: list[str]
) -> None:
    constant = 'public static final boolean WIDE = flags.isEnabled("new-ui");'
    mail = "package shop.mail;\n\nimport shop.Page;\n\nclass Mail {\n    int run(Other page) { return %s; }\n}\n"
    files = {
        "shop/Page.java": f"package shop;\n\npublic class Page {{\n    {constant}\n    int z() {{ return 1; }}\n}}\n",
        "shop/mail/Mail.java": mail % read,
        "shop/mail/Fee.java": "package shop.mail;\n\nclass Fee {\n    int of(shop.Page page) { return page.z(); }\n}\n",
    }
    made, left = removed(files)
    assert "return " + after + ";" in made["shop/mail/Mail.java"]
    assert ("WIDE" in made["shop/Page.java"]) is bool(why)
    assert left == why


@pytest.mark.parametrize("loop", ["while (Page.WIDE) { if (b()) { break; } }", "do { b(); } while (b() || Page.WIDE);"])
def test_a_constant_of_the_answer_that_leads_a_loop__stays_none_for_javac(loop: str) -> None:
    constant = 'public static final boolean WIDE = flags.isEnabled("new-ui");'
    files = {
        "shop/Page.java": f"package shop;\n\npublic class Page {{\n    {constant}\n}}\n",
        "shop/Mail.java": f"package shop;\n\nclass Mail {{\n    int run() {{ {loop} return 1; }}\n}}\n",
    }
    assert removed(files) == (files, ["unsupported"])


def test_a_member_called_as_a_key_that_is_written_as_a_text__is_not_taken_for_it() -> None:
    files = {
        "Option.java": "enum FilterOption {\n    SEARCH,\n    OTHER;\n    Object ALL = List.of(SEARCH, OTHER);\n}\n",
        "Page.java": 'class Page {\n    int run() { return flags.isEnabled("SEARCH") ? 1 : 2; }\n}\n',
    }
    made = plan(Files({path: text.encode() for path, text in files.items()}), "SEARCH", Winner("on", value=True))
    assert [change.path for change in made.changes] == ["Page.java"]
    assert not made.refusals


@pytest.mark.parametrize(
    ("inner", "count"), [("class Page {{ {} }}", 1), ("class Page {{ static class Row {{ {} }} }}", 2)]
)
def test_a_constant_of_a_class_within_its_files__is_none_that_the_files_class_inherits(inner: str, count: int) -> None:
    constant = 'static final boolean WIDE = flags.isEnabled("new-ui");'
    use = "package shop;\n\nclass Mail {\n    int run() { return Page.WIDE ? 1 : 2; }\n}\n"
    made, _ = removed({"shop/Page.java": f"package shop;\n\n{inner.format(constant)}\n", "shop/Mail.java": use})
    assert ("Page.WIDE" in made["shop/Mail.java"]) is (count > 1)


def test_a_class_of_kotlin__is_used_by_a_file_of_its_package_in_another_folder() -> None:
    config = 'package shop\nclass Config(val c: Client) { fun newUi() = c.isEnabled("new-ui") }\n'
    fee = "fun fee(config: Config): Int = if (config.newUi()) 1 else 2\n"
    told = "    val config = mockk<Config>()\n    @Before fun off() { every { config.newUi() } returns false }\n"
    test = "package shop\nclass ATest {\n" + told + "    @Test fun z() { assertEquals(1, fee(config)) }\n}\n"
    made, _ = removed({"src/main/A.kt": config + fee, "src/test/kotlin/BTest.kt": test})
    assert "class Config" in made["src/main/A.kt"]
