"""The notebook around us: its cells, interrupts and progress bars."""
