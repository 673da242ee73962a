CREATE TABLE example_sales (id uuid PRIMARY KEY);
