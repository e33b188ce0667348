"""Tests of the deployment files: what they say is what the program takes."""
