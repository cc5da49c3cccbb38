"""What every row of the registry promises. A new row is tested by being there: nothing here names a kind."""
