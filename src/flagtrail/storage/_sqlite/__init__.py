"""The parts of the SQLite store: opening and migrating, one writer, questions over blocks of terms."""
