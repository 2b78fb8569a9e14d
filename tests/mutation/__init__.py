"""The hunt for what the tests do not notice."""
