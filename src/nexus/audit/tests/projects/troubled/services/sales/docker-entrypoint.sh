#!/bin/sh
npx prisma db push --accept-data-loss
npx prisma migrate deploy
node src/main.js
