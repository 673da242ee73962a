"""Financial: ledger, receivables, PIX, reconciliation and month-end close."""
