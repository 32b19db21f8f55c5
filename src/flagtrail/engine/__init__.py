"""Floor 2: from a ruleset, a flag's key and an evaluation context to a resolution. Pure and total."""
