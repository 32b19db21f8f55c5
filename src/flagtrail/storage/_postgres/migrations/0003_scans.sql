-- Scans of source code: the newest of each branch. No history: a newer one takes the place of an older one.
CREATE TABLE code_scan (
  project    text COLLATE "C" NOT NULL,
  repository text COLLATE "C" NOT NULL,
  branch     text COLLATE "C" NOT NULL,
  revision   text COLLATE "C" NOT NULL,
  at         text COLLATE "C" NOT NULL,
  received   text COLLATE "C" NOT NULL,
  is_default boolean NOT NULL,
  url        text NOT NULL,
  files      integer NOT NULL,
  skipped    integer NOT NULL,
  PRIMARY KEY (project, repository, branch)
);
-- A flag in such a scan. `about`: counts, their history, and the commit that removed the last; `places`: the references.
CREATE TABLE code_flag (
  project    text COLLATE "C" NOT NULL,
  flag       text COLLATE "C" NOT NULL,
  repository text COLLATE "C" NOT NULL,
  branch     text COLLATE "C" NOT NULL,
  about      text NOT NULL,
  places     text NOT NULL,
  PRIMARY KEY (project, flag, repository, branch),
  FOREIGN KEY (project, repository, branch) REFERENCES code_scan ON DELETE CASCADE
);
CREATE INDEX code_flag_scan ON code_flag (project, repository, branch);
