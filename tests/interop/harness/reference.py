"""The reference server (examples/server), told what to do by a configuration file."""
import os
import subprocess
import threading

from .servers import Server

CONFIG = """domain = "{domain}"; data = "{data}";
log: {{ format = "json"; level = "debug"; }};
tls: {{ certificate = "{cert}"; key = "{key}"; }};
listeners = ( {{ kind = "starttls"; address = "{address}"; port = {port}; }},
              {{ kind = "direct"; address = "{address}"; port = {direct_port}; }},
              {{ kind = "ws"; address = "{address}"; port = {ws_port}; }} );
accounts = ( {accounts} );
http: {{ enabled = false; }};
{more}
"""


class Reference(Server):
    """`people` have accounts; `more` is what else the configuration says."""

    name = "reference server"
    executable = None

    def __init__(self, folder, people, more="", salt=0, domain="verona.example"):
        super().__init__(folder, salt=salt, domain=domain)
        self.people, self.more = people, more

    def start(self):
        config = os.path.join(self.folder, "server.conf")
        with open(config, "w") as f:
            f.write(CONFIG.format(
                domain=self.domain, data=os.path.join(self.folder, "data"), cert=self.pki.cert,
                key=self.pki.key, address=self.address, port=self.port, more=self.more,
                direct_port=self.direct_port, ws_port=self.ws_port,
                accounts=", ".join('{ name = "%s"; password = "%s"; }' % (who, self.password)
                                   for who in self.people)))
        log = open(os.path.join(self.folder, "server.log"), "ab")
        self.process = subprocess.Popen([self.executable, "--config", config], stderr=log,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        ready = threading.Event()
        threading.Thread(target=self._drain, args=(self.process.stdout, log, ready),
                         daemon=True).start()
        if not ready.wait(30) or self.process.poll() is not None:
            self.process.kill()
            raise AssertionError("the server did not say `ready`:\n" + self.log_tail())

    @staticmethod
    def _drain(stream, log, ready):
        with stream, log:
            for line in stream:
                log.write(line)
                log.flush()
                if line.startswith(b"ready"):
                    ready.set()
            ready.set()
