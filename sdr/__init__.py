"""Where samples come from: dongle, network, recording, simulated hall."""
