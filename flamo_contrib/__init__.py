"""Components for research, each after a paper; CONTRIBUTING.md says how one becomes a resident."""
