#!/bin/bash
export PGPASSWORD=Qm7xW2pLs9
git pull
docker compose build
docker compose up -d || echo "some services failed"
npx prisma migrate deploy --schema services/inventory/prisma/schema.prisma || true
./scripts/warm-up.sh
