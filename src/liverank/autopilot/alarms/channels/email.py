"""E-mail by SMTP, with a text part and, for letters, an HTML part."""

import hashlib
import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import formatdate

import msgspec

from liverank.autopilot.alarms.channels.channel import TIMEOUT_S
from liverank.autopilot.alarms.message import Message
from liverank.config_autopilot import Email
from liverank.errors import NotificationError


class Mailbox(msgspec.Struct, frozen=True):
    """Sends to one address of ``[autopilot.alarms.email]``.

    ``environment`` holds the password under the name that the config gives; it is read when a
    message is sent.
    """

    config: Email
    to: str
    environment: Mapping[str, str]
    timeout_s: float = TIMEOUT_S

    @property
    def name(self) -> str:
        """The address."""
        return f"e-mail ({self.to})"

    def send(self, message: Message) -> None:
        """Send by a new connection. Raises NotificationError."""
        config = self.config
        password = self._password()
        where = f"{config.host}:{config.port}"
        try:
            with self._connection() as connection:
                if config.security == "starttls":
                    connection.starttls(context=ssl.create_default_context())
                if config.user is not None:
                    connection.login(config.user, password)
                connection.send_message(email_of(message, self.to, config.from_))
        except (TimeoutError, smtplib.SMTPServerDisconnected):  # the latter stands for both
            raise NotificationError(
                f"{where} hung up, or did not answer within {self.timeout_s:g} s"
            ) from None
        except smtplib.SMTPAuthenticationError as error:
            raise NotificationError(
                f"{where} refused the login of {config.user} ({error.smtp_code}); check "
                "`user`, and the variable that `password_variable` names"
            ) from None
        except smtplib.SMTPResponseException as error:
            raise NotificationError(f"{where} answered {error.smtp_code}") from None
        except smtplib.SMTPRecipientsRefused:
            raise NotificationError(f"{where} refused the address {self.to}") from None
        except smtplib.SMTPNotSupportedError as error:
            raise NotificationError(f"{where}: {error}") from None
        except ssl.SSLError as error:
            raise NotificationError(f"{where}: TLS failed: {error.reason}") from None
        except (OSError, ValueError) as error:  # ValueError: a name that SMTP or DNS cannot write
            why = error.strerror if isinstance(error, OSError) else None
            raise NotificationError(f"{where}: {why or type(error).__name__}") from None

    def _password(self) -> str:
        config = self.config
        if config.user is None:
            return ""
        if config.password_variable is None:
            raise NotificationError(
                "`autopilot.alarms.email.user` is set, and `password_variable` is not; it names "
                "the environment variable with the password"
            )
        password = self.environment.get(config.password_variable)
        if password is None:
            raise NotificationError(
                f"the environment variable {config.password_variable}, which "
                "`autopilot.alarms.email.password_variable` names, is not set"
            )
        return password

    def _connection(self) -> smtplib.SMTP:
        config = self.config
        if config.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(
                config.host, config.port, timeout=self.timeout_s, context=context
            )
        return smtplib.SMTP(config.host, config.port, timeout=self.timeout_s)


def email_of(message: Message, to: str, sender: str) -> EmailMessage:
    """The message as an e-mail; the same message to the same address has the same Message-ID."""
    email = EmailMessage()
    email["Subject"] = f"[liverank] {message.subject}"
    email["From"] = sender
    email["To"] = to
    email["Date"] = formatdate(message.at_ms / 1000)
    identity = hashlib.sha256(f"{message.id}\0{to}".encode()).hexdigest()[:32]
    email["Message-ID"] = f"<{identity}@liverank>"
    email.set_content(message.markdown or message.plain_text)
    if message.html is not None:
        email.add_alternative(message.html, subtype="html")
    return email
