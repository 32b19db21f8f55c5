-- The newest commit of each process that writes, in which it set this itself: so that it can ask what became of one
-- whose answer was lost. `at` is when, by this server's clock; marks of processes that are gone are removed a day later.
CREATE TABLE commit_mark (
  writer uuid PRIMARY KEY,
  number bigint NOT NULL,
  at     timestamptz NOT NULL
);
