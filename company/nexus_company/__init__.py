"""What belongs to the ERP as a whole: simulated users and the demo company.

The platform knows nothing of this package; `nexus.yaml` names it in its tasks.
"""
