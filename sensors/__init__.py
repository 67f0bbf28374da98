"""The daemon of one exam site: scan, detect, publish, keep."""
