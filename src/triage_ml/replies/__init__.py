"""Replies: templates that people write, the ranking that proposes them, the check before anything is sent."""
