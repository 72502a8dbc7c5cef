from rules.conftest import promtool

__all__ = ["promtool"]
