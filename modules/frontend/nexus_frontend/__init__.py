"""The web application of the people who work with the company's ERP."""
