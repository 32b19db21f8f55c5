"""Floor 6: HTTP. `asgi` puts it together; `rest/` is the API, `web/` the pages, `ofrep` the evaluation protocol.

Every route handler names the role it needs in its `opt`: `opt={"role": "viewer"}` (see `identity.py`).
A handler asks for a parameter `call: Caller` (see `rest/call.py`) and gets the app, the identity and the request's id.
"""
