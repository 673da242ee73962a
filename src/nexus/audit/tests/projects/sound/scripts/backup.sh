#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
name="erp-$(date +%Y%m%d-%H%M%S).dump"
docker compose exec -T postgres pg_dump -U postgres -Fc erp >"backups/$name.part"
docker compose exec -T postgres pg_restore --list <"backups/$name.part" >/dev/null
mv "backups/$name.part" "backups/$name"
rclone copy "backups/$name" offsite:erp
