-- Data: ledger_head, ledger_entry, ledger_private; the cells, which are no history; and what usage was reported.
-- Everything else is a cache that could be built again from the data. Texts compare by their bytes ("C"), as everywhere.

CREATE TABLE ledger_head (
  id        integer PRIMARY KEY CHECK (id = 0),
  size      bigint NOT NULL,
  frontier  bytea NOT NULL CHECK (length(frontier) % 32 = 0),
  root      bytea NOT NULL CHECK (length(root) = 32),
  last_time text NOT NULL
) WITH (fillfactor = 10);
-- The root of the empty tree is the hash of nothing (RFC 6962, section 2.1).
INSERT INTO ledger_head VALUES (0, 0, '', '\xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', '');

CREATE TABLE ledger_entry (
  seq       bigint PRIMARY KEY,
  leaf      bytea NOT NULL CHECK (length(leaf) BETWEEN 2 AND 65535),
  leaf_hash bytea NOT NULL CHECK (length(leaf_hash) = 32),
  subject   text COLLATE "C" NOT NULL,
  version   bigint NOT NULL,
  effective bigint NOT NULL, -- microseconds since 1970
  UNIQUE (subject, version)
);
CREATE INDEX ledger_entry_by_time ON ledger_entry (subject, effective, seq);
CREATE INDEX ledger_entry_by_seq ON ledger_entry (subject, seq);

CREATE TABLE ledger_private (
  seq   bigint NOT NULL REFERENCES ledger_entry (seq),
  name  text COLLATE "C" NOT NULL,
  salt  bytea NOT NULL,
  value bytea NOT NULL,
  PRIMARY KEY (seq, name)
);

-- The newest version of each document. The deferred keys make the database refuse a document without its entry.
CREATE TABLE document (
  path    text COLLATE "C" PRIMARY KEY,
  version bigint NOT NULL,
  seq     bigint NOT NULL REFERENCES ledger_entry (seq) DEFERRABLE INITIALLY DEFERRED,
  words   text COLLATE "C" NOT NULL,
  FOREIGN KEY (path, version) REFERENCES ledger_entry (subject, version) DEFERRABLE INITIALLY DEFERRED
) WITH (fillfactor = 70);

-- Why a statement is refused is the trigger's argument.
CREATE FUNCTION ledger_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation';
END $$;
CREATE FUNCTION ledger_entry_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.seq <> (SELECT coalesce(max(seq) + 1, 0) FROM ledger_entry) THEN
    RAISE EXCEPTION 'entries follow each other without a gap' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER ledger_head_grows BEFORE UPDATE ON ledger_head FOR EACH ROW WHEN (NEW.size <= OLD.size)
EXECUTE FUNCTION ledger_refuses('the ledger only grows');
CREATE TRIGGER ledger_head_stays BEFORE DELETE OR TRUNCATE ON ledger_head FOR EACH STATEMENT
EXECUTE FUNCTION ledger_refuses('the ledger only grows');

CREATE TRIGGER ledger_entry_follows BEFORE INSERT ON ledger_entry FOR EACH ROW
EXECUTE FUNCTION ledger_entry_follows();
CREATE TRIGGER ledger_entry_unaltered BEFORE UPDATE ON ledger_entry FOR EACH STATEMENT
EXECUTE FUNCTION ledger_refuses('entries are never altered');
CREATE TRIGGER ledger_entry_stays BEFORE DELETE OR TRUNCATE ON ledger_entry FOR EACH STATEMENT
EXECUTE FUNCTION ledger_refuses('entries are never deleted');

-- A disclosure may be erased by law (by the owner alone), but never altered, and never all at once.
CREATE TRIGGER ledger_private_unaltered BEFORE UPDATE ON ledger_private FOR EACH STATEMENT
EXECUTE FUNCTION ledger_refuses('disclosures are never altered');
CREATE TRIGGER ledger_private_stays BEFORE TRUNCATE ON ledger_private FOR EACH STATEMENT
EXECUTE FUNCTION ledger_refuses('disclosures are erased one by one');

CREATE TRIGGER document_begins BEFORE INSERT ON document FOR EACH ROW WHEN (NEW.version <> 1)
EXECUTE FUNCTION ledger_refuses('a document begins with version 1');
CREATE TRIGGER document_moves_on BEFORE UPDATE ON document FOR EACH ROW
WHEN (NEW.path <> OLD.path OR NEW.version <> OLD.version + 1 OR NEW.seq <= OLD.seq)
EXECUTE FUNCTION ledger_refuses('a document moves on by one version, with a new entry');
CREATE TRIGGER document_stays BEFORE DELETE OR TRUNCATE ON document FOR EACH STATEMENT
EXECUTE FUNCTION ledger_refuses('documents are never deleted; their deletion is an entry');

-- What entries are found by (docs/reference/storage.md, "Finding entries").
CREATE TABLE actor (
  id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  words text COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX actor_by_words ON actor (md5(words)); -- words may be longer than an index takes
CREATE TABLE entry_index (
  seq       bigint PRIMARY KEY REFERENCES ledger_entry (seq),
  effective bigint NOT NULL,
  terms     text COLLATE "C" NOT NULL, -- joined: see storage/_index.py
  words     text COLLATE "C" NOT NULL
);
-- Blocks of 4,096 entries: for each term, and each three letters of the words, that occur in a block, the set of its
-- entries.
CREATE TABLE block (
  number bigint PRIMARY KEY,
  oldest bigint NOT NULL,
  newest bigint NOT NULL
);
CREATE TABLE block_term (
  term    text COLLATE "C" NOT NULL,
  block   bigint NOT NULL,
  members bytea NOT NULL,
  PRIMARY KEY (term, block)
);
ALTER TABLE block_term ALTER COLUMN members SET STORAGE MAIN;

CREATE TABLE cell (
  collection text COLLATE "C" NOT NULL,
  key        text COLLATE "C" NOT NULL,
  value      bytea NOT NULL,
  expires    double precision,
  PRIMARY KEY (collection, key)
);
CREATE INDEX cell_by_expiry ON cell (expires) WHERE expires IS NOT NULL;

CREATE TABLE usage_hour (
  project     text COLLATE "C" NOT NULL,
  flag        text COLLATE "C" NOT NULL,
  environment text COLLATE "C" NOT NULL,
  hour        text COLLATE "C" NOT NULL,
  variant     text COLLATE "C" NOT NULL,
  rule        text COLLATE "C" NOT NULL,
  client      text COLLATE "C" NOT NULL,
  application text COLLATE "C" NOT NULL,
  count       bigint NOT NULL,
  last        text COLLATE "C" NOT NULL,
  PRIMARY KEY (project, flag, environment, hour, variant, rule, client, application)
) WITH (fillfactor = 70);
CREATE TABLE usage_summary (
  project     text COLLATE "C" NOT NULL,
  environment text COLLATE "C" NOT NULL,
  flag        text COLLATE "C" NOT NULL,
  count       bigint NOT NULL,
  first       text COLLATE "C" NOT NULL,
  last        text COLLATE "C" NOT NULL,
  PRIMARY KEY (project, environment, flag)
) WITH (fillfactor = 70);
-- Who asks for a flag: kept as rows, never added up from the hours.
CREATE TABLE usage_client (
  project     text COLLATE "C" NOT NULL,
  flag        text COLLATE "C" NOT NULL,
  environment text COLLATE "C" NOT NULL,
  client      text COLLATE "C" NOT NULL,
  application text COLLATE "C" NOT NULL,
  count       bigint NOT NULL,
  first       text COLLATE "C" NOT NULL,
  last        text COLLATE "C" NOT NULL,
  PRIMARY KEY (project, flag, environment, client, application)
) WITH (fillfactor = 70);
-- Who reports at all, of whichever flag.
CREATE TABLE usage_reporter (
  project     text COLLATE "C" NOT NULL,
  environment text COLLATE "C" NOT NULL,
  client      text COLLATE "C" NOT NULL,
  application text COLLATE "C" NOT NULL,
  first       text COLLATE "C" NOT NULL,
  last        text COLLATE "C" NOT NULL,
  PRIMARY KEY (project, environment, client, application)
) WITH (fillfactor = 70);
-- Reports that were added up, so that one that comes again is not.
CREATE TABLE usage_report (
  id      text COLLATE "C" PRIMARY KEY,
  expires double precision NOT NULL
);
CREATE INDEX usage_report_by_expiry ON usage_report (expires);
-- Sampled contexts: a ring for each environment. A new one takes the place of the oldest, and nothing is ever counted.
CREATE TABLE usage_context (
  project     text COLLATE "C" NOT NULL,
  environment text COLLATE "C" NOT NULL,
  place       bigint NOT NULL,
  serial      bigint NOT NULL,
  time        text COLLATE "C" NOT NULL,
  context     bytea NOT NULL,
  PRIMARY KEY (project, environment, place)
);
CREATE INDEX usage_context_by_time ON usage_context (time);
CREATE TABLE usage_context_ring (
  project     text COLLATE "C" NOT NULL,
  environment text COLLATE "C" NOT NULL,
  next        bigint NOT NULL,
  PRIMARY KEY (project, environment)
);
