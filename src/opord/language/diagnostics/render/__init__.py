"""The ways to show findings: to a person (`human`) and to a program (`json`)."""
