"""Tests of `top`: what it shows, for which sizes and keys."""
