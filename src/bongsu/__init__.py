"""Bongsu: a trading bot for Upbit's KRW markets that proves its alarms work."""

__version__ = "0.1.0"
