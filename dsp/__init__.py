"""Signal arithmetic on arrays: no clock, file, socket, thread or log."""
