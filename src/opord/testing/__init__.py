"""What helps to test: conformance of stores, clocks that stand still."""
