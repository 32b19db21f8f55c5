"""Floor 5: the flows (change, ask, evaluate, follow) and the wiring."""
