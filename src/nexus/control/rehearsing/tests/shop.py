"""A brick for tests that needs its table: ready while it can read it, and it writes what it is told."""

import os
from pathlib import Path

import asyncpg
from aiohttp import web

DATABASE = Path(os.environ["DATABASE_URL_FILE"]).read_text().strip()


async def ready(request: web.Request) -> web.Response:
    try:
        connection = await asyncpg.connect(DATABASE, timeout=5)
        try:
            await connection.fetch("SELECT id, name, price FROM items LIMIT 1")
        finally:
            await connection.close()
    except (OSError, asyncpg.PostgresError) as error:
        return web.json_response({"status": "fail", "error": str(error)}, status=503)
    return web.json_response({"status": "pass"})


async def items(request: web.Request) -> web.Response:
    connection = await asyncpg.connect(DATABASE, timeout=5)
    try:
        if request.method == "POST":
            await connection.execute(
                "INSERT INTO items (name, price) VALUES ($1, 1)", (await request.json())["name"]
            )
        rows = await connection.fetch("SELECT id, remark FROM items ORDER BY id LIMIT 3")
        count = await connection.fetchval("SELECT count(*) FROM items")
    finally:
        await connection.close()
    told = {"count": count, "items": [dict(row) for row in rows]}
    return web.json_response(told, status=201 if request.method == "POST" else 200)


async def item(request: web.Request) -> web.Response:
    connection = await asyncpg.connect(DATABASE, timeout=5)
    try:
        row = await connection.fetchrow(
            "SELECT id, colour FROM items WHERE id = $1", int(request.match_info["id"])
        )
    finally:
        await connection.close()
    return web.json_response(dict(row)) if row else web.json_response({}, status=404)


app = web.Application()
app.add_routes([web.get("/ready", ready), web.get("/items/{id}", item)])
app.add_routes([web.get("/items", items), web.post("/items", items)])
web.run_app(app, host=os.environ["HOST"], port=int(os.environ["PORT"]), print=None)
