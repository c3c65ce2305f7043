"""One recording -> one labelled result."""
