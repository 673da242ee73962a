import { defineConfig } from "prisma/config";

// The platform applies the migrations, so Prisma's schema engine never runs: naming any program keeps it from being
// downloaded. The client itself needs no engine.
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath;

export default defineConfig({ schema: "prisma/schema.prisma", migrations: { path: "migrations" } });
