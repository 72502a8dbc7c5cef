"""Models, asked through pydantic-ai. Imported only where one is configured: it costs seconds and 70 MB."""
