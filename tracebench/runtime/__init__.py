"""The notebook around the library: its cells, interrupts and progress bars."""
