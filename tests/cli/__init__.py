"""Tests of the commands: what a user types, reads and gets back."""
