"""Django and OpenFeature: the price page follows `new_pricing`. Run: gunicorn examples.django_app:application"""

from collections.abc import Callable

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.provider import ProviderStatus
from openfeature.transaction_context import ContextVarsTransactionContextPropagator

from flagtrail.sdk import FlagtrailProvider

settings.configure(
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    MIDDLEWARE=[f"{__name__}.whose_request"],
)
api.set_transaction_context_propagator(ContextVarsTransactionContextPropagator())
api.set_provider(FlagtrailProvider(application="shop/1.0"))  # where: FLAGTRAIL_URL and FLAGTRAIL_TOKEN
# Each worker follows the flags by itself. At exit it reports what it counted: no call is needed for that.
flags = api.get_client()


def whose_request(answer: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Django's middleware: say once per request for whom flags are evaluated. A real shop asks `request.user`."""

    def middleware(request: HttpRequest) -> HttpResponse:
        plan = request.GET.get("plan", "free")
        api.set_transaction_context(EvaluationContext(request.GET.get("user", "guest"), {"plan": plan}))
        return answer(request)

    return middleware


def prices(_request: HttpRequest) -> HttpResponse:
    """Evaluating happens in this process and never raises: no cache, no `try`."""
    if flags.get_boolean_value("new_pricing", default_value=False):
        return HttpResponse("<h1>Volume tiers: 10 seats cost 90</h1>")
    return HttpResponse("<h1>Price list of 2023: 10 seats cost 100</h1>")


def ready(_request: HttpRequest) -> HttpResponse:
    """Ready once there are flags; they may grow old while the server is away, and the shop stays open."""
    status = flags.get_provider_status()
    return HttpResponse(status.value, status=200 if status in {ProviderStatus.READY, ProviderStatus.STALE} else 503)


urlpatterns = [path("", prices), path("readyz", ready)]
application = get_wsgi_application()
