"""Requests per second and latency of `grutext serve`, and of the servers that one would write oneself."""
