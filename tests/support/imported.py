"""What processes that tests fork have imported before: the process that forks them imports this module."""

# ruff: noqa: F401
from __future__ import annotations

import litestar.plugins.attrs
import litestar.plugins.pydantic
import tests.support.crasher
import tests.support.server

import flagtrail.app.bootstrap
import flagtrail.server.asgi
import flagtrail.server.web.routes
import flagtrail.storage.postgres
import flagtrail.storage.sqlite
