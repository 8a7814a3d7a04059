"""Each channel against a real receiver: what arrives, what comes back, and what is never shown."""

import email.policy
import json
import logging
import socket
import sys
import time

import pytest
from receivers import certificate_in, mail_server, web_server

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.alarms.channels import email as mailbox
from liverank.autopilot.alarms.channels.command import Command
from liverank.autopilot.alarms.channels.configured import channels_of
from liverank.autopilot.alarms.channels.server_log import ServerLog
from liverank.autopilot.alarms.channels.slack import Slack, slack_body
from liverank.autopilot.alarms.channels.webhook import Webhook
from liverank.autopilot.alarms.message import Message, message_of
from liverank.config import parse_config
from liverank.config_autopilot import Alarms, Email
from liverank.errors import ConfigError, NotificationError

AT_MS = 1_800_000_000_000
BOT = Alarm(
    key="bot:ann",
    kind="bot",
    title="ann joins everything, 900 times an hour",
    cause="A program acts as the user ann.",
    consequence="Nothing is learned from ann.",
    next_step="Block ann <ann@example.com> & look at the sign-ups.",
    since_ms=AT_MS - 3 * 3_600_000,
    severity="critical",
    users=("ann",),
)
RAISED = message_of("alarm_raised", BOT, at_ms=AT_MS)
LETTER = Message(
    kind="letter",
    id="letter:2026-W49",
    at_ms=AT_MS,
    title="12 % more joins\nthan most popular",
    paragraphs=("People came more often.",),
    markdown="# 12 % more joins, übrigens\n",
    html="<h1>12 % more joins, übrigens</h1>",
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return certificate_in(tmp_path_factory.mktemp("certificate"))


def test_a_webhook_gets_the_message_as_json() -> None:
    with web_server() as server:
        Webhook(server.url).send(RAISED)
    got = json.loads(server.bodies[0])
    assert server.paths == ["/services/SECRET?token=SECRET"]
    assert (got["kind"], got["title"], got["severity"]) == (
        "alarm_raised",
        "ann joins everything, 900 times an hour",
        "critical",
    )
    assert got["alarm"]["next_step"] == BOT.next_step
    assert "html" not in got


@pytest.mark.parametrize("kind", [Webhook, Slack])
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"answers": [500], "text": b"SECRET"}, "answered 500"),
        ({"answers": [400], "text": b"invalid_blocks"}, "answered 400 (invalid_blocks)"),
        ({"answers": [302], "headers": {"Location": "http://127.0.0.1:1/x"}}, "a redirect"),
        ({"answers": ["hang"]}, "did not answer within 0.2 s"),
    ],
)
def test_what_a_web_server_refuses_is_an_error_without_the_secret(kind, options, expected) -> None:
    with web_server(**options) as server:
        with pytest.raises(NotificationError, match=r"127\.0\.0\.1") as error:
            kind(server.url, timeout_s=0.2 if options["answers"] == ["hang"] else 5).send(RAISED)
        assert expected in str(error.value)
        assert "SECRET" not in str(error.value) + kind(server.url).name
        assert server.bodies == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/SECRET", "http://none.invalid/SECRET"])
def test_nobody_who_listens_is_an_error_without_the_secret(url) -> None:
    with pytest.raises(NotificationError) as error:
        Webhook(url).send(RAISED)
    assert "SECRET" not in str(error.value)


def test_slack_gets_text_and_blocks_with_its_own_characters_escaped() -> None:
    with web_server() as server:
        Slack(server.url).send(RAISED)
    body = json.loads(server.bodies[0])
    assert body["blocks"][0]["text"]["text"] == "🔴 ann joins everything, 900 times an hour"
    assert "Block ann &lt;ann@example.com&gt; &amp; look" in body["blocks"][3]["text"]["text"]
    assert "Block ann &lt;ann@example.com&gt; &amp; look" in body["text"]


@pytest.mark.parametrize("character", ["x", "&", "🔴"])
@pytest.mark.parametrize("length", [10, 149, 2_999, 3_000, 3_001, 50_000])
def test_slacks_limits_hold_for_texts_of_any_length(character: str, length: int) -> None:
    body = slack_body(
        Message(
            kind="test", id="t", at_ms=0, title=character * length,
            paragraphs=(character * length,) * 70,
        )
    )  # fmt: skip
    assert len(body["text"]) <= 4_000
    assert len(body["blocks"]) == 50
    assert len(body["blocks"][0]["text"]["text"]) <= 150
    for block in body["blocks"][1:]:
        text = block["text"]["text"]
        assert len(text) <= 3_000
        assert text.replace("&amp;", "") == "" or character != "&" or text.endswith("…")
        assert "&" not in text.replace("&amp;", "")


def mail_of(raw: bytes):
    return email.message_from_bytes(raw, policy=email.policy.default)


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
@pytest.mark.parametrize("user", ["", "liverank"])
def test_an_email_arrives_with_both_parts(security, user, certificate, monkeypatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with mail_server(
        security=security, user=user, password="S3CRET" if user else "", certificate=certificate
    ) as server:
        config = Email(
            to=("ann@example.com", "bob@example.com"),
            host="localhost",
            port=server.port,
            security=security,
            user=user or None,
            password_variable="PASSWORD" if user else None,
        )
        channels = channels_of(Alarms(email=config), {"PASSWORD": "S3CRET"})[1:]
        for channel in channels:
            channel.send(LETTER)
    first, second = map(mail_of, server.mails)
    assert (first["To"], second["To"]) == ("ann@example.com", "bob@example.com")
    assert first["Subject"] == "[liverank] 12 % more joins than most popular"
    assert first["Message-ID"] != second["Message-ID"]
    text, html = first.iter_parts()
    assert text.get_content().strip() == LETTER.markdown.strip()
    assert html.get_content().strip() == LETTER.html
    is_login = [line for line in server.lines if line.upper().startswith("AUTH")]
    assert bool(is_login) == bool(user)
    assert ("STARTTLS" in [line.upper() for line in server.lines]) == (security == "starttls")


def test_a_server_whose_certificate_is_unknown_gets_nothing(certificate) -> None:
    for security in ("starttls", "tls"):
        with mail_server(security=security, certificate=certificate) as server:
            config = Email(
                to=("ann@example.com",), host="localhost", port=server.port, security=security
            )
            with pytest.raises(NotificationError, match="TLS failed"):
                mailbox.Mailbox(config, "ann@example.com", {}).send(LETTER)
        assert server.mails == []


def test_a_server_that_cannot_encrypt_gets_nothing() -> None:
    with mail_server() as server:
        config = Email(to=("ann@example.com",), host="localhost", port=server.port)
        with pytest.raises(NotificationError, match="STARTTLS"):
            mailbox.Mailbox(config, "ann@example.com", {}).send(LETTER)
    assert server.mails == []


def test_a_wrong_password_is_an_error_that_shows_none() -> None:
    with mail_server(user="liverank", password="S3CRET") as server:
        config = Email(
            to=("ann@example.com",), host="localhost", port=server.port, security="none",
            user="liverank", password_variable="PASSWORD",
        )  # fmt: skip
        for environment, expected in (({"PASSWORD": "S3CRETS"}, "535"), ({}, "is not set")):
            with pytest.raises(NotificationError, match=expected) as error:
                mailbox.Mailbox(config, "ann@example.com", environment).send(LETTER)
            assert "S3CRET" not in str(error.value)
    assert server.mails == []


def test_an_address_that_is_refused_is_named() -> None:
    with mail_server(refuses=("bob",)) as server:
        config = Email(to=("bob@example.com",), host="localhost", port=server.port, security="none")
        with pytest.raises(NotificationError, match=r"refused the address bob@example\.com"):
            mailbox.Mailbox(config, "bob@example.com", {}).send(LETTER)


def test_a_mail_server_that_is_silent_or_away_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        config = Email(to=("a@b.c",), host="127.0.0.1", port=port, security="none")
        with pytest.raises(NotificationError, match=r"did not answer within 0\.2 s"):
            mailbox.Mailbox(config, "a@b.c", {}, timeout_s=0.2).send(LETTER)
    with pytest.raises(NotificationError, match="refused"):
        mailbox.Mailbox(config, "a@b.c", {}).send(LETTER)


def python(code: str, **options) -> Command:
    return Command((sys.executable, "-c", code), **options)


def test_a_command_gets_the_json_on_stdin(tmp_path) -> None:
    file = tmp_path / "got"
    python(f"import sys; open({str(file)!r}, 'w').write(sys.stdin.read())").send(RAISED)
    assert json.loads(file.read_text())["alarm"]["key"] == "bot:ann"


def test_a_command_that_fails_hangs_or_is_missing_is_an_error() -> None:
    with pytest.raises(NotificationError, match="exited with 3: the second"):
        python("import sys; print('one\\nthe second', file=sys.stderr); sys.exit(3)").send(RAISED)
    with pytest.raises(NotificationError, match="No such file"):
        Command(("/none/of/that", "SECRET")).send(RAISED)
    assert Command(("/none/of/that", "SECRET")).name == "command (that)"


def test_a_command_that_hangs_is_killed_with_its_children(tmp_path) -> None:
    file = tmp_path / "child"
    child = f"import time; time.sleep(1.5); open({str(file)!r}, 'w')"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with pytest.raises(NotificationError, match=r"did not end within 0\.5 s"):
        python(code, timeout_s=0.5).send(RAISED)
    time.sleep(1.6)
    assert not file.exists()


def test_a_command_that_leaves_a_child_in_the_background_is_not_waited_for() -> None:
    child = "import time; time.sleep(3)"
    began_s = time.monotonic()
    python(f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}])").send(
        RAISED
    )
    assert time.monotonic() - began_s < 2.5


def test_the_servers_log_gets_a_line_that_names_no_user(caplog) -> None:
    caplog.set_level(logging.INFO)
    ServerLog().send(RAISED)
    ServerLog().send(message_of("alarm_ended", BOT, at_ms=AT_MS))
    ServerLog().send(LETTER)
    assert [record.event for record in caplog.records] == [
        "autopilot_alarm",
        "autopilot_alarm_ended",
        "autopilot_message",
    ]
    assert "(a user) joins everything" in caplog.records[0].message
    assert not any("ann" in record.message for record in caplog.records)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('webhook = "hooks.example.com/SECRET"', "autopilot.alarms.webhook"),
        ('slack = "https://hooks.example.com/a b/SECRET"', "autopilot.alarms.slack"),
        ('slack = "ftp://hooks.example.com/SECRET"', "autopilot.alarms.slack"),
        ('email = { to = ["ann"], host = "h" }', "'ann'"),
        ('email = { to = ["a@b.c\\nBcc: x@y.z"], host = "h" }', "address"),
        ('email = { to = ["a@b.c"], host = "h", user = "u" }', "password_variable"),
    ],
)
def test_a_channel_that_cannot_work_is_an_error_of_the_config(line: str, key: str) -> None:
    text = f'[label]\ninteraction = "join"\n[autopilot.alarms]\n{line}\n'
    with pytest.raises(ConfigError) as error:
        parse_config(text)
    assert key in str(error.value)
    assert "SECRET" not in str(error.value)


@pytest.mark.parametrize("url", ["https://a.b/c?d=e", "http://127.0.0.1:80", "https://[::1]:9/x"])
def test_urls_of_webhooks_are_taken(url: str) -> None:
    config = parse_config(f'[label]\ninteraction = "join"\n[autopilot.alarms]\nwebhook = "{url}"\n')
    assert config.autopilot.alarms.webhook == url
