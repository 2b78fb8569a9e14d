"""Tests, one folder per part of the house."""
