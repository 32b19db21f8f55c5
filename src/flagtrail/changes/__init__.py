"""Floor 2: from documents and a change to entries, or a refusal."""
