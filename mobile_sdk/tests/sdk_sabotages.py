"""Mistakes that real clients made over HTTP, each as a change of the SDK, and the vector that catches it."""

OVER_HTTP = {
    "makes-a-short-secret": (
        "from outrider_sdk import enrolment; enrolment.secrets.token_urlsafe = lambda size: 'c2VjcmV0'",
        "enrolled-by-a-code",
    ),
    "takes-any-qr-code": (
        "adapter.read_enrolment_url = lambda url: ('https://server.example', 'acme', url.rpartition('#')[2])",
        "enrolment/no-code",
    ),
    "forgets-who-it-was": (
        "from outrider_sdk import incarnation\n"
        "incarnation._points = lambda store, conn: [{'number': 0, 'digest': '0' * 64}]",
        "enrolled-again-by-a-code",
    ),
    "comes-back-with-another-secret": (
        "from outrider_sdk import enrolment; old = enrolment.enrol\n"
        "enrolment.enrol = lambda store, *, secret=None, **more: old(store, **more)",
        "let-in-again-by-its-lease",
    ),
    "proves-something-else": (
        "from outrider_sdk import Credentials; old = Credentials.proof\n"
        "Credentials.proof = lambda self, text=None: old(self, text)[::-1]",
        "an-expired-token-is-renewed",
    ),
    "uses-a-token-that-it-has-not-kept": (
        "from outrider_sdk import FileCredentials; old = FileCredentials.save\n"
        "FileCredentials.save = lambda self, made: None if self.path.exists() else old(self, made)",
        "a-new-token-is-kept-before-it-is-used",
    ),
    "renews-for-ever": (
        "from outrider_sdk import HttpTransport, Rejected\n"
        "def with_token(self, call):\n"
        "    try:\n"
        "        return call(self._credentials.access_token)\n"
        "    except Rejected:\n"
        "        self._renew()\n"
        "        return self.with_token(call)\n"
        "HttpTransport.with_token = with_token",
        "a-token-that-is-refused-each-time",
    ),
    "comes-again-too-early": (
        "from outrider_sdk import ServerUnavailable, http; old = http._refusal\n"
        "def refusal(response, problem):\n"
        "    found = old(response, problem)\n"
        "    found.retry_after_s = None\n"
        "    return found\n"
        "http._refusal = refusal",
        "a-server-that-is-busy",
    ),
    "keeps-what-is-no-reply": (
        "from outrider_sdk import contact, enrolment, transport\n"
        "for each in (contact, enrolment, transport):\n"
        "    each.check_reply = lambda reply, required: None",
        "replies-that-are-none",
    ),
    "goes-on-with-the-tokens-that-it-had": (
        "from outrider_sdk import HttpTransport; old = HttpTransport.begin_incarnation\n"
        "def begin_incarnation(self, request):\n"
        "    held = self._credentials\n"
        "    reply = old(self, request)\n"
        "    self._credentials = held\n"
        "    return reply\n"
        "HttpTransport.begin_incarnation = begin_incarnation",
        "a-new-incarnation-has-tokens-of-its-own",
    ),
    "trusts-its-clock": (
        "from outrider_sdk.lease import LeaseWatch; LeaseWatch.now = lambda self: self._clock()",
        "a-clock-set-back-makes-no-lease-longer",
    ),
    "knows-no-end-of-a-lease": (
        "from outrider_sdk.lease import LeaseWatch; LeaseWatch.is_past = lambda self: False",
        "captured-past-the-lease",
    ),
    "keeps-to-its-first-lease": (
        "from outrider_sdk.lease import LeaseWatch; LeaseWatch.forget = lambda self: None",
        "a-renewal-brings-another-lease",
    ),
    "hands-in-to-the-quarantine-each-time": (
        "from outrider_sdk import quarantine; old = quarantine._make_sure\n"
        "quarantine._make_sure = lambda *args: {**old(*args), 'closed': False}",
        "handed-in-to-the-quarantine",
    ),
    "hands-in-to-the-quarantine-once-in-its-life": (
        "from outrider_sdk import quarantine; old, seen = quarantine._make_sure, []\n"
        "quarantine._make_sure = lambda *args: (seen.append(0), {**old(*args), 'closed': len(seen) > 1})[1]",
        "trusted-again-and-revoked-again",
    ),
    "erases-what-nobody-has": (
        "from outrider_sdk.network import Network; Network._bring_contents = lambda self, *args: None",
        "nothing-is-erased-that-was-not-handed-in",
    ),
    "erases-nothing": ("from outrider_sdk import wipe; wipe._files = lambda replica: []", "wiped-at-once"),
    "tells-once-that-it-was-wiped": (
        "from outrider_sdk import wipe; old = wipe.report\n"
        "wipe.report = lambda path: (old(path), wipe.note_of(path).unlink(missing_ok=True))[0]",
        "a-receipt-is-sent-until-it-is-answered",
    ),
    "uploads-from-the-start-each-time": (
        "from outrider_sdk import contents; old = contents._part\n"
        "contents._part = lambda folder, sha256, offset: old(folder, sha256, 0)",
        "an-upload-goes-on-where-it-broke-off",
    ),
    "uploads-before-the-row-is-there": (
        "from outrider_sdk import contents; contents._NOT_ANSWERED = 'SELECT 1 WHERE ? IS NULL'",
        "no-upload-before-its-row",
    ),
    "downloads-from-the-start-each-time": (
        "from outrider_sdk.content_folder import ContentFolder; ContentFolder.part_size = lambda self, sha256: 0",
        "a-download-goes-on",
    ),
    "believes-any-content": (
        "from outrider_sdk.content_folder import ContentFolder; ContentFolder._is = lambda *args: True",
        "a-download-of-something-else",
    ),
    "takes-anything-for-news": (
        "from outrider_sdk import listen; listen.read_events = lambda lines: ('news' for line in lines if line)",
        "what-is-no-news",
    ),
    "listens-no-more-after-an-error": (
        "from outrider_sdk import SyncError, listen; listen.FINAL = (SyncError,)",
        "too-many-listen",
    ),
}
