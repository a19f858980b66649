"""Webhooks that are sent."""
