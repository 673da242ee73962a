#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/backup.sh
docker compose build
docker compose up -d --wait
docker compose exec -T nginx nginx -s reload || true
