"""The errors that the course raises itself: one clear sentence and the next thing to do."""


class CourseError(Exception):
    """What the student can put right; the message says what happened, why, and what to type."""
