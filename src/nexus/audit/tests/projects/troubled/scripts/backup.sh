#!/bin/bash
BACKUP_DIR=/var/lib/postgresql/data/backups
FILE=$BACKUP_DIR/erp-$(date +%Y%m%d).sql.gz
docker compose exec -T postgres pg_dump -U postgres erp | gzip > $FILE
if [ -f "$FILE" ]; then
  echo "backup ok: $FILE"
fi
rm -rf "$BACKUP_OLD/"
