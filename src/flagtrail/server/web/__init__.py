"""The web UI: pages rendered here, which work without JavaScript. `routes.py` lists them."""
