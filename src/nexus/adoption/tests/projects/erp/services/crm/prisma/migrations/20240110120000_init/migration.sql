CREATE TABLE example_crm (id uuid PRIMARY KEY);
