"""Deterministic simulation: the real engine and stores under a seeded schedule, a virtual clock, and faults."""
