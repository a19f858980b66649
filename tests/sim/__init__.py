"""Deterministic simulation: the real engine and stores with a seeded schedule, clock and faults."""
