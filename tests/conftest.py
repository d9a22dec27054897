pytest_plugins = ("qipan.testing",)
