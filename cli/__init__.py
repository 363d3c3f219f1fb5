"""Command lines: parse, build a config, call one function."""
