"""Listening: a poke becomes a sync, a lost connection another one; what only a person can mend ends it."""

import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from outrider_sdk import DeviceRevoked, Offline, ReplicaBusy
from outrider_sdk.http import Http
from outrider_sdk.listen import HttpEvents, Listener, read_events, split_lines

PATIENCE_S = 10


class Script:
    """Connections, one after the other: names of events, and at its end an exception, or silence until hung up."""

    def __init__(self, *connections):
        self.connections = list(connections)
        self.cursors = []
        self.hung_up = threading.Event()

    def events(self, cursor):
        self.cursors.append(cursor)
        for event in self.connections.pop(0) if self.connections else ():
            if isinstance(event, Exception):
                raise event
            yield event
        if not self.connections:
            self.hung_up.wait(PATIENCE_S)

    def hang_up(self):
        self.hung_up.set()


def listener_of(script, on_news):
    return Listener(script, lambda: 7, on_news, jitter=lambda low, high: 0)


def test_each_poke_is_one_call_and_a_lost_connection_is_made_anew():
    """With the cursor, so that what was missed in between is told at once."""
    script, calls = Script(["news", Offline("a tunnel")], ["news", "news"]), []
    done = threading.Event()

    def on_news():
        calls.append(1)
        if len(calls) == 3:
            done.set()

    with listener_of(script, on_news) as listener:
        assert done.wait(PATIENCE_S)

    assert (listener.pokes, script.cursors, listener.is_alive) == (3, [7, 7], False)


def test_a_revoked_device_stops_listening_and_says_why():
    """A phone that nobody lets in must not knock for ever."""
    for script in (Script([DeviceRevoked()]), Script(["news"])):

        def refuse():
            raise DeviceRevoked()

        listener = listener_of(script, refuse)
        listener._thread.join(PATIENCE_S)

        assert isinstance(listener.error, DeviceRevoked)
        assert not listener.is_alive


def test_news_that_come_during_a_sync_are_fetched_after_it(tmp_path):
    """The sync under way may have looked before they were there."""
    tries, done = [], threading.Event()

    def on_news():
        tries.append(1)
        if len(tries) == 1:
            raise ReplicaBusy(tmp_path, 1)
        done.set()

    with listener_of(Script(["news"]), on_news):
        assert done.wait(PATIENCE_S)

    assert len(tries) == 2


@pytest.mark.parametrize("size", [1, 3, 1_000])
def test_events_are_read_whatever_the_parts_they_come_in(size):
    """A network cuts where it likes; comments, data and unknown fields are passed over."""
    content = b"retry: 5000\n\n: still here\n\nevent: news\nid: 7\ndata: \n\nevent: end\r\ndata: \n\nevent: cut"
    parts = (content[i : i + size] for i in range(0, len(content), size))

    assert list(read_events(split_lines(parts))) == ["news", "end"]


@pytest.mark.parametrize("content", [b"x" * 50_000, b"event: \xff\n\n", b"\n" * 100])
def test_what_is_no_stream_of_events_ends(content):
    """A captive portal answers with a page."""
    assert list(read_events(split_lines(iter([content])))) == []


class _Streaming(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append((self.path, self.headers["Authorization"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        part = b"event: news\nid: 9\ndata: \n\n"
        self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        self.wfile.flush()
        self.connection.settimeout(PATIENCE_S)
        with suppress(OSError):
            self.connection.recv(1)  # until the client hangs up
        self.close_connection = True

    def log_message(self, *_):
        pass


class _Trusted(Http):
    def with_token(self, call):
        return call("token")


def test_a_stop_interrupts_an_open_connection():
    """An app that is closed does not wait for the next heartbeat."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _Streaming)
    httpd.daemon_threads, httpd.asked = True, []
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    news = threading.Event()
    try:
        events = HttpEvents(_Trusted(f"http://127.0.0.1:{httpd.server_port}"))
        listener = Listener(events, lambda: 8, news.set, jitter=lambda low, high: 0)
        assert news.wait(PATIENCE_S)

        listener.stop(PATIENCE_S)

        assert not listener.is_alive
        assert httpd.asked == [("/sync/events?cursor=8", "Bearer token")]
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()
