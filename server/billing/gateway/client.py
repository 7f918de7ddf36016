"""Stripe's SDK over our HTTP client: retries under the same key, bounded waiting, and errors in the user's words."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

import httpx2
import stripe
from stripe import HTTPClient, StripeClient

from server.billing.provider import (
    PaymentDeclined,
    PaymentServiceDown,
    PaymentServiceRefused,
    PaymentServiceUnclear,
    PaymentsNotSetUp,
)

TIMEOUT_S: Final = 15.0
"""For one attempt."""
RETRIES_MAX: Final = 2
RETRY_PAUSE_S: Final = 0.5
"""Before the first retry, doubled with each: a person may be waiting."""
_TOO_MANY: Final = 429

_log = logging.getLogger(__name__)
T = TypeVar("T")

stripe.enable_telemetry = False  # nothing about us travels that no request needs
logging.getLogger("stripe").setLevel(logging.WARNING)  # each request with its parameters is nobody's reading


@dataclass(frozen=True, slots=True)
class StripeSettings:
    """How to reach Stripe."""

    key: str = field(repr=False)
    url: str | None = None
    """Another base address than Stripe's own: the simulator's."""
    timeout_s: float = TIMEOUT_S
    retry_pause_s: float = RETRY_PAUSE_S


class Clients:
    """One client for each event loop: its connections belong to the loop that opened them."""

    def __init__(self, settings: StripeSettings) -> None:
        self._settings = settings
        self._of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, StripeClient] = WeakKeyDictionary()
        self._transports: WeakKeyDictionary[asyncio.AbstractEventLoop, _Transport] = WeakKeyDictionary()

    def here(self) -> StripeClient:
        """The client of the running loop."""
        loop = asyncio.get_running_loop()
        client = self._of_loop.get(loop)
        if client is None:
            client = self._of_loop[loop] = self._create(loop)
        return client

    async def close(self) -> None:
        """Close the connections that were opened on the running loop."""
        loop = asyncio.get_running_loop()
        self._of_loop.pop(loop, None)
        transport = self._transports.pop(loop, None)
        if transport is not None:
            await transport.close_async()

    def _create(self, loop: asyncio.AbstractEventLoop) -> StripeClient:
        settings = self._settings
        transport = self._transports[loop] = _Transport(settings.timeout_s, settings.retry_pause_s)
        return StripeClient(
            settings.key,
            max_network_retries=RETRIES_MAX,
            http_client=transport,
            base_addresses={"api": settings.url} if settings.url else None,
        )


class _Transport(HTTPClient):
    """httpx2 in the place of the clients that the SDK knows (httpx, which is no longer kept up, and aiohttp)."""

    name = "httpx2"

    def __init__(self, timeout_s: float, retry_pause_s: float) -> None:
        super().__init__()
        self._pause_s = retry_pause_s
        self._client = httpx2.AsyncClient(timeout=timeout_s, trust_env=False, follow_redirects=False)

    def _should_retry(
        self, response: Any, api_connection_error: Any, num_retries: int, max_network_retries: int | None
    ) -> bool:
        """Also what was too much a minute: it was not done."""
        if response is not None and response[1] == _TOO_MANY:
            return num_retries < (max_network_retries or 0)
        return bool(super()._should_retry(response, api_connection_error, num_retries, max_network_retries))

    def _sleep_time_seconds(self, num_retries: int) -> float:
        return self._add_jitter_time(self._pause_s * 2.0 ** (num_retries - 1))

    async def sleep_async(self, secs: float) -> None:
        await asyncio.sleep(secs)

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        try:
            reply = await self._client.request(method, url, headers=dict(headers), content=_encode(post_data))
        except (httpx2.HTTPError, OSError) as error:
            raise _broken(f"No answer: {type(error).__name__}") from error
        if not reply.content.rstrip().endswith(b"}"):  # every whole answer is an object
            raise _broken("The answer broke off.")
        return reply.content, reply.status_code, reply.headers

    async def close_async(self) -> None:
        await self._client.aclose()


def _broken(words: str) -> stripe.APIConnectionError:
    return stripe.APIConnectionError(words, should_retry=True)  # type: ignore[no-untyped-call]


def _encode(post_data: Any) -> bytes | None:
    return post_data.encode() if isinstance(post_data, str) else post_data


async def asked(call: Awaitable[T], *, acting: bool = False) -> T:
    """What Stripe answers to a request; its errors become ours.

    Args:
        call: of the SDK.
        acting: it changes something, so that silence leaves open whether it was done.

    Raises:
        PaymentServiceDown, PaymentServiceUnclear: no answer, or one that says to come again.
        PaymentDeclined, PaymentServiceRefused, PaymentsNotSetUp: as their names say.
    """
    async with _translated(acting):
        return await call
    raise AssertionError  # for the type checker: the context suppresses nothing


@asynccontextmanager
async def _translated(acting: bool) -> AsyncIterator[None]:
    try:
        yield
    except stripe.CardError as error:
        decline_code = getattr(error.error, "decline_code", None)
        raise PaymentDeclined(_words(error), decline_code or error.code) from error
    except stripe.RateLimitError as error:
        _log.warning("Stripe: too many requests (%s).", error.request_id)
        raise PaymentServiceDown from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        _log.error("Stripe refuses the key in OUTRIDER_STRIPE_KEY: %s", _words(error))
        raise PaymentsNotSetUp from error
    except (stripe.InvalidRequestError, stripe.IdempotencyError) as error:
        _log.warning("Stripe refused a request (%s): %s", error.request_id, error)
        raise PaymentServiceRefused(_words(error)) from error
    except stripe.StripeError as error:
        _log.warning("Stripe did not answer a request (%s): %s", error.request_id, error)
        raise (PaymentServiceUnclear if acting else PaymentServiceDown) from error


def _words(error: stripe.StripeError) -> str:
    words = (error.user_message or "it gave no reason").strip()
    return words if words.endswith((".", "!")) else f"{words}."
