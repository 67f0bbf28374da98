"""The central monitor: receive, store, show."""
