"""Where the paths of a step go: what calls can end in, one walk over paths, and every `goto` with the conditions before it."""
