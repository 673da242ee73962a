"""Where services run, behind one small protocol (`protocol.Runtime`)."""
