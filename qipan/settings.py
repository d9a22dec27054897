"""Every setting of every process, read from the environment (`QIPAN_…`)."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from qipan.settings_files import SettingsFiles


class Settings(BaseSettings):
    """What a process can be told from outside. A process gets only what it needs (`qipan.hosting.credentials`).

    `QIPAN_X_FILE` names a file whose text is the value of `QIPAN_X`, for secrets that are mounted.
    """

    model_config = SettingsConfigDict(env_prefix="QIPAN_", extra="ignore", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is said in the call, in the environment, and in the files that the environment names."""
        return init_settings, env_settings, SettingsFiles(settings_cls)

    amqp_url: str = Field(
        default="",
        description="The broker, as amqp://user:password@host:port/vhost; a cluster's nodes as host:port,host:port,… "
        "in it. Empty: a private node.",
    )
    amqp_management_url: str = Field(
        default="",
        description="The broker's management API, as http://user:password@host:15672 (or host:port,host:port,…), for "
        "`qipan broker provision`.",
    )
    database_url: str = Field(
        default="",
        description="PostgreSQL, as postgresql://role:password@host:port/database. For `qipan up` the administrator's; "
        "for a single process its service's own role. Empty: a private cluster.",
    )
    district: Path = Field(default=Path("districts/xihu"), description="The folder of the district's pack.")
    clocks: str = Field(
        default="",
        description='Tenants\' clocks as JSON: {"*": {"domain": iso, "real": iso, "rate": 720}}. Empty: real time.',
    )
    tenant: str = Field(
        default="", description="The tenant that this process serves; empty: the core, everyone."
    )
    instance: str = Field(
        default="", description="This process's name among its like; empty: made up at start."
    )
    core_user: str = Field(default="core", description="The broker user of the core's processes.")
    verify_key: str = Field(
        default="", description="Public key (JWK, JSON) with which principals are verified."
    )
    signing_key: str = Field(
        default="",
        description="Private key (JWK, JSON) that signs principals; the gateway's and the host's only.",
    )
    token: str = Field(
        default="", description="This process's own signed principal, for calls that it makes."
    )
    door_secret: str = Field(
        default="", description="Secret of intake's door, from which reporters' tracking tokens are derived."
    )
    contact_keys: str = Field(
        default="",
        description="Keys that reporters' names and phone numbers are encrypted with, as number:key pairs of 64 "
        "hexadecimal digits, such as 2:…,1:…; the highest number encrypts. Empty for `qipan up`: derived.",
    )
    photos_url: str = Field(
        default="",
        description="Where photos are kept, as fsspec writes it: file:///srv/photos, s3://… (with the "
        "extra s3 installed and AWS_… in the environment). Empty: the folder photos in QIPAN_VAR.",
    )
    photo_bytes: int = Field(
        default=8_388_608,
        ge=1024,
        le=67_108_864,
        description="Largest photo that is taken, in bytes as sent.",
    )
    report_font: Annotated[Path | None, BeforeValidator(lambda written: written or None)] = Field(
        default=None,
        description="The font (TTF, TTC) of PDF reports, with Chinese characters. Empty: Debian's fonts-wqy-microhei.",
    )
    photo_pixels: int = Field(
        default=50_000_000, ge=1, description="Most pixels of a photo; one with more is refused undecoded."
    )
    photo_side: int = Field(
        default=3000, ge=16, le=16_383, description="Longest side that a photo is kept with, in pixels."
    )
    photos_per_report: int = Field(default=9, ge=0, description="Most photos that one report may have.")
    comments_per_hour: int = Field(
        default=10, ge=0, description="Comments that one report takes within an hour of real time."
    )
    account_secret: str = Field(
        default="", description="Secret of the gateway, from which accounts' first passwords are derived."
    )
    session_seconds: float = Field(
        default=28_800, gt=0, description="How long somebody stays signed in, in seconds of real time."
    )
    door_url: str = Field(
        default="", description="Where the gateway forwards report traffic to: intake's door."
    )
    smtp_url: str = Field(
        default="",
        description="Mail server as mailto://host:port or mailtos://user:password@host; empty: no mail.",
    )
    public_url: str = Field(
        default="",
        pattern=r"^$|^https?://[^\s/]+[^\s]*[^\s/]$",
        description="Where reporters reach the door from outside, as https://…, for the links in mail to them; empty: "
        "they get none.",
    )
    destinations: Annotated[Path | None, BeforeValidator(lambda written: written or None)] = Field(
        default=None,
        description="The operator's file of destinations outside (TOML): webhooks, group robots, gateways, with their "
        "secrets. Notify's only. Empty: none.",
    )
    host: str = Field(default="127.0.0.1", description="The address that HTTP servers listen on.")
    port: int = Field(default=0, description="The port of the door or the gateway; 0: any free one.")
    ops_port: int = Field(
        default=0, description="The port for /metrics, /healthz and /readyz; 0: any free one."
    )
    log: Literal["json", "console"] = Field(
        default="console", description="How logs are written: json for machines, console for people."
    )
    log_level: str = Field(default="INFO", description="The least severe level that is logged.")
    batch_size: int = Field(
        default=50,
        ge=1,
        le=500,
        description="Largest number of messages in one transaction; four times as many where nobody waits for the "
        "outcome (analytics, notify).",
    )
    linger_ms: int = Field(
        default=20,
        ge=0,
        le=1000,
        description="How long a batch waits for more messages, in milliseconds; five times as long where nobody waits "
        "for the outcome.",
    )
    retry_delays_ms: tuple[int, ...] = Field(
        default=(500, 2_000, 10_000, 60_000),
        description="Delays before a failed message is tried again, in milliseconds, one for each retry.",
    )
    outbox_limit: int = Field(
        default=2_000_000,
        description="Unsent messages in a service's outbox beyond which it takes nothing more: requests get 503, "
        "events stay in their queue. Half as many of one tenant stop that tenant's reports.",
    )
    import_bytes: int = Field(
        default=4_194_304, ge=1, description="Largest file of reports in one import request, in bytes."
    )
    import_rows: int = Field(default=5_000, ge=1, description="Most rows in one import request.")
    unguarded: Literal["", "no_outbox", "no_inbox"] = Field(
        default="",
        description="Switches a guard off, for the fault harness's controls. Never set it where cases are real.",
    )
    var: Path = Field(default=Path("var"), description="Where the private broker, cluster and results live.")


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
