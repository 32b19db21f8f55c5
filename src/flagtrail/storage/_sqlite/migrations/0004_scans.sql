-- Scans of source code: the newest of each branch. No history: a newer one takes the place of an older one.
CREATE TABLE code_scan (
  project    TEXT NOT NULL,
  repository TEXT NOT NULL,
  branch     TEXT NOT NULL,
  revision   TEXT NOT NULL,
  at         TEXT NOT NULL,
  received   TEXT NOT NULL,
  is_default INTEGER NOT NULL,
  url        TEXT NOT NULL,
  files      INTEGER NOT NULL,
  skipped    INTEGER NOT NULL,
  PRIMARY KEY (project, repository, branch)
) WITHOUT ROWID;
-- A flag in such a scan. `about`: counts, their history, and the commit that removed the last; `places`: the references.
CREATE TABLE code_flag (
  project    TEXT NOT NULL,
  flag       TEXT NOT NULL,
  repository TEXT NOT NULL,
  branch     TEXT NOT NULL,
  about      TEXT NOT NULL,
  places     TEXT NOT NULL,
  PRIMARY KEY (project, flag, repository, branch)
);
CREATE INDEX code_flag_scan ON code_flag (project, repository, branch);
