-- Samples of watched metrics: what applications tell of themselves. No history: they are kept for a time only.
CREATE TABLE metric_series (
  id          INTEGER PRIMARY KEY,
  project     TEXT NOT NULL,
  metric      TEXT NOT NULL,
  environment TEXT NOT NULL,
  labels      TEXT NOT NULL,
  UNIQUE (project, metric, environment, labels)
);
-- `at` in milliseconds since 1970.
CREATE TABLE metric_sample (
  series INTEGER NOT NULL REFERENCES metric_series (id),
  at     INTEGER NOT NULL,
  value  REAL NOT NULL,
  PRIMARY KEY (series, at)
) WITHOUT ROWID;
