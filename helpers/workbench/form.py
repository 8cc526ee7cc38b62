"""The dialog: the fields of "Standard TCP/IP over SSH", Test Connection and Connect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ipywidgets

from helpers.workbench import look
from helpers.workbench.browser import Browser
from helpers.workbench.login import FAILURES, Login, Settings, in_words, public_address

METHOD = "Standard TCP/IP over SSH"
LABELS = {"description_width": "10.5em"}
KEPT = "(kept for you: leave empty to use it)"

# Forms with an open login, by connection name: a cell that is run again closes its old one.
_open: dict[str, ConnectionForm] = {}


def connection_form(
    *,
    bastion: str,
    key_file: str | Path,
    mysql_host: str,
    user: str = "admin",
    password: str = "",
    database: str = "bookstore",
    name: str = "bookstore",
    mysql_port: int = 3306,
    ssh_user: str = "ec2-user",
) -> ConnectionForm:
    """Make the form in which MySQL Workbench asks for a connection over SSH; a cell shows it.

    Args:
        bastion: the EC2 instance id; the form shows its public address.
        key_file: the private key file.
        mysql_host: the writer (or reader) endpoint.
        user: the MySQL user name.
        password: used where the password field is left empty. It never goes into the field, and
            so neither into the browser nor into a saved notebook.
        database: the schema to begin with; "" for none.
        name: what the connection is called. Running the cell again closes the earlier connection
            of that name.
        mysql_port: the database's port.
        ssh_user: the login on the bastion.

    Returns:
        A widget. Whatever goes wrong in it is told in it.

    Raises:
        CourseError: the bastion has no public address, for instance because it is stopped.

    The fields are those of
    https://dev.mysql.com/doc/workbench/en/wb-mysql-connections-methods-ssh.html.
    """
    if name in _open:
        _open[name].disconnect()
    return ConnectionForm(
        name=name,
        password=password,
        ssh_host=public_address(bastion),
        ssh_user=ssh_user,
        key_file=str(key_file),
        mysql_host=mysql_host,
        mysql_port=mysql_port,
        user=user,
        schema=database,
    )


class ConnectionForm(ipywidgets.VBox):
    """The dialog, and after Connect the connected view; made by `connection_form`.

    Attributes:
        fields: the input widgets, by their label.
        test, connect: the buttons.
        message: what is said under the fields, as HTML.
        browser: the connected view; None while not connected.
    """

    def __init__(self, *, name: str, password: str, **values: Any) -> None:
        self._kept_password = password
        self._login: Login | None = None
        self.browser: Browser | None = None
        self.fields = _fields(name, password, values)
        self.message = ipywidgets.HTML(layout={"margin": "4px 12px"})
        self.test = ipywidgets.Button(
            description="Test Connection",
            tooltip="Open the tunnel, log in, and close both again",
            layout={"width": "auto"},
        )
        self.connect = ipywidgets.Button(
            description="Connect", button_style="primary", tooltip="Connect and look around"
        )
        self.test.on_click(lambda _: self._test())
        self.connect.on_click(lambda _: self._connect())
        super().__init__(layout={"max_width": "60em", "margin": "0 0 1em"})
        self.add_class("course-form")
        self._dialog = self._parts()
        self._show(*self._dialog)

    def __repr__(self) -> str:
        """The same for every form, because notebooks keep it."""
        return "(a connection form: run the cell to see it)"

    @property
    def settings(self) -> Settings:
        """The fields as they stand, with the kept password where the field is empty."""

        def text(label: str) -> str:
            return self.fields[label].value.strip()

        return Settings(
            ssh_host=text("SSH Hostname"),
            ssh_user=text("SSH Username"),
            key_file=text("SSH Key File"),
            mysql_host=text("MySQL Hostname"),
            mysql_port=self.fields["MySQL Server Port"].value,
            user=text("Username"),
            password=self.fields["Password"].value or self._kept_password,
            schema=text("Default Schema"),
        )

    def disconnect(self) -> None:
        """Log out, close the tunnel and show the fields again; does nothing if not connected."""
        if self._login is None:
            return
        self._login.close()
        self._login = self.browser = None
        _open.pop(self.fields["Connection Name"].value, None)
        self.message.value = look.say("Disconnected: the tunnel is closed.")
        self._show(*self._dialog)

    def _test(self) -> None:
        login = self._try()
        if login is None:
            return
        login.close()
        where = f" ({login.leads_to})" if login.leads_to else ""
        self.message.value = look.say(
            "Successfully made the MySQL connection",
            "good",
            f"Server version: {login.version}",
            f"Endpoint: {login.settings.mysql_host}{where}",
            f"Logged in as {login.settings.user}, through {login.settings.ssh_host}",
        )

    def _connect(self) -> None:
        if self._login is not None:  # a second click, made before the first was answered
            return
        self._login = self._try()
        if self._login is None:
            return
        name = self.fields["Connection Name"].value
        _open[name] = self
        self.browser = Browser(self._login, name, self.disconnect)
        self._show(self.browser)

    def _try(self) -> Login | None:
        """A login with these settings; None where it failed, and the form says why."""
        with self._busy():
            try:
                return Login(self.settings)
            except FAILURES as error:
                self.message.value = look.say(in_words(error), "bad")
                return None

    @contextmanager
    def _busy(self) -> Iterator[None]:
        buttons = (self.test, self.connect)
        self.message.value = look.say("Connecting…")
        for button in buttons:
            button.disabled = True
        try:
            yield
        finally:
            for button in buttons:
                button.disabled = False

    def _show(self, *parts: ipywidgets.Widget) -> None:
        self.children = [ipywidgets.HTML(look.STYLE, layout={"display": "none"}), *parts]

    def _parts(self) -> list[ipywidgets.Widget]:
        title = ipywidgets.HTML("<b>Connect to MySQL</b>", layout={"padding": "8px 12px"})
        title.add_class("course-bar")
        grid = ipywidgets.Box(
            [part for label, field in self.fields.items() for part in (field, _hint(label))],
            layout={"padding": "8px 12px"},
        )
        grid.add_class("course-fields")
        buttons = ipywidgets.HBox(
            [self.test, self.connect],
            layout={"justify_content": "space-between", "padding": "4px 12px 12px"},
        )
        return [title, grid, self.message, buttons]


def _fields(name: str, password: str, values: dict[str, Any]) -> dict[str, ipywidgets.Widget]:
    def text(label: str, value: str, kind: Any = ipywidgets.Text, **more: Any) -> Any:
        return kind(description=label, value=value, style=LABELS, layout={"width": "auto"}, **more)

    port = ipywidgets.BoundedIntText(
        description="MySQL Server Port",
        value=values["mysql_port"],
        min=1,
        max=65535,
        style=LABELS,
        layout={"width": "auto"},
    )
    fields = [
        text("Connection Name", name),
        text("Connection Method", METHOD, disabled=True),
        text("SSH Hostname", values["ssh_host"]),
        text("SSH Username", values["ssh_user"]),
        text("SSH Key File", values["key_file"]),
        text("MySQL Hostname", values["mysql_host"]),
        port,
        text("Username", values["user"]),
        text("Password", "", ipywidgets.Password, placeholder=KEPT if password else ""),
        text("Default Schema", values["schema"]),
    ]
    return {field.description: field for field in fields}


def _hint(label: str) -> ipywidgets.HTML:
    hint = ipywidgets.HTML(HINTS[label])
    hint.add_class("course-hint")
    return hint


HINTS = {
    "Connection Name": "A name to know it by",
    "Connection Method": "By way of the bastion",
    "SSH Hostname": "The bastion's public IP",
    "SSH Username": "Amazon Linux's own user",
    "SSH Key File": "The key pair's private key",
    "MySQL Hostname": "The writer endpoint",
    "MySQL Server Port": "MySQL's usual port",
    "Username": "The cluster's master user",
    "Password": "Its password",  # pragma: allowlist secret
    "Default Schema": "Empty: none is chosen",
}
