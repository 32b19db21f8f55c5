"""Presets: every name of every vendor's SDK is recognised where it stands in code of its language."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest

from flagtrail.codebase import languages, patterns, sites
from flagtrail.codebase.patterns import Pattern, Patterns

SUFFIXES = {"python": "py", "typescript": "tsx", "go": "go", "java": "java", "kotlin": "kt"}
FRAMES = {
    "python": "def subject(request, user):\nBODY",
    "typescript": "export async function Subject(user: User) {\nBODY}\n",
    "go": "package shop\n\nfunc subject() {\nBODY}\n",
    "java": "class Subject {\n  void subject(User user) {\nBODY  }\n}\n",
    "kotlin": "fun subject(user: User) {\nBODY}\n",
}


def each(form: str, names: str) -> list[str]:
    """One line for each name."""
    return [form.replace("@@", name) for name in names.split()]


TYPES = "Boolean String Number Object"
FLOWS = "getFeatureFlagFlow getFlagFlow isFeatureEnabledFlow isEnabledFlow"
SNIPPETS: dict[tuple[str, str], list[str]] = {
    ("openfeature", "python"): [
        *each('if client.get_@@_value("new-ui", False, EvaluationContext(user.id)): pass', "boolean string integer"),
        *each('x = client.get_@@_value(flag_key="new-ui", default_value=d)', "float object"),
        *each('x = await client.get_@@_value_async("new-ui", d)', "boolean string integer float object"),
        *each('x = client.get_@@_details("new-ui", d).value', "boolean string integer float object"),
        *each('x = (await client.get_@@_details_async("new-ui", d)).value', "boolean string integer float object"),
    ],
    ("openfeature", "typescript"): [
        *each("const v@@ = await client.get@@Value('new-ui', d, { targetingKey: user.id });", TYPES),
        *each("const d@@ = (await client.get@@Details('new-ui', d)).value;", TYPES),
        *each("const h@@ = use@@FlagValue('new-ui', d);", TYPES),
        *each(
            "const {{ value: q@@ }} = use@@('new-ui', d);".replace("{{", "{").replace("}}", "}"), "Flag SuspenseFlag"
        ),
        *each("const i@@ = use@@FlagDetails('new-ui', d).value;", TYPES),
    ],
    ("openfeature", "go"): [
        *each('v@@, err := client.@@Value(ctx, "new-ui", d, evalCtx)', "Boolean String Int Float Object"),
        *each('d@@, err := client.@@ValueDetails(ctx, "new-ui", d, evalCtx)', "Boolean String Int Float Object"),
        *each('s@@ := client.@@(ctx, "new-ui", d, evalCtx)', "Boolean String Int Float Object"),
    ],
    ("openfeature", "java"): [
        *each('use(client.get@@Value("new-ui", d, context));', "Boolean String Integer Double Object"),
        *each('use(client.get@@Details("new-ui", d).getValue());', "Boolean String Integer Double Object"),
    ],
    ("openfeature", "kotlin"): [
        *each('use(client.get@@Value("new-ui", d))', "Boolean String Integer Double Object"),
        *each('use(client.get@@Details("new-ui", d).value)', "Boolean String Integer Double Object"),
    ],
    ("flagtrail", "python"): [
        *each('x = client.get_@@("new-ui", d, {"plan": "pro"})', "boolean string integer float object"),
        'x = client.details("new-ui").value',
        'flagtrail_flags.set("new-ui", True)',
    ],
    ("launchdarkly", "python"): [
        'x = ldclient.get().variation("new-ui", context, False)',
        'x = client.variation_detail("new-ui", context, False).value',
    ],
    ("launchdarkly", "typescript"): [
        "const a = ldClient.variation('new-ui', false);",
        "const b = await ldClient.boolVariation('new-ui', context, false);",
        *each("const c@@ = await ldClient.@@Variation('new-ui', context, d);", "string number json"),
        "const e = ldClient.variationDetail('new-ui', false).value;",
        *each("const f@@ = ldClient.@@VariationDetail('new-ui', d).value;", "bool string number json"),
        *each("const g@@ = use@@Variation('new-ui', d);", "Bool String Number Json"),
        *each("const h@@ = use@@VariationDetail('new-ui', d).value;", "Bool String Number Json"),
    ],
    ("launchdarkly", "go"): [
        *each('v@@, err := client.@@Variation("new-ui", context, d)', "Bool String Int Float64 JSON"),
        *each('c@@, err := client.@@VariationCtx(ctx, "new-ui", context, d)', "Bool String Int Float64 JSON"),
        *each('d@@, detail, err := client.@@VariationDetail("new-ui", context, d)', "Bool String Int Float64 JSON"),
    ],
    ("launchdarkly", "java"): [
        *each('use(client.@@Variation("new-ui", context, d));', "bool string int double jsonValue"),
        *each('use(client.@@VariationDetail("new-ui", context, d).getValue());', "bool string int double jsonValue"),
    ],
    ("launchdarkly", "kotlin"): [
        *each('use(client.@@Variation("new-ui", d))', "bool string int double jsonValue"),
        *each('use(client.@@VariationDetail("new-ui", d).value)', "bool string int double jsonValue"),
    ],
    ("unleash", "python"): [
        'if client.is_enabled("new-ui", {"userId": user.id}): pass',
        'x = client.get_variant("new-ui")["name"]',
    ],
    ("unleash", "typescript"): [
        "if (unleash.isEnabled('new-ui', context, false)) use();",
        "const name = unleash.getVariant('new-ui').name;",
        "const on = useFlag('new-ui');",
        "const { name: hooked } = useVariant('new-ui');",
    ],
    ("unleash", "go"): [
        'on := unleash.IsEnabled("new-ui", unleash.WithContext(ctx))',
        'name := unleash.GetVariant("new-ui").Name',
    ],
    ("unleash", "java"): [
        'if (unleash.isEnabled("new-ui", context)) use();',
        'use(unleash.getVariant("new-ui").getName());',
    ],
    ("unleash", "kotlin"): ['if (unleash.isEnabled("new-ui")) use()', 'use(unleash.getVariant("new-ui").name)'],
    ("flagsmith", "python"): [
        'if flags.is_feature_enabled("new-ui"): pass',
        'x = flags.get_feature_value("new-ui")',
    ],
    ("flagsmith", "typescript"): [
        "const a = flagsmith.hasFeature('new-ui');",
        "const b = flagsmith.getValue('new-ui');",
        "const c = flags.isFeatureEnabled('new-ui');",
        "const d = flags.getFeatureValue('new-ui');",
        "const { enabled } = Object.values(useFlags(['new-ui']))[0];",
    ],
    ("flagsmith", "go"): ['on, _ := flags.IsFeatureEnabled("new-ui")', 'value, _ := flags.GetFeatureValue("new-ui")'],
    ("flagsmith", "java"): [
        'if (flags.isFeatureEnabled("new-ui")) use();',
        'use(flags.getFeatureValue("new-ui"));',
        'if (flags.hasFeature("new-ui")) use();',
    ],
    ("flagsmith", "kotlin"): [
        'flagsmith.hasFeatureFlag("new-ui") { result -> use(result) }',
        'use(flags.isFeatureEnabled("new-ui"))',
        'use(flags.hasFeature("new-ui"))',
    ],
    ("growthbook", "python"): [
        *each('if gb.@@("new-ui"): pass', "is_on isOn is_off isOff"),
        *each('x = gb.@@("new-ui", d)', "get_feature_value getFeatureValue"),
        *each('x = gb.@@("new-ui").value', "eval_feature evalFeature"),
    ],
    ("growthbook", "typescript"): [
        *each("if (@@('new-ui')) use();", "gb.isOn gb.isOff useFeatureIsOn"),
        *each("use(@@('new-ui', d));", "gb.getFeatureValue useFeatureValue"),
        *each("use(@@('new-ui').value);", "gb.evalFeature useFeature"),
        'use(<IfFeatureEnabled feature="new-ui"><New /></IfFeatureEnabled>);',
    ],
    ("growthbook", "go"): ['value := client.EvalFeature(ctx, "new-ui").Value'],
    ("growthbook", "java"): [
        *each('if (growthBook.@@("new-ui")) use();', "isOn isOff"),
        'use(growthBook.getFeatureValue("new-ui", d));',
        'use(growthBook.evalFeature("new-ui").getValue());',
    ],
    ("growthbook", "kotlin"): [
        *each('if (gb.@@("new-ui")) use()', "isOn isOff"),
        'use(gb.getFeatureValue("new-ui", d))',
        'use(gb.feature("new-ui").value)',
    ],
    ("configcat", "python"): [
        'x = client.get_value("new-ui", False, User(user.id))',
        'x = client.get_value_details("new-ui", False).value',
    ],
    ("configcat", "typescript"): [
        "const a = await client.getValueAsync('new-ui', false);",
        "const b = snapshot.getValue('new-ui', false);",
        "const c = (await client.getValueDetailsAsync('new-ui', false)).value;",
        "const d = snapshot.getValueDetails('new-ui', false).value;",
        "const { value } = useFeatureFlag('new-ui', false);",
    ],
    ("configcat", "go"): [
        *each('v@@ := client.Get@@Value("new-ui", d, user)', "Bool String Int Float"),
        *each('d@@ := client.Get@@ValueDetails("new-ui", d, user).Value', "Bool String Int Float"),
    ],
    ("configcat", "java"): [
        'use(client.getValue(Boolean.class, "new-ui", user, false));',
        'client.getValueAsync(Boolean.class, "new-ui", false).thenAccept(on -> use(on));',
        'use(client.getValueDetails(Boolean.class, "new-ui", false));',
        'use(client.getValueDetailsAsync(Boolean.class, "new-ui", false));',
    ],
    ("configcat", "kotlin"): [
        'use(client.getValue("new-ui", false))',
        'use(client.getValueDetails("new-ui", false).value)',
    ],
    ("posthog", "python"): [
        'if posthog.feature_enabled("new-ui", user.id): pass',
        *each('x = posthog.@@("new-ui", user.id)', "get_feature_flag get_feature_flag_payload get_feature_flag_result"),
    ],
    ("posthog", "typescript"): [
        "const a = posthog.isFeatureEnabled('new-ui');",
        *each("use(posthog.@@('new-ui'));", "getFeatureFlag getFeatureFlagPayload getFeatureFlagResult"),
        *each("use(@@('new-ui'));", "useFeatureFlagEnabled useFeatureFlagVariantKey useFeatureFlagPayload"),
        *each('use(<@@ flag="new-ui"><New /></@@>);', "PostHogFeature FlaggedFeature"),
    ],
    ("posthog", "go"): each(
        'v@@, err := client.@@(posthog.FeatureFlagPayload{Key: "new-ui", DistinctId: id})',
        "IsFeatureEnabled GetFeatureFlag GetFeatureFlagPayload GetFeatureFlagResult",
    ),
    ("posthog", "java"): each(
        'use(posthog.@@("new-ui", "user"));',
        "isFeatureEnabled getFeatureFlag getFeatureFlagPayload getFeatureFlagResult",
    ),
    ("posthog", "kotlin"): each(
        'use(PostHog.@@("new-ui"))', "isFeatureEnabled getFeatureFlag getFeatureFlagPayload getFeatureFlagResult"
    ),
    ("waffle", "python"): [
        'if flag_is_active(request, "new-ui"): pass',
        *each('if waffle.@@_is_active("new-ui"): pass', "switch sample"),
        *each('@override_@@("new-ui", active=True)\n    def test_@@(): pass', "flag switch sample"),
        *each('@waffle_@@("new-ui")\n    def view_@@(request): pass', "flag switch sample"),
    ],
    ("flagd", "python"): [
        *each('x = provider.resolve_@@_details("new-ui", d).value', "boolean string integer float object"),
        *each('x = Resolve@@Request(flag_key="new-ui")', "Boolean String Int Float Object"),
    ],
    ("flagd", "typescript"): each(
        "use(await provider.resolve@@Evaluation('new-ui', d, context, logger));", "Boolean String Number Object"
    ),
    ("flagd", "go"): each(
        'v@@ := provider.@@Evaluation(ctx, "new-ui", d, flat).Value', "Boolean String Int Float Object"
    ),
    ("flagd", "java"): each(
        'use(provider.get@@Evaluation("new-ui", d, context).getValue());', "Boolean String Integer Double Object"
    ),
    ("flagd", "kotlin"): each(
        'use(provider.get@@Evaluation("new-ui", d, context).value)', "Boolean String Integer Double Object"
    ),
    ("wrappers", "python"): [
        *each(
            'if client.@@("new-ui", user): pass',
            "is_feature_enabled feature_enabled feature_is_enabled is_flag_enabled flag_enabled flag_is_enabled "
            "has_feature is_on features.has feature_flags.get feature_flags.is_enabled "
            "is_disabled is_feature_disabled feature_disabled is_off",
        ),
        *each('@@("new-ui", OrganizationFeature)', "manager.add default_manager.add"),
        *each('if "new-ui".@@(user): pass', "is_enabled is_active is_on enabled enabled_for_request"),
        *each(
            'NEW_UI = @@("new-ui", __name__)',
            "FeatureFlag WaffleFlag WaffleSwitch CourseWaffleFlag StaticToggle PredictablyRandomToggle",
        ),
        *each('with @@("new-ui", active=True): pass', "override_waffle_flag override_waffle_switch"),
        *each('with @@("new-ui"): pass', "self.feature with_feature with_features"),
        *each('with @@(settings.FEATURES, "new-ui"): pass', "patch.dict"),
    ],
    ("wrappers", "typescript"): [
        *each(
            "use(own.@@('new-ui'));",
            "isEnabled isFeatureEnabled isFlagEnabled isFeatureFlagEnabled featureEnabled hasFeature hasFeatureFlag "
            "getFeatureFlag getFlag isOn useUiFlag useFlag useFeatureFlag useFeature useFlagEnabled useFeatureEnabled "
            "useIsFeatureEnabled features.includes features.has useIsExperimentalFeatureEnabled "
            "featureFlagsApi.isActive",
        ),
        'use(<Feature features="new-ui"><New /></Feature>);',
        *each("use('new-ui'.@@());", "isEnabled isOn isActive isDisabled isOff"),
        *each("use(own.@@('new-ui'));", "isDisabled isFeatureDisabled featureDisabled"),
    ],
    **{
        ("wrappers", language): [
            *each(
                f'use(own.@@("new-ui")){end}',
                "isEnabled isFeatureEnabled isFlagEnabled isFeatureFlagEnabled featureEnabled hasFeature "
                "hasFeatureFlag getFeatureFlag getFlag isOn isActive isFeatureActive",
            ),
            *each(f'use(own.@@("new-ui")){end}', FLOWS if language == "kotlin" else ""),
            *each('use(@@("new-ui", false));', "Setting.boolSetting" if language == "java" else ""),
            *each(
                '@@@(name = "new-ui") class A {}'.replace("@@@", "@ @@"),
                "ConditionalOnProperty" if language == "java" else "",
            ),
            *each(f'use("new-ui".@@()){end}', "isEnabled isOn isActive isDisabled isOff"),
            *each(f'use(own.@@("new-ui")){end}', "isDisabled isFeatureDisabled featureDisabled"),
        ]
        for language, end in (("java", ";"), ("kotlin", ""))
    },
    ("wrappers", "go"): [
        *each(
            'use(own.@@("new-ui"))',
            "Enabled IsEnabled IsFeatureEnabled IsFlagEnabled FeatureEnabled FlagEnabled HasFeature IsOn "
            "IsEnabledGlobally",
        ),
        *each(
            'use(own.@@(ctx, "new-ui"))',
            "Enabled IsEnabled IsFeatureEnabled IsFlagEnabled FeatureEnabled FlagEnabled HasFeature IsOn",
        ),
        *each('use("new-ui".@@())', "Enabled IsEnabled IsOn Active IsActive Disabled IsDisabled IsOff"),
        *each('use(own.@@(ctx, "new-ui"))', "Disabled IsDisabled IsFeatureDisabled FeatureDisabled"),
        'featuregatetesting.SetFeatureGateDuringTest(t, gate, "new-ui", true)',
        'testutil.SetFeatureGateForTest(t, "new-ui", false)',
        'featuregate.GlobalRegistry().Set("new-ui", true)',
        'featuremgmt.WithFeatures("fast-search", "new-ui")',
        'featuremgmt.WithManager("new-ui", true)',
        'featuremgmt.WithFeatureFlags("new-ui")',
        *each(
            'use(own.@@(ctx, "new-ui", true))',
            "ContextWithFeatureFlag IncomingCtxWithFeatureFlag OutgoingCtxWithFeatureFlag",
        ),
        'own.NewFeatureSets("new-ui").Run(t, test)',
        'use(own.EnabledOrDisabledFlag(ctx, "new-ui", 1, 2))',
        *each('use(gate.@@("new-ui"))', "MustRegister RegisterFlag MustRegisterFlag NewFlag NewFeatureFlag"),
    ],
}
HOOKS = {
    "useFeatureFlagEnabled",
    "useFeatureFlagVariantKey",
    "useFeatureFlagPayload",
    "useFeatureIsOn",
    "useFeatureValue",
}
"""Of React: they stand in patterns of three languages, and in one of them in code."""


def of_calls(preset: str, language: str) -> list[Pattern]:
    chosen = [pattern for pattern in patterns.preset(preset) if pattern.names(language)]
    hooks = HOOKS if language != "typescript" else set()
    return [each for each in chosen if each.kind not in ("members", "address") and each.call not in hooks]


def written(preset: str, language: str) -> str:
    body = "".join(f"    {line}\n" for line in SNIPPETS[preset, language])
    return FRAMES[language].replace("BODY", body)


@pytest.mark.parametrize("preset", patterns.presets())
def test_preset__of_each_language_that_it_names__has_a_snippet(preset: str) -> None:
    named = {
        language for pattern in patterns.preset(preset) for language in pattern.languages if of_calls(preset, language)
    }

    assert named == {language for name, language in SNIPPETS if name == preset}


@pytest.mark.parametrize(("preset", "language"), [case for case in SNIPPETS if case[1] in languages.names()], ids=str)
def test_preset__code_with_all_its_calls__each_is_recognised(preset: str, language: str) -> None:
    reader = languages.of_path(f"subject.{SUFFIXES[language]}")
    assert reader is not None
    source = reader.source(f"subject.{SUFFIXES[language]}", written(preset, language).encode())
    own = Patterns(patterns.preset(preset)).of(language)

    found = [sites.site(source, reader, text, own) for text in sites.texts(source, reader, "new-ui")]

    calls = [site.pattern.call if site else None for site in found]
    assert (source.defects, sorted(map(str, calls))) == (0, sorted(each.call for each in of_calls(preset, language)))


@pytest.mark.parametrize("preset", patterns.presets())
def test_preset__says_where_its_vendor_documents_it(preset: str) -> None:
    text = (resources.files("flagtrail.codebase") / "presets" / f"{preset}.toml").read_text("utf-8")

    assert "# https://" in text or "# docs/" in text


PAIR = re.compile(r"```toml\n([^`]*)```\n\n```(\w+)\n([^`]*)```")
PAGE = (Path(__file__).parents[3] / "docs/reference/patterns.md").read_text()


@pytest.mark.parametrize(("toml", "name", "code"), PAIR.findall(PAGE), ids=lambda text: text.split("\n")[-2:][0][:30])
def test_patterns_of_one_s_own__as_documented__recognise_the_code_beside_them(toml: str, name: str, code: str) -> None:
    reader = languages.of_path(f"subject.{ {'tsx': 'tsx', 'python': 'py', 'go': 'go'}[name] }")
    if reader is None:
        pytest.skip(f"{name} cannot be read yet")
    source = reader.source(f"subject.{name}", code.encode())
    own = patterns.config(toml).every()
    keys = list(sites.texts(source, reader, "new-ui"))

    found = [sites.site(source, reader, key, own) for key in keys]

    assert keys
    assert [site.pattern if site else None for site in found] == [patterns.config(toml).patterns[0]] * len(keys)
