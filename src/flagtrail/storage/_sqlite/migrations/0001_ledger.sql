-- Data: ledger_head, ledger_entry, ledger_private; and the cells, which are no history.
-- Everything else is a cache that could be built again from the data.

CREATE TABLE ledger_head (
  id        INTEGER PRIMARY KEY CHECK (id = 0),
  size      INTEGER NOT NULL,
  frontier  BLOB NOT NULL CHECK (length(frontier) % 32 = 0),
  root      BLOB NOT NULL CHECK (length(root) = 32),
  last_time TEXT NOT NULL
);
-- The root of the empty tree is the hash of nothing (RFC 6962, section 2.1).
INSERT INTO ledger_head VALUES (0, 0, x'', x'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', '');

CREATE TABLE ledger_entry (
  seq       INTEGER PRIMARY KEY,
  leaf      BLOB NOT NULL CHECK (length(leaf) BETWEEN 2 AND 65535),
  leaf_hash BLOB NOT NULL CHECK (length(leaf_hash) = 32),
  subject   TEXT NOT NULL,
  version   INTEGER NOT NULL,
  effective INTEGER NOT NULL, -- microseconds since 1970
  UNIQUE (subject, version)
);
CREATE INDEX ledger_entry_by_time ON ledger_entry (subject, effective, seq);
CREATE INDEX ledger_entry_by_seq ON ledger_entry (subject, seq);

CREATE TABLE ledger_private (
  seq   INTEGER NOT NULL REFERENCES ledger_entry (seq),
  name  TEXT NOT NULL,
  salt  BLOB NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (seq, name)
) WITHOUT ROWID;

-- The newest version of each document. The deferred keys make the database refuse a document without its entry.
CREATE TABLE document (
  path    TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  seq     INTEGER NOT NULL REFERENCES ledger_entry (seq) DEFERRABLE INITIALLY DEFERRED,
  words   TEXT NOT NULL,
  FOREIGN KEY (path, version) REFERENCES ledger_entry (subject, version) DEFERRABLE INITIALLY DEFERRED
) WITHOUT ROWID;

CREATE TRIGGER ledger_head_grows BEFORE UPDATE ON ledger_head WHEN NEW.size <= OLD.size
BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
CREATE TRIGGER ledger_head_stays BEFORE DELETE ON ledger_head
BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;

CREATE TRIGGER ledger_entry_follows BEFORE INSERT ON ledger_entry
WHEN NEW.seq <> (SELECT coalesce(max(seq) + 1, 0) FROM ledger_entry)
BEGIN SELECT RAISE(ABORT, 'entries follow each other without a gap'); END;
CREATE TRIGGER ledger_entry_unaltered BEFORE UPDATE ON ledger_entry
BEGIN SELECT RAISE(ABORT, 'entries are never altered'); END;
CREATE TRIGGER ledger_entry_stays BEFORE DELETE ON ledger_entry
BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END;

-- A disclosure may be erased by law, but never altered.
CREATE TRIGGER ledger_private_unaltered BEFORE UPDATE ON ledger_private
BEGIN SELECT RAISE(ABORT, 'disclosures are never altered'); END;

CREATE TRIGGER document_begins BEFORE INSERT ON document WHEN NEW.version <> 1
BEGIN SELECT RAISE(ABORT, 'a document begins with version 1'); END;
CREATE TRIGGER document_moves_on BEFORE UPDATE ON document
WHEN NEW.path <> OLD.path OR NEW.version <> OLD.version + 1 OR NEW.seq <= OLD.seq
BEGIN SELECT RAISE(ABORT, 'a document moves on by one version, with a new entry'); END;
CREATE TRIGGER document_stays BEFORE DELETE ON document
BEGIN SELECT RAISE(ABORT, 'documents are never deleted; their deletion is an entry'); END;

-- What entries are found by (docs/reference/storage.md, "Finding entries").
CREATE TABLE actor (
  id    INTEGER PRIMARY KEY,
  words TEXT NOT NULL UNIQUE
);
CREATE TABLE entry_index (
  seq       INTEGER PRIMARY KEY REFERENCES ledger_entry (seq),
  effective INTEGER NOT NULL,
  terms     TEXT NOT NULL, -- joined: see storage/_index.py
  words     TEXT NOT NULL
);
-- Blocks of 1,024 entries: for each term that occurs in a block, the set of its entries.
CREATE TABLE block (
  number INTEGER PRIMARY KEY,
  oldest INTEGER NOT NULL,
  newest INTEGER NOT NULL
);
CREATE TABLE block_term (
  block   INTEGER NOT NULL,
  term    TEXT NOT NULL,
  members BLOB NOT NULL,
  PRIMARY KEY (block, term)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE entry_text USING fts5 (
  words,
  content = 'entry_index', content_rowid = 'seq', columnsize = 0, detail = none, tokenize = 'trigram case_sensitive 1'
);

CREATE TABLE cell (
  collection TEXT NOT NULL,
  key        TEXT NOT NULL,
  value      BLOB NOT NULL,
  expires    REAL,
  PRIMARY KEY (collection, key)
) WITHOUT ROWID;
CREATE INDEX cell_by_expiry ON cell (expires) WHERE expires IS NOT NULL;

CREATE TABLE usage_hour (
  project     TEXT NOT NULL,
  flag        TEXT NOT NULL,
  environment TEXT NOT NULL,
  hour        TEXT NOT NULL,
  variant     TEXT NOT NULL,
  rule        TEXT NOT NULL,
  client      TEXT NOT NULL,
  count       INTEGER NOT NULL,
  last        TEXT NOT NULL,
  PRIMARY KEY (project, flag, environment, hour, variant, rule, client)
) WITHOUT ROWID;
CREATE TABLE usage_summary (
  project     TEXT NOT NULL,
  environment TEXT NOT NULL,
  flag        TEXT NOT NULL,
  count       INTEGER NOT NULL,
  first       TEXT NOT NULL,
  last        TEXT NOT NULL,
  PRIMARY KEY (project, environment, flag)
) WITHOUT ROWID;
