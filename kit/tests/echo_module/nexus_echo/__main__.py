from nexus_echo.app import module

module.run()
