"""Start the web application: ``python -m nexus_frontend``."""

from nexus_frontend.web import module

if __name__ == "__main__":
    module.run()
