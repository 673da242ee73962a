"""Companies, their people, and what each of them may do."""
