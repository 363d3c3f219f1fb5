"""The one exception that means: the user can mend this."""


class CorpusError(ValueError):
    """A corpus cannot be read as asked. The first line says what (value and limit), the following ones how to mend it."""
