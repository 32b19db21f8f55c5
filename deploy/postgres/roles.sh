#!/bin/sh
# Run once by the database's image, when it is made: a user for the replicas that can add to the ledger and alter nothing of it.
# The superuser of the image migrates, and nobody else uses it.
set -eu
psql --set ON_ERROR_STOP=1 --set password="$APP_PASSWORD" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE flagtrail_app NOLOGIN;
CREATE ROLE flagtrail LOGIN PASSWORD :'password' IN ROLE flagtrail_app;
SQL
