"""Flask and the plain client: the price page follows `new_pricing`. Run: gunicorn --workers 2 examples.flask_app:app"""

from flask import Flask, g, request

from flagtrail.sdk import Client

flags = Client()  # told by FLAGTRAIL_URL, FLAGTRAIL_TOKEN, FLAGTRAIL_APPLICATION and FLAGTRAIL_CACHE_FILE
flags.start()  # does not wait; each worker follows the flags by itself, also under --preload; it closes at exit
app = Flask(__name__)


@app.before_request
def whose_request() -> None:
    """Say once per request for whom flags are evaluated. A real shop takes both from its session."""
    g.context = {"targetingKey": request.args.get("user", "guest"), "plan": request.args.get("plan", "free")}


@app.get("/")
def prices() -> str:
    """Evaluating takes well under a microsecond, in this process, and never raises: no cache, no `try`."""
    if flags.get_boolean("new_pricing", default=False, context=g.context):
        return "<h1>Volume tiers: 10 seats cost 90</h1>"
    return "<h1>Price list of 2023: 10 seats cost 100</h1>"


@app.get("/why")
def why() -> dict[str, str | None]:
    """For support: what the page was decided by."""
    told = flags.details("new_pricing", g.context)
    return {"variant": told.variant, "reason": told.reason, "rule": told.rule}


@app.get("/readyz")
def ready() -> tuple[str, int]:
    """Ready once there are flags; they may grow old while the server is away, and the shop stays open."""
    return flags.status, 200 if flags.status in {"READY", "STALE"} else 503
