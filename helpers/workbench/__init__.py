"""MySQL Workbench's "Standard TCP/IP over SSH" connection, as a form in a notebook."""

from helpers.workbench.form import ConnectionForm, connection_form

__all__ = ["ConnectionForm", "connection_form"]
