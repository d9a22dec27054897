"""The gateway's process: `uvicorn services.gateway.app:app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from qipan.observability import logs
from qipan.observability.health import Health
from qipan.settings import settings
from services.gateway.parts import Resources
from services.gateway.web import SERVICE, create_app

logs.configure(SERVICE, settings().log, settings().log_level)
health = Health(SERVICE)
resources = Resources(settings(), health)


@asynccontextmanager
async def _running(_app: FastAPI) -> AsyncIterator[None]:
    resources.start()
    yield
    await resources.stop()


app = create_app(lambda: resources.parts, health, _running)
