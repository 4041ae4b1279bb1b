"""Starts the example programs and does with them what a newcomer would. Standard library only.

    programs_test.py ECHO BARE_POLL
"""
import base64
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

ECHO, BARE_POLL = sys.argv[1:3]
HEADER = ("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
          "to='localhost' version='1.0'>")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Client:
    """As much of a client as these tests need."""

    def __init__(self, port, host="127.0.0.1"):
        self.sock = socket.create_connection((host, port), timeout=10)
        self.got = ""

    def tls(self, certificate=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if certificate:
            context.load_cert_chain(*certificate)
        self.sock = context.wrap_socket(self.sock, server_hostname="localhost")
        return self.sock.getpeercert(binary_form=True)

    def say(self, text):
        self.sock.sendall(text.encode())

    def expect(self, text):
        """Reads until the text has come, and forgets everything up to it."""
        while text not in self.got:
            data = self.sock.recv(65536)
            if not data:
                raise AssertionError("closed while waiting for %r; got %r" % (text, self.got[-2000:]))
            self.got += data.decode()
        before, self.got = self.got.split(text, 1)
        return before

    def login(self, name, password):
        plain = base64.b64encode(("\0%s\0%s" % (name, password)).encode()).decode()
        self.say(HEADER)
        self.expect("</stream:features>")
        self.say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%s</auth>" % plain)
        self.expect("<success")
        self.say(HEADER)
        self.expect("</stream:features>")
        self.say("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
        self.expect("</iq>")
        self.say("<presence/>")
        self.expect("<presence")

    def closed(self):
        while True:
            data = self.sock.recv(65536)
            if not data:
                return self.got
            self.got += data.decode()


def make_certificate(folder, name, more):
    """A self-signed one: (certificate, key)."""
    paths = [os.path.join(folder, name + end) for end in (".crt", ".key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3",
                    "-subj", "/CN=" + name, "-addext", "subjectAltName=" + more, "-out", paths[0], "-keyout", paths[1]],
                   check=True, capture_output=True)
    return paths


class Program:
    def __init__(self, *args):
        self.process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith("ready"):
                return
        raise AssertionError("never ready: %s%s" % ("".join(self.lines), self.process.stderr.read()))

    def end(self):
        """Asks it to end; returns (exit status, what it said on stderr)."""
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=30)
        self.lines += out.splitlines(True)
        return self.process.returncode, err


class EchoTest(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.data = os.path.join(self.dir.name, "a", "data")
        self.ports = [free_port() for _ in range(3)]
        self.program = None

    def tearDown(self):
        if self.program and self.program.process.poll() is None:
            self.program.process.kill()
            self.program.process.communicate()
        self.dir.cleanup()

    def start(self, *options):
        self.program = Program(ECHO, "--data", self.data, "--port", str(self.ports[0]), "--direct-port",
                               str(self.ports[1]), "--ws-port", str(self.ports[2]), *options)
        return self.program

    def refused(self, *options):
        done = subprocess.run([ECHO, "--data", self.data, *options], capture_output=True, text=True, timeout=30)
        self.assertNotEqual(done.returncode, 0)
        return done.stderr

    def talk(self, client):
        client.say("<message to='echo@localhost' type='chat' id='m1'><body>hello</body>"
                   "<request xmlns='urn:xmpp:receipts'/></message>")
        client.expect("<received xmlns='urn:xmpp:receipts' id='m1'/>")
        client.expect("<body>hello</body>")
        client.say("<message to='echo@localhost' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>")
        client.expect("<composing")
        client.say("<message to='echo@localhost' type='error' id='e'><body>never</body></message>"
                   "<presence to='echo@localhost' type='subscribe'/>")
        between = client.expect("<presence")
        self.assertNotIn("never", between)
        self.assertNotIn("type=", client.expect(">"))

    def test_every_way_in(self):
        self.start("--account", "alice:one", "--account", "bob:two:three")
        for port in self.ports[:2]:
            client = Client(port)
            if port == self.ports[0]:
                client.say(HEADER)
                client.expect("</stream:features>")
                client.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
                client.expect("<proceed")
                client.got = ""
            client.tls()
            client.login("bob", "two:three")
            self.talk(client)
        ws = Client(self.ports[2])
        ws.say("GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Protocol: xmpp\r\n\r\n")
        ws.expect("HTTP/1.1 101")
        last = Client(self.ports[1])
        last.tls()
        last.login("alice", "one")
        status, err = self.program.end()
        self.assertEqual(status, 0, err)
        self.assertIn("system-shutdown", last.closed())

    def test_ports_can_be_off(self):
        self.program = Program(ECHO, "--data", self.data, "--port", str(self.ports[0]), "--direct-port", "0",
                               "--ws-port", "0", "--quiet", "--account", "a:b")
        self.assertEqual(len(self.program.lines), 1)
        Client(self.ports[0])
        self.assertEqual(self.program.end(), (0, ""))

    def test_demonstration_accounts_and_certificate_are_kept(self):
        seen = set()
        for _ in range(2):
            lines = "".join(self.start().lines)
            password = lines.split("password ")[1].split()[0]
            client = Client(self.ports[1])
            client.tls()
            client.login("alice", password)
            seen.add((password, lines.split("SHA-256 ")[1].split()[0]))
            self.assertEqual(self.program.end()[0], 0)
        self.assertEqual(len(seen), 1)
        for name in ("echo.db", "key.pem", "demo-password"):
            self.assertEqual(os.stat(os.path.join(self.data, name)).st_mode & 0o077, 0, name)

    def test_a_new_certificate_while_running(self):
        self.start("--account", "a:b")
        before = Client(self.ports[1]).tls()
        os.unlink(os.path.join(self.data, "certificate.pem"))
        self.program.process.send_signal(signal.SIGHUP)
        deadline = time.time() + 10
        while Client(self.ports[1]).tls() == before:
            self.assertLess(time.time(), deadline)
            time.sleep(0.05)

    def test_certificate_files_and_another_domain(self):
        first, second = (make_certificate(self.dir.name, name, "DNS:chat.example") for name in ("first", "second"))
        self.start("--domain", "chat.example", "--cert", first[0], "--key", first[1], "--account", "a:b")
        with open(first[0]) as f:
            self.assertEqual(Client(self.ports[1]).tls(), ssl.PEM_cert_to_DER_cert(f.read()))
        with open(second[0]) as f:
            wanted = ssl.PEM_cert_to_DER_cert(f.read())
        for old, new in zip(first, second):
            os.replace(new, old)
        self.program.process.send_signal(signal.SIGHUP)
        deadline = time.time() + 10
        while Client(self.ports[1]).tls() != wanted:
            self.assertLess(time.time(), deadline)
            time.sleep(0.05)
        client = Client(self.ports[1])
        client.tls()
        client.say(HEADER)
        client.expect("<host-unknown")
        client = Client(self.ports[1])
        client.tls()
        client.say(HEADER.replace("localhost", "chat.example"))
        self.assertIn("from='chat.example'", client.expect("</stream:features>"))

    def external(self, certificate):
        client = Client(self.ports[1])
        client.tls(certificate)
        client.say(HEADER)
        return client, "EXTERNAL<" in client.expect("</stream:features>")

    def test_client_certificates(self):
        """Who has one of a root that was named needs no password; others are not offered it."""
        alice = make_certificate(self.dir.name, "alice", "otherName:1.3.6.1.5.5.7.8.5;UTF8:alice@localhost")
        stranger = make_certificate(self.dir.name, "stranger", "otherName:1.3.6.1.5.5.7.8.5;UTF8:alice@localhost")
        self.start("--client-ca", alice[0], "--account", "alice:secret")
        self.assertFalse(self.external(None)[1])
        client, offered = self.external(alice)
        self.assertTrue(offered)
        client.say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>")
        client.expect("<success")
        client.say(HEADER)
        client.expect("</stream:features>")
        client.say("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
        client.expect("<jid>alice@localhost/")
        self.assertFalse(self.external(stranger)[1])

    def test_statistics(self):
        self.start("--account", "a:b", "--log", "json")
        client = Client(self.ports[1])
        client.tls()
        client.login("a", "b")
        self.talk(client)
        self.program.process.send_signal(signal.SIGUSR1)
        time.sleep(0.5)
        self.program.end()
        stats = json.loads(next(line for line in self.program.lines if line.startswith("{")))
        self.assertEqual(stats["logins"], 1)
        self.assertEqual(stats["messages.balance"], 1)
        self.assertEqual(stats["messages.consumed locally"], 3)

    def test_log_as_json(self):
        self.start("--account", "a:b", "--log", "json", "--log-level", "debug")
        client = Client(self.ports[0])
        client.say("<\"oops\\>")
        client.closed()
        _, err = self.program.end()
        lines = [json.loads(line) for line in err.splitlines()]
        self.assertTrue(any(line["area"] == "stream" for line in lines), err)

    def test_one_trace_line_a_stanza(self):
        self.start("--any-account", "same", "--allow-plaintext", "--log", "json", "--log-level", "trace")
        client = Client(self.ports[0])
        client.login("alice", "same")
        for i in range(7):
            client.say("<message to='echo@localhost' id='m%d'><body>nobody's business</body></message>" % i)
            client.expect("nobody's business")
        _, err = self.program.end()
        self.assertNotIn("business", err)
        lines = [line for line in map(json.loads, err.splitlines()) if line["level"] == "trace" and line["area"] == "route"]
        said = [line["text"] for line in lines]
        self.assertEqual(len(said), 8, said)            # the presence, and seven messages
        for i in range(7):
            self.assertEqual(sum("id='m%d'" % i in text for text in said), 1)

    def test_nothing_but_loopback_unless_asked(self):
        self.start("--account", "a:b")
        for port in self.ports:
            Client(port)
            self.assertRaises(OSError, Client, port, "127.0.0.2")

    def test_passwords_are_not_kept(self):
        self.start("--account", "alice:hardly-a-secret")
        self.assertEqual(self.program.end()[0], 0)
        kept = b""
        for folder, _, names in os.walk(self.data):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    kept += f.read()
        self.assertIn(b"alice@localhost", kept)
        self.assertIn(b"SHA-256", kept)
        self.assertNotIn(b"hardly-a-secret", kept)
        self.assertNotIn(base64.b64encode(b"hardly-a-secret").rstrip(b"="), kept)

    def test_plain_text_where_it_was_allowed(self):
        self.start("--any-account", "same", "--allow-plaintext")
        client = Client(self.ports[0])
        client.login("whoever", "same")
        self.talk(client)

    def slow_reader(self, count):
        """bob does not read while alice sends him `count` messages of 1,000 bytes."""
        self.start("--any-account", "same", "--allow-plaintext", "--no-sm")
        alice, bob = Client(self.ports[0]), Client(self.ports[0])
        bob.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        bob.login("bob", "same")
        alice.login("alice", "same")
        for i in range(count):
            alice.say("<message to='bob@localhost' type='chat' id='n%d.'><body>%s</body></message>" % (i, "x" * 1000))
            if i % 500 == 499 or i == count - 1:
                alice.say("<iq type='get' id='ping%d.'><ping xmlns='urn:xmpp:ping'/></iq>" % i)
                alice.expect("id='ping%d.'" % i)
        return bob

    def test_a_slow_reader_gets_everything_in_order(self):
        bob = self.slow_reader(2000)
        for i in range(2000):
            bob.expect("id='n%d.'" % i)
            bob.expect("x" * 1000)

    def test_a_reader_that_is_too_slow_has_an_end(self):
        bob = self.slow_reader(5500)
        rest = bob.closed()
        numbers = [int(part.split(".")[0]) for part in rest.split("id='n")[1:]]
        self.assertTrue(numbers == list(range(len(numbers))), "not in order")
        self.assertLess(len(numbers), 5500)
        _, err = self.program.end()
        self.assertIn("reads too slowly", err)

    def test_proxy_header_and_ipv6(self):
        if not socket.has_ipv6:
            self.skipTest("no IPv6")
        try:
            with socket.socket(socket.AF_INET6) as s:
                s.bind(("::1", 0))
        except OSError:
            self.skipTest("no IPv6")
        self.start("--account", "a:b", "--proxy-protocol", "--listen", "127.0.0.1", "--listen", "::1")
        for host in ("127.0.0.1", "::1"):
            client = Client(self.ports[0], host)
            client.say("PROXY TCP4 198.51.100.9 192.0.2.1 5000 5222\r\n" + HEADER + "<oops/>")
            client.expect("</stream:stream>")
        _, err = self.program.end()
        self.assertEqual(err.count("198.51.100.9"), 2, err)

    def test_no_stream_management_no_plus(self):
        self.start("--account", "a:b", "--no-sm", "--no-plus")
        client = Client(self.ports[1])
        client.tls()
        client.say(HEADER)
        offered = client.expect("</stream:features>")
        self.assertIn("SCRAM-SHA-256<", offered)
        self.assertNotIn("-PLUS", offered)
        self.assertNotIn("urn:xmpp:sm:3", offered)

    def test_messages_survive_the_server(self):
        self.start("--account", "a:b", "--account", "c:d", "--durable")
        client = Client(self.ports[1])
        client.tls()
        client.login("a", "b")
        client.say("<message to='c@localhost' type='chat'><body>later</body></message>"
                   "<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
        client.expect("id='p'")
        self.program.process.kill()
        self.program.process.communicate()
        self.start("--durable", "--account", "a:b")
        client = Client(self.ports[1])
        client.tls()
        client.login("c", "d")
        client.expect("<body>later</body>")

    def salt(self, name):
        client = Client(self.ports[1])
        client.tls()
        client.say(HEADER)
        client.expect("</stream:features>")
        first = base64.b64encode(("n,,n=%s,r=fyko" % name).encode()).decode()
        client.say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>%s</auth>" % first)
        client.expect("<challenge")
        client.expect(">")
        challenge = base64.b64decode(client.expect("</challenge>")).decode()
        client.sock.close()
        return challenge.split(",")[1:]

    def test_salts_survive_the_server(self):
        """Those of users and those of nobody alike: nothing tells them apart."""
        seen = []
        for password in ("one", "one", "one", "two"):
            self.start("--account", "alice:" + password)
            seen.append((self.salt("alice"), self.salt("nobody")))
            if len(seen) == 1:
                self.program.process.kill()
                self.program.process.communicate()
            else:
                self.assertEqual(self.program.end()[0], 0)
        self.assertEqual(seen[0], seen[1])
        self.assertEqual(seen[1], seen[2])
        self.assertEqual(seen[3][1], seen[0][1])
        self.assertNotEqual(seen[3][0], seen[0][0])
        self.assertNotEqual(seen[0][0][0], seen[0][1][0])
        self.assertEqual(seen[0][0][1], seen[0][1][1])

    def test_what_is_refused(self):
        self.assertIn("sm timeout 15: must be 30 to 90", self.refused("--sm-timeout", "15"))
        self.assertIn("loopback", self.refused("--any-account", "x", "--listen", "0.0.0.0"))
        self.assertIn("loopback", self.refused("--allow-plaintext", "--listen", "127.0.0.1", "--listen", "::"))
        self.assertIn("65535", self.refused("--port", "70000"))
        self.assertIn("go together", self.refused("--cert", "x"))
        self.assertIn("NAME:PASSWORD", self.refused("--account", "nobody"))
        self.assertIn("every port is off", self.refused("--port", "0", "--direct-port", "0", "--ws-port", "0"))
        self.assertIn("--help", self.refused("--nonsense"))
        for option, value in (("--listen", "localhost.example"), ("--listen", ""), ("--port", "5x"), ("--port", ""),
                              ("--sm-timeout", "soon"), ("--log", "xml"), ("--log-level", "loud"), ("--sm-policy", "x")):
            self.assertIn("%s %s: " % (option, value), self.refused(option, value))
        self.assertIn('setting domain "a b"', self.refused("--domain", "a b"))
        self.assertIn('account "a b"', self.refused("--account", "a b:c"))
        self.assertIn("/nonexistent: cannot be read", self.refused("--cert", "/nonexistent", "--key", "/nonexistent"))

    def test_ranges_can_be_lifted(self):
        self.start("--account", "a:b", "--sm-profile", "lifted", "--sm-timeout", "600", "--sm-buffer", "1000")

    def test_a_second_server_on_the_same_data(self):
        self.start("--account", "a:b")
        self.assertIn("in use by another process", self.refused("--port", str(free_port())))

    def test_a_port_that_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            err = self.refused("--port", str(port), "--direct-port", "0", "--ws-port", "0", "--account", "a:b")
            self.assertIn("port %d: address already in use" % port, err)

    def test_help(self):
        done = subprocess.run([ECHO, "--help"], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 0)
        self.assertIn("--any-account", done.stdout)

    def test_every_option_has_a_test(self):
        folder = os.path.dirname(os.path.abspath(__file__))
        text = ""
        for path in ("programs_test.py", "../interop/harness/servers.py", "../interop/test_settings.py"):
            with open(os.path.join(folder, path)) as f:
                text += f.read()
        said = subprocess.run([ECHO, "--help"], capture_output=True, text=True, timeout=30).stdout
        options = set(re.findall(r"--[a-z][a-z-]*", said))
        self.assertGreaterEqual(len(options), 25)
        self.assertEqual([o for o in sorted(options) if '"%s"' % o not in text], [])


class BarePollTest(unittest.TestCase):
    def test_two_users_and_the_end(self):
        port = free_port()
        program = Program(BARE_POLL, str(port))
        try:
            alice, bob = Client(port), Client(port)
            alice.login("alice", "secret")
            bob.login("bob", "secret")
            alice.say("<message to='echo@localhost'><body>hello</body></message>")
            alice.expect("<body>hello</body>")
            alice.say("<message to='bob@localhost' type='chat'><body>%s</body></message>" % ("x" * 100000))
            bob.expect("x" * 100000)
            bob.sock.close()
            status, err = program.end()
            self.assertEqual(status, 0, err)
            self.assertIn("system-shutdown", alice.closed())
        finally:
            if program.process.poll() is None:
                program.process.kill()
                program.process.communicate()

    def test_no_file_descriptors_left(self):
        """It waits for one to come back, and does not spin."""
        port = free_port()
        program = Program("prlimit", "--nofile=32", BARE_POLL, str(port))
        try:
            crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(60)]
            used = []
            for _ in range(2):
                with open("/proc/%d/stat" % program.process.pid) as f:
                    used.append(sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13])))
                time.sleep(0.5)
            self.assertLess(used[1] - used[0], os.sysconf("SC_CLK_TCK") / 4)
            for one in crowd:
                one.close()
            Client(port).login("alice", "secret")
        finally:
            program.process.kill()
            program.process.communicate()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2, warnings="ignore")
