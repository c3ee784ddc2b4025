"""Dockerfiles: which one is meant, what is wrong in it, and how one is written that is missing."""
