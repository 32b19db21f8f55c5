"""FastAPI and OpenFeature: the price page follows the flag `new_pricing`. Run: uvicorn examples.fastapi_app:app"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.provider import ProviderStatus
from openfeature.transaction_context import ContextVarsTransactionContextPropagator

from flagtrail.sdk import FlagtrailProvider

flags = api.get_client()


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Begin to follow the flags, without waiting for them; at the end, report what was counted."""
    api.set_transaction_context_propagator(ContextVarsTransactionContextPropagator())
    api.set_provider(FlagtrailProvider(application="shop/1.0"))  # where: FLAGTRAIL_URL and FLAGTRAIL_TOKEN
    yield
    api.shutdown()


app = FastAPI(lifespan=lifespan)


@app.middleware("http")
async def whose_request(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """Say once per request for whom flags are evaluated. A real shop takes both from its session."""
    asked = request.query_params
    api.set_transaction_context(EvaluationContext(asked.get("user", "guest"), {"plan": asked.get("plan", "free")}))
    return await answer(request)


@app.get("/", response_class=HTMLResponse)
async def prices() -> str:
    """Evaluating happens in this process and never raises: no cache, no `try`."""
    tiers = await flags.get_boolean_value_async("new_pricing", default_value=False)
    return "<h1>Volume tiers: 10 seats cost 90</h1>" if tiers else "<h1>Price list of 2023: 10 seats cost 100</h1>"


@app.get("/readyz")
async def ready(response: Response) -> str:
    """Ready once there are flags; they may grow old while the server is away, and the shop stays open."""
    status = flags.get_provider_status()
    response.status_code = 200 if status in {ProviderStatus.READY, ProviderStatus.STALE} else 503
    return status.value
