"""The connection form, its widgets driven as a student would, against a real sandbox."""

import os
import secrets
import stat

import ipywidgets
import paramiko
import psutil
import pytest

from helpers import CourseError, connection_form
from helpers.workbench import look
from helpers.workbench.login import Outcome, Settings, split

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def make(lab1):
    """Makes forms, and closes what they leave open."""
    forms = []

    def form(**changes):
        arguments = {
            "bastion": lab1.bastion,
            "key_file": lab1.key,
            "mysql_host": lab1.writer,
            "password": lab1.password,
            "name": secrets.token_hex(4),
            **changes,
        }
        forms.append(connection_form(**arguments))
        return forms[-1]

    yield form
    for form in forms:
        form.disconnect()


@pytest.fixture(scope="module")
def browser(make):
    """A connected view that several tests look at."""
    form = make()
    form.connect.click()
    assert form.browser is not None, form.message.value
    return form.browser


def run(browser, sql):
    browser.query.value = sql
    browser.run.click()
    assert not browser.run.disabled and browser.run.description == "Run"
    return browser.result.value


def listening():
    """The ports on which this process waits for connections: one for each open tunnel."""
    found = psutil.Process().net_connections(kind="tcp")
    return [c.laddr.port for c in found if c.status == psutil.CONN_LISTEN]


@pytest.mark.parametrize(
    ("sql", "statements"),
    [
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
        (";;  ;\n", []),
        ("", []),
        ("SELECT 'a;b', \"c;d\", `e;f`; x", ["SELECT 'a;b', \"c;d\", `e;f`", "x"]),
        (r"SELECT 'it\'s; so'; x", [r"SELECT 'it\'s; so'", "x"]),
        ("SELECT 'it''s; so'; x", ["SELECT 'it''s; so'", "x"]),
        ("-- a; b\nSELECT 1 # c; d\n;", ["-- a; b\nSELECT 1 # c; d"]),
        ("/* a; b */", []),
        ("-- only said", []),
        ("SELECT 5--1; x", ["SELECT 5--1", "x"]),
        ("/*!40101 SET @a = 1 */;", ["/*!40101 SET @a = 1 */"]),
        ("SELECT 'never closed; x", ["SELECT 'never closed", "x"]),
    ],
)
def test_statements_end_at_semicolons_outside_quotes_and_comments(sql, statements):
    assert split(sql) == statements


def test_settings_do_not_show_the_password():
    hidden = secrets.token_urlsafe()
    settings = Settings("h", "u", "k", "m", 3306, "admin", hidden, "s")
    assert hidden not in repr(settings)


def test_a_result_is_escaped_and_tells_null_and_figures():
    html = look.result_table(Outcome("x", ["a<b"], ((None, "<i>", 1.5, b"\x01\xff", "é" * 999),)))
    assert "a&lt;b" in html and "<td><i>NULL</i></td>" in html and "&lt;i&gt;" in html
    assert '<td class="course-number">1.5</td>' in html and "0x01ff" in html
    assert "é" * 300 + "…" in html and "é" * 301 not in html


def test_the_form_has_the_fields_of_the_dialog(make, lab1):
    form = make(database="bookstore")
    ec2 = lab1.sandbox.client("ec2")
    answer = ec2.describe_instances(InstanceIds=[lab1.bastion])
    values = {label: field.value for label, field in form.fields.items()}
    assert values == {
        "Connection Name": values["Connection Name"],
        "Connection Method": "Standard TCP/IP over SSH",
        "SSH Hostname": answer["Reservations"][0]["Instances"][0]["PublicIpAddress"],
        "SSH Username": "ec2-user",
        "SSH Key File": str(lab1.key),
        "MySQL Hostname": lab1.writer,
        "MySQL Server Port": 3306,
        "Username": "admin",
        "Password": "",
        "Default Schema": "bookstore",
    }
    assert isinstance(form.fields["Password"], ipywidgets.Password)
    assert all(field.description == label for label, field in form.fields.items())


def test_what_a_notebook_stores_of_the_form_is_always_the_same(make):
    form = make()
    assert repr(form) == "(a connection form: run the cell to see it)"
    assert form._repr_mimebundle_()["text/plain"] == repr(form)


def test_the_kept_password_never_reaches_a_widget(make, lab1):
    form = make()
    form.test.click()
    form.connect.click()
    for widget in [*widgets_in(form), *form.fields.values(), form.message]:
        assert lab1.password not in repr(widget.get_state())


def widgets_in(top):
    yield top
    for child in getattr(top, "children", ()):
        yield from widgets_in(child)


def test_a_good_test_says_what_it_reached_and_leaves_nothing_open(make, lab1):
    form, before = make(), listening()
    form.test.click()
    assert "Successfully made the MySQL connection" in form.message.value
    assert "Server version: " in form.message.value
    assert f"{lab1.writer} (bookstore-1, the writer)" in form.message.value
    assert not form.test.disabled and not form.connect.disabled
    assert listening() == before and form.browser is None


def test_the_buttons_are_off_while_it_connects(make):
    form, states = make(), []
    form.test.observe(lambda change: states.append(change["new"]), names="disabled")
    form.message.observe(lambda change: states.append(change["new"]), names="value")
    form.test.click()
    assert "Connecting…" in states[0] and states[1] is True and states[2] is False


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("SSH Hostname", "", "SSH Hostname is empty"),
        ("SSH Hostname", "192.0.2.1", "No running EC2 instance of this account has the public"),
        ("SSH Username", "ubuntu", "refused the key"),
        ("SSH Username", "root", "the login is not. On Amazon Linux it is"),
        ("SSH Key File", "lost.pem", "There is no key file lost.pem"),
        ("MySQL Hostname", "wrong.example.com", "could not connect to wrong.example.com"),
        ("Username", "somebody", "refused user &quot;somebody&quot;"),
        ("Password", "guessed", "refused user &quot;admin&quot; with this password"),
        ("Default Schema", "nowhere", "no database &quot;nowhere&quot;"),
    ],
)
def test_a_wrong_field_is_told_in_the_form_and_leaves_nothing_open(make, field, value, says):
    form, before = make(), listening()
    form.fields[field].value = value
    form.connect.click()
    assert says in form.message.value and 'role="alert"' in form.message.value
    assert "Traceback" not in form.message.value
    assert form.browser is None and listening() == before
    assert not form.test.disabled and not form.connect.disabled


def test_another_key_is_refused(make, tmp_path):
    other = tmp_path / "other.pem"
    paramiko.RSAKey.generate(2048).write_private_key_file(str(other))
    if os.name == "posix":
        other.chmod(stat.S_IRUSR | stat.S_IWUSR)
    form = make(key_file=other)
    form.test.click()
    assert "refused the key" in form.message.value


def test_the_public_dns_name_and_a_port_are_understood_too(make, lab1):
    form = make()
    form.fields["SSH Hostname"].value += ":22"
    form.test.click()
    assert "Successfully" in form.message.value
    answer = lab1.sandbox.client("ec2").describe_instances(InstanceIds=[lab1.bastion])
    name = answer["Reservations"][0]["Instances"][0]["PublicDnsName"]
    form.fields["SSH Hostname"].value = name
    form.test.click()
    assert "Successfully" in form.message.value


def test_a_typed_password_is_used(make, lab1):
    form = make(password="")
    form.test.click()
    assert "Password is empty" in form.message.value
    form.fields["Password"].value = lab1.password
    form.test.click()
    assert "Successfully" in form.message.value


def test_connect_opens_the_view_and_disconnect_closes_all(make):
    form, before = make(), listening()
    form.connect.click()
    form.connect.click()  # a second click, made before the first was answered
    assert len(listening()) == len(before) + 1
    assert "bookstore-1, the writer" in form.browser.where.value
    assert form.browser in form.children
    form.browser.disconnect.click()
    assert listening() == before and form.browser is None
    assert "Disconnected" in form.message.value
    form.connect.click()
    assert form.browser is not None


def test_running_the_cell_again_closes_the_earlier_connection(make):
    first = make(name="twice")
    first.connect.click()
    second = make(name="twice")
    assert first.browser is None
    second.connect.click()
    assert second.browser is not None


def test_queries_show_rows_and_schemas_follow(browser):
    shown = run(
        browser,
        "CREATE TABLE IF NOT EXISTS pens (id INT PRIMARY KEY, ink VARCHAR(20));\n"
        "REPLACE INTO pens VALUES (1, 'blue; dark'), (2, NULL);\n"
        "SELECT * FROM pens",
    )
    assert "2 rows returned" in shown and "2 rows affected" in shown
    assert "<td>blue; dark</td>" in shown and "<i>NULL</i>" in shown
    labels = [label.strip() for label, _ in browser.schemas.options]
    assert labels[:1] == ["bookstore (default)"] and "pens" in labels


def test_a_table_that_is_picked_shows_its_columns_and_a_query(browser):
    run(browser, "CREATE TABLE IF NOT EXISTS inks (id INT PRIMARY KEY, name TEXT)")
    browser.query.value = ""
    browser.schemas.value = ("bookstore", "inks")
    assert "primary key" in browser.columns.value and "text" in browser.columns.value
    assert browser.query.value == "SELECT * FROM bookstore.inks LIMIT 100;"
    browser.query.value = "SELECT mine"
    browser.schemas.value = None
    browser.schemas.value = ("bookstore", "inks")
    assert browser.query.value == "SELECT mine"


def test_refresh_finds_what_others_made_and_a_schema_can_be_chosen(browser, make):
    other = make()
    other.connect.click()
    run(other.browser, "CREATE DATABASE IF NOT EXISTS `a b`; CREATE TABLE `a b`.`c``d` (id INT)")
    try:
        browser.refresh.click()
        browser.query.value = ""
        browser.schemas.value = ("a b", "c`d")
        assert browser.query.value == "SELECT * FROM `a b`.`c``d` LIMIT 100;"
        assert "0 rows returned" in run(browser, browser.query.value)
        browser.schemas.value = ("a b", None)
        assert "a b (default)" in dict(browser.schemas.options)
    finally:
        browser.schemas.value = ("bookstore", None)
        run(other.browser, "DROP DATABASE `a b`")


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("SELECT * FROM nothing", "ERROR 1146 (42S02): Table"),
        ("SELEC 1", "ERROR 1064 (42000): You have an error in your SQL syntax"),
        ("CREATE USER u@'%'; CREATE USER u@'%'", "ERROR 1396 (HY000): "),
    ],
)
def test_mysqls_errors_are_told_as_its_client_tells_them(browser, sql, error):
    assert error in run(browser, f"{sql}; SELECT 'not reached'")
    assert "not reached" not in browser.result.value
    assert "1 row returned" in run(browser, "SELECT 1")
    run(browser, "DROP USER IF EXISTS u@'%'")


def test_an_empty_query_box_says_what_to_type(browser):
    assert "The query box is empty" in run(browser, " ; -- nothing")


def test_a_long_result_is_cut_and_says_so(browser):
    shown = run(browser, "SELECT 1 FROM information_schema.columns")
    assert shown.count("<tr>") == 1001 and "there are more" in shown
    shown = run(browser, "SELECT 1 FROM information_schema.columns LIMIT 1000")
    assert shown.count("<tr>") == 1001 and "1,000 rows returned" in shown
    assert "there are more" not in shown


def test_a_lost_connection_is_told_and_can_be_made_again(make):
    form = make()
    form.connect.click()
    run(form.browser, "KILL CONNECTION_ID()")
    assert "is lost" in run(form.browser, "SELECT 1")
    form.browser.refresh.click()
    form.browser.disconnect.click()
    form.connect.click()
    assert "1 row returned" in run(form.browser, "SELECT 1")


def test_the_reader_endpoint_leads_to_a_reader_which_refuses_writes(make, lab1):
    form = make(mysql_host=lab1.reader)
    form.connect.click()
    assert "bookstore-2, a reader" in form.browser.where.value
    assert "ERROR 1290 (HY000)" in run(form.browser, "CREATE TABLE never (id INT)")


def test_a_bastion_without_a_public_address_is_told_at_once(lab1):
    ec2 = lab1.sandbox.client("ec2")
    private = ec2.describe_subnets(
        Filters=[{"Name": "tag:Name", "Values": ["bookstore-private-a"]}]
    )["Subnets"][0]["SubnetId"]
    image = ec2.describe_instances()["Reservations"][0]["Instances"][0]["ImageId"]
    launched = ec2.run_instances(ImageId=image, SubnetId=private, MinCount=1, MaxCount=1)
    with pytest.raises(CourseError, match="no public address"):
        connection_form(
            bastion=launched["Instances"][0]["InstanceId"],
            key_file=lab1.key,
            mysql_host=lab1.writer,
        )
