-- Samples of watched metrics: what applications tell of themselves. No history: they are kept for a time only.
CREATE TABLE metric_series (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project     text COLLATE "C" NOT NULL,
  metric      text COLLATE "C" NOT NULL,
  environment text COLLATE "C" NOT NULL,
  labels      text COLLATE "C" NOT NULL,
  UNIQUE (project, metric, environment, labels)
);
-- `at` in milliseconds since 1970.
CREATE TABLE metric_sample (
  series bigint NOT NULL REFERENCES metric_series (id),
  at     bigint NOT NULL,
  value  double precision NOT NULL,
  PRIMARY KEY (series, at)
);
