"""The bench: a workbench of linked views, its arrangement, its head and its report."""
