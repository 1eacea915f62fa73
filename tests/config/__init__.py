"""Tests of the spec: YAML in, one Spec or one SpecError out."""
