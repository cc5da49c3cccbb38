"""How a trace is recorded: generation, reading, chat, replay."""
