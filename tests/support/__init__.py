"""What the tests of several folders share.

- `contracts`: a contract from its text, and those that more than one folder runs.
- `provider`: the outside world that an action charges.
- `store`: one store with faults, for whatever a test needs to go wrong.
- `kit`: engines in virtual time that live and die over one store.

What users of Opord test with is in `opord.testing`; the helpers here are built on it. Verifiers and oracles use
neither: they share no code with what they judge.
"""
