"""What a file is by its path: a test, or one that a tool or framework finds without an import. As data."""

from __future__ import annotations

import re

_TEST = re.compile(
    r"(?:^|/)(?:tests?|__tests__|__mocks__|specs?|e2e|cypress|playwright|androidTest|testFixtures)/"
    r"|(?:^|/)(?:test_[^/]*|[^/]*_test|conftest)\.py$"
    r"|_test\.go$|(?:^|/)test(?:helpers?|utils?|kit|support|cfg|server)/(?:.*/)?[^/]*\.go$"
    r"|[.-](?:test|spec|stories|story|cy|e2e)\.[cm]?[jt]sx?$"
    r"|(?:Tests?|IT|Spec|TestCase)\.(?:java|kt)$"
)
_FOUND = re.compile(
    # Python: what runs by itself, and what Django, pytest, Celery, Alembic and packaging look for
    r"(?:^|/)(?:__main__|main|manage|wsgi|asgi|setup|noxfile|fabfile|conftest|apps|models|admin|urls|signals|tasks|celery"
    r"|settings[^/]*|[^/]*_settings|gunicorn[^/]*)\.py$"
    r"|(?:^|/)(?:migrations|models|settings|management/commands|templatetags|alembic|versions)/[^/]*\.py$"
    # JavaScript: what runs by itself or as a worker, and what bundlers, test runners and frameworks look for
    r"|(?:^|/)(?:main|cli|server|worker|sw|service-?worker|middleware|instrumentation|setup[^/]*|_app|_document)"
    r"\.[cm]?[jt]sx?$"
    r"|(?:^|/)(?:page|layout|route|loading|error|global-error|not-found|template|default|head|opengraph-image|sitemap|robots"
    r"|\+[^/]*)\.[cm]?[jt]sx?$"
    r"|(?:^|/)(?:pages|routes|bin|scripts|migrations|seeds|plugins|public|static|locales|i18n|netlify/functions"
    r"|\.storybook)/(?:.*/)?[^/]*\.[cm]?[jt]sx?$"
    r"|(?:^|/)[^/]*(?:\.config|\.conf|\.setup|\.worker|\.migration|\.entity|\.d|rc)\.[cm]?[jt]sx?$"
)
_ROOTED_INDEX = re.compile(r"^(?:(?:src|lib|app|packages/[^/]+(?:/src)?|apps/[^/]+(?:/src)?)/)?index\.[cm]?[jt]sx?$")
_GENERATED = re.compile(rb"^\W{0,5}(?:Code generated .*DO NOT EDIT|.*@generated\b)", re.MULTILINE)
MOST_HEAD = 2_000
"""Bytes at the beginning of a file in which a generator says that the file is its own."""
_INJECTED = re.compile(
    rb"@(?:Injectable|Controller|Component|Resolver|Directive|Pipe|Service|RestController|Repository|Configuration"
    rb"|Singleton|Inject|Autowired|ApplicationScoped|RequestScoped|Named|HiltViewModel|AndroidEntryPoint)\b"
)
_SHOWN = re.compile(
    rb"@(?:ConfigurationProperties|Entity|MappedSuperclass|Embeddable|Document|Table|Json\w*|Xml\w*|Serializable|ManagedResource"
    rb"|ManagedBean)\b"
)
"""Annotations of classes that something else reads as a whole, though a container may make them, too."""
_SNAPSHOT = "__snapshots__/"


def is_test(path: str) -> bool:
    """Whether a file is there for tests or shows of components, and not for the product."""
    return bool(_TEST.search(path))


def is_generated(data: bytes) -> bool:
    """Whether a file says of itself that a generator wrote it, which would write it again as it was."""
    return _GENERATED.search(data[:MOST_HEAD]) is not None


def is_injected(head: bytes) -> bool:
    """Whether a container makes a class, by what is written in front of its name: then nobody shows it as a whole."""
    return _INJECTED.search(head) is not None and _SHOWN.search(head) is None


def is_found(path: str) -> bool:
    """Whether something may find a file without an import: then it never goes as a whole."""
    return bool(_FOUND.search(path) or _ROOTED_INDEX.search(path))


def snapshot(path: str) -> str:
    """Where Jest keeps what a test's components looked like."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/{_SNAPSHOT}{name}.snap".lstrip("/")


def subject(path: str) -> str:
    """The name of what a test is of: `cart` of `test_cart.py`, `Cart.test.tsx`, `cart_test.go` and `CartTest.java`."""
    stem = path.rpartition("/")[2].partition(".")[0]
    return re.sub(r"^test_|_test$|(?:Tests?|IT|Spec|TestCase)$", "", stem)
