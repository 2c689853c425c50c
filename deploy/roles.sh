#!/bin/sh
# Make the two roles and the database (ADR 0024). PostgreSQL's image runs this once, when its data folder is new.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set owner_password="$DATABASE_OWNER_PASSWORD" --set app_password="$DATABASE_PASSWORD" <<'SQL'
-- Owns tables and functions, and migrates. Not a superuser: the ledger's functions run as this role.
CREATE ROLE xxxchat_owner LOGIN CREATEROLE PASSWORD :'owner_password';
GRANT SET ON PARAMETER escrow.writing TO xxxchat_owner;
CREATE DATABASE xxxchat OWNER xxxchat_owner;
-- Runs web, events, worker, beat and sweeper. guard_ledger grants it what they need after each migrate.
SET ROLE xxxchat_owner;
CREATE ROLE xxxchat_app LOGIN PASSWORD :'app_password';
SQL
