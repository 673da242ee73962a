"""squawk's rules that Nexus makes moot, each with why; and those that rules of ours tell more exactly."""

from __future__ import annotations

from collections.abc import Mapping

MOOT: Mapping[str, str] = {
    "require-lock-timeout": "Nexus sets lock_timeout by itself, gives up early and tries again",
    "require-statement-timeout": "Nexus bounds each statement by itself, and watches who waits for it",
    "require-timeout-settings": "Nexus sets lock_timeout and statement_timeout by itself",
    "prefer-robust-stmts": "a migration is one transaction, or each of its statements is recorded by itself: "
    "after a failure Nexus goes on where it stood",
    "ban-concurrent-index-creation-in-transaction": "Nexus runs it outside of a transaction",
    "transaction-nesting": "Nexus reads which transactions a script makes by itself",
    "require-table-schema": "Nexus sets the search path to the module's own schema",
    "require-enum-value-ordering": "a value without a place stands last, which is what its author wrote",
    "syntax-error": "PostgreSQL's own parser reads it",
}

# squawk's rule → ours, which know the living tables and what the same script made.
OURS: Mapping[str, tuple[str, ...]] = {
    "adding-not-nullable-field": ("not-null-without-check",),
    "adding-foreign-key-constraint": ("fk-without-not-valid",),
    "constraint-missing-not-valid": (
        "check-without-not-valid",
        "fk-without-not-valid",
        "not-null-without-check",
    ),
    "disallowed-unique-constraint": ("unique-without-concurrently",),
    "require-concurrent-index-creation": ("index-without-concurrently",),
    "changing-column-type": ("type-change-rewrites",),
    "adding-field-with-default": ("added-column-rewrites",),
    "adding-serial-primary-key-field": ("added-column-rewrites", "unique-without-concurrently"),
    "ban-drop-column": ("data-loss", "drops-what-others-read"),
    "ban-drop-table": ("data-loss", "drops-what-others-read"),
    "ban-drop-schema": ("data-loss", "drops-what-others-read"),
    "renaming-column": ("renames-what-others-read",),
    "renaming-table": ("renames-what-others-read",),
    "prefer-repack": ("vacuum-full",),
}

# Of these nothing is left to say where ours find nothing: what squawk fears does not happen here.
ONLY_OURS = frozenset(
    {
        "adding-not-nullable-field",
        "adding-foreign-key-constraint",
        "constraint-missing-not-valid",
        "disallowed-unique-constraint",
        "require-concurrent-index-creation",
        "changing-column-type",
        "adding-field-with-default",
        "adding-serial-primary-key-field",
        "ban-drop-column",
        "ban-drop-table",
        "prefer-repack",
    }
)

# Advice on new columns and names, not on what runs: a note.
STYLE = frozenset(
    {
        "prefer-bigint-over-int",
        "prefer-bigint-over-smallint",
        "prefer-identity",
        "prefer-text-field",
        "prefer-timestamp-tz",
        "ban-char-field",
        "ban-create-domain-with-constraint",
        "unused-ignore",
    }
)

# What a scan, a lock or a row decides: weighed by the living tables like ours.
WEIGHED = frozenset(
    {
        "require-concurrent-index-deletion",
        "require-concurrent-partition-detach",
        "require-concurrent-reindex",
        "adding-required-field",
        "ban-alter-domain-with-add-constraint",
    }
)

# They may break code that runs; a contract waits until none of that runs.
WAITS = frozenset(
    {
        "ban-alter-identity",
        "ban-drop-constraint",
        "ban-drop-domain",
        "ban-drop-extension",
        "ban-drop-function",
        "ban-drop-generated-expression",
        "ban-drop-not-null",
        "ban-drop-sequence",
        "ban-drop-type",
        "ban-drop-view",
        "ban-set-schema",
        "ban-drop-schema",
        "renaming-column",
        "renaming-object",
        "renaming-table",
    }
)

# A name that no code calls, as that of an index, breaks nobody: only where the statement narrows.
NARROWING = frozenset({"renaming-object"})
