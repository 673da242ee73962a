CREATE TABLE "products" ("id" SERIAL PRIMARY KEY, "sku" TEXT NOT NULL, "price" DECIMAL(12, 2) NOT NULL, "note" TEXT);
