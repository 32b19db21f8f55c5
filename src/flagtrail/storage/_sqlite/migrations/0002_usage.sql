-- Which application asked is a further part of what usage is counted by; what was counted before told of none.
CREATE TABLE usage_hour_by_application (
  project     TEXT NOT NULL,
  flag        TEXT NOT NULL,
  environment TEXT NOT NULL,
  hour        TEXT NOT NULL,
  variant     TEXT NOT NULL,
  rule        TEXT NOT NULL,
  client      TEXT NOT NULL,
  application TEXT NOT NULL,
  count       INTEGER NOT NULL,
  last        TEXT NOT NULL,
  PRIMARY KEY (project, flag, environment, hour, variant, rule, client, application)
) WITHOUT ROWID;
INSERT INTO usage_hour_by_application
SELECT project, flag, environment, hour, variant, rule, client, '', count, last FROM usage_hour;
DROP TABLE usage_hour;
ALTER TABLE usage_hour_by_application RENAME TO usage_hour;

-- Who asks for a flag: kept as rows, never added up from the hours.
CREATE TABLE usage_client (
  project     TEXT NOT NULL,
  flag        TEXT NOT NULL,
  environment TEXT NOT NULL,
  client      TEXT NOT NULL,
  application TEXT NOT NULL,
  count       INTEGER NOT NULL,
  first       TEXT NOT NULL,
  last        TEXT NOT NULL,
  PRIMARY KEY (project, flag, environment, client, application)
) WITHOUT ROWID;
INSERT INTO usage_client
SELECT project, flag, environment, client, application, sum(count), min(hour), max(last) FROM usage_hour
GROUP BY project, flag, environment, client, application;

-- Who reports at all, of whichever flag.
CREATE TABLE usage_reporter (
  project     TEXT NOT NULL,
  environment TEXT NOT NULL,
  client      TEXT NOT NULL,
  application TEXT NOT NULL,
  first       TEXT NOT NULL,
  last        TEXT NOT NULL,
  PRIMARY KEY (project, environment, client, application)
) WITHOUT ROWID;
INSERT INTO usage_reporter
SELECT project, environment, client, application, min(first), max(last) FROM usage_client
GROUP BY project, environment, client, application;

-- Reports that were added up, so that one that comes again is not.
CREATE TABLE usage_report (
  id      TEXT PRIMARY KEY,
  expires REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX usage_report_by_expiry ON usage_report (expires);

-- Sampled contexts: a ring for each environment. A new one takes the place of the oldest, and nothing is ever counted.
CREATE TABLE usage_context (
  project     TEXT NOT NULL,
  environment TEXT NOT NULL,
  place       INTEGER NOT NULL,
  serial      INTEGER NOT NULL,
  time        TEXT NOT NULL,
  context     BLOB NOT NULL,
  PRIMARY KEY (project, environment, place)
);
CREATE INDEX usage_context_by_time ON usage_context (time);
CREATE TABLE usage_context_ring (
  project     TEXT NOT NULL,
  environment TEXT NOT NULL,
  next        INTEGER NOT NULL,
  PRIMARY KEY (project, environment)
) WITHOUT ROWID;
