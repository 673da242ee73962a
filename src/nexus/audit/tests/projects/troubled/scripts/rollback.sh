#!/bin/bash
cd /srv/erp
LATEST=$(ls -t backups/*.sql.gz | head -1)
git reset --hard HEAD~1
docker compose down -v
docker compose up -d --build
gunzip -c "$LATEST" | docker compose exec -T postgres pg_restore -U postgres -d erp
