"""Shared by the tests of several folders.

- `contracts`: a contract from its text, and contracts that more than one folder runs.
- `provider`: the outside world that an action charges.
- `store`: one store that can be given faults.
- `kit`: engines in virtual time that live and die over one store.

The tools for users of Opord are in `opord.testing`; the helpers here are built on it. Verifiers and
oracles use neither: they share no code with what they judge.
"""
