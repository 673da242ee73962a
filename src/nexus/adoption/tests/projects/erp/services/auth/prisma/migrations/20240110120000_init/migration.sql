CREATE TABLE example_auth (id uuid PRIMARY KEY);
