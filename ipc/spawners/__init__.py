"""Spawners: on which thread of execution a service's loop runs."""
