"""The server under test behind one small class; Prosody can stand in to prove the drivers.

Every server gets a loopback address of its own (127.x.y.z from the process id), so the
standard ports are free on it and tests run side by side.
"""
import json
import os
import queue
import signal
import subprocess
import threading
import time

from .pki import Pki

DOMAIN = "interop.example"
PASSWORD = "Tr0ub4dor-3"


def own_address(salt=0):
    n = (os.getpid() * 8 + salt) % (64 * 256 * 254)
    return "127.%d.%d.%d" % (64 + n // (256 * 254), n // 254 % 256, 1 + n % 254)


class Server:
    """start(), stop() (SIGTERM), kill() (SIGKILL); address, ports, domain, ca."""

    name = "?"
    has_echo = False
    mechanisms = None             # None: all that the clients know
    port, direct_port, ws_port, wss_port = 5222, 5223, 5280, 5280
    ws_path = "/"

    def __init__(self, folder, options=(), salt=0, domain=DOMAIN):
        self.folder = folder
        self.options = list(options)
        self.address = own_address(salt)
        self.domain = domain
        self.password = PASSWORD
        os.makedirs(folder, exist_ok=True)
        self.pki = Pki(os.path.join(folder, "pki"), [self.domain], [self.address])
        self.ca = self.pki.ca
        self.process = None

    def port_for(self, mode):
        return {"starttls": self.port, "direct": self.direct_port,
                "ws": self.ws_port, "wss": self.wss_port}[mode]

    def signal(self, number, timeout=20):
        self.process.send_signal(number)
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the server did not end within %s s of signal %d"
                                 % (timeout, number))
        self.process = None
        return code

    def stop(self):
        return self.signal(signal.SIGTERM) if self.process else None

    def kill(self):
        return self.signal(signal.SIGKILL)

    def restart(self):
        self.start()

    def log_tail(self, lines=40):
        try:
            with open(os.path.join(self.folder, "server.log"), errors="replace") as f:
                return "".join(f.readlines()[-lines:])
        except OSError:
            return ""


class Echo(Server):
    """The echo server. `executable` comes from the build."""

    name = "echo server"
    has_echo = True
    executable = None

    def start(self):
        data = os.path.join(self.folder, "data")
        self.statistics = queue.Queue()
        os.makedirs(data, exist_ok=True)
        command = [self.executable, "--listen", self.address, "--port", str(self.port),
                   "--direct-port", str(self.direct_port), "--ws-port", str(self.ws_port),
                   "--domain", self.domain, "--data", data, "--cert", self.pki.cert,
                   "--key", self.pki.key, "--any-account", self.password,
                   "--allow-plaintext", "--log", "json"]
        log = open(os.path.join(self.folder, "server.log"), "ab")
        self.process = subprocess.Popen(command + self.options, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=log)
        ready = threading.Event()
        threading.Thread(target=self._drain, args=(self.process.stdout, log, ready),
                         daemon=True).start()
        if not ready.wait(20) or self.process.poll() is not None:
            self.process.kill()
            raise AssertionError("the server did not say `ready`:\n" + self.log_tail())

    def _drain(self, stream, log, ready):
        with stream, log:
            for line in stream:
                log.write(line)
                log.flush()
                if line.startswith(b"ready"):
                    ready.set()
                elif line.startswith(b'{"connections"'):
                    self.statistics.put(json.loads(line))
            ready.set()

    def stop(self):
        """Every message must be accounted for before it goes."""
        if self.process is None:
            return None
        account = self.account()
        code = super().stop()
        states = {k: v for k, v in account.items() if k.startswith("messages.")}
        accepted, balance = states.pop("messages.accepted"), states.pop("messages.balance")
        if not balance or accepted != sum(states.values()):
            raise AssertionError("%d messages accepted, but: %s" % (accepted, states))
        return code

    def account(self):
        """Its statistics (SIGUSR1)."""
        self.process.send_signal(signal.SIGUSR1)
        return self.statistics.get(timeout=20)


PROSODY_CONFIG = """
run_as_root = true; daemonize = false; pidfile = "{folder}/pid"; data_path = "{folder}/data"
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "carbons", "version", "ping",
  "offline", "csi_simple", "smacks", "websocket", "posix" }}
modules_disabled = {{ "s2s" }}
authentication = "internal_plain"; storage = "internal"; certificates = "{folder}/pki"
c2s_interfaces = {{ "{address}" }}; c2s_ports = {{ 5222 }}
c2s_direct_tls_interfaces = {{ "{address}" }}; c2s_direct_tls_ports = {{ 5223 }}
http_interfaces = {{ "{address}" }}; http_ports = {{ 5280 }}
https_interfaces = {{ "{address}" }}; https_ports = {{ 5281 }}
http_default_host = "{domain}"; consider_websocket_secure = true
ssl = {{ key = "{folder}/pki/server.key", certificate = "{folder}/pki/server.crt" }}
https_ssl = ssl; c2s_direct_tls_ssl = ssl
smacks_hibernation_time = 60; smacks_max_unacked_stanzas = 5; limits = {{}}
log = {{ {{ levels = {{ min = "debug" }}, to = "file", filename = "{folder}/server.log" }} }}
VirtualHost "{domain}"
  ssl = {{ key = "{folder}/pki/server.key", certificate = "{folder}/pki/server.crt" }}
"""


class Prosody(Server):
    """A stand-in: shows whether a failure is the driver's or the server's."""

    name = "Prosody"
    wss_port = 5281
    mechanisms = ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN")
    ws_path = "/xmpp-websocket"

    def start(self):
        config = os.path.join(self.folder, "prosody.cfg.lua")
        with open(config, "w") as f:
            f.write(PROSODY_CONFIG.format(folder=self.folder, address=self.address,
                                          domain=self.domain))
        accounts = os.path.join(self.folder, "data", self.domain.replace(".", "%2e"), "accounts")
        os.makedirs(accounts, exist_ok=True)
        for name in ["%s%d" % (n, i) for n in ("me", "peer") for i in range(100)]:
            with open(os.path.join(accounts, name + ".dat"), "w") as f:
                f.write('return { ["password"] = "%s" }\n' % self.password)
        self.process = subprocess.Popen(["prosody", "-F", "--root", "--config", config],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self._wait_open()

    def _wait_open(self):
        import socket
        for _ in range(100):
            try:
                for port in (self.port, self.direct_port, self.ws_port, self.wss_port):
                    socket.create_connection((self.address, port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("prosody did not open its ports:\n" + self.log_tail())
