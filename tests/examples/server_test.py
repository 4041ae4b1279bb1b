"""The reference server as its operators and users meet it.

    server_test.py SERVER SERVER.CONF
"""
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

SERVER, CONF = sys.argv[1:3]
# Lists of groups that the file describes in comments only: what an element needs to be one.
ELEMENTS = {
    "listeners": 'kind = "ws"; port = 5300;',
    "accounts": 'name = "juliet"; password = "x";',
    "status.rules": 'kinds = ["phone"]; states = ["call"];',
    "calendar.gateways": 'name = "g"; kind = "ews"; url = "https://mail.example/EWS/Exchange.asmx"; username = "u"; '
                         'secret = "s";',
    "calendar.mailboxes": 'user = "juliet"; gateway = "g"; mailbox = "j@example";',
}
ARRAYS = ("login.mechanisms", "status.without_client", "status.rules[].kinds", "status.rules[].states",
          "status.rules[].unless")
GATEWAY = 'gateways = ( { %s } ); ' % ELEMENTS["calendar.gateways"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def all_keys():
    """What --keys says: {key: (default, range, how it changes)}."""
    out = subprocess.run([SERVER, "--keys"], capture_output=True, text=True, timeout=30, check=True).stdout
    return {row[0]: tuple(row[1:]) for row in (line.split("\t") for line in out.splitlines())}


def wrap(key, value, known=""):
    """A file that sets one key. Elements of lists get what they need beside it."""
    path, _, name = key.rpartition(".")
    text = "%s = %s;" % (name, value)
    if path.endswith("[]"):
        path = path[:-2]
        need = re.sub(r"\b%s = [^;]*;" % name, "", ELEMENTS[path])
        text = "%s = ( { %s\n%s\n} );" % (path.rpartition(".")[2], need, text)
        if path == "calendar.mailboxes":
            text = GATEWAY + text
        path = path.rpartition(".")[0]
    return "%s: {\n%s%s\n};" % (path, known, text) if path else text


def whole(values):
    """A file that sets many keys, one a line, which names it in a comment. Each of a list's has an element of its own."""
    tree = {}
    for key, value in values.items():
        *groups, name = key.split(".")
        node = tree
        for group in groups:
            if group.endswith("[]"):
                need = re.sub(r"\b%s = [^;]*;" % name, "", ELEMENTS[".".join(groups)[:-2]])
                node = node.setdefault(group, [])
                node.append("{ %s\n%s = %s; /* %s */\n}" % (need, name, value, key))
            else:
                node = node.setdefault(group, {})
        if isinstance(node, dict):
            node[name] = "%s /* %s */" % (value, key)

    def text(node):
        lines = []
        for name, value in node.items():
            if isinstance(value, dict):
                lines.append("%s: {\n%s\n};" % (name, text(value)))
            elif isinstance(value, list):
                lines.append("%s = ( %s );" % (name[:-2], ",\n".join(value)))
            else:
                lines.append("%s = %s;" % (name, value))
        return "\n".join(lines)
    return text(tree)


class Files(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.dir.name, "server.conf")

    def tearDown(self):
        self.dir.cleanup()

    def write(self, text):
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(text)

    def check(self, text):
        """(exit status, what is said) of --check."""
        self.write(text + "\n")
        done = subprocess.run([SERVER, "--check", self.path], capture_output=True, text=True, timeout=30)
        return done.returncode, done.stdout + done.stderr

    def good(self, text):
        status, said = self.check(text)
        self.assertEqual((status, said), (0, self.path + ": good\n"), text)

    def refused(self, text, *why):
        """Refused for a mistake in the line that says so by `HERE` in a comment."""
        status, said = self.check(text)
        self.assertEqual(status, 1, "%s\n%s" % (text, said))
        lines = [i for i, line in enumerate(text.split("\n"), 1) if "HERE" in line]
        for line in lines:
            self.assertIn("%s:%d: " % (self.path, line), said, text)
        for word in why:
            self.assertIn(word, said)
        return said


class Keys(Files):
    def documented(self):
        """{key: (default, comment, commented out)} of server.conf."""
        found, path, waiting = {}, [], ""
        element = None
        with open(CONF, encoding="utf-8") as f:
            text = f.read()
        text = re.sub(r",\n +\"", ', "', text)
        for line in text.split("\n"):
            group = re.match(r"\s*(\w+): \{$", line)
            key = re.match(r"\s*(#?)\s+?(\w+) = (.*?);\s+#\s?(.*)$" if line.startswith(("#", "  #")) else
                           r"\s*()(\w+) = (.*?);(?:\s+#\s?(.*))?$", line)
            if group:
                path.append(group.group(1))
            elif re.match(r"\s*\};$", line):
                path.pop()
            elif line.rstrip().endswith("Each has"):
                element = []
            elif key and key.group(1):
                element.append((key.group(2), key.group(3), key.group(4)))
            elif key or re.match(r"\s*(\w+) = \($", line):
                name = key.group(2) if key else line.split("=")[0].strip()
                full = ".".join(path + [name])
                if element is not None:
                    for n, default, comment in element:
                        found["%s[].%s" % (full, n)] = (default, comment)
                    element = None
                else:
                    found[full] = (key.group(3), key.group(4) or waiting)
            comment = re.match(r"\s*# (.*)$", line)
            waiting = (waiting + " " + comment.group(1)) if comment else ""
        return found

    def test_all_are_documented_with_default_and_range(self):
        keys, documented = all_keys(), self.documented()
        self.assertEqual(sorted(keys), sorted(documented))
        self.assertGreater(len(keys), 100)
        for key, (default, bounds, change) in keys.items():
            said, comment = documented[key]
            if default == "(required)":
                self.assertIn("Required", comment, key)
            elif key != "accounts[].password":
                self.assertEqual(said, default, key)
            self.assertIn(bounds.replace('"', ""), comment.replace("(", "").replace(")", "").replace('"', ""), key)
            if "[]" not in key:
                self.assertEqual("[reload]" in comment, change == "reload", key)

    def test_the_file_and_each_default_are_accepted(self):
        with open(CONF, encoding="utf-8") as f:
            self.good(f.read())
        self.good("")
        others = ("accounts[].password", "calendar.gateways[].url", "calendar.gateways[].username",
                  "calendar.gateways[].secret")
        values = {key: default for key, (default, _, _) in all_keys().items()
                  if default != "(required)" and key not in others}
        self.assertGreater(len(values), 100)
        alone = [key for key in values if key.startswith(("accounts[]", "calendar.gateways[]", "calendar.mailboxes[]"))]
        for key in alone:  # their names would be there twice
            self.good(wrap(key, values.pop(key)))
        self.good(whole(values))

    def edges(self, key, bounds):
        """Values inside and outside of what is documented."""
        if bounds == "true or false":
            return ["true"], ["1", '"true"']
        if key in ARRAYS:
            empty = ["[]"] if key.endswith(("without_client", "unless")) else []
            return ['["%s"]' % re.findall(r'"(.*?)"', bounds)[0]] + empty, ['["nonsense"]', '[""]', '"phone"', "1"]
        if bounds.startswith('"'):
            words = re.findall(r'"(.*?)"', bounds)
            return ['"%s"' % words[0]], ['"nonsense"', '""', "1"]
        low, high = map(int, re.match(r"(\d+) to (\d+)", bounds).groups())
        if bounds.endswith("bytes"):
            return [], (['"%s"' % ("x" * (high + 1)), "1", "true"] + (['""'] if low > 0 else []))
        if key.startswith("sm."):
            return ["%d" % low, "%d" % high], ["%d" % (low - 1), "%d" % (high + 1), '"1"', "true", "1.5"]
        big = lambda n: "%d%s" % (n, "L" if n > 2147483647 else "")
        return [big(low), big(high)], [big(low - 1), big(high + 1), '"1"', "true", "1.5"]

    def test_every_range_holds(self):
        """All lower ends in one file, all upper ends in one, and so on: each mistake of a file is told."""
        goods, bads = {}, {}
        for key, (_, bounds, _) in all_keys().items():
            good, bad = self.edges(key, bounds)
            if key == "sm.profile":
                good = ['"lifted"'] * 2
            if "gateways[]" in key or key in ("accounts[].remove", "listeners[].allow_plaintext"):
                good = []  # what is right depends on others
            for values, rounds in ((good, goods), (bad, bads)):
                for i, value in enumerate(values):
                    rounds.setdefault(i, {})[key] = value
        self.assertEqual((len(goods), len(bads)), (2, 5))
        for values in goods.values():
            self.good(whole(values))
        for values in bads.values():
            text = whole(values)
            self.assertEqual(text.count("/* "), len(values))
            status, said = self.check(text)
            self.assertEqual(status, 1)
            for number, line in enumerate(text.split("\n"), 1):
                for key in re.findall(r"/\* (.*?) \*/", line):
                    self.assertIn("%s:%d: %s: " % (self.path, number, key.rpartition(".")[2]), said, line)
            self.assertEqual(len(said.splitlines()), len(values), said)

    def test_strict_ranges_of_stream_management(self):
        for key, bad in (("timeout", 29), ("timeout", 91), ("buffer_packets", 4), ("buffer_packets", 151),
                         ("buffer_bytes", 65535), ("ack_rate", 65), ("max_hibernated", 101)):
            self.refused("sm: {\nack_rate = 5;\n%s = %d; # HERE\n};" % (key, bad) if key != "ack_rate" else
                         "sm: {\nack_rate = %d; # HERE\n};" % bad, "sm " + key, "strict")

    def test_strangers_in_every_group(self):
        paths = {key.rpartition(".")[0] for key in all_keys()}
        for path in paths:
            self.refused(wrap((path + "." if path else "") + "stranger", "1 /* HERE */"), "stranger: there is no such key")

    def test_mistakes_of_all_kinds(self):
        self.refused("domain = ;# HERE", "syntax error")
        self.refused('domain = "a";\ndomain = "b"; # HERE', "duplicate")
        self.refused('domain = "a b"; # HERE', "no domain")
        self.refused("limits: {\nrecv_rate = 4294967396; # HERE\n};", "need an L")
        self.refused('listeners = (); # HERE', "at least one")
        self.refused("listeners = (\n{ port = 1; } # HERE\n);", "kind is missing")
        self.refused('listeners = (\n{ kind = "ws"; port = 1; address = "there"; } # HERE\n);', "IP address")
        self.refused('listeners = (\n{ kind = "ws"; port = 1; address = "0.0.0.0"; allow_plaintext = true; } # HERE\n);',
                     "loopback")
        self.refused('listeners = (\n{ kind = "wss"; port = 1; allow_plaintext = true; } # HERE\n);', "encrypted")
        self.refused('accounts = (\n{ name = "a"; } # HERE\n);', "password")
        self.refused('accounts = (\n{ name = "a"; password = "x"; },\n{ name = "a"; password = "x"; } # HERE\n);', "twice")
        for name in ("a@b", "a/b", "a b", "Juliet", "&"):
            self.refused('accounts = (\n{ name = "%s"; password = "x"; } # HERE\n);' % name, "user name")
            self.refused('calendar: { %smailboxes = (\n{ user = "%s"; gateway = "g"; mailbox = "m"; } # HERE\n); };'
                         % (GATEWAY, name), "user name")
        self.assertIn("\"juliet\"", self.refused('accounts = ( { name = "Juliet"; password = "x"; } );'))
        self.refused('tls: { # HERE\ncertificate = "x"; };', "go together")
        self.refused('login: {\nmechanisms = [ "EXTERNAL" ]; # HERE\n};', "client_ca")
        self.refused('login: { # HERE\nmechanisms = [ "OAUTHBEARER" ]; };', "tokens")
        self.refused('http: { # HERE\ntoken = "short"; };', "16 bytes")
        self.refused('calendar: { gateways = (\n{ name = "g"; kind = "graph"; batch = 50; } # HERE\n); };', "gateway g")
        self.refused('calendar: { mailboxes = (\n{ user = "a"; gateway = "g"; mailbox = "m"; } # HERE\n); };', "no gateway")
        self.refused('status: {\nzone = "Atlantis"; # HERE\n};', "no such zone")
        self.refused('status: { # HERE\nresource = "\t"; };', "resource")
        said = self.refused('domain = 1; # HERE\nlog: { level = "loud"; }; # HERE')
        self.assertEqual(len(said.splitlines()), 2, said)
        self.assertIn("go together", self.refused('tls: { key = "/nonexistent"; };'))
        self.assertIn("cannot be read", self.refused('tls: { certificate = "/nonexistent"; key = "/nonexistent"; };'))

    def test_secrets_are_never_said(self):
        said = self.refused('accounts = ( { name = "a"; password = "geheim"; remove = true; } );\n'
                            'http: { token = "geheim"; };', "either")
        self.assertNotIn("geheim", said)

    def test_included_files(self):
        with open(os.path.join(self.dir.name, "secrets"), "w", encoding="utf-8") as f:
            f.write('\naccounts = ( { name = "a"; password = "x"; } );\nnode_name = 99999999999;\n')
        status, said = self.check('@include "secrets"\n')
        self.assertEqual(status, 1)
        self.assertRegex(said, r"secrets:3: 99999999999: figures")

    def test_the_command_line(self):
        run = lambda *args: subprocess.run([SERVER, *args], capture_output=True, text=True, timeout=30)
        self.assertEqual(run("--help").returncode, 0)
        self.assertIn("--check FILE", run("--help").stdout)
        self.assertEqual(run("--nonsense").returncode, 2)
        self.assertIn("nonsense: not an option", run("nonsense").stderr)
        self.assertIn("No such file", run("--check", "/nonexistent").stderr)


class Running(Files):
    process = None

    def tearDown(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.communicate()
        super().tearDown()

    def start(self, *args, **kwargs):
        self.ports = [free_port() for _ in range(4)]
        self.configure(*args, **kwargs)
        self.log = os.path.join(self.dir.name, "log")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([SERVER, "--config", self.path], stdout=subprocess.PIPE, stderr=log, text=True)
        for line in self.process.stdout:
            if line.startswith("ready"):
                return
        self.fail("never ready: " + self.logged())

    def configure(self, more="", accounts='{ name = "juliet"; password = "one"; }', http=""):
        self.write('data = "%s/data";\nlisteners = ( { kind = "starttls"; port = %d; }, { kind = "direct"; port = %d; },\n'
                   '{ kind = "ws"; port = %d; } );\naccounts = ( %s );\nhttp: { port = %d; max_body_bytes = 2048; %s };\n%s\n'
                   % (self.dir.name, *self.ports[:3], accounts, self.ports[3], http, more))

    def logged(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read()

    def hup(self, wanted):
        """SIGHUP, until the log says so once more."""
        before = self.logged().count(wanted)
        self.process.send_signal(signal.SIGHUP)
        deadline = time.time() + 10
        while self.logged().count(wanted) == before:
            self.assertLess(time.time(), deadline, self.logged())
            time.sleep(0.02)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(timeout=30), 0, self.logged())

    def get(self, path, token=None, data=None, headers=None):
        """(status, body)"""
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.ports[3], path), data=data, headers=headers or {})
        if token:
            request.add_header("Authorization", "Bearer " + token)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def token(self):
        with open(os.path.join(self.dir.name, "data", "http-token"), encoding="utf-8") as f:
            return f.read().strip()

    def metrics(self):
        status, text = self.get("/metrics", self.token())
        self.assertEqual(status, 200)
        return {name: int(value) for name, value in re.findall(r"^([^#\n]\S*(?: [^\d\n]\S*)*) (\d+)$", text, re.M)}

    def login(self, password, user="juliet", talk=False):
        """A real client, in a process of its own: what it got, or the reason why not."""
        done = subprocess.run([sys.executable, "-c", CLIENT, user, password, str(self.ports[0]), "talk" if talk else ""],
                              capture_output=True, text=True, timeout=60)
        return done.stdout.strip() or done.stderr

    def raw(self, text):
        """What a connection says to bytes that a browser never sends."""
        with socket.create_connection(("127.0.0.1", self.ports[3]), timeout=20) as s:
            try:
                s.sendall(text)
                got = b""
                while data := s.recv(65536):
                    got += data
            except ConnectionError:
                pass
            return got.decode(errors="replace")


CLIENT = r'''
import asyncio, ssl, sys, slixmpp
name, password, port, talk = sys.argv[1:5]
class Client(slixmpp.ClientXMPP):
    def __init__(self):
        super().__init__(name + "@localhost", password)
        for plugin in ("xep_0198", "xep_0199", "xep_0163", "xep_0054"):
            self.register_plugin(plugin)
        self.ssl_context = ssl.create_default_context()
        self.ssl_context.check_hostname = False
        self.ssl_context.verify_mode = ssl.CERT_NONE
        self.add_event_handler("session_start", self.begin)
        self.add_event_handler("failed_all_auth", lambda _: self.over("refused"))
        self.add_event_handler("message", lambda m: self.over(m["body"]))
    def over(self, word):
        print(word, flush=True)
        self.disconnect()
    async def begin(self, _):
        self.send_presence()
        await self.get_roster()
        if talk:
            self.send_message(self.boundjid.bare, "to myself")
        else:
            self.over("in")
client = Client()
client.connect(("127.0.0.1", int(port)))
client.loop.run_until_complete(asyncio.wait_for(client.disconnected, 30))
'''


# Romeo subscribes to Juliet and waits for her words.
WATCHER = CLIENT.split("client = Client()")[0].replace("sys.argv[1:5]", '"", sys.argv[1], sys.argv[2], ""').replace(
    "def __init__(self):\n        super().__init__(name", "def __init__(self, name):\n        super().__init__(name") + r'''
class Romeo(Client):
    async def begin(self, _):
        await super().begin(_)
        self.add_event_handler("changed_status", self.seen)
        self.send_presence_subscription("juliet@localhost")
    def over(self, word):
        if word != "in":
            super().over(word)
    def seen(self, presence):
        if presence["from"].user == "juliet" and presence["status"]:
            self.over(presence["status"])
class Juliet(Romeo):
    def seen(self, presence):
        pass
juliet, romeo = Juliet("juliet"), Romeo("romeo")
juliet.connect(("127.0.0.1", int(port)))
juliet.add_event_handler("session_start", lambda _: romeo.connect(("127.0.0.1", int(port))))
romeo.loop.run_until_complete(asyncio.wait_for(romeo.disconnected, 30))
'''


class CalDav(http.server.BaseHTTPRequestHandler):
    """A calendar with one meeting, now."""
    def do_REPORT(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        stamp = lambda minutes: time.strftime("%Y%m%dT%H%M00Z", time.gmtime(time.time() + 60 * minutes))
        body = ("<?xml version='1.0'?><multistatus xmlns='DAV:' xmlns:C='urn:ietf:params:xml:ns:caldav'><response>"
                "<href>/juliet/c/1.ics</href><propstat><prop><getetag>\"1\"</getetag><C:calendar-data>BEGIN:VCALENDAR\n"
                "VERSION:2.0\nPRODID:-//x//y//EN\nBEGIN:VEVENT\nUID:1\nDTSTAMP:%s\nDTSTART:%s\nDTEND:%s\n"
                "SUMMARY:Balcony\nEND:VEVENT\nEND:VCALENDAR\n</C:calendar-data></prop><status>HTTP/1.1 200 OK</status>"
                "</propstat></response></multistatus>" % (stamp(-90), stamp(-60), stamp(120))).encode()
        self.send_response(207)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(Running):
    def test_a_client_logs_in_and_every_message_has_a_fate(self):
        self.start()
        self.assertEqual(self.login("wrong"), "refused")
        self.assertEqual(self.login("one", talk=True), "to myself")
        deadline = time.time() + 10
        while True:
            m = self.metrics()
            fates = [value for name, value in m.items() if name.startswith("imp_messages{")]
            rules = [value for name, value in m.items() if name.startswith("imp_messages_dropped_total{")]
            self.assertEqual(len(fates), 11)
            self.assertEqual(sum(fates), m["imp_messages_accepted_total"])
            self.assertEqual(sum(rules), m['imp_messages{fate="dropped"}'])
            if m['imp_messages{fate="in flight"}'] == 0 or time.time() > deadline:
                break
            time.sleep(0.05)
        self.assertGreaterEqual(m["imp_messages_accepted_total"], 1)
        self.assertEqual(m["imp_logins_total"], 1)
        self.assertGreaterEqual(m["imp_login_failures_total"], 1)
        self.assertGreater(m["imp_sqlite_commits_total"], 0)
        self.end()

    def test_http(self):
        self.start()
        token = self.token()
        self.assertEqual(os.stat(os.path.join(self.dir.name, "data", "http-token")).st_mode & 0o077, 0)
        self.assertEqual(json.loads(self.get("/health")[1]), {"status": "ok"})
        for path in ("/metrics", "/", "/nonexistent"):
            for given in (None, "x", token[:-1], token + "x", token + token):
                self.assertEqual(self.get(path, given)[0], 401, path)
        self.assertEqual(self.get("/nonexistent", token)[0], 404)
        self.assertEqual(self.get("/health", data=b"x")[0], 405)
        self.assertEqual(self.get("/graph?validationToken=x", data=b"x")[0], 404, "no gateway, no webhook")
        self.assertEqual(self.get("/graph", data=b"x" * 2049)[0], 413)
        self.assertTrue(self.raw(b"POST /graph HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                 b"400\r\n" + b"x" * 1024 + b"\r\n" + b"800\r\n" + b"x" * 2048 + b"\r\n0\r\n\r\n") == "")
        self.assertRegex(self.raw(b"GET /health?" + b"x" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"), r"^(HTTP/1.1 4|$)")
        self.assertIn("imp_sessions 0", self.get("/metrics", token)[1])
        self.assertNotIn(token, self.logged())
        self.end()

    def test_a_token_of_the_configuration(self):
        self.start()
        old = self.token()
        self.configure(http='token = "sixteen bytes at least";')
        self.hup("reload: done")
        self.assertEqual(self.get("/metrics", old)[0], 401)
        self.assertEqual(self.get("/metrics", "sixteen bytes at least")[0], 200)
        self.end()
        os.unlink(os.path.join(self.dir.name, "data", "http-token"))
        self.start(http='token = "sixteen bytes at least";')
        self.assertEqual(self.get("/metrics", "")[0], 401)
        self.configure()
        self.hup("reload: done")
        self.assertEqual(self.get("/metrics", "sixteen bytes at least")[0], 401)
        self.assertEqual(self.get("/metrics", self.token())[0], 200)
        self.end()

    def test_connections_of_one_address_are_bounded(self):
        self.start("")
        crowd = [socket.create_connection(("127.0.0.1", self.ports[3])) for _ in range(40)]
        time.sleep(0.3)
        open_ones = 0
        for one in crowd:
            one.settimeout(0.05)
            try:
                open_ones += one.recv(1) != b""
            except socket.timeout:
                open_ones += 1
            except ConnectionError:
                pass
            one.close()
        self.assertLessEqual(open_ones, 20)
        time.sleep(0.2)
        self.assertEqual(self.get("/health")[0], 200)
        self.end()

    def test_who_dawdles_is_cut(self):
        self.start(http="timeout = 1; max_per_address = 5;")
        crowd = [socket.create_connection(("127.0.0.1", self.ports[3])) for _ in range(5)]
        for one in crowd:
            one.settimeout(0.02)
            one.sendall(b"GET /health HTTP/1.1\r\nX: ")
        deadline = time.time() + 15
        while crowd and time.time() < deadline:
            for one in list(crowd):
                try:
                    one.sendall(b"x")
                    if one.recv(1) == b"":
                        raise ConnectionError
                except socket.timeout:
                    pass
                except ConnectionError:
                    one.close()
                    crowd.remove(one)
            time.sleep(0.1)
        self.assertEqual(crowd, [])
        self.assertEqual(self.get("/health")[0], 200)
        with socket.create_connection(("127.0.0.1", self.ports[3])) as patient:  # one that only asks often stays
            for _ in range(8):
                patient.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                self.assertIn(b"200 OK", patient.recv(4096))
                time.sleep(0.6)
        self.end()

    def test_reload(self):
        self.start('log: { level = "info"; };')
        self.assertEqual(self.login("one"), "in")
        self.configure('log: { level = "debug"; };\nsm: { timeout = 45; };\nroster: { max_items = 5; };\nstatus: { zone = '
                       '"Europe/Rome"; };', '{ name = "juliet"; password = "two"; }, { name = "romeo"; password = "r"; }')
        self.assertNotIn(" debug ", self.logged())
        self.hup("reload: done")
        self.assertNotIn("restart", self.logged())
        self.assertEqual(self.login("one"), "refused")
        self.assertEqual(self.login("two"), "in")
        self.assertEqual(self.login("r", "romeo"), "in")
        self.assertIn(" debug ", self.logged())
        self.configure("", '{ name = "romeo"; remove = true; }')
        self.hup("reload: done")
        self.assertIn("juliet: no longer named", self.logged())
        self.assertEqual(self.login("r", "romeo"), "refused")
        self.assertEqual(self.login("two"), "in")
        self.end()

    def test_what_cannot_be_reloaded_is_named(self):
        self.start()
        for _ in range(2):
            self.configure('domain = "elsewhere";\nlimits: { max_stanza_bytes = 20000; };\noffline: { max = 7; };')
            self.hup("reload: done")
        for key in ("domain", "limits.max_stanza_bytes", "offline.max"):
            self.assertEqual(self.logged().count("reload: %s: changed, but cannot be" % key), 2, self.logged())
        self.assertEqual(self.login("one"), "in", "the domain is what it was")
        self.configure()
        self.hup("reload: done")
        self.assertEqual(self.logged().count("reload: domain: changed"), 2)
        self.end()

    def test_a_mistake_changes_nothing(self):
        self.start()
        self.configure("stranger = 1;", '{ name = "juliet"; password = "two"; }')
        self.hup("everything stays")
        self.assertRegex(self.logged(), r"server.conf:\d+: stranger: there is no such key")
        self.assertEqual(self.login("one"), "in")
        self.configure('tls: { certificate = "/nonexistent"; key = "/nonexistent"; };')
        self.hup("reload: done")
        self.assertIn("the certificate stays as it was", self.logged())
        self.assertEqual(self.login("one"), "in")
        self.end()

    def test_a_new_certificate(self):
        self.start()
        context = __import__("ssl").SSLContext(__import__("ssl").PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, __import__("ssl").CERT_NONE

        def seen():
            with socket.create_connection(("127.0.0.1", self.ports[1])) as s, context.wrap_socket(s) as tls:
                return tls.getpeercert(binary_form=True)
        before = seen()
        os.unlink(os.path.join(self.dir.name, "data", "certificate.pem"))
        self.hup("reload: done")
        self.assertNotEqual(seen(), before)
        self.end()

    def test_gateways_come_and_go(self):
        self.start()
        caldav = ('{ name = "radicale"; kind = "caldav"; url = "http://127.0.0.1:%d/{mailbox}/c/"; auth = "none"; }'
                  % free_port())
        graph = ('{ name = "office"; kind = "graph"; auth = "bearer"; secret = "geheim"; url = "http://127.0.0.1:9/v1.0"; '
                 'webhook_url = "https://im.example/graph"; client_state = "geheim too"; }')
        box = '{ user = "juliet"; gateway = "radicale"; mailbox = "juliet"; }'
        self.configure('calendar: { gateways = ( %s, %s ); mailboxes = ( %s ); };' % (caldav, graph, box))
        self.hup("reload: done")
        m = self.metrics()
        self.assertEqual(m['imp_gateway_mailboxes{gateway="radicale"}'], 1)
        self.assertEqual(m['imp_gateway_mailboxes{gateway="office"}'], 0)
        deadline = time.time() + 10
        while "radicale: gateway is down" not in self.logged():
            self.assertLess(time.time(), deadline, self.logged())
            time.sleep(0.05)
        self.assertEqual(self.get("/graph?validationToken=Validation%3A+me", data=b"")[:2], (200, "Validation: me"))
        self.assertIn(self.get("/graph", data=b'{"value":[{"clientState":"wrong"}]}')[0], (202, 400, 403))
        self.configure('calendar: { gateways = ( %s ); };' % graph.replace("v1.0", "beta"))
        self.hup("reload: done")
        m = self.metrics()
        self.assertNotIn('imp_gateway_up{gateway="radicale"}', m)
        self.assertIn('imp_gateway_up{gateway="office"}', m)
        self.configure()
        self.hup("reload: done")
        self.assertNotIn('imp_gateway_up{gateway="office"}', self.metrics())
        self.assertEqual(self.logged().count("geheim"), 0)
        self.end()

    def test_a_meeting_shows(self):
        dav = http.server.ThreadingHTTPServer(("127.0.0.1", 0), CalDav)
        threading.Thread(target=dav.serve_forever, daemon=True).start()
        try:
            self.start('calendar: { gateways = ( { name = "dav"; kind = "caldav"; auth = "none"; '
                       'url = "http://127.0.0.1:%d/{mailbox}/c/"; } ); mailboxes = ( { user = "juliet"; gateway = "dav"; '
                       'mailbox = "juliet"; } ); };' % dav.server_port,
                       '{ name = "juliet"; password = "x"; }, { name = "romeo"; password = "x"; }')
            done = subprocess.run([sys.executable, "-c", WATCHER, "x", str(self.ports[0])], capture_output=True, text=True,
                                  timeout=60)
            self.assertIn("In a meeting until ", done.stdout, done.stderr)
            self.assertNotIn("Balcony", done.stdout)
            m = self.metrics()
            self.assertEqual(m['imp_gateway_up{gateway="dav"}'], 1)
            self.assertEqual(m["imp_status_users"], 1)
        finally:
            dav.shutdown()
        self.end()

    def test_sigterm_closes_streams(self):
        self.start()
        with socket.create_connection(("127.0.0.1", self.ports[0]), timeout=10) as s:
            s.sendall(b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
                      b"to='localhost' version='1.0'>")
            got = s.recv(65536)
            self.end()
            while data := s.recv(65536):
                got += data
        self.assertIn(b"<system-shutdown", got)
        self.assertTrue(got.endswith(b"</stream:stream>"), got)

    def test_logs(self):
        self.start('log: { format = "json"; level = "debug"; };')
        self.raw(b"")
        self.assertEqual(self.login("one"), "in")
        self.end()
        lines = [json.loads(line) for line in self.logged().splitlines()]
        self.assertIn("stopping", [line["text"] for line in lines])
        self.start('log: { format = "quiet"; level = "debug"; };')
        self.assertEqual(self.login("one"), "in")
        self.end()
        self.assertEqual(self.logged(), "")

    def test_demonstration_accounts(self):
        self.start(accounts="")
        with open(os.path.join(self.dir.name, "data", "demo-password"), encoding="utf-8") as f:
            password = f.read().strip()
        self.assertEqual(self.login(password, "alice"), "in")
        self.end()
        self.start("demo_accounts = false;", accounts="")
        self.assertEqual(self.login(password, "alice"), "in", "the account is there since the last start")
        self.end()
        self.start(accounts='{ name = "alice"; remove = true; }, { name = "nobody"; remove = true; }')
        self.assertEqual(self.login(password, "alice"), "refused")
        self.end()

    def test_ports_that_are_taken(self):
        self.start()
        second = subprocess.run([SERVER, "--config", self.path], capture_output=True, text=True, timeout=30)
        self.assertEqual(second.returncode, 1)
        self.assertIn("in use by another process", second.stderr)
        with open(self.path, encoding="utf-8") as f:
            text = f.read()
        self.write(text.replace("/data", "/other"))
        second = subprocess.run([SERVER, "--config", self.path], capture_output=True, text=True, timeout=30)
        self.assertEqual(second.returncode, 1)
        self.assertIn("http: cannot listen on 127.0.0.1 port %d: Address already in use" % self.ports[3], second.stderr)
        self.end()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2, warnings="ignore")
