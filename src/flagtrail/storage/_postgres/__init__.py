"""The parts of the PostgreSQL store: connections, the schema, one writer, questions over blocks of terms."""
