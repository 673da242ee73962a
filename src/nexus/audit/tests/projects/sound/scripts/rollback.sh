#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
tag=${1:?"which release? see: docker image ls"}
backup=${2:?"which backup was taken before this release?"}
./scripts/restore.sh "$backup"
TAG="$tag" docker compose up -d --no-build
