"""A scan: what each place is that names a flag, in every language, through the names that code gives to it."""

from __future__ import annotations

import os
import textwrap
import threading
from dataclasses import dataclass

import pytest

from flagtrail.codebase import scan as scanning
from flagtrail.codebase import share
from flagtrail.codebase.patterns import Config, Pattern
from flagtrail.codebase.repository import Files

KEYS = ("new-ui", "new_ui", "old-ui", "search")
PLAIN = Config()


@dataclass(frozen=True)
class Case:
    """Files, and what is found in them: `path:line:column kind flag symbol`."""

    name: str
    files: dict[str, str]
    found: list[str]
    config: Config = PLAIN


def told(files: dict[str, str], config: Config = PLAIN) -> list[str]:
    content = Files({path: textwrap.dedent(text).lstrip("\n").encode() for path, text in files.items()})
    found = scanning.scan(content, KEYS, config).references
    return [f"{r.path}:{r.line}:{r.column} {r.kind} {r.flag} {r.symbol}".rstrip() for r in found]


CASES = [
    Case(
        "Python: an evaluation in a method, a comment, a text, a variable of the same name",
        {
            "shop/cart.py": '''
                """Prices. See new-ui."""
                class Cart:
                    def total(self):
                        # new-ui goes in May
                        new_ui = client.get_boolean_value("new-ui", False)
                        return new_ui and log("with new-ui now")
                ''',
        },
        [
            "shop/cart.py:1:16 comment new-ui",
            "shop/cart.py:4:11 comment new-ui Cart.total",
            "shop/cart.py:5:44 evaluation new-ui Cart.total",
            "shop/cart.py:6:37 comment new-ui Cart.total",
        ],
    ),
    Case(
        "Python: a plain word is no flag in prose, and is one as a literal",
        {
            "a.py": """
                # search is slow
                search = {"search": 1}
                if flags.is_enabled("search"):
                    print("the search", "use 'search'")
                """,
            "README.md": "How to search\nThe flag `search`\n",
            "settings.yaml": "search: true\nnote: how to search well\n",
        },
        [
            "README.md:2:11 comment search",
            "a.py:2:12 definition search",
            "a.py:3:22 evaluation search",
            "a.py:4:31 comment search",
            "settings.yaml:1:1 configuration search",
        ],
    ),
    Case(
        "Python: constants, enums and modules lead to other files",
        {
            "shop/flags.py": """
                NEW_UI = "new-ui"
                class Flag(StrEnum):
                    OLD = "old-ui"
                """,
            "shop/view.py": """
                from shop.flags import NEW_UI, Flag
                import shop.flags as everything
                from shop import flags

                def view():
                    if client.is_enabled(NEW_UI):
                        return client.is_enabled(Flag.OLD)
                    return client.is_enabled(flags.NEW_UI)
                """,
            "other/unrelated.py": """
                NEW_UI = 3
                OLD = other.OLD
                print(NEW_UI)
                """,
        },
        [
            "shop/flags.py:1:11 definition new-ui",
            "shop/flags.py:3:12 definition old-ui Flag",
            "shop/view.py:6:26 evaluation new-ui view",
            "shop/view.py:7:39 evaluation old-ui view",
            "shop/view.py:8:36 evaluation new-ui view",
        ],
    ),
    Case(
        "Python: what an import calls otherwise means the same",
        {
            "shop/flags.py": """
                NEW_UI = "new-ui"
                class Flag(StrEnum):
                    OLD = "old-ui"
                """,
            "shop/view.py": """
                import shop.flags as everything
                from shop import prices, flags as keys
                from shop.flags import (
                    Flag as F,
                    NEW_UI as MODERN,
                )

                def view():
                    if client.is_enabled(MODERN) or client.is_enabled(keys.NEW_UI):
                        return client.is_enabled(F.OLD)
                    return client.is_enabled(everything.NEW_UI)
                """,
            "other/unrelated.py": """
                from colours import keys, F
                client.is_enabled(keys.NEW_UI, F.OLD)
                MODERN = 3
                """,
        },
        [
            "shop/flags.py:1:11 definition new-ui",
            "shop/flags.py:3:12 definition old-ui Flag",
            "shop/view.py:9:26 evaluation new-ui view",
            "shop/view.py:9:60 evaluation new-ui view",
            "shop/view.py:10:36 evaluation old-ui view",
            "shop/view.py:11:41 evaluation new-ui view",
        ],
    ),
    Case(
        "TypeScript: what an import calls otherwise means the same; a cast is no import",
        {
            "web/flags.ts": "export const NEW_UI = 'new-ui';\nexport const Flags = { old: 'old-ui' } as const;\n",
            "web/view.ts": """
                import * as keys from './flags';
                import {
                  NEW_UI as Modern,
                  Flags as F,
                } from './flags';
                const required = require('./flags.js');
                export const a = client.isEnabled(keys.NEW_UI);
                export const b = client.isEnabled(Modern);
                export const c = client.isEnabled(F.old);
                export const d = client.isEnabled(required.NEW_UI);
                """,
            "web/cast.ts": """
                import { NEW_UI } from './flags';
                export const e = NEW_UI as string;
                export const f = client.get('string' as string);
                """,
            "web/else.ts": "import * as keys from './keyboard';\nclient.isEnabled(keys.NEW_UI);\n",
        },
        [
            "web/cast.ts:2:18 unknown new-ui",
            "web/flags.ts:1:24 definition new-ui",
            "web/flags.ts:2:30 definition old-ui",
            "web/view.ts:7:40 evaluation new-ui",
            "web/view.ts:8:35 evaluation new-ui",
            "web/view.ts:9:37 evaluation old-ui",
            "web/view.ts:10:44 evaluation new-ui",
        ],
    ),
    Case(
        "Python: a wrapper's calls are evaluations",
        {
            "shop/gate.py": """
                def has_new_ui(user):
                    return not flags.is_enabled("new-ui")

                def two(user):
                    x = flags.is_enabled("old-ui")
                    return x or user
                """,
            "shop/view.py": """
                from shop.gate import has_new_ui, two

                def view(user):
                    if has_new_ui(user) or two(user):
                        register(has_new_ui)
                """,
        },
        [
            "shop/gate.py:2:34 evaluation new-ui has_new_ui",
            "shop/gate.py:5:27 evaluation old-ui two",
            "shop/view.py:4:8 evaluation new-ui view",
            "shop/view.py:5:18 unknown new-ui view",
        ],
    ),
    Case(
        "Python: what tests set, by decorator, call and keyword",
        {
            "tests/test_view.py": """
                @override_flag("new-ui", active=True)
                def test_view():
                    flagtrail_flags.set("old-ui", False)
                    pin(new_ui=True)
                    seed({"new-ui": True})
                """,
            "shop/settings.py": """
                enable("new-ui")
                FLAGS = ["old-ui", "new-ui"]
                configure(new_ui=True)
                """,
        },
        [
            "shop/settings.py:1:9 unknown new-ui",
            "shop/settings.py:2:11 unknown old-ui",
            "shop/settings.py:2:21 unknown new-ui",
            "shop/settings.py:3:11 unknown new_ui",
            "tests/test_view.py:1:17 test_stub new-ui",
            "tests/test_view.py:3:26 test_stub old-ui test_view",
            "tests/test_view.py:4:9 test_stub new_ui test_view",
            "tests/test_view.py:5:12 test_stub new-ui test_view",
        ],
    ),
    Case(
        "Go: exported constants of a package, both answers",
        {
            "flags/flags.go": """
                package flags

                const NewUI = "new-ui"
                """,
            "shop/cart.go": """
                package shop

                import "acme/flags"

                func (c *Cart) Total() int {
                    on, err := client.BooleanValue(ctx, flags.NewUI, false, evalCtx)
                    if off := unleash.IsEnabled("old-ui"); off { // old-ui
                        return 1
                    }
                    return 0
                }
                """,
        },
        [
            "flags/flags.go:3:16 definition new-ui",
            "shop/cart.go:6:47 evaluation new-ui Total",
            "shop/cart.go:7:34 evaluation old-ui Total",
            "shop/cart.go:7:53 comment old-ui Total",
        ],
    ),
    Case(
        "TypeScript: enums, hooks, members of useFlags, template texts, JSX",
        {
            "src/flags.ts": """
                export enum Flag { NewUi = "new-ui" }
                export const OLD = "old-ui" as const;
                """,
            "src/View.tsx": """
                import { Flag, OLD } from "./flags";

                export function View() {
                  const on = useFlag(Flag.NewUi);
                  const { value } = useBooleanFlagDetails(OLD, false);
                  const { newUi } = useFlags();
                  return on ? <p title={`see new-ui`}>new-ui</p> : <Old />;
                }
                """,
        },
        [
            "src/View.tsx:4:27 evaluation new-ui View",
            "src/View.tsx:5:43 evaluation old-ui View",
            "src/View.tsx:6:11 evaluation new_ui View",
            "src/View.tsx:7:30 comment new-ui View",
            "src/View.tsx:7:39 comment new-ui View",
            "src/flags.ts:1:29 definition new-ui",
            "src/flags.ts:2:21 definition old-ui",
        ],
    ),
    Case(
        "Java: constants of a class, enum members, mocks",
        {
            "src/main/java/Flags.java": """
                class Flags {
                  static final String NEW_UI = "new-ui";
                }
                """,
            "src/main/java/Cart.java": """
                class Cart {
                  int total() {
                    return client.getBooleanValue(Flags.NEW_UI, false) ? 1 : 2;
                  }
                }
                """,
            "src/test/java/CartTest.java": """
                class CartTest {
                  @Test
                  void total() {
                    when(unleash.isEnabled("new-ui")).thenReturn(true);
                  }
                }
                """,
        },
        [
            "src/main/java/Cart.java:3:41 evaluation new-ui Cart.total",
            "src/main/java/Flags.java:2:33 definition new-ui Flags",
            "src/test/java/CartTest.java:4:29 test_stub new-ui CartTest.total",
        ],
    ),
    Case(
        "Kotlin: constants of an object",
        {
            "src/Flags.kt": """
                object Flags {
                    const val NEW_UI = "new-ui"
                }
                """,
            "src/Cart.kt": """
                class Cart {
                    fun total() = if (client.getBooleanValue(Flags.NEW_UI, false)) 1 else 2 // new-ui
                }
                """,
        },
        [
            "src/Cart.kt:2:52 evaluation new-ui Cart.total",
            "src/Cart.kt:2:80 comment new-ui Cart",
            "src/Flags.kt:2:25 definition new-ui Flags",
        ],
    ),
    Case(
        "Kotlin: a constant of a companion, and what a mock is told to answer",
        {
            "src/main/Payments.kt": """
                class Payments(private val unleash: Unleash) {
                    fun all() = if (unleash.isEnabled(NEW_UI, true)) 1 else 2
                    companion object {
                        const val NEW_UI = "new-ui"
                    }
                }
                """,
            "src/test/PaymentsTest.kt": """
                class PaymentsTest {
                    @Test
                    fun all() {
                        every { unleash.isEnabled(Payments.NEW_UI, true) } returns true
                    }
                }
                """,
        },
        [
            "src/main/Payments.kt:2:39 evaluation new-ui Payments.all",
            "src/main/Payments.kt:4:29 definition new-ui Payments",
            "src/test/PaymentsTest.kt:4:44 test_stub new-ui PaymentsTest.all",
        ],
    ),
    Case(
        "Python: flags that are classes with their key in them; what is called like that elsewhere is none",
        {
            "flags.py": """
                class NewUi(Flag):
                    name = "new-ui"
                """,
            "view.py": """
                from flags import NewUi

                def view(user):
                    print(user.name, NewUi.name)
                    return NewUi

                def other():
                    name = "old-ui"
                    return client.is_enabled(name)
                """,
        },
        [
            "flags.py:2:13 definition new-ui NewUi",
            "view.py:4:22 unknown new-ui view",
            "view.py:5:12 unknown new-ui view",
            "view.py:8:13 definition old-ui other",
            "view.py:9:30 evaluation old-ui other",
        ],
    ),
    Case(
        "TypeScript: flags that are objects with their key in them",
        {
            "src/flags.ts": """
                export class FeatureFlags {
                  static readonly NewUi = { name: "new-ui", defaultValue: "false" };
                }
                export const OLD = { key: 'old-ui', owner: 'shop' };
                """,
            "src/view.ts": """
                import { FeatureFlags, OLD } from "./flags";

                export async function view() {
                  if (manager.getBooleanValue(FeatureFlags.NewUi)) show();
                  return client.getBooleanValue(OLD.key, false);
                }
                """,
        },
        [
            "src/flags.ts:2:36 definition new-ui FeatureFlags",
            "src/flags.ts:4:28 definition old-ui",
            "src/view.ts:4:44 evaluation new-ui view",
            "src/view.ts:5:33 evaluation old-ui view",
        ],
    ),
    Case(
        "other files: settings, prose, templates, languages that cannot be read",
        {
            "deploy/flags.yaml": "flags:\n  new-ui: {state: ENABLED}\n  # old-ui went\n  old-ui-v2: {}\n",
            "flags.json": '{"flags": {"new-ui": {}}}\n',
            "docs/flags.md": "Turn new-ui on.\n",
            "templates/cart.html": '{% flag "new-ui" %}<!-- old-ui -->{% endflag %}\n',
            "lib/cart.rb": 'if unleash.is_enabled?("new-ui") # old-ui\n  track "old-ui"\nend\n',
            "lib/test_cart.rb": 'stub "new-ui"\n',
            "run.sh": 'curl -X POST "$URL/ofrep/v1/evaluate/flags/new-ui"\n',
            "latin.py": "# caf\\u00e9 'new-ui'\n",
        },
        [
            "deploy/flags.yaml:2:3 configuration new-ui",
            "deploy/flags.yaml:3:5 comment old-ui",
            "docs/flags.md:1:6 comment new-ui",
            "flags.json:1:13 configuration new-ui",
            "latin.py:1:14 comment new-ui",
            "lib/cart.rb:1:25 evaluation new-ui",
            "lib/cart.rb:1:36 comment old-ui",
            "lib/cart.rb:2:10 unknown old-ui",
            "lib/test_cart.rb:1:7 test_stub new-ui",
            "run.sh:1:44 evaluation new-ui",
            "templates/cart.html:1:10 evaluation new-ui",
            "templates/cart.html:1:25 comment old-ui",
        ],
    ),
    Case(
        "a registry of one's own: what is bound to it is found",
        {
            "flags/all.go": """
                package flags

                var NewUI = MustRegister("new-ui")
                """,
            "shop/cart.go": """
                package shop

                import "acme/flags"

                func total() bool {
                    return flags.NewUI.On()
                }
                """,
        },
        ["flags/all.go:3:27 definition new-ui", "shop/cart.go:6:18 unknown new-ui total"],
        Config(patterns=(Pattern(call="MustRegister", kind="definition"),)),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_scan__of_files__tells_what_each_place_is(case: Case) -> None:
    assert told(case.files, case.config) == case.found


def test_scan__bytes_that_are_no_utf_8__are_read_by_lines() -> None:
    found = scanning.scan(Files({"a.py": b"# caf\xe9 new-ui\nflags.is_enabled('new-ui')\n"}), KEYS, Config())

    assert [(each.kind, each.line) for each in found.references] == [("comment", 1), ("evaluation", 2)]


@pytest.mark.parametrize(
    ("line", "snippet"),
    [
        pytest.param('\tif ask("new-ui"):  ', 'if ask("new-ui"):', id="without blanks around"),
        pytest.param(f"ask('{'sk' * 10}12345678', 'new-ui')", "ask('…', 'new-ui')", id="without what looks secret"),
        pytest.param("ask('new-ui', '\x1b[31m')", "ask('new-ui', '\\x1b[31m')", id="without control characters"),
    ],
)
def test_snippet__of_a_line__is_that_line_alone(line: str, snippet: str) -> None:
    (found,) = scanning.scan(Files({"a.rb": f"before\n{line}\nafter".encode()}), KEYS, Config()).references

    assert found.snippet == snippet


def test_snippet__of_a_long_line__is_what_stands_around_the_key() -> None:
    line = f"{'x' * 5_000} 'new-ui' {'y' * 5_000}"
    (found,) = scanning.scan(Files({"a.rb": line.encode()}), KEYS, Config()).references

    assert len(found.snippet) <= 202
    assert "'new-ui'" in found.snippet


def test_unknown__key_that_code_asks_for__is_told_with_the_nearest_known_one() -> None:
    code = 'flags.is_enabled("new-ui")\nflags.is_enabled("new-uj")\nflags.is_enabled("tax")\nopen("new-uk")\n'
    found = scanning.scan(Files({"a.py": code.encode()}), KEYS, Config())

    assert [(each.flag, each.near, each.references[0].line) for each in found.unknown] == [
        ("new-uj", "new-ui", 2),
        ("tax", "", 3),
    ]


def test_unknown__calls_of_a_preset_by_which_no_known_flag_is_asked__are_counted_alone() -> None:
    code = 'flags.is_enabled("new-ui")\ncache.get_value("a-setting", 3)\n'
    found = scanning.scan(Files({"a.py": code.encode()}), KEYS, Config())

    assert (found.unknown, found.doubtful) == ((), {"configcat": 1})


def test_unknown__by_a_name_of_no_vendor__is_told_where_a_known_flag_is_asked_for_by_that_name() -> None:
    code = 'has_feature("new-ui")\nhas_feature("tax")\nflag_enabled("vat")\n'
    found = scanning.scan(Files({"a.py": code.encode()}), KEYS, PLAIN)

    assert ([each.flag for each in found.unknown], found.doubtful) == (["tax"], {})


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(Config(presets=("configcat",)), id="its preset is named"),
        pytest.param(Config(patterns=(Pattern(call="get_value"),)), id="the pattern is one's own"),
    ],
)
def test_unknown__of_what_the_configuration_names__is_told(config: Config) -> None:
    found = scanning.scan(Files({"a.py": b'cache.get_value("a-setting", 3)\n'}), KEYS, config)

    assert [each.flag for each in found.unknown] == ["a-setting"]


def test_result__knows_which_keys_nothing_names() -> None:
    found = scanning.scan(Files({"a.py": b'flags.is_enabled("new-ui")\n'}), KEYS, Config())

    assert (found.unreferenced, found.files) == (("new_ui", "old-ui", "search"), 1)


@pytest.mark.skipif(not share.can_fork(), reason="there is one processor alone, or another system than Linux")
def test_scan__shared_with_a_second_process__finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"{name}/{path}": text for name in "abc" for case in CASES[:4] for path, text in case.files.items()}
    alone = told(files)
    monkeypatch.setattr(scanning, "LEAST_SHARED", 0)

    assert told(files) == alone


def test_scan__without_memory_for_all_files__reads_them_again(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"{name}/{path}": text for name in "abc" for case in CASES[:4] for path, text in case.files.items()}
    kept = told(files)
    monkeypatch.setattr(scanning, "MAX_KEPT_BYTES", 100)

    assert told(files) == kept


@pytest.mark.skipif(not share.can_fork(), reason="there is one processor alone, or another system than Linux")
def test_pair__second_process_dies__this_one_does_its_work() -> None:
    here = os.getpid()

    def work(text: str) -> str:
        if os.getpid() != here:
            os._exit(3)
        return text.upper()

    with share.pair(work, alone=False) as two:
        assert [two.both("a", "b"), two.both("c", "d")] == [("A", "B"), ("C", "D")]


def test_pair__this_process_has_another_thread__works_alone() -> None:
    def by(_: str) -> int:
        return os.getpid()

    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        with share.pair(by, alone=False) as two:
            assert two.both("a", "b") == (os.getpid(), os.getpid())
    finally:
        over.set()
        thread.join()


@pytest.mark.skipif(not share.can_fork(), reason="there is one processor alone, or another system than Linux")
def test_pair__this_process_fails_while_the_second_has_much_to_tell__ends_both() -> None:
    here = os.getpid()

    def work(text: str) -> str:
        if os.getpid() == here:
            raise ValueError(text)
        return text * (1 << 20)

    with pytest.raises(ValueError, match="mine"), share.pair(work, alone=False) as two:
        two.both("mine", "theirs")
