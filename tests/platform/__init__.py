"""Tests of the platform devices and the system top."""
