"""How the scope of a rollback is found: who is to blame, what was healthy, what must go along."""
