"""The errors of the sandbox program: one clear sentence and the next thing to do."""


class SandboxError(Exception):
    """Something the person at the keyboard can put right; the message says how."""
