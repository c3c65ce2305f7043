"""One module for each scenario; `measure` returns its figures."""
