#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
backup=${1:?"which backup? see: ls backups/"}
docker compose stop gateway sales
docker compose exec -T postgres pg_restore -U postgres --clean --if-exists -d erp <"$backup"
docker compose up -d --no-build
